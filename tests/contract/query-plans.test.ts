/**
 * No statement of a store may cost more because the chain is longer. Every statement that our own code has is recorded
 * while the stores are used, and SQLite is asked how it would run each: one that goes through a whole table, or a whole
 * index, has to be in the list below with its reason.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { openSqlFilterStore } from "../../lib/bitcoin/indexes/sql-filter-store.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { openFollowedStore } from "../../lib/bitcoin/store/followed.ts";
import { SqlLightStore } from "../../lib/bitcoin/light/mod.ts";
import { openSqlChiaStore } from "../../lib/chia/store/sql.ts";
import type { Database, SqlValue } from "../../lib/core/ports.ts";
import { SimClock } from "../../lib/sim/clock.ts";
import { SeededRandom } from "../../lib/sim/random.ts";
import { EventGroups } from "../../lib/storage/event-groups.ts";
import { encodeEventData, SqlEventLog } from "../../lib/storage/event-log.ts";
import { migrate } from "../../lib/storage/migrate.ts";
import { NODE_LOG_MIGRATIONS, SqlNodeLog } from "../../lib/storage/node-log.ts";
import { headersOf, newBlockOf, staged, txidsOf } from "./bitcoin-store-blocks.ts";
import { sqlPlace } from "./bitcoin-store-place.ts";
import { chainStep, readAll } from "./bitcoin-store-suite.ts";
import { databaseDrivers } from "./databases.ts";
import { blockOf, branchOf, eventOf, hashOf, summaryOf } from "./store-blocks.ts";

/** Statements that may go through a table, by how they begin. */
const MAY_SCAN: Readonly<Record<string, string>> = {
  "SELECT height, header_hash, summary FROM chia_summaries": "all summaries are asked for",
  "SELECT record FROM chia_blocks WHERE main = 1 ORDER BY height DESC LIMIT 1": "ends after one row",
  "SELECT name, value FROM gemel_meta": "five rows",
  "SELECT name, value FROM bitcoin_state": "a dozen rows",
  "SELECT name AS found FROM sqlite_master": "at start: the tables that there are",
  "SELECT header, hash FROM bitcoin_snapshot": "one row",
  "SELECT page, LENGTH(bytes) AS length FROM bitcoin_headers ORDER BY page DESC LIMIT 1": "ends after one row",
  "SELECT run, age, bytes, entries FROM bitcoin_coin_runs": "at start: at most a few dozen files of coins",
  "SELECT MIN(header) AS lowest FROM bitcoin_block_bytes": "the end of an index",
  "UPDATE bitcoin_block_bytes SET header = ? - header": "a reindex sets all blocks aside",
  "SELECT SUM(LENGTH(outpoint) + LENGTH(coin)) AS bytes": "SQLite has its coins in files; a server knows the size",
  "SELECT outpoint FROM bitcoin_coins_0 LIMIT 1": "ends after one row",
  "SELECT file, bytes FROM bitcoin_block_files": "at start: the end of every file is compared with the disk",
  "DELETE FROM bitcoin_": "a reindex, or the end of the transaction index, empties whole tables",
  "SELECT script, birth, scanned FROM bitcoin_watched": "at start: all scripts that are watched",
  "SELECT id, time FROM events ORDER BY id LIMIT ?": "ends after so many rows",
  "SELECT g.name, g.topics, g.position": "all groups are asked for, 256 at most",
  "INSERT INTO event_groups": "counts the groups, 256 at most",
  "UPDATE bitcoin_watched SET scanned": "scripts that are watched, all of which change",
};
/** Statements that must not pass for one of the above because of how they begin. */
const MAY_NOT_SCAN = /^(DELETE FROM bitcoin_\w+|SELECT file, bytes FROM bitcoin_block_files) WHERE/;

/** PostgreSQL's catalogue, which SQLite has not. */
const ONLY_ON_SERVERS = /^SELECT to_regclass/;

/** Where our SQL is. */
const SOURCES = [
  "bitcoin/indexes/sql-filter-store.ts",
  "bitcoin/light/store/sql.ts",
  "bitcoin/store/block-index.ts",
  "bitcoin/store/coin-runs.ts",
  "bitcoin/store/coin-undo.ts",
  "bitcoin/store/header-pages.ts",
  "bitcoin/store/sql.ts",
  "bitcoin/store/state.ts",
  "bitcoin/store/table-blocks.ts",
  "bitcoin/store/table-coins.ts",
  "bitcoin/store/transaction-index.ts",
  "chia/store/sql.ts",
  "storage/event-groups.ts",
  "storage/event-log.ts",
  "storage/migrate.ts",
  "storage/node-log.ts",
  "storage/peer-table.ts",
];

type Recorded = Map<string, readonly SqlValue[]>;

/** A database that writes down what is asked of it. */
function recording(database: Database, recorded: Recorded): Database {
  const note = (sql: string, parameters: readonly SqlValue[] = []) => {
    if (!recorded.has(sql)) recorded.set(sql, parameters);
  };
  return {
    dialect: database.dialect,
    run: (sql, parameters) => (note(sql, parameters), database.run(sql, parameters)),
    runMany: (sql, rows) => (rows[0] && note(sql, rows[0]), database.runMany(sql, rows)),
    all: (sql, parameters) => (note(sql, parameters), database.all(sql, parameters)),
    committed: (sql, parameters) => (note(sql, parameters), database.committed(sql, parameters)),
    get: (sql, parameters) => (note(sql, parameters), database.get(sql, parameters)),
    script: (sql) => database.script(sql),
    transaction: (work) => database.transaction((within) => work(recording(within, recorded))),
    snapshot: (work) => database.snapshot((within) => work(recording(within, recorded))),
    checkpoint: () => database.checkpoint(),
    close: () => database.close(),
  };
}

/** The statements that go through a whole table without leave. */
async function scansOf(database: Database, recorded: Recorded): Promise<string[]> {
  const scans: string[] = [];
  // A copy: the database that is asked may be the one that writes down.
  for (const [sql, parameters] of [...recorded]) {
    const may = !MAY_NOT_SCAN.test(sql) && Object.keys(MAY_SCAN).some((start) => sql.startsWith(start));
    if (may) continue;
    const plan = await database.all(`EXPLAIN QUERY PLAN ${sql}`, parameters);
    for (const { detail } of plan) if (/^SCAN (?!CONSTANT ROW)/.test(String(detail))) scans.push(`${sql}: ${detail}`);
  }
  return scans;
}

async function useEvents(log: SqlEventLog): Promise<void> {
  await log.append([eventOf("chia.peak", 1), eventOf("chia.peak", 2)]);
  await log.read(0, 10);
  await log.bounds();
  await log.eldest(10);
  await log.trim(1);
}

async function useGroups(database: Database, log: SqlNodeLog): Promise<void> {
  const clock = new SimClock({ turn: () => Promise.resolve() });
  const groups = new EventGroups({ database, log, clock, random: new SeededRandom(1) });
  await groups.make("a", [], 0);
  const claim = await groups.next("a", 1, 0);
  const again = await groups.next("a", 1, 1_000);
  assert.ok(claim !== undefined && again?.attempt === 2);
  await groups.extend("a", again.claim, 2_000);
  await groups.acknowledge("a", again.claim);
  await groups.list();
  await groups.remove("a");
}

for (const driver of databaseDrivers) {
  /** What was recorded of each store on this driver; filled by its test. */
  const seen: Recorded = new Map();

  describe(`statements on ${driver.name}`, () => {
    test("the Chia store goes through no table", async () => {
      const recorded: Recorded = new Map();
      const database = await driver.open(":memory:");
      try {
        const store = await openSqlChiaStore(recording(database, recorded), {
          network: "simulator0",
          genesisChallenge: new Uint8Array(32),
        });
        const main = [...branchOf(1, 0, 3), blockOf(1, 3, { subEpochSummaryIncluded: summaryOf(3) })];
        const hashes = main.map(({ record }) => record.headerHash);
        await store.commit({ blocks: main, main: { fromHeight: 0, hashes }, events: [eventOf("chia.peak", 3)] });
        await store.commit({ blocks: [], main: { fromHeight: 1, hashes: hashes.slice(1, 3) }, events: [] });
        const unknown = { fromHeight: 1, hashes: [hashOf(9, 1)] };
        await assert.rejects(store.commit({ blocks: [], main: unknown, events: [] }), { code: "STORE_UNKNOWN_BLOCK" });
        await store.peak();
        await store.record(hashOf(1, 1));
        await store.hashAt(1);
        await store.mainRecords(0, 2);
        await store.block(hashOf(1, 1));
        await store.mainBlocks(0, 2);
        await store.blocksAt(0, 2, 5);
        await store.isMain(hashOf(1, 1));
        await store.summaries();
        await store.counts();
        await store.validation();
        await store.firstBelow("full");
        await store.sideRecords(0, 5);
        await store.commits();
        await store.commit({
          blocks: [],
          main: { fromHeight: 2, hashes: [] },
          raised: { hashes: [hashOf(1, 1)], validation: "full" },
          removed: [hashOf(1, 3)],
          events: [],
        });
        await useEvents(new SqlEventLog(recording(database, recorded)));
        assert.deepEqual(await scansOf(database, recorded), []);
        for (const [sql, parameters] of recorded) seen.set(sql, parameters);
      } finally {
        await database.close();
      }
    });

    test("the Bitcoin store goes through no table", async () => {
      const recorded: Recorded = new Map();
      const place = await sqlPlace({ ...driver, open: async (path) => recording(await driver.open(path), recorded) });
      try {
        const { store, close } = await place.open({ transactionIndex: true });
        for (let from = 0; from < 12; from += 4) await store.commit(chainStep(from, from + 4));
        const coin = new Map([["ab".repeat(33), Uint8Array.of(1)]]);
        const undo = new Map([[3, Uint8Array.of(2)]]);
        for (const at of [3, 2]) await store.commit({ coins: { at, staged: await staged(store, coin) }, undo });
        await store.coinsAtRest();
        await store.coinUndo(3);
        const left = [{ row: 11, txids: [] }];
        await store.commit({ tip: 10, transactions: { joined: [], left }, statuses: new Map([[11, 0]]) });
        await readAll(store);
        await store.tip();
        await store.block(1);
        await store.transaction(txidsOf(newBlockOf(1))[0]!);
        for await (const found of store.blockBytes.scan("block")) await found.isNamed();
        await store.prune(1, 6);
        await store.counts();
        await close();
        const { store: again, database, close: end } = await place.open({ reindex: true });
        await again.finishReindex();
        await useLight(database);
        assert.deepEqual(await scansOf(database, recorded), []);
        for (const [sql, parameters] of recorded) seen.set(sql, parameters);
        await end();
      } finally {
        await place.remove();
      }
    });

    test("the Bitcoin store with everything in the database goes through no table", async () => {
      const recorded: Recorded = new Map();
      const within = { ...driver, open: async (path: string) => recording(await driver.open(path), recorded) };
      const place = await sqlPlace(within, {}, "database");
      try {
        const { store, database: inside, close } = await place.open();
        for (let from = 0; from < 12; from += 4) await store.commit(chainStep(from, from + 4));
        const changed = new Map([["ab".repeat(33), Uint8Array.of(1)], ["cd".repeat(33), undefined]]);
        await store.commit({ coins: { at: 3, staged: await staged(store, changed) } });
        await store.coins([new Uint8Array(33)]);
        await store.coinBytes();
        await store.allCoins(() => undefined);
        await store.block(1);
        await store.blockSize(1);
        await store.prune(1, 6);
        const followed = await openFollowedStore(inside, { network: regtest });
        assert.ok(typeof followed === "object");
        await store.commit(chainStep(12, 14));
        await followed.commits();
        assert.equal((await followed.news()).tip, 13);
        await close();
        const { store: again, database, close: end } = await place.open({ reindex: true });
        for await (const found of again.blockBytes.scan("header")) await found.isNamed();
        for await (const found of again.blockBytes.scan("block")) {
          found.adopt();
          await again.commit({
            headers: { firstRow: 0, bytes: headersOf(0, 1) },
            blocks: [{ ...newBlockOf(0), raw: found.bytes }],
          });
          break;
        }
        await again.finishReindex();
        assert.deepEqual(await scansOf(database, recorded), []);
        for (const [sql, parameters] of recorded) seen.set(sql, parameters);
        await end();
      } finally {
        await place.remove();
      }
    });

    test("the store of block filters goes through no table, but to forget all", async () => {
      const recorded: Recorded = new Map();
      const database = await driver.open(":memory:");
      try {
        const within = recording(database, recorded);
        const store = await openSqlFilterStore(within, { network: regtest });
        const hash = new Uint8Array(32);
        await store.put([{ blockHash: hash, filterHash: hash, filterHeader: hash, filter: hash }]);
        await store.entry(hash);
        await store.heads([hash, hash]);
        await openSqlFilterStore(within, { network: regtest, reindex: true });
        assert.deepEqual(await scansOf(database, recorded), []);
        for (const [sql, parameters] of recorded) seen.set(sql, parameters);
      } finally {
        await database.close();
      }
    });

    test("the node's log goes through no table", async () => {
      const recorded: Recorded = new Map();
      const database = await driver.open(":memory:");
      try {
        const within = recording(database, recorded);
        await migrate(within, NODE_LOG_MIGRATIONS, { chain: "node", network: "", genesis: "" });
        const log = new SqlNodeLog(within, () => {});
        await useEvents(log);
        const event = eventOf("chia.peak", 3);
        await log.take("chia", 0, 1, [{ ...event, id: 1, data: encodeEventData(event.data) }]);
        await log.position("chia");
        await useGroups(within, log);
        // One that others write to, which looks for the last id each time.
        await useEvents(new SqlNodeLog(within, () => {}, true));
        assert.deepEqual(await scansOf(database, recorded), []);
        for (const [sql, parameters] of recorded) seen.set(sql, parameters);
      } finally {
        await database.close();
      }
    });

    test("the tests above see every statement that the stores' sources have", async () => {
      const unseen: string[] = [];
      for (const file of SOURCES) {
        const text = await readFile(new URL(`../../lib/${file}`, import.meta.url), "utf8");
        for (const [, start] of text.matchAll(/["`]((?:SELECT|INSERT|UPDATE|DELETE) [^"`]*?)(?:["`]|\$\{)/g)) {
          if (ONLY_ON_SERVERS.test(start!)) continue;
          if (![...seen.keys()].some((sql) => sql.startsWith(start!))) unseen.push(`${file}: ${start}`);
        }
      }
      assert.deepEqual(unseen, []);
      assert.ok(seen.size > 60, `${seen.size} statements`);
    });
  });
}

async function useLight(database: Database): Promise<void> {
  const light = new SqlLightStore(database);
  const script = Uint8Array.of(1);
  const bytes = new Uint8Array(32);
  const match = { height: 1, hash: bytes, txid: bytes, script, value: 1n, vout: 0, spend: undefined } as const;
  await light.commit({
    undone: { above: 0 },
    rewind: 0,
    filterHeaders: { startHeight: 0, bytes, tipHash: bytes },
    unwatch: [Uint8Array.of(2)],
    watch: [{ script, from: 0, scanned: 0 }],
    matches: [{ ...match, direction: "in" }],
    scanned: 1,
  });
  for await (const _ of light.filterHeaders());
  await light.tipHash();
  await light.watched();
  await light.matches(0, 1);
  await light.matchesIn(bytes);
  await light.payments([bytes]);
}
