/**
 * The index of block files is built anew: when the database is lost, on request, and with damage in the files.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openFileFolder } from "#platform";
import { sha256d } from "../../lib/bitcoin/hash.ts";
import { scanBlocks } from "../../lib/bitcoin/store/block-scan.ts";
import { reindexBlocks, type ReindexSink } from "../../lib/bitcoin/store/reindex.ts";
import type { SqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { toHex } from "../../lib/codec/hex.ts";
import { headerOf, newBlockOf, rawBlockOf, txidsOf } from "./bitcoin-store-blocks.ts";
import { blockFilesOf, type SqlPlace, withSqlPlace } from "./bitcoin-store-place.ts";
import { chainStep } from "./bitcoin-store-suite.ts";
import { databaseDrivers } from "./databases.ts";
import { everyDriver } from "./every-database.ts";

/** Takes headers and blocks in as a chain does: rows in order of arrival, a commit for every few blocks. */
function chainOn(store: SqlBitcoinStore) {
  const rows = new Map<string, number>();
  const heights: number[] = [];
  const learn = (headers: Uint8Array) => {
    for (let at = 0; at < headers.length; at += 80) {
      const header = headers.subarray(at, at + 80);
      const parent = rows.get(toHex(header.subarray(4, 36)));
      assert.ok(parent !== undefined || rows.size === 0, "a header came before its parent");
      heights.push(parent === undefined ? 0 : heights[parent]! + 1);
      rows.set(toHex(sha256d(header)), rows.size);
    }
  };
  let pending: number[] = [];
  let raws = new Map<number, Uint8Array>();
  const flush = async () => {
    const blocks = pending.map((row) => {
      const raw = raws.get(row)!;
      return { row, height: heights[row]!, hash: sha256d(raw.subarray(0, 80)), raw };
    });
    const transactions = { joined: pending.map((row) => ({ row, txids: [] })), left: [] };
    await store.commit({ blocks, transactions, statuses: new Map(pending.map((row) => [row, 4])) });
    pending = [];
    raws = new Map();
  };
  const sink: ReindexSink = {
    async headers(bytes) {
      const firstRow = rows.size;
      assert.ok(bytes.length > 0 && bytes.length <= 2_000 * 80);
      for (let at = 80; at < bytes.length; at += 80) {
        const [before, header] = [bytes.subarray(at - 80, at), bytes.subarray(at, at + 80)];
        assert.deepEqual(header.slice(4, 36), sha256d(before), "each is the child of the one before it");
      }
      learn(bytes);
      await store.commit({ headers: { firstRow, bytes } });
    },
    async block(raw) {
      const row = rows.get(toHex(sha256d(raw.subarray(0, 80))));
      assert.ok(row !== undefined, "a block came before its header");
      pending.push(row);
      raws.set(row, raw);
      if (pending.length === 3) await flush();
    },
  };
  return { rows, learn, flush, sink };
}

const genesisHash = sha256d(headerOf(0));

/** Reindexes with such a chain, which has the genesis header from the start. */
async function reindex(store: SqlBitcoinStore, wrap: (sink: ReindexSink) => ReindexSink = (sink) => sink) {
  const { rows, flush, sink } = chainOn(store);
  await sink.headers(headerOf(0));
  const result = await reindexBlocks(store, genesisHash, wrap(sink), flush);
  return { rows, result };
}

/** Blocks 0 to 11 in an order in which they may have come, two to a file. */
const ORDER = [0, 2, 1, 3, 7, 6, 5, 4, 8, 9, 11, 10];

async function filled(place: SqlPlace): Promise<void> {
  const { store, close } = await place.open();
  const { headers } = chainStep(0, 12);
  await store.commit({ ...(headers && { headers }) });
  for (const row of ORDER) await store.commit({ blocks: [newBlockOf(row)] });
  await close();
}

const loseDatabase = async (place: SqlPlace) => {
  for (const end of ["", "-wal", "-shm"]) await rm(place.database + end, { force: true });
};

/** The blocks that can be read, by their number. */
async function readable(store: SqlBitcoinStore, rows: ReadonlyMap<string, number>): Promise<number[]> {
  const found = [];
  for (let number = 0; number < 12; number++) {
    const row = rows.get(toHex(sha256d(headerOf(number))));
    const raw = row === undefined ? undefined : await store.block(row);
    if (raw === undefined) continue;
    assert.equal(Buffer.compare(raw, rawBlockOf(number)), 0);
    found.push(number);
  }
  return found;
}

const ALL = [...ORDER].sort((a, b) => a - b);

for (const driver of databaseDrivers) {
  const withPlace = (work: (place: SqlPlace) => Promise<void>) => withSqlPlace(driver, work);

  describe(`reindexBlocks() on ${driver.name}`, () => {
    test("builds everything from the files when the database is lost, and copies no block", () =>
      withPlace(async (place) => {
        await filled(place);
        const files = await place.files();
        await loseDatabase(place);
        const { store, close } = await place.open({ transactionIndex: true });
        assert.equal(store.reindexing, true);
        assert.deepEqual(await place.files(), files, "nothing is touched by opening");
        const { rows, result } = await reindex(store);
        assert.deepEqual(result, { headers: 12, blocks: 12, damaged: 0 });
        assert.equal(store.reindexing, false);
        assert.deepEqual(await readable(store, rows), ALL);
        assert.deepEqual(await place.files(), files);
        assert.equal((await store.counts()).blockBytes, files.reduce((sum, { size }) => sum + size, 0));
        const row = rows.get(toHex(sha256d(headerOf(7))))!;
        assert.deepEqual(await store.transaction(txidsOf(newBlockOf(7))[1]!), { row, index: 1 });
        await close();
        const again = await place.open({ transactionIndex: true });
        assert.equal(again.store.reindexing, false);
        assert.deepEqual(await readable(again.store, rows), ALL);
        await again.close();
      }));

    test("on request forgets headers, blocks and tip, and keeps events", () =>
      withPlace(async (place) => {
        let opened = await place.open();
        await opened.store.commit(chainStep(0, 6));
        await opened.close();
        opened = await place.open({ reindex: true });
        assert.deepEqual(await opened.store.counts(), { headers: 0, blocks: 0, blockBytes: 0 });
        assert.equal(await opened.store.tip(), undefined);
        assert.equal(opened.store.reindexing, true);
        const { rows } = await reindex(opened.store);
        assert.deepEqual(await readable(opened.store, rows), [0, 1, 2, 3, 4, 5]);
        assert.equal((await opened.events.bounds()).newest, 6);
        await opened.close();
      }));

    test("goes on after it was interrupted, and nothing is lost or copied", () =>
      withPlace(async (place) => {
        await filled(place);
        const files = await place.files();
        let opened = await place.open({ reindex: true });
        let left = 7;
        const dying = (sink: ReindexSink): ReindexSink => ({
          headers: sink.headers,
          block: async (raw) => {
            if (left-- === 0) throw new Error("killed");
            await sink.block(raw);
          },
        });
        await assert.rejects(reindex(opened.store, dying), /killed/);
        assert.equal((await opened.store.counts()).blocks, 6);
        await opened.close();
        opened = await place.open();
        assert.equal(opened.store.reindexing, true);
        assert.deepEqual(await place.files(), files);
        // The chain finds its headers in the store; here they have the rows of the first run.
        const { rows, learn, flush, sink } = chainOn(opened.store);
        const known = { ...sink, headers: () => {} };
        for await (const { headers } of opened.store.headers()) learn(headers);
        const { blocks } = await reindexBlocks(opened.store, genesisHash, known, flush);
        assert.equal(blocks, 6, "only what was missing");
        assert.deepEqual(await readable(opened.store, rows), ALL);
        assert.deepEqual(await place.files(), files);
        await opened.close();
      }));

    test("new blocks may come meanwhile; they go to a file of their own", () =>
      withPlace(async (place) => {
        await filled(place);
        const { store, close } = await place.open({ reindex: true });
        const { rows, flush, sink } = chainOn(store);
        await sink.headers(headerOf(0));
        let isFirst = true;
        const busy = {
          headers: sink.headers,
          block: async (raw: Uint8Array) => {
            if (isFirst) {
              isFirst = false;
              await store.commit({ blocks: [{ ...newBlockOf(11), row: rows.get(toHex(sha256d(headerOf(11))))! }] });
            }
            await sink.block(raw);
          },
        };
        await reindexBlocks(store, genesisHash, busy, flush);
        assert.deepEqual(await readable(store, rows), ALL);
        assert.equal((await place.files()).length, 7);
        await close();
      }));

    test("blocks that are damaged are left out, and those above them are found", () =>
      withPlace(async (place) => {
        await filled(place);
        const file = join(place.blocks, "blk00001.dat");
        const bytes = await readFile(file);
        bytes[9_000]! ^= 1;
        // A length that ends within the next record.
        const wrong = join(place.blocks, "blk00003.dat");
        const lengthened = await readFile(wrong);
        lengthened[4]! ^= 0x04;
        await writeFile(wrong, lengthened);
        const tail = join(place.blocks, "blk00005.dat");
        await truncate(tail, (await readFile(tail)).length - 1);
        await writeFile(file, bytes);
        const { store, close } = await place.open({ reindex: true });
        const { rows, result } = await reindex(store);
        assert.deepEqual(result, { headers: 12, blocks: 9, damaged: 3 });
        assert.deepEqual(await readable(store, rows), ALL.filter((number) => ![1, 5, 10].includes(number)));
        // What is missing is had again, and the torn tail makes room.
        const row = (number: number) => rows.get(toHex(sha256d(headerOf(number))))!;
        await store.commit({ blocks: [{ ...newBlockOf(1), row: row(1) }] });
        assert.equal(Buffer.compare((await store.block(row(1)))!, rawBlockOf(1)), 0);
        assert.equal((await place.files()).at(-1)?.size, 2 * (rawBlockOf(1).length + 12));
        await close();
      }));

    test("files whose blocks have no ancestors are removed: a pruned store starts over", () =>
      withPlace(async (place) => {
        await filled(place);
        await rm(join(place.blocks, "blk00001.dat"));
        const { store, close } = await place.open({ reindex: true });
        const { rows, result } = await reindex(store);
        assert.equal(result.headers, 1);
        assert.deepEqual(await readable(store, rows), [0]);
        assert.deepEqual((await place.files()).map(({ file }) => file), [0]);
        await close();
      }));

    test("scanBlocks() finds a magic wherever it lies across its windows", () =>
      withPlace(async (place) => {
        await filled(place);
        const path = join(place.blocks, "blk00000.dat");
        const good = await readFile(path);
        for (const gap of [1, 2, 3, 65_535, 65_536, 65_537, 131_071, 131_073]) {
          await writeFile(path, Buffer.concat([Buffer.alloc(gap, 0xfa), good]));
          const found: number[] = [];
          const damage: number[] = [];
          const files = blockFilesOf(await openFileFolder(place.blocks));
          for await (const { place } of scanBlocks(files, "block", (_, offset) => damage.push(offset))) {
            if (place.file === 0) found.push(place.offset);
          }
          assert.deepEqual(found, [gap, gap + good.length / 2]);
          assert.deepEqual(damage, [0]);
          await files.close();
        }
      }));
  });
}

for (const driver of everyDriver) {
  const withPlace = (work: (place: SqlPlace) => Promise<void>) => withSqlPlace(driver, work, "database");
  /** Lets a reindex die before it takes so many blocks in. */
  const dyingAfter = (blocks: number) => (sink: ReindexSink): ReindexSink => ({
    headers: sink.headers,
    block: async (raw) => {
      if (blocks-- === 0) throw new Error("killed");
      await sink.block(raw);
    },
  });

  describe(`reindexBlocks() with everything in ${driver.name}`, () => {
    test("names all blocks anew, with the index that is wanted now, and writes none again", () =>
      withPlace(async (place) => {
        await filled(place);
        const before = await place.open();
        const counts = await before.store.counts();
        await before.close();
        const { store, database, close } = await place.open({ reindex: true, transactionIndex: true });
        assert.deepEqual([store.reindexing, await store.counts()], [true, { headers: 0, blocks: 0, blockBytes: 0 }]);
        assert.equal(await store.block(3), undefined);
        let written = 0;
        const { rows, result } = await reindex(store, (sink) => ({
          headers: sink.headers,
          block: async (raw) => {
            await sink.block(raw);
            written = Number((await database.get("SELECT COUNT(*) AS n FROM bitcoin_block_bytes"))?.n);
          },
        }));
        assert.deepEqual(result, { headers: 12, blocks: 12, damaged: 0 });
        assert.deepEqual([written, store.reindexing], [12, false]);
        assert.deepEqual(await readable(store, rows), ALL);
        assert.deepEqual(await store.counts(), counts);
        const row = rows.get(toHex(sha256d(headerOf(7))))!;
        assert.deepEqual(await store.transaction(txidsOf(newBlockOf(7))[1]!), { row, index: 1 });
        assert.equal((await store.prune(0, 3)).length, 3, "they have their heights");
        await close();
      }));

    test("goes on after it was interrupted, and may be asked for once more meanwhile", () =>
      withPlace(async (place) => {
        await filled(place);
        let opened = await place.open({ reindex: true });
        await assert.rejects(reindex(opened.store, dyingAfter(7)), /killed/);
        assert.equal((await opened.store.counts()).blocks, 6);
        await opened.close();
        opened = await place.open({ reindex: true });
        await assert.rejects(reindex(opened.store, dyingAfter(4)), /killed/);
        assert.equal((await opened.store.counts()).blocks, 3);
        await opened.close();
        opened = await place.open();
        assert.equal(opened.store.reindexing, true);
        const { rows, learn, flush, sink } = chainOn(opened.store);
        const known = { ...sink, headers: () => {} };
        for await (const { headers } of opened.store.headers()) learn(headers);
        const { headers, blocks } = await reindexBlocks(opened.store, genesisHash, known, flush);
        assert.deepEqual([headers, blocks], [12, 9], "only what was missing");
        assert.deepEqual(await readable(opened.store, rows), ALL);
        await opened.close();
      }));

    test("what is set aside is neither served nor pruned, and a block that comes meanwhile is", () =>
      withPlace(async (place) => {
        await filled(place);
        const { store, close } = await place.open({ reindex: true });
        const first = { headers: { firstRow: 0, bytes: headerOf(0) }, blocks: [newBlockOf(0)] };
        await store.commit(first);
        assert.deepEqual([await store.block(1), (await store.block(0))?.length], [undefined, rawBlockOf(0).length]);
        assert.deepEqual(await store.prune(0, 1_000), [0]);
        let found = 0;
        for await (const { bytes } of store.blockBytes.scan("block")) found += bytes.length;
        assert.equal(found, 12 * rawBlockOf(0).length);
        await store.commit({ blocks: first.blocks });
        await close();
        // One of them is there twice now, and both are set aside.
        const again = await place.open({ reindex: true });
        const { rows } = await reindex(again.store);
        assert.deepEqual(await readable(again.store, rows), ALL);
        assert.equal((await again.store.counts()).blocks, 12);
        assert.equal((await again.database.get("SELECT COUNT(*) AS n FROM bitcoin_block_bytes"))?.n, 12);
        await again.close();
      }));

    test("leaves out what is damaged, and what has no ancestors", () =>
      withPlace(async (place) => {
        await filled(place);
        const before = await place.open();
        await before.database.run("UPDATE bitcoin_block_bytes SET bytes = ? WHERE header = 5", [new Uint8Array(200)]);
        await before.database.run("DELETE FROM bitcoin_block_bytes WHERE header = 9");
        await before.close();
        const { store, database, close } = await place.open({ reindex: true });
        const { rows, result } = await reindex(store);
        // The header of the fifth is gone with its bytes, and so are its children.
        assert.deepEqual(result, { headers: 5, blocks: 5, damaged: 1 });
        assert.deepEqual(await readable(store, rows), [0, 1, 2, 3, 4]);
        assert.equal((await database.get("SELECT COUNT(*) AS n FROM bitcoin_block_bytes"))?.n, 5);
        await close();
      }));
  });
}
