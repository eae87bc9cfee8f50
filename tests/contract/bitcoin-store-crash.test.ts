/**
 * The node dies: at every call that its store makes of the database or of a file, with and without the loss of what was
 * not synced. After a restart each step is there as a whole or not at all, and the rest can follow.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { HeaderStatus } from "../../lib/bitcoin/headers/header-chain.ts";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { fromHex, toHex } from "../../lib/codec/hex.ts";
import { sha256 } from "../../lib/codec/sha256.ts";
import type { Database } from "../../lib/core/ports.ts";
import { SqlEventLog } from "../../lib/storage/event-log.ts";
import { entriesOf } from "../../lib/storage/runs/entries.ts";
import { eventOf, headersOf, newBlockOf, staged, txidsOf } from "./bitcoin-store-blocks.ts";
import type { Where } from "./bitcoin-store-place.ts";
import { readAll } from "./bitcoin-store-suite.ts";
import { isLong } from "../support/effort.ts";
import { everyDriver } from "./every-database.ts";
import { type Fate, MemoryFolder } from "./memory-folder.ts";

/** Dies at the call after so many. */
class Doom implements Fate {
  #left: number;
  dead = false;

  constructor(calls: number) {
    this.#left = calls;
  }

  step(partly?: () => void): void {
    if (!this.dead && this.#left-- > 0) return;
    if (!this.dead) partly?.();
    this.dead = true;
    throw new Error("killed");
  }
}

/** A database whose every call may be the last: before it, and a commit also after it. */
function mortal(database: Database, fate: Fate): Database {
  const through = (inner: Database): Database => ({
    dialect: inner.dialect,
    run: async (sql, parameters) => (fate.step(), await inner.run(sql, parameters)),
    runMany: async (sql, rows) => (fate.step(), await inner.runMany(sql, rows)),
    all: async (sql, parameters) => (fate.step(), await inner.all(sql, parameters)),
    committed: async (sql, parameters) => (fate.step(), await inner.committed(sql, parameters)),
    get: async (sql, parameters) => (fate.step(), await inner.get(sql, parameters)),
    script: async (sql) => (fate.step(), await inner.script(sql)),
    transaction: async (work) => {
      fate.step();
      const result = await inner.transaction(async (within) => {
        const result = await work(through(within));
        fate.step();
        return result;
      });
      fate.step();
      return result;
    },
    snapshot: async (work) => (fate.step(), await inner.snapshot((within) => work(through(within)))),
    checkpoint: async () => (fate.step(), await inner.checkpoint()),
    close: () => inner.close(),
  });
  return through(database);
}

const SCRIPT_BYTES = 200;
const block = (row: number) => newBlockOf(row, 2, SCRIPT_BYTES);
const blocks = (...rows: number[]) => rows.map(block);
const have = (...rows: number[]) => new Map(rows.map((row) => [row, HeaderStatus.data | HeaderStatus.structure]));
const joined = (...rows: number[]) => rows.map((row) => ({ row, txids: [] }));

/**
 * The coins after a block: one that it makes, and the one of the block before it gone. The first has so many others that
 * its file is merged with those of the two that follow, and not with the first of them.
 */
const coins = async (store: SqlBitcoinStore, at: number) => {
  const others = Array.from({ length: at === 3 ? 100 : 0 }, (_, i) => [keyOf(1_000 + i), new Uint8Array(60)] as const);
  const changed = new Map([...others, [keyOf(at), Uint8Array.of(at)], [keyOf(at - 1), undefined]]);
  const step = { coins: { at, staged: await staged(store, changed) }, undo: new Map([[at, Uint8Array.of(at)]]) };
  return step;
};
const keyOf = (row: number) => row.toString(16).padStart(66, "0");

/** A short life: headers, blocks over several files, a reorganisation, pruning, and blocks again. */
const LIFE: readonly ((store: SqlBitcoinStore) => Promise<unknown>)[] = [
  (store) =>
    store.commit({
      headers: { firstRow: 0, bytes: headersOf(0, 510) },
      statuses: have(0),
      blocks: blocks(0),
      tip: 0,
    }),
  async (store) =>
    await store.commit({
      headers: { firstRow: 510, bytes: headersOf(510, 530) },
      statuses: have(1, 2, 3),
      blocks: blocks(1, 2, 3),
      tip: 3,
      ...await coins(store, 3),
      transactions: { joined: joined(1, 2, 3), left: [] },
      events: [eventOf(1), eventOf(2), eventOf(3)],
    }),
  (store) =>
    store.commit({
      statuses: have(4, 5, 6, 7, 520),
      blocks: blocks(5, 4, 7, 6, 520),
      tip: 7,
      transactions: { joined: joined(4, 5, 6, 7), left: [] },
      events: [eventOf(7)],
    }),
  async (store) =>
    await store.commit({
      statuses: have(8),
      blocks: blocks(8),
      tip: 8,
      ...await coins(store, 8),
      transactions: { joined: joined(8), left: joined(7) },
      events: [eventOf(8)],
    }),
  (store) => store.prune(3_000, 7),
  async (store) =>
    await store.commit({
      statuses: have(9),
      blocks: blocks(9),
      tip: 9,
      ...await coins(store, 9),
      events: [eventOf(9)],
    }),
];
const PRUNES_AT = 4;
/** The same, and a snapshot that is taken and validated: with coins in tables, the calls of that are the database's too. */
const LIFE_IN_DATABASE: typeof LIFE = [
  ...LIFE,
  async (store) => {
    const laid = await store.stageSnapshot(entriesOf([[fromHex(keyOf(3)), Uint8Array.of(33)]]));
    const snapshot = { base: 9, hash: new Uint8Array(32).fill(5) };
    await store.commit({ otherCoins: { at: 9, staged: laid }, snapshot });
  },
  async (store) => {
    await store.commit({ snapshot: "validated" });
    // What nobody needs any more is removed in the background.
    await store.dropSnapshot();
  },
];
/** What is read of each state of the coins: those that change, and one that does not. */
const COINS = [2, 3, 7, 8, 9, 1_099].map((row) => fromHex(keyOf(row)));
const PARTS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/** Everything that can be asked of a store. */
async function stateOf(store: SqlBitcoinStore, events: SqlEventLog, where: Where): Promise<unknown> {
  const { otherCoins } = store;
  const others = where === "files" ? undefined : {
    snapshot: await store.snapshot(),
    at: await otherCoins.coinsAt(),
    coins: await otherCoins.coins(COINS),
  };
  const { headers, statuses } = await readAll(store);
  const rows = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 520];
  const raw = [];
  const places = [];
  for (const row of rows) {
    const bytes = await store.block(row);
    raw.push(bytes && toHex(sha256(bytes)));
    places.push(await store.transaction(txidsOf(block(row))[1]!));
  }
  return {
    headers: toHex(sha256(headers)),
    statuses: toHex(Uint8Array.from(statuses)),
    counts: await store.counts(),
    tip: await store.tip(),
    coinsAt: await store.coinsAt(),
    coins: await store.coins(COINS),
    others,
    undo: await store.coinUndo(3),
    raw,
    places,
    bounds: await events.bounds(),
  };
}

/** Files of blocks and files of coins, told apart by their names; or none. */
async function openStore(where: Where, database: Database, folder: MemoryFolder, fate?: Fate) {
  const files = new BlockFiles(folder.view(fate), { magic: regtest.magic, fileBytesMax: 1_300 });
  const through = fate === undefined ? database : mortal(database, fate);
  if (where === "database") return await openSqlBitcoinStore(through, { network: regtest, transactionIndex: true });
  const openCoins = () => Promise.resolve(folder.view(fate));
  return await openSqlBitcoinStore(through, { network: regtest, blocks: files, openCoins, transactionIndex: true });
}

const places = everyDriver.flatMap((driver) =>
  (["files", "database"] as const).map((where): [typeof driver, Where] => [driver, where])
);

for (const [driver, where] of places) {
  const life = where === "files" ? LIFE : LIFE_IN_DATABASE;
  // A server takes longer over each life; of its places to die at a sample is tried, all of them in the long run.
  const isSampled = driver.dialect === "postgresql" && !isLong;
  const stride = PARTS.length * (!isSampled ? 1 : where === "files" ? 8 : 2);
  const parts = isSampled ? PARTS.slice(0, 1) : PARTS;
  const withFolder = async (work: (path: string) => Promise<void>) => {
    const path = await mkdtemp(join(tmpdir(), "gemel-crash-"));
    try {
      await work(path);
    } finally {
      await rm(path, { recursive: true, force: true });
    }
  };
  /** The states between the steps of an undisturbed life. `after` is called after each step. */
  const undisturbed = async (
    path: string,
    folder: MemoryFolder,
    after?: (database: Database, step: number) => unknown,
  ) => {
    const database = await driver.open(join(path, "undisturbed.sqlite"));
    const store = await openStore(where, database, folder);
    const events = new SqlEventLog(database);
    const states = [await stateOf(store, events, where)];
    for (const [i, step] of life.entries()) {
      await step(store);
      states.push(await stateOf(store, events, where));
      await after?.(database, i + 1);
    }
    await database.close();
    return states;
  };

  describe(`A crash of the Bitcoin store on ${driver.name}, blocks and coins in ${where === "files" ? "files" : "the database"}`, () => {
    // In parts, so that none takes as long as a runner lets a test take.
    // What is in the database does not ask whether files lose something.
    const powers = where === "files" ? ["stays", "is lost"] : ["stays"];
    for (const [power, part] of powers.flatMap((power) => parts.map((part) => [power, part] as const))) {
      test(`leaves every step whole or not at all when power ${power} (${part + 1} of ${PARTS.length})`, {
        timeout: 60_000,
      }, () =>
        withFolder(async (path) => {
          const states = await undisturbed(path, new MemoryFolder());
          const last = states.length - 1;
          assert.ok(states.every((state, i) => i === 0 || !isSame(state, states[i - 1])), "every step does something");
          let finished = false;
          let deaths = 0;
          for (let calls = part; !finished; calls += stride) {
            const name = join(path, `${calls}.sqlite`);
            const folder = new MemoryFolder();
            const doom = new Doom(calls);
            let database = await driver.open(name);
            let done = 0;
            try {
              const store = await openStore(where, database, folder, doom);
              for (const step of life) {
                await step(store);
                done += 1;
              }
              await store.coinsAtRest();
              await store.close();
              finished = !doom.dead;
            } catch (thrown) {
              assert.ok(doom.dead, String(thrown));
              deaths += 1;
            }
            await database.close();
            if (power === "is lost") folder.losePower();

            database = await driver.open(name);
            const store = await openStore(where, database, folder);
            const events = new SqlEventLog(database);
            const found = await stateOf(store, events, where);
            const at = [done, done + 1].find((i) => i <= last && isSame(found, states[i]));
            assert.ok(at !== undefined, `killed at call ${calls} in step ${done}: a step is there in part`);
            for (const step of life.slice(at)) await step(store);
            // A life that was cut short before its first commit has a file that nobody knows, kept for a reindex.
            if (store.reindexing) await store.finishReindex();
            assert.deepEqual(await stateOf(store, events, where), states[last], `killed at call ${calls}`);
            if (where === "database") {
              const sizes = await database.get(
                "SELECT COUNT(*) AS blocks, SUM(size) AS bytes FROM bitcoin_block_bytes",
              );
              const { blocks, blockBytes } = await store.counts();
              assert.deepEqual(sizes, { blocks, bytes: blockBytes }, `killed at call ${calls}: rows nobody knows`);
              const spare = await database.get("SELECT COUNT(*) AS n FROM bitcoin_coins_0");
              assert.equal(spare?.n, 0, `killed at call ${calls}: coins nobody needs`);
              assert.equal(folder.files.size, 0, "there are no files");
              await store.close();
              await database.close();
              await rm(name, { force: true });
              continue;
            }
            const blockFiles = [...folder.files].filter(([name]) => name.startsWith("blk"));
            const size = blockFiles.reduce((sum, [, { bytes }]) => sum + bytes.length, 0);
            assert.equal(size, (await store.counts()).blockBytes, `killed at call ${calls}: bytes nobody knows`);
            await store.coinsAtRest();
            const runs = await database.all("SELECT bytes FROM bitcoin_coin_runs");
            assert.equal(runs.length, 1, "the files of coins were merged");
            const runFiles = [...folder.files].filter(([name]) => name.startsWith("run"));
            const left = runFiles.map(([, { bytes }]) => bytes.length);
            assert.deepEqual(left, runs.map(({ bytes }) => bytes), `killed at call ${calls}: files nobody knows`);
            await store.close();
            await database.close();
            await rm(name, { force: true });
          }
          assert.ok(deaths > 100 / stride, `only ${deaths} places to die at`);
        }));
    }

    // A server loses no commit that it has acknowledged.
    if (driver.dialect !== "sqlite" || where !== "files") return;
    test(
      "with a database that lost its last commits leaves those before them",
      () =>
        withFolder(async (path) => {
          const folder = new MemoryFolder();
          const kept = new Map<number, MemoryFolder>();
          const states = await undisturbed(path, folder, async (database, step) => {
            await database.script(`VACUUM INTO '${join(path, `${step}.sqlite`)}'`);
            if (step !== PRUNES_AT) return;
            // Block files are newer than any database of before.
            for (let i = 1; i <= PRUNES_AT; i++) kept.set(i, folder.copy());
          });
          assert.equal(kept.size, PRUNES_AT);
          for (const [step, files] of kept) {
            const database = await driver.open(join(path, `${step}.sqlite`));
            const store = await openStore(where, database, files);
            const events = new SqlEventLog(database);
            assert.deepEqual(await stateOf(store, events, where), states[step]);
            for (const next of LIFE.slice(step)) await next(store);
            assert.deepEqual(await stateOf(store, events, where), states.at(-1));
            await database.close();
          }
        }),
    );
  });
}

function isSame(a: unknown, b: unknown): boolean {
  try {
    assert.deepEqual(a, b);
    return true;
  } catch {
    return false;
  }
}
