/**
 * The Bitcoin store's contract on every driver at hand, and what only files and SQL can get wrong.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openFileFolder } from "#platform";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { testnet4 } from "../../lib/bitcoin/networks/testnet4.ts";
import { MemoryBitcoinStore } from "../../lib/bitcoin/store/memory.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { NodeError } from "../../lib/core/errors.ts";
import type { FileFolder } from "../../lib/core/ports.ts";
import { fromHex } from "../../lib/codec/hex.ts";
import { peersSchema } from "../../lib/storage/peer-table.ts";
import { eventOf, headersOf, newBlockOf, staged, txidsOf } from "./bitcoin-store-blocks.ts";
import { blockFilesOf, type SqlPlace, sqlPlace, withSqlPlace } from "./bitcoin-store-place.ts";
import { bitcoinStoreContract, chainStep, readAll } from "./bitcoin-store-suite.ts";
import { everyDriver, postgresSkip, refusingEvents } from "./every-database.ts";
import { MemoryFolder } from "./memory-folder.ts";

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

test("a PostgreSQL server can be started here", { skip: postgresSkip }, () => {});

for (const driver of everyDriver) {
  // The cache is the store's and no driver's: on a server, which takes longer, it is enough to try it without.
  for (const cacheBytesMax of driver.dialect === "sqlite" ? [0, 1_000_000] : [0]) {
    bitcoinStoreContract({
      name: `${driver.name}, ${cacheBytesMax === 0 ? "no cache" : "cache"}`,
      durable: true,
      place: (transactionIndex) => sqlPlace(driver, { transactionIndex, cacheBytesMax }),
    });
  }
  bitcoinStoreContract({
    name: `${driver.name}, everything in the database`,
    durable: true,
    place: (transactionIndex) => sqlPlace(driver, { transactionIndex, cacheBytesMax: 0 }, "database"),
  });

  const withPlace = (work: (place: SqlPlace) => Promise<void>) => withSqlPlace(driver, work);

  describe(`SqlBitcoinStore on ${driver.name}`, () => {
    test("a write that fails inside the transaction takes everything before it back, and the room of its blocks", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open({ cacheBytesMax: 1_000_000 });
        await store.commit(chainStep(0, 1));
        const before = [await readAll(store), await store.counts(), await place.files()];
        // The events come last in a commit.
        const refusal = refusingEvents(driver);
        await database.script(refusal.begin);
        await assert.rejects(store.commit(chainStep(1, 8)));
        assert.deepEqual([await readAll(store), await store.counts()], before.slice(0, 2));
        assert.equal(await store.block(1), undefined, "nor is it in the cache");
        assert.equal(await store.tip(), 0);
        await database.script(refusal.end);
        await store.commit(chainStep(1, 2));
        const files = await place.files();
        assert.deepEqual(files.map(({ file }) => file), [0], "files of the failed step are gone");
        assert.equal(files[0]?.size, (await store.counts()).blockBytes);
        assert.equal(Buffer.compare((await store.block(1))!, newBlockOf(1).raw), 0);
        await close();
      }));

    test("memory is spent on the newest block and on blocks that are asked for, not on a run of them or one read once", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open({ cacheBytesMax: 1_000_000 });
        await store.commit(chainStep(0, 4));
        await store.block(1);
        await store.block(2, true);
        // What is not in memory is looked for on disk.
        await database.run("DELETE FROM bitcoin_blocks");
        const kept = await Promise.all([0, 1, 2, 3].map((row) => store.block(row)));
        assert.deepEqual(kept.map((raw) => raw !== undefined), [false, true, false, true]);
        await close();
      }));

    test("a file takes blocks up to its size, and a block larger than that alone", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 9) } });
        const large = { ...newBlockOf(0), raw: new Uint8Array(400_000) };
        const blocks = [newBlockOf(1), large, ...[2, 3, 4].map((row) => newBlockOf(row))];
        for (const block of blocks.slice(0, 3)) await store.commit({ blocks: [block] });
        await store.commit({ blocks: blocks.slice(3) });
        const one = newBlockOf(1).raw.length + 12;
        assert.deepEqual((await place.files()).map(({ size }) => size), [one, 400_012, 2 * one, one]);
        for (const { row, raw } of blocks) assert.equal(Buffer.compare((await store.block(row))!, raw), 0);
        await close();
      }));

    test("a merge of coins that finds no room is tried again by the next flush; one that finds damage tells it", () =>
      withPlace(async (place) => {
        const folder = new MemoryFolder();
        let isFull = false;
        const openCoins = (): Promise<FileFolder> => {
          const view = folder.view();
          const open: FileFolder["open"] = (name, options) =>
            isFull && options?.create === true
              ? Promise.reject(new NodeError("DISK_FULL", "self", "no room"))
              : view.open(name, options);
          return Promise.resolve({ ...view, open });
        };
        const { store, database, close } = await place.open({ openCoins });
        await store.commit(chainStep(0, 3));
        const flush = async (value: number, filled: boolean) => {
          const coins = { at: 2, staged: await staged(store, new Map([["aa".repeat(33), Uint8Array.of(value)]])) };
          isFull = filled;
          await store.commit({ coins });
          await store.coinsAtRest();
          return (await database.all("SELECT run FROM bitcoin_coin_runs")).length;
        };
        assert.equal(await flush(1, false), 1);
        assert.equal(await flush(2, true), 2, "no room to merge them");
        isFull = false;
        assert.equal(await flush(3, false), 1);
        for (const { bytes } of folder.files.values()) bytes[0]! ^= 1;
        assert.equal(await flush(4, false), 2);
        await assert.rejects(flush(5, false), { code: "DATABASE_DAMAGED" });
        await close();
      }));

    test("coins that were laid ready and never named are gone after a restart, and every file is closed", () =>
      withPlace(async (place) => {
        const folder = new MemoryFolder();
        let files = 0;
        const counting = (): FileFolder => {
          const view = folder.view();
          const open: FileFolder["open"] = async (name, options) => {
            const file = await view.open(name, options);
            if (file === undefined) return undefined;
            files += 1;
            const close = () => Promise.resolve(void (files -= 1));
            return {
              append: (parts) => file.append(parts),
              read: (offset, length) => file.read(offset, length),
              sync: () => file.sync(),
              truncate: (size) => file.truncate(size),
              close,
              get size() {
                return file.size;
              },
            };
          };
          return { ...view, open };
        };
        const options = { openCoins: () => Promise.resolve(counting()) };
        const { store, close } = await place.open(options);
        await store.commit(chainStep(0, 3));
        const key = "aa".repeat(33);
        for (let i = 0; i < 4; i++) {
          const coins = { at: 2, staged: await staged(store, new Map([[key, Uint8Array.of(i)]])) };
          await store.commit({ coins });
        }
        await staged(store, new Map([[key, Uint8Array.of(9)]]));
        await close();
        assert.equal(files, 0, "files are open");
        const { store: again, close: end } = await place.open(options);
        assert.deepEqual(await again.coins([fromHex(key)]), [Uint8Array.of(3)]);
        await again.coinsAtRest();
        await end();
        assert.equal(files, 0, "files are open");
        assert.equal(folder.files.size, 1, "the others are gone");
      }));

    test("a database of the second schema gets its counts when it is opened", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open();
        for (let from = 0; from < 12; from += 4) await store.commit(chainStep(from, from + 4));
        const counts = await store.counts();
        assert.equal(counts.blocks, 12);
        await database.script(
          "DROP TABLE bitcoin_coin_runs; DROP TABLE bitcoin_coin_undo; DROP TABLE bitcoin_snapshot; DROP TABLE bitcoin_block_bytes; DROP TABLE bitcoin_coins_0; DROP TABLE bitcoin_coins_1; DROP INDEX bitcoin_block_files_height; DROP INDEX bitcoin_statuses_changed; ALTER TABLE bitcoin_statuses DROP COLUMN changed; DELETE FROM bitcoin_state WHERE name IN ('blocks', 'block_bytes'); " +
            `${peersSchema("bitcoin_peers")} UPDATE gemel_meta SET value = '2' WHERE name = 'version'`,
        );
        await close();
        const again = await place.open();
        assert.deepEqual(await again.store.counts(), counts);
        await again.store.commit(chainStep(12, 13));
        assert.equal((await again.store.counts()).blocks, 13);
        const size = (await place.files()).reduce((sum, file) => sum + file.size, 0);
        assert.equal((await again.store.counts()).blockBytes, size);
        await again.close();
      }));

    test("the database of another network, of another genesis or of Chia is refused", () =>
      withPlace(async (place) => {
        const { database, close } = await place.open();
        const blocks = blockFilesOf(await openFileFolder(place.blocks));
        await assert.rejects(openSqlBitcoinStore(database, { network: testnet4, blocks }), {
          code: "DATABASE_FOREIGN",
        });
        const network = { name: "regtest", genesis: testnet4.genesis };
        await assert.rejects(openSqlBitcoinStore(database, { network, blocks }), { code: "DATABASE_FOREIGN" });
        await database.run("UPDATE gemel_meta SET value = 'chia' WHERE name = 'chain'");
        await assert.rejects(openSqlBitcoinStore(database, { network: regtest, blocks }), { code: "DATABASE_FOREIGN" });
        await close();
      }));

    test("onEvents hears of the newest id after the commit, not of one that failed", () =>
      withPlace(async (place) => {
        const heard: number[] = [];
        const { store, close } = await place.open({ onEvents: (newest) => heard.push(newest) });
        await store.commit(chainStep(0, 3));
        await assert.rejects(store.commit({ events: [eventOf(9)], tip: 99 }));
        assert.deepEqual(heard, [3]);
        await close();
      }));

    test("the transaction index must be there from the start, and may be given up", () =>
      withPlace(async (place) => {
        let opened = await place.open();
        await opened.store.commit(chainStep(0, 1));
        await opened.close();
        // Genesis alone has nothing in the index.
        opened = await place.open({ transactionIndex: true });
        await opened.store.commit(chainStep(1, 3));
        const [txid] = txidsOf(newBlockOf(2));
        assert.deepEqual(await opened.store.transaction(txid!), { row: 2, index: 0 });
        await opened.close();
        opened = await place.open();
        assert.equal(await opened.store.transaction(txid!), undefined);
        await opened.close();
        await assert.rejects(place.open({ transactionIndex: true }), { code: "STORE_NO_INDEX", fault: "self" });
      }));

    test("transaction() is not misled by another transaction with the same key", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open({ transactionIndex: true });
        await store.commit(chainStep(0, 4));
        const [txid] = txidsOf(newBlockOf(1));
        await database.run(
          "INSERT INTO bitcoin_transactions (id, place) SELECT id, place + 131072 FROM bitcoin_transactions " +
            "WHERE place = 131072 UNION SELECT id, 9 * 131072 FROM bitcoin_transactions WHERE place = 131072",
        );
        assert.equal((await database.get("SELECT COUNT(*) AS n FROM bitcoin_transactions"))?.n, 10);
        assert.deepEqual(await store.transaction(txid!), { row: 1, index: 0 });
        await close();
      }));

    test("a page of headers that is missing or cut short is damage", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open();
        await store.commit({ headers: { firstRow: 0, bytes: headersOf(0, 2_000) } });
        await database.run("UPDATE bitcoin_statuses SET bits = ? WHERE page = 2", [new Uint8Array(511)]);
        await assert.rejects(readAll(store), { code: "DATABASE_DAMAGED", message: /page 2 / });
        await database.run("DELETE FROM bitcoin_headers WHERE page = 1");
        await assert.rejects(readAll(store), { code: "DATABASE_DAMAGED", message: /page 1 / });
        await close();
      }));
  });

  describe(`Block files on ${driver.name}`, () => {
    test("one flipped bit anywhere in a record is found, named and never served; other blocks are", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open({ transactionIndex: true });
        await store.commit(chainStep(0, 3));
        const start = newBlockOf(0).raw.length + 12;
        const file = join(place.blocks, "blk00000.dat");
        const good = await readFile(file);
        // Magic, length, checksum, header, middle, last byte.
        for (const at of [0, 3, 4, 7, 8, 11, 12, 91, 50_000, start - 1]) {
          const bad = Uint8Array.from(good);
          bad[start + at]! ^= 1 << (at % 8);
          await writeFile(file, bad);
          const refused = {
            name: "NodeError",
            code: "DATABASE_DAMAGED",
            fault: "self",
            message: /blk00000\.dat/,
          };
          await assert.rejects(store.block(1), refused, `bit at ${at}`);
          await assert.rejects(store.blockPart(1, 0, 80), refused);
          await assert.rejects(store.transaction(txidsOf(newBlockOf(1))[0]!), refused);
          for (const row of [0, 2]) assert.equal(Buffer.compare((await store.block(row))!, newBlockOf(row).raw), 0);
        }
        await writeFile(file, good);
        assert.equal(Buffer.compare((await store.block(1))!, newBlockOf(1).raw), 0);
        await close();
      }));

    test("a file that is cut while it is open is damage at the next read, at the next write, and at the next start", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        await store.commit(chainStep(0, 4));
        await store.commit(chainStep(4, 5));
        const refused = { code: "DATABASE_DAMAGED", message: /blk00001\.dat/ };
        await truncate(join(place.blocks, "blk00001.dat"), 200_000);
        await assert.rejects(store.block(3), refused);
        assert.equal((await store.block(2))!.length, newBlockOf(2).raw.length);
        await close();
        await assert.rejects(place.open(), refused);
        await rm(join(place.blocks, "blk00001.dat"));
        await assert.rejects(place.open(), { ...refused, message: /blk00001\.dat .* missing/ });
      }));

    test("a tail that no commit knows is cut off at the start, and files that no commit knows are removed", () =>
      withPlace(async (place) => {
        let opened = await place.open();
        await opened.store.commit(chainStep(0, 3));
        await opened.close();
        const file = join(place.blocks, "blk00001.dat");
        await writeFile(file, new Uint8Array(5_000), { flag: "a" });
        await writeFile(join(place.blocks, "blk00002.dat"), new Uint8Array(5_000));
        await writeFile(join(place.blocks, "notes.txt"), "not ours");
        opened = await place.open();
        const one = newBlockOf(0).raw.length + 12;
        assert.deepEqual(await place.files(), [{ file: 0, size: 2 * one }, { file: 1, size: one }]);
        await opened.store.commit(chainStep(3, 6));
        assert.deepEqual((await place.files()).map(({ size }) => size), [2 * one, 2 * one, 2 * one]);
        for (let row = 0; row < 6; row++) {
          assert.equal(Buffer.compare((await opened.store.block(row))!, newBlockOf(row).raw), 0);
        }
        assert.equal(await readFile(join(place.blocks, "notes.txt"), "utf8"), "not ours");
        await opened.close();
      }));

    test("a block that is pruned while it is read is gone, not damaged", () =>
      withPlace(async (place) => {
        const folder = new MemoryFolder();
        const opening = Promise.withResolvers<void>();
        const gate = Promise.withResolvers<void>();
        const open = async (files: FileFolder) => {
          const database = await driver.open(place.database);
          const store = await openSqlBitcoinStore(database, { network: regtest, blocks: blockFilesOf(files) });
          const close = async () => {
            await store.close();
            await database.close();
          };
          return { store, close };
        };
        const before = await open(folder.view());
        await before.store.commit(chainStep(0, 4));
        await before.close();
        const files = folder.view();
        const slow: FileFolder = {
          ...files,
          open: async (name, options) => {
            opening.resolve();
            await gate.promise;
            return await files.open(name, options);
          },
        };
        const { store, close } = await open(slow);
        const reading = store.block(0);
        await opening.promise;
        assert.deepEqual(await store.prune(0, 1_000), [0, 1, 2, 3]);
        gate.resolve();
        assert.equal(await reading, undefined);
        await close();
      }));

    test("many files are read with few open at once, and reading goes on while they are pruned", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        for (let from = 0; from < 60; from += 20) await store.commit(chainStep(from, from + 20));
        assert.equal((await place.files()).length, 30);
        const reading = Array.from({ length: 60 }, (_, row) => store.block(row));
        const gone = store.prune(0, 40);
        for (const [row, raw] of (await Promise.all(reading)).entries()) {
          if (raw !== undefined) assert.equal(Buffer.compare(raw, newBlockOf(row).raw), 0);
          else assert.ok((await gone).includes(row), `block ${row}`);
        }
        assert.equal((await gone).length, 40);
        assert.equal((await place.files()).length, 10);
        await close();
      }));
  });
}
