/**
 * The Bitcoin store's contract on every driver at hand, and what only files and SQL can get wrong.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileFolder } from "#platform";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { openSqlBitcoinStore, type SqlBitcoinStoreOptions } from "../../lib/bitcoin/store/sql.ts";
import { SqlEventLog } from "../../lib/storage/event-log.ts";
import { bitcoinStoreContract } from "./bitcoin-store-suite.ts";
import { type DatabaseDriver, databaseDrivers } from "./databases.ts";

bitcoinStoreContract({
  name: "memory",
  durable: false,
  place: (transactionIndex) =>
    Promise.resolve({
      open: () => {
        const store = new MemoryBitcoinStore({ transactionIndex });
        return Promise.resolve({ store, events: store.events, close: () => Promise.resolve() });
      },
      remove: () => Promise.resolve(),
    }),
});

/** A folder with a database and block files, each of two blocks. */
async function sqlPlace(driver: DatabaseDriver, options: Partial<SqlBitcoinStoreOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "gemel-bitcoin-store-"));
  return {
    folder,
    open: async () => {
      const database = await driver.open(join(folder, "bitcoin.sqlite"));
      const files = await openFileFolder(join(folder, "blocks"));
      const blocks = new BlockFiles(files, { magic: regtest.magic, fileBytesMax: 300_000 });
      const store = await openSqlBitcoinStore(database, { network: regtest, blocks, ...options });
      const close = async () => {
        await store.close();
        await database.close();
      };
      return { store, database, events: new SqlEventLog(database), close };
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

for (const driver of databaseDrivers) {
  for (const cacheBytesMax of [0, 1_000_000]) {
    bitcoinStoreContract({
      name: `${driver.name}, ${cacheBytesMax === 0 ? "no cache" : "cache"}`,
      durable: true,
      place: (transactionIndex) => sqlPlace(driver, { transactionIndex, cacheBytesMax }),
    });
  }
}
