/**
 * What does a database on a server cost beside a file: for rows that are written one at a time or all at once, for a
 * commit, and for the commits of the stores?
 *
 * The server is Debian's, on the same machine, by a Unix socket, and flushes to disk what it commits; SQLite does so with
 * `full`, and leaves it to the next checkpoint with `normal`, as the node has it.
 *
 * Run: `bun bench/postgres.ts`, `bun bench/postgres.ts "2 MB"` for those that are named so, `deno run -A bench/postgres.ts`. Files go below `$TMPDIR`.
 */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabase, openFileFolder, runtime, sha256 } from "#platform";
import { regtest } from "../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore } from "../lib/bitcoin/store/sql.ts";
import type { BitcoinStep } from "../lib/bitcoin/store.ts";
import { openSqlChiaStore } from "../lib/chia/store/sql.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import type { Database, SqlValue } from "../lib/core/ports.ts";
import { entriesOf, type SortedEntries } from "../lib/storage/runs/entries.ts";
import { openPostgres, type PostgresDatabase } from "../lib/platform/node/postgres.ts";
import { newBlockOf } from "../tests/contract/bitcoin-store-blocks.ts";
import { chainStep } from "../tests/contract/bitcoin-store-suite.ts";
import { branchOf } from "../tests/contract/store-blocks.ts";
import { postgresMissing, PostgresServer } from "../tests/support/postgres-server.ts";

const ROUNDS = 5;
const ROWS = 10_000;
const COMMITS = 200;
const print = (line: string) => process.stdout.write(`${line}\n`);

/** A work on a new database: how many things it does. */
interface Work {
  readonly name: string;
  readonly unit: string;
  readonly count: number;
  run(database: Database, folder: string): Promise<() => Promise<unknown>>;
}

const BLOCKS = 40;
const COINS = 200_000;

/** A Bitcoin store as it is kept there: with files beside a file, and with everything on a server. */
async function bitcoinStore(database: Database, folder: string): Promise<SqlBitcoinStore> {
  if (database.dialect === "postgresql") return await openSqlBitcoinStore(database, { network: regtest });
  const blocks = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
  const openCoins = (place: number) => openFileFolder(join(folder, `coins-${place}`));
  return await openSqlBitcoinStore(database, { network: regtest, blocks, openCoins });
}

/** A Bitcoin store with 200,000 coins. */
async function storeWithCoins(database: Database, folder: string): Promise<SqlBitcoinStore> {
  const store = await bitcoinStore(database, folder);
  await store.commit(chainStep(0, 3));
  await store.commit({ coins: { at: 1, staged: await store.stageCoins(coinChanges(0)) } });
  return store;
}

/** Blocks of 2 MB that do not become smaller by compression, and a step for each. */
function largeSteps(): BitcoinStep[] {
  return Array.from({ length: BLOCKS }, (_, row) => {
    const raw = new Uint8Array(2_000_000);
    for (let at = 0; at < raw.length; at += 65_536) crypto.getRandomValues(raw.subarray(at, at + 65_536));
    const { headers, statuses } = chainStep(row, row + 1);
    return { headers: headers!, statuses: statuses!, blocks: [{ ...newBlockOf(row, 1, 100), raw }], tip: row };
  });
}

/** Coins with keys all over the set, in order; `round` tells which of them are made, changed or gone. */
function coinChanges(round: number): SortedEntries {
  const list = Array.from({ length: COINS }, (_, i): [Uint8Array, Uint8Array | undefined] => {
    const key = new Uint8Array(36);
    new DataView(key.buffer).setUint32(0, i * 21_001 + (round > 0 && i % 2 === 1 ? 7 : 0));
    return [key, round > 0 && i % 2 === 0 ? undefined : new Uint8Array(30).fill(i + round)];
  });
  return entriesOf(list);
}

const rows = (count: number): SqlValue[][] =>
  Array.from({ length: count }, (_, i) => [i, new Uint8Array(32).fill(i), 7 * i]);
const TABLE = "CREATE TABLE t (a INTEGER PRIMARY KEY, b BYTEA, c BIGINT)";
const INSERT = "INSERT INTO t (a, b, c) VALUES (?, ?, ?)";

const works: Work[] = [
  {
    name: "rows put in, a statement each",
    unit: "rows/s",
    count: ROWS,
    run: async (database) => {
      await database.script(TABLE);
      return () =>
        database.transaction(async (within) => {
          for (const row of rows(ROWS)) await within.run(INSERT, row);
        });
    },
  },
  {
    name: "rows put in by runMany()",
    unit: "rows/s",
    count: ROWS,
    run: async (database) => {
      await database.script(TABLE);
      return () => database.runMany(INSERT, rows(ROWS));
    },
  },
  {
    name: "rows changed by runMany()",
    unit: "rows/s",
    count: ROWS,
    run: async (database) => {
      await database.script(TABLE);
      await database.runMany(INSERT, rows(ROWS));
      return () => database.runMany("UPDATE t SET c = ? WHERE a = ?", rows(ROWS).map(([a]) => [5, a!]));
    },
  },
  {
    name: "commits of one row",
    unit: "commits/s",
    count: COMMITS,
    run: async (database) => {
      await database.script(TABLE);
      return async () => {
        for (const row of rows(COMMITS)) await database.run(INSERT, row);
      };
    },
  },
  {
    name: "questions for one row",
    unit: "questions/s",
    count: 2_000,
    run: async (database) => {
      await database.script(TABLE);
      await database.runMany(INSERT, rows(2_000));
      return async () => {
        for (let i = 0; i < 2_000; i++) await database.get("SELECT b FROM t WHERE a = ?", [i]);
      };
    },
  },
  {
    name: "Chia: blocks of 100 bytes, 32 a commit",
    unit: "blocks/s",
    count: 1_024,
    run: async (database) => {
      const store = await openSqlChiaStore(database, { network: "simulator0", genesisChallenge: new Uint8Array(32) });
      const blocks = branchOf(1, 0, 1_024);
      return async () => {
        for (let from = 0; from < blocks.length; from += 32) {
          const part = blocks.slice(from, from + 32);
          const main = { fromHeight: from, hashes: part.map(({ record }) => record.headerHash) };
          await store.commit({ blocks: part, main, events: [] });
        }
      };
    },
  },
  {
    name: "Bitcoin: blocks of 140 kB, one a commit, indexed, bytes in files",
    unit: "blocks/s",
    count: 100,
    run: async (database, folder) => {
      const blocks = new BlockFiles(await openFileFolder(join(folder, "blocks")), { magic: regtest.magic });
      const store = await openSqlBitcoinStore(database, { network: regtest, blocks, transactionIndex: true });
      const steps = Array.from({ length: 100 }, (_, i) => chainStep(i, i + 1));
      return async () => {
        for (const step of steps) await store.commit(step);
        await store.close();
      };
    },
  },
];

works.push(
  {
    name: "Bitcoin: blocks of 2 MB, one a commit; beside SQLite in files, on PostgreSQL in the database",
    unit: "blocks/s",
    count: BLOCKS,
    run: async (database, folder) => {
      const store = await bitcoinStore(database, folder);
      const steps = largeSteps();
      return async () => {
        for (const step of steps) await store.commit(step);
        await store.close();
      };
    },
  },
  {
    name: "Bitcoin: blocks of 2 MB that are read, and checked",
    unit: "blocks/s",
    count: BLOCKS,
    run: async (database, folder) => {
      const store = await bitcoinStore(database, folder);
      for (const step of largeSteps()) await store.commit(step);
      return async () => {
        for (let row = 0; row < BLOCKS; row++) await store.block(row, true);
        await store.close();
      };
    },
  },
  {
    name: "Bitcoin: a flush of 200,000 coins, half of them made and half of them spent, into a set of as many",
    unit: "coins/s",
    count: COINS,
    run: async (database, folder) => {
      const store = await storeWithCoins(database, folder);
      const changes = coinChanges(1);
      return async () => {
        await store.commit({ coins: { at: 2, staged: await store.stageCoins(changes) } });
        await store.coinsAtRest();
        await store.close();
      };
    },
  },
  {
    name: "Bitcoin: coins of a block that are looked up, 5,500 at once, of 200,000",
    unit: "coins/s",
    count: 55_000,
    run: async (database, folder) => {
      const store = await storeWithCoins(database, folder);
      const keys = Array.from({ length: 55_000 }, (_, i) => {
        const key = new Uint8Array(36);
        new DataView(key.buffer).setUint32(0, ((i * 7_919) % COINS) * 21_001);
        return key;
      });
      return async () => {
        for (let at = 0; at < keys.length; at += 5_500) {
          const found = await store.coins(keys.slice(at, at + 5_500));
          if (found.includes(undefined)) throw new Error("a coin is not there");
        }
        await store.close();
      };
    },
  },
  {
    name: "Bitcoin: all coins of 200,000 that are read in order",
    unit: "coins/s",
    count: COINS,
    run: async (database, folder) => {
      const store = await storeWithCoins(database, folder);
      return async () => {
        let seen = 0;
        await store.allCoins(() => void seen++);
        if (seen !== COINS) throw new Error(`${seen} coins`);
        await store.close();
      };
    },
  },
);

useSha256(sha256);
const missing = postgresMissing();
if (missing !== undefined) process.exit(0);
const server = await PostgresServer.start({ fsync: true });
let schemas = 0;
const kinds: [name: string, open: (folder: string) => Promise<Database>][] = [
  ["SQLite normal", (folder) => openDatabase(join(folder, "x.sqlite"))],
  ["SQLite full", (folder) => openDatabase(join(folder, "x.sqlite"), { synchronous: "full" })],
  ["PostgreSQL", () => openPostgres(server.url, { schema: `bench_${++schemas}` })],
];
const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
print(`${cpus()[0]?.model.trim()} × ${cpus().length}, ${platform()} ${arch()}; ${runtime}; commit ${commit}`);
print(server.sql("SELECT version()").split(" on ")[0]!);
print(`median of ${ROUNDS} (least to most)\n`);
// `bun bench/postgres.ts Bitcoin`: those whose names have that in them.
const wanted = process.argv[2] ?? "";
for (const { name, unit, count, run } of works.filter(({ name }) => name.includes(wanted))) {
  print(`${name}:`);
  for (const [kind, open] of kinds) {
    const found: number[] = [];
    let trips = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const folder = await mkdtemp(join(tmpdir(), "gemel-bench-"));
      const database = await open(folder);
      try {
        const work = await run(database, folder);
        const before = database.dialect === "postgresql" ? (database as PostgresDatabase).roundTrips : 0;
        const started = performance.now();
        await work();
        found.push(count / ((performance.now() - started) / 1_000));
        if (database.dialect === "postgresql") trips = (database as PostgresDatabase).roundTrips - before;
      } finally {
        await database.close();
        await rm(folder, { recursive: true, force: true });
      }
    }
    found.sort((a, b) => a - b);
    const [least, median, most] = [found[0]!, found[ROUNDS >> 1]!, found.at(-1)!].map((value) =>
      Math.round(value).toLocaleString("en")
    );
    print(`  ${kind.padEnd(14)} ${median} ${unit} (${least} to ${most})${trips > 0 ? `, ${trips} round trips` : ""}`);
  }
}
await server.stop();
