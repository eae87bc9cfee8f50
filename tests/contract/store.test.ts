/**
 * The Chia store's contract on every driver at hand, and what only a SQL database can get wrong.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import { MemoryChiaStore } from "../../lib/chia/store/memory.ts";
import { CHIA_MIGRATIONS } from "../../lib/chia/store/schema.ts";
import { openSqlChiaStore } from "../../lib/chia/store/sql.ts";
import type { Database } from "../../lib/core/ports.ts";
import { BlockRecord } from "../../lib/chia/types/mod.ts";
import { SqlEventLog } from "../../lib/storage/event-log.ts";
import { migrate } from "../../lib/storage/migrate.ts";
import { everyDriver, postgresSkip, refusingEvents } from "./every-database.ts";
import { blockOf, branchOf, eventOf, hashOf } from "./store-blocks.ts";
import { storeContract } from "./store-suite.ts";

const GENESIS = "07".repeat(32);
const identity = { network: "simulator0", genesisChallenge: new Uint8Array(32).fill(7) };

storeContract({
  name: "memory",
  durable: false,
  place: () =>
    Promise.resolve({
      open: () => {
        const store = new MemoryChiaStore();
        return Promise.resolve({ store, events: store.events, close: () => Promise.resolve() });
      },
      remove: () => Promise.resolve(),
    }),
});

/** A folder with one database in it. */
async function databasePlace(open: (path: string) => Promise<Database>) {
  const folder = await mkdtemp(join(tmpdir(), "gemel-store-"));
  return {
    open: () => open(join(folder, "chia.sqlite")),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

test("a PostgreSQL server can be started here", { skip: postgresSkip }, () => {});

for (const driver of everyDriver) {
  // The cache is the store's and no driver's: on a server, which takes longer, it is enough to try it without.
  for (const cacheBytesMax of driver.dialect === "sqlite" ? [0, 1_000_000] : [0]) {
    storeContract({
      name: `${driver.name}, ${cacheBytesMax === 0 ? "no cache" : "cache"}`,
      durable: true,
      place: async () => {
        const place = await databasePlace(driver.open);
        return {
          open: async () => {
            const database = await place.open();
            const store = await openSqlChiaStore(database, { ...identity, cacheBytesMax });
            return { store, events: new SqlEventLog(database), close: () => database.close() };
          },
          remove: place.remove,
        };
      },
    });
  }

  describe(`SqlChiaStore on ${driver.name}`, () => {
    test("memory is spent on the newest block and on blocks that are asked for, not on a run of them", async () => {
      const place = await databasePlace(driver.open);
      const database = await place.open();
      try {
        const store = await openSqlChiaStore(database, { ...identity, cacheBytesMax: 1_000_000 });
        const main = branchOf(1, 0, 3);
        const hashes = main.map(({ record }) => record.headerHash);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes }, events: [] });
        await store.block(hashes[1]!);
        // What is not in memory is looked for on disk.
        await database.run("DELETE FROM chia_bodies");
        const kept = await Promise.all(hashes.map((hash) => store.block(hash)));
        assert.deepEqual(kept.map((raw) => raw !== undefined), [false, true, true]);
      } finally {
        await database.close();
        await place.remove();
      }
    });

    test("a write that fails inside the transaction takes everything before it back", async () => {
      const place = await databasePlace(driver.open);
      const database = await place.open();
      try {
        const store = await openSqlChiaStore(database, { ...identity, cacheBytesMax: 1_000_000 });
        const main = branchOf(1, 0, 3);
        const hashes = main.map(({ record }) => record.headerHash);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes }, events: [] });
        // The events come last in a commit: an insertion that the table refuses fails after blocks and main chain.
        const refusal = refusingEvents(driver);
        await database.script(refusal.begin);
        const other = blockOf(2, 2, { parentBranch: 1 });
        const step = { blocks: [other], main: { fromHeight: 2, hashes: [other.record.headerHash] } };
        await assert.rejects(store.commit({ ...step, events: [eventOf("chia.reorg", 2)] }));
        assert.deepEqual((await store.peak())?.headerHash, hashOf(1, 2));
        assert.equal(await store.record(other.record.headerHash), undefined);
        assert.equal(await store.block(other.record.headerHash), undefined, "nor is it in the cache");
        await database.script(refusal.end);
        assert.deepEqual(await store.commit({ ...step, events: [eventOf("chia.reorg", 2)] }), [1]);
        assert.deepEqual((await store.peak())?.headerHash, hashOf(2, 2));
      } finally {
        await database.close();
        await place.remove();
      }
    });

    test("a database of the first schema gets its counts and level when it is opened", async () => {
      const place = await databasePlace(driver.open);
      const database = await place.open();
      try {
        await migrate(database, CHIA_MIGRATIONS.slice(0, 1), {
          chain: "chia",
          network: "simulator0",
          genesis: GENESIS,
        });
        for (const [number, main] of [[1, 1], [2, 1], [3, 0]] as const) {
          const { record, raw } = blockOf(main, number - 1);
          await database.run("INSERT INTO chia_blocks VALUES (?, ?, ?, ?, ?, ?, ?)", [
            number,
            record.headerHash,
            record.height,
            new Uint8Array(16),
            main,
            raw.length,
            BlockRecord.encode(record),
          ]);
        }
        const store = await openSqlChiaStore(database, identity);
        assert.deepEqual(await store.counts(), { blocks: 3, mainBlocks: 2, bytes: 300 });
        assert.equal(await store.validation(), "linkage");
        const next = blockOf(1, 2, { validation: "full" });
        await store.commit({ blocks: [next], main: { fromHeight: 2, hashes: [next.record.headerHash] }, events: [] });
        assert.deepEqual(await store.counts(), { blocks: 4, mainBlocks: 3, bytes: 400 });
        assert.equal(await store.validation(), "linkage", "what was there is not checked further by what comes");
      } finally {
        await database.close();
        await place.remove();
      }
    });

    test("the database of another network, of another chain or of a newer gemel is refused", async () => {
      const place = await databasePlace(driver.open);
      try {
        let database = await place.open();
        await openSqlChiaStore(database, identity);
        await assert.rejects(openSqlChiaStore(database, { ...identity, network: "mainnet" }), {
          code: "DATABASE_FOREIGN",
          message: /belongs to network "simulator0", this node is for "mainnet"/,
        });
        const genesisChallenge = new Uint8Array(32);
        await assert.rejects(openSqlChiaStore(database, { ...identity, genesisChallenge }), {
          code: "DATABASE_FOREIGN",
        });
        await openSqlChiaStore(database, identity);
        await database.run("UPDATE gemel_meta SET value = '99' WHERE name = 'version'");
        await database.close();
        database = await place.open();
        await assert.rejects(openSqlChiaStore(database, identity), { code: "DATABASE_NEWER" });
        await database.close();
      } finally {
        await place.remove();
      }
    });

    test("onEvents hears of the newest id after the commit, not of one that failed", async () => {
      const place = await databasePlace(driver.open);
      const database = await place.open();
      try {
        const heard: number[] = [];
        const store = await openSqlChiaStore(database, { ...identity, onEvents: (newest) => heard.push(newest) });
        await store.commit({ blocks: [blockOf(1, 0)], events: [eventOf("a", 0), eventOf("b", 0)] });
        await store.commit({ blocks: [blockOf(1, 1)], events: [] });
        const main = { fromHeight: 1, hashes: [hashOf(1, 1)] };
        await assert.rejects(store.commit({ blocks: [], main, events: [eventOf("c", 0)] }), {
          code: "STORE_BROKEN_CHAIN",
        });
        assert.deepEqual(heard, [2]);
      } finally {
        await database.close();
        await place.remove();
      }
    });
  });
}
