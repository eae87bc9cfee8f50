/**
 * A Bitcoin store that has every byte in its database: what the suite of all stores does not ask.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import { openSqlFilterStore } from "../../lib/bitcoin/indexes/sql-filter-store.ts";
import { SqlLightStore } from "../../lib/bitcoin/light/mod.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { TableBlocks } from "../../lib/bitcoin/store/table-blocks.ts";
import type { BitcoinStore } from "../../lib/bitcoin/store.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import type { Database } from "../../lib/core/ports.ts";
import { openPostgres, type PostgresDatabase } from "../../lib/platform/node/postgres.ts";
import { entriesOf } from "../../lib/storage/runs/entries.ts";
import { newBlockOf, staged, txidsOf } from "./bitcoin-store-blocks.ts";
import { type SqlPlace, sqlPlace, withSqlPlace } from "./bitcoin-store-place.ts";
import { chainStep, readAll } from "./bitcoin-store-suite.ts";
import { everyDriver, postgresServer, postgresSkip, refusingEvents } from "./every-database.ts";

test("a PostgreSQL server can be started here", { skip: postgresSkip }, () => {});

const nameOf = (i: number) => (i * 7_919).toString(16).padStart(66, "0");
const coin = (i: number, length = 40) => new Uint8Array(length).fill(i & 0xff);
/** Coins in the order of their keys. */
const manyCoins = (count: number) => Array.from({ length: count }, (_, i) => [fromHex(nameOf(i)), coin(i)] as const);
const snapshotAt = (base: number) => ({ base, hash: new Uint8Array(32).fill(5) });

async function allOf(store: Pick<BitcoinStore, "readCoins">): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await store.readCoins(({ all }) =>
    all(({ key, keyLength, bytes, valueAt, valueLength }) =>
      void found.set(toHex(key.subarray(0, keyLength)), toHex(bytes.subarray(valueAt, valueAt + valueLength)))
    )
  );
  return found;
}

/** A database whose questions are counted. */
function countingQuestions(database: Database, asked: () => void): Database {
  const get: Database["get"] = (sql, parameters) => (asked(), database.get(sql, parameters));
  const all: Database["all"] = (sql, parameters) => (asked(), database.all(sql, parameters));
  return Object.assign(Object.create(database) as Database, { get, all });
}

for (const driver of everyDriver) {
  const withPlace = (work: (place: SqlPlace) => Promise<void>) => withSqlPlace(driver, work, "database");

  describe(`A Bitcoin store with everything in ${driver.name}`, () => {
    test("has no file but the database's own", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open({ transactionIndex: true });
        await store.commit(chainStep(0, 3));
        await store.commit({ coins: { at: 2, staged: await staged(store, new Map([[nameOf(1), coin(1)]])) } });
        await store.prune(0, 1);
        await close();
        const names = await readdir(dirname(place.database));
        assert.deepEqual(names.filter((name) => !name.startsWith("bitcoin.sqlite")), []);
      }));

    test("a step that is refused at its end leaves nothing: no block, no coin, no count", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open();
        await store.commit(chainStep(0, 1));
        await store.commit({ coins: { at: 0, staged: await staged(store, new Map([[nameOf(1), coin(1)]])) } });
        const before = [await readAll(store), await store.counts(), await allOf(store)];
        const refusal = refusingEvents(driver);
        await database.script(refusal.begin);
        const changes = await staged(store, new Map([[nameOf(1), undefined], [nameOf(2), coin(2)]]));
        const step = { ...chainStep(1, 3), coins: { at: 2, staged: changes } };
        await assert.rejects(store.commit(step));
        assert.deepEqual([await readAll(store), await store.counts(), await allOf(store)], before);
        assert.equal(await store.block(1), undefined);
        await database.script(refusal.end);
        await store.commit(step);
        assert.deepEqual([...await allOf(store)], [[nameOf(2), toHex(coin(2))]]);
        assert.equal(Buffer.compare((await store.block(2))!, newBlockOf(2).raw), 0);
        await close();
      }));

    test("a block that is not what was written is damage, whole or in part; others are served", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open({ transactionIndex: true });
        await store.commit(chainStep(0, 3));
        const { raw } = newBlockOf(1);
        for (const at of [0, 79, 50_000, raw.length - 1]) {
          const bad = raw.slice();
          bad[at]! ^= 1 << (at % 8);
          await database.run("UPDATE bitcoin_block_bytes SET bytes = ? WHERE header = 1", [bad]);
          const refused = { name: "NodeError", code: "DATABASE_DAMAGED", fault: "self", message: /header 1 / };
          await assert.rejects(store.block(1), refused, `byte ${at}`);
          await assert.rejects(store.blockPart(1, 0, 80), refused);
          await assert.rejects(store.transaction(txidsOf(newBlockOf(1))[0]!), refused);
          for (const row of [0, 2]) assert.equal(Buffer.compare((await store.block(row))!, newBlockOf(row).raw), 0);
        }
        await close();
      }));

    test("blocks that are read one after another come many at a time, however one of them fares", () =>
      withPlace(async (place) => {
        const { store, database, close } = await place.open();
        const small = Array.from(
          { length: 100 },
          (_, row) => ({ ...newBlockOf(row), raw: newBlockOf(row).raw.slice(0, 500) }),
        );
        for (let row = 0; row < 100; row += 50) {
          await store.commit({ ...chainStep(row, row + 50), blocks: small.slice(row, row + 50) });
        }
        await database.run("UPDATE bitcoin_block_bytes SET bytes = ? WHERE header = 20", [new Uint8Array(500)]);
        let asked = 0;
        const counting = new TableBlocks(countingQuestions(database, () => void (asked += 1)));
        for (let row = 0; row < 100; row++) {
          if (row === 20) await assert.rejects(counting.read(row), { code: "DATABASE_DAMAGED" });
          else assert.deepEqual(await counting.read(row), small[row]!.raw);
        }
        assert.ok(asked < 10, `${asked} questions`);
        // Here and there one by one; and what is pruned is not there.
        assert.deepEqual(await counting.read(3), small[3]!.raw);
        assert.deepEqual(await counting.read(70), small[70]!.raw);
        assert.deepEqual(await counting.read(71), small[71]!.raw);
        await database.transaction((within) => counting.prune(within, 0, 1_000));
        await counting.pruned();
        for (const row of [72, 73]) assert.equal(await counting.read(row), undefined);
        await close();
      }));

    test("prune() takes block by block, no more than it was asked for, and of a height all that are there", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        await store.commit(chainStep(0, 8));
        // Another of height 0, which came last.
        await store.commit({ ...chainStep(8, 9), blocks: [{ ...newBlockOf(8), height: 0 }] });
        const one = newBlockOf(0).raw.length;
        assert.deepEqual(await store.prune(8 * one + 1, 1_000), [0]);
        assert.deepEqual(await store.prune(8 * one, 1_000), []);
        assert.deepEqual(await store.prune(7 * one, 1_000), [8]);
        assert.deepEqual(await store.prune(0, 3), [1, 2]);
        assert.deepEqual(await store.counts(), { headers: 9, blocks: 5, blockBytes: 5 * one });
        await close();
      }));

    test("coins change by the ten thousand, are found again, and are read as they were", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        await store.commit(chainStep(0, 3));
        const count = 30_000;
        const laid = await store.stageCoins(entriesOf(manyCoins(count)));
        assert.equal(laid.count, count);
        assert.equal((await allOf(store)).size, 0);
        await store.commit({ coins: { at: 1, staged: laid } });
        // Each third is gone, each third changed, and each third as it was.
        const next = manyCoins(count).flatMap(([key], i): [Uint8Array, Uint8Array | undefined][] =>
          i % 3 === 0 ? [] : [[key, i % 3 === 1 ? undefined : coin(i + 1, 70)]]
        );
        const expected = (isAfter: boolean) =>
          new Map(
            manyCoins(count).flatMap(([key, value], i): [string, string][] => {
              if (!isAfter || i % 3 === 0) return [[toHex(key), toHex(value)]];
              return i % 3 === 1 ? [] : [[toHex(key), toHex(coin(i + 1, 70))]];
            }),
          );
        const before = await store.readCoins(async ({ at, all }) => {
          await store.commit({ coins: { at: 2, staged: await store.stageCoins(entriesOf(next)) } });
          const seen = new Map<string, string>();
          for (let round = 0; round < 2; round++) {
            await all(({ key, bytes, valueAt }) => void seen.set(toHex(key), toHex(bytes.subarray(valueAt))));
          }
          return { at, seen };
        });
        assert.deepEqual([before.at, before.seen.size], [1, count]);
        assert.deepEqual(before.seen, expected(false));
        const after = await allOf(store);
        assert.deepEqual(after, expected(true));
        assert.deepEqual([...after.keys()], [...expected(true).keys()], "in the order of their keys");
        const asked = manyCoins(count).map(([key]) => key).toReversed();
        const found = await store.coins([...asked, asked[0]!]);
        const given = [...asked, asked[0]!].map((key) => after.get(toHex(key)));
        assert.deepEqual(found.map((value) => value && toHex(value)), given);
        assert.ok(await store.coinBytes() >= 20_000 * 33);
        const stop = new AbortController();
        let seen = 0;
        const reading = store.allCoins(() => void (++seen === 5 && stop.abort(new Error("enough"))), stop.signal);
        await assert.rejects(reading, /enough/);
        assert.ok(seen < 20_000, "it ends within a page");
        await close();
      }));

    test("a snapshot's coins are written as they come, count from its step on, and are gone when it is dropped", async () => {
      let transactions = 0;
      const counting = (database: Database): Database =>
        Object.create(database, {
          dialect: { value: database.dialect },
          transaction: { value: (work: never) => (transactions++, database.transaction(work)) },
          ...Object.fromEntries(
            (["run", "runMany", "all", "committed", "get", "script", "snapshot", "checkpoint", "close"] as const)
              .map((name) => [name, { value: database[name].bind(database) }]),
          ),
        });
      const other = await sqlPlace(
        { ...driver, open: async (path) => counting(await driver.open(path)) },
        {},
        "database",
      );
      try {
        const { store, database, close } = await other.open();
        await store.commit(chainStep(0, 4));
        const rows = async () => Number((await database.get("SELECT COUNT(*) AS n FROM bitcoin_coins_1"))?.n);
        const others = async (of: typeof store) => {
          const [one] = await of.otherCoins.coins([fromHex(nameOf(7))]);
          return [one !== undefined, (await allOf(of.otherCoins)).size];
        };
        const entries = entriesOf(manyCoins(40_000));
        let before = 0;
        const laid = await store.stageSnapshot({
          size: entries.size,
          async *drain(take) {
            transactions = 0;
            for await (const _ of entries.drain(take)) yield;
            before = transactions;
          },
        });
        assert.equal(laid.count, 40_000);
        assert.ok(before > 1, "written while they come");
        assert.equal(await rows(), 40_000);
        assert.deepEqual(await others(store), [false, 0], "nothing counts before its step");
        // Another attempt begins anew.
        await store.stageSnapshot(entriesOf(manyCoins(10)));
        assert.equal(await rows(), 10);
        await close();
        const again = await other.open();
        assert.equal(Number((await again.database.get("SELECT COUNT(*) AS n FROM bitcoin_coins_1"))?.n), 0);
        const third = await again.store.stageSnapshot(entriesOf(manyCoins(10)));
        await again.store.dropSnapshot();
        assert.equal(third.count, 10);
        assert.equal(Number((await again.database.get("SELECT COUNT(*) AS n FROM bitcoin_coins_1"))?.n), 0);
        const taken = await again.store.stageSnapshot(entriesOf(manyCoins(20)));
        await again.store.commit({ otherCoins: { at: 3, staged: taken }, snapshot: snapshotAt(3) });
        assert.equal((await allOf(again.store)).size, 20);
        await again.close();
      } finally {
        await other.remove();
      }
    });

    test("who reads coins that go meanwhile gets all of them", () =>
      withPlace(async (place) => {
        const { store, close } = await place.open();
        await store.commit(chainStep(0, 4));
        await store.commit({ coins: { at: 1, staged: await store.stageCoins(entriesOf(manyCoins(9_000))) } });
        const taken = await store.stageSnapshot(entriesOf(manyCoins(5)));
        await store.commit({ otherCoins: { at: 3, staged: taken }, snapshot: snapshotAt(3) });
        let seen = 0;
        await store.otherCoins.readCoins(async ({ all }) => {
          await store.commit({ snapshot: "validated" });
          assert.deepEqual(await store.otherCoins.coins([fromHex(nameOf(1))]), [undefined]);
          // A server refuses to empty what somebody reads; a file does so behind the reader's back.
          await store.dropSnapshot().catch(({ code }) => assert.equal(code, "DATABASE_BUSY"));
          await all(() => void seen++);
        });
        assert.equal(seen, 9_000);
        await close();
        const again = await place.open();
        assert.equal((await again.database.get("SELECT COUNT(*) AS n FROM bitcoin_coins_0"))?.n, 0);
        assert.equal((await allOf(again.store)).size, 5);
        await again.close();
      }));

    test("coins are forgotten to be made anew, alone or with everything", () =>
      withPlace(async (place) => {
        let opened = await place.open();
        await opened.store.commit(chainStep(0, 4));
        for (const option of ["reindexCoins", "reindex"]) {
          const coins = { at: 1, staged: await opened.store.stageCoins(entriesOf(manyCoins(9))) };
          await opened.store.commit({ coins });
          await opened.close();
          opened = await place.open({ [option]: true });
          assert.equal(await opened.store.coinsAt(), undefined, option);
          assert.equal((await allOf(opened.store)).size, 0);
          assert.deepEqual(await opened.store.coins([fromHex(nameOf(1))]), [undefined]);
          assert.equal((await opened.store.block(3)) === undefined, option === "reindex");
        }
        await opened.close();
      }));

    test("blocks in files and blocks in the database are not taken for one another", () =>
      withPlace(async (place) => {
        const files = await sqlPlace(driver);
        try {
          const { store, database, close } = await files.open();
          await store.commit(chainStep(0, 2));
          const refused = { code: "STORE_ELSEWHERE", fault: "self" };
          await assert.rejects(openSqlBitcoinStore(database, { network: regtest }), {
            ...refused,
            message: /in files beside/,
          });
          await close();
          const whole = await place.open();
          await whole.store.commit(chainStep(0, 2));
          const openCoins = () => Promise.reject(new Error("not asked"));
          await assert.rejects(openSqlBitcoinStore(whole.database, { network: regtest, openCoins }), TypeError);
          await whole.close();
          const mixed = await sqlPlace({ ...driver, open: () => driver.open(place.database) });
          await assert.rejects(mixed.open(), { ...refused, message: /in the database itself/ });
          await assert.rejects(mixed.open({ reindex: true }), refused);
          await mixed.remove();
          const again = await place.open();
          assert.ok(await again.store.block(1) !== undefined);
          await again.close();
        } finally {
          await files.remove();
        }
      }));
  });
}

describe("One PostgreSQL server", { skip: postgresSkip }, () => {
  test("that is lost in the middle of a commit leaves nothing of it, and the same step can be made afterwards", async () => {
    const server = await postgresServer();
    const inner = await openPostgres(server.url, { schema: "lost_in_a_commit" });
    let isDoomed = false;
    const database: Database = {
      dialect: "postgresql",
      run: (sql, parameters) => inner.run(sql, parameters),
      runMany: (sql, rows) => inner.runMany(sql, rows),
      all: (sql, parameters) => inner.all(sql, parameters),
      committed: (sql, parameters) => inner.committed(sql, parameters),
      get: (sql, parameters) => inner.get(sql, parameters),
      script: (sql) => inner.script(sql),
      snapshot: (work) => inner.snapshot(work),
      checkpoint: () => inner.checkpoint(),
      close: () => inner.close(),
      transaction: (work) =>
        inner.transaction(async (within) => {
          const result = await work(within);
          if (isDoomed) {
            server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gemel'");
          }
          return result;
        }),
    };
    try {
      const store = await openSqlBitcoinStore(database, { network: regtest, transactionIndex: true });
      await store.commit(chainStep(0, 2));
      const coins = { at: 3, staged: await store.stageCoins(entriesOf(manyCoins(20_000))), transactions: 8 };
      const step = { ...chainStep(2, 4), coins, undo: new Map([[3, coin(3)]]) };
      isDoomed = true;
      await assert.rejects(store.commit(step), { code: "DATABASE_AWAY", fault: "network" });
      isDoomed = false;
      assert.deepEqual([await store.tip(), await store.block(3), await store.coinsAt()], [1, undefined, undefined]);
      assert.deepEqual((await store.counts()).blocks, 2);
      assert.equal((await inner.get("SELECT COUNT(*) AS n FROM bitcoin_coins_0"))?.n, 0);
      assert.deepEqual(await store.commit(step), [3, 4], "no event has taken a number");
      assert.deepEqual([await store.tip(), (await store.counts()).blocks, await store.coinsAt()], [3, 4, 3]);
      assert.equal((await allOf(store)).size, 20_000);
      await store.close();
    } finally {
      await inner.close();
    }
  });

  test("answers for coins while a step is being committed, as they were before it", async () => {
    const { url } = await postgresServer();
    const database = await openPostgres(url, { schema: "asked_in_a_commit" });
    try {
      const store = await openSqlBitcoinStore(database, { network: regtest });
      await store.commit(chainStep(0, 3));
      const keys = manyCoins(1_200).map(([key]) => key);
      await store.commit({ coins: { at: 1, staged: await store.stageCoins(entriesOf(manyCoins(1_200))) } });
      const gone = await store.stageCoins(entriesOf(keys.map((key) => [key, undefined])));
      // A change that is under way, and the step behind it.
      const gate = Promise.withResolvers<void>();
      const change = database.transaction(() => gate.promise);
      const committing = store.commit({ coins: { at: 2, staged: gone } });
      assert.equal((await store.coins(keys)).includes(undefined), false);
      gate.resolve();
      await Promise.all([change, committing]);
      assert.deepEqual(new Set(await store.coins(keys)), new Set([undefined]));
      await store.close();
    } finally {
      await database.close();
    }
  });

  test("has a chain, its filters and its light client at once, each chain in a schema of its own", async () => {
    const { url } = await postgresServer();
    const opened: PostgresDatabase[] = [];
    const open = async (schema: string) => {
      const database = await openPostgres(url, { schema });
      opened.push(database);
      return database;
    };
    try {
      const chain = await open("chain_of_both");
      const store = await openSqlBitcoinStore(chain, { network: regtest });
      const light = new SqlLightStore(chain);
      const filters = await openSqlFilterStore(await open("filters_of_both"), { network: regtest });
      const hash = (byte: number) => new Uint8Array(32).fill(byte);
      const entry = { blockHash: hash(1), filterHash: hash(2), filterHeader: hash(3), filter: hash(4) };
      const script = Uint8Array.of(1);
      await Promise.all([
        store.commit(chainStep(0, 5)),
        filters.put([entry]),
        light.commit({ watch: [{ script, from: 0, scanned: 0 }] }),
      ]);
      assert.equal(Buffer.compare((await store.block(4))!, newBlockOf(4).raw), 0);
      assert.deepEqual(await filters.entry(hash(1)), entry);
      assert.equal((await light.watched()).length, 1);
      await assert.rejects(openSqlFilterStore(chain, { network: regtest }), { code: "DATABASE_FOREIGN" });
      await openSqlFilterStore(opened[1]!, { network: regtest, reindex: true });
      assert.equal((await store.counts()).blocks, 5, "the other schema is as it was");
      await store.close();
    } finally {
      for (const database of opened) await database.close();
    }
  });
});
