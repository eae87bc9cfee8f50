/**
 * Where should the coins lie: in an SQLite table, or in sorted runs of our own? Both get the same flushes of a write-back
 * cache, up to a set of so many coins, and are asked for coins of all ages then, warm and with the system's cache dropped.
 *
 * Run: `bun bench/coins.ts sqlite|runs [COINS] [FLUSH]`. Files go below `$TMPDIR`.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { openDatabase, openFileFolder } from "#platform";
import type { SortedEntries } from "../lib/storage/runs/entries.ts";
import { SortedRuns } from "../lib/storage/runs/sorted-runs.ts";
import { coinOf, keyOf, Workload } from "./coins-workload.ts";

const print = (line: string) => process.stdout.write(line + "\n");
const [kind = "sqlite", coinsText = "10000000", flushText = "2500000"] = process.argv.slice(2);
const COINS = Number(coinsText);
/** Changes of one flush: as many as a cache of 225 MB holds. */
const FLUSH = Number(flushText);
/** Look-ups of one block that its cache does not answer. */
const BATCH = 500;
const BATCHES = 200;

interface Store {
  flush(changes: SortedEntries): Promise<void>;
  getMany(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Waits for what goes on by itself. */
  rest(): Promise<void>;
  close(): Promise<void>;
}

async function sqlite(folder: string): Promise<Store> {
  const database = await openDatabase(join(folder, "coins.sqlite"));
  await database.script("PRAGMA cache_size = -65536");
  await database.script("CREATE TABLE coins (outpoint BLOB PRIMARY KEY, coin BLOB NOT NULL) WITHOUT ROWID");
  const AT_ONCE = 100;
  const marks = Array.from({ length: AT_ONCE }, () => "?").join(", ");
  return {
    flush: (changes) =>
      database.transaction(async (within) => {
        const part: [Uint8Array, Uint8Array | undefined][] = [];
        const drained = changes.drain((key, keyAt, keyLength, value, valueAt, valueLength) => {
          const coin = valueLength < 0 ? undefined : value.slice(valueAt, valueAt + valueLength);
          part.push([key.slice(keyAt, keyAt + keyLength), coin]);
        });
        for await (const _ of drained) {
          for (const [key, coin] of part) {
            if (coin === undefined) await within.run("DELETE FROM coins WHERE outpoint = ?", [key]);
            else {
              await within.run(
                "INSERT INTO coins VALUES (?, ?) ON CONFLICT (outpoint) DO UPDATE SET coin = excluded.coin",
                [key, coin],
              );
            }
          }
          part.length = 0;
        }
        if (part.length > 0) throw new Error("the end of the changes was not written");
      }),
    async getMany(keys) {
      const found = new Map<string, Uint8Array>();
      const name = (key: Uint8Array) => String.fromCharCode(...key);
      for (let at = 0; at < keys.length; at += AT_ONCE) {
        const rows = await database.all(
          `SELECT outpoint, coin FROM coins WHERE outpoint IN (${marks})`,
          keys.slice(at, at + AT_ONCE),
        );
        for (const { outpoint, coin } of rows) found.set(name(outpoint as Uint8Array), coin as Uint8Array);
      }
      return keys.map((key) => found.get(name(key)));
    },
    rest: async () => void await database.get("PRAGMA wal_checkpoint(TRUNCATE)"),
    close: () => database.close(),
  };
}

async function runs(folder: string): Promise<Store> {
  const set = await SortedRuns.open(await openFileFolder(folder), []);
  return {
    flush: async (changes) => set.add(await set.write(changes)),
    getMany: (keys) => set.getMany(keys),
    async rest() {
      for (let due = set.due(); due !== undefined; due = set.due()) {
        await set.replace(due, await set.merge(due));
        await set.remove(due);
      }
      const sizes = set.records.map(({ bytes }) => Math.round(bytes / 2 ** 20)).join(", ");
      print(`  runs of ${sizes} MiB; ${Math.round(set.bytesHeld / 2 ** 20)} MiB of index and filters`);
    },
    close: () => set.close(),
  };
}

const OPENERS: Record<string, (folder: string) => Promise<Store>> = { sqlite, runs };

const sizeOf = (folder: string): number =>
  readdirSync(folder, { withFileTypes: true, recursive: true }).filter((one) => one.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
/** Bytes that this process has had written to disks. */
const written = () => Number(/^write_bytes: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? NaN);
const rss = () => Math.round(process.memoryUsage.rss() / 2 ** 20);

/** Drops the files of a folder from the system's cache, and no others. */
function dropCaches(folder: string): void {
  const script = "import os,sys\nfor root,_,names in os.walk(sys.argv[1]):\n for n in names:\n" +
    "  fd=os.open(os.path.join(root,n),os.O_RDONLY);os.fsync(fd);os.posix_fadvise(fd,0,0,os.POSIX_FADV_DONTNEED);os.close(fd)";
  const { status, stderr } = spawnSync("python3", ["-c", script, folder]);
  if (status !== 0) throw new Error(String(stderr));
}

/** The longest that the event loop stands still while `work` runs, and how long it takes. */
async function timed(work: () => Promise<unknown>): Promise<{ seconds: number; stallMs: number }> {
  let last = performance.now();
  let stallMs = 0;
  const watch = setInterval(() => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last);
    last = now;
  }, 1);
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  stallMs = Math.max(stallMs, performance.now() - last);
  clearInterval(watch);
  return { seconds, stallMs };
}

async function lookUp(store: Store, load: Workload): Promise<number> {
  let seconds = 0;
  for (let i = 0; i < BATCHES; i++) {
    const numbers = Array.from({ length: BATCH }, () => load.pick());
    const keys = numbers.map(keyOf);
    const began = performance.now();
    const found = await store.getMany(keys);
    seconds += (performance.now() - began) / 1000;
    const coin = coinOf(numbers[0]!);
    if (found.some((one) => one === undefined) || found[0]!.some((byte, j) => byte !== coin[j])) {
      throw new Error("a coin is not there");
    }
  }
  return BATCHES * BATCH / seconds;
}

const folder = await mkdtemp(join(tmpdir(), "gemel-bench-coins-"));
try {
  const store = await OPENERS[kind]!(folder);
  const load = new Workload(COINS * 4);
  // While it grows five coins are made for one of the disk's that is spent; then as many are spent as made.
  for (let there = 0, last = false; !last;) {
    last = there >= COINS;
    const created = last ? FLUSH / 2 : FLUSH * 5 / 6;
    const spent = last ? FLUSH / 2 : there === 0 ? 0 : FLUSH / 6;
    const changes = load.flush(created, spent);
    let bytes = 0;
    const measured = changes.drain((_key, _keyAt, keyLength, _value, _valueAt, valueLength) =>
      void (bytes += keyLength + Math.max(0, valueLength))
    );
    for (const _ of measured);
    const before = written();
    const { seconds, stallMs } = await timed(() => store.flush(changes));
    const settled = await timed(() => store.rest());
    there += created - spent;
    const disk = sizeOf(folder);
    print(
      `${kind}: ${(there / 1e6).toFixed(1)} million coins; ${(changes.size / 1e6).toFixed(2)} million changes in ` +
        `${seconds.toFixed(1)} s (loop stood ${stallMs.toFixed(0)} ms) and ${settled.seconds.toFixed(1)} s behind it ` +
        `(${settled.stallMs.toFixed(0)} ms); ${
          Math.round(changes.bytes / changes.size)
        } bytes a change in memory; written ${((written() - before) / bytes).toFixed(1)} times its bytes; ` +
        `${(disk / there).toFixed(1)} bytes a coin on disk; RSS ${rss()} MiB`,
    );
  }
  print(`${kind}: ${Math.round(await lookUp(store, load))} look-ups a second, warm`);
  for (const round of [1, 2]) {
    dropCaches(folder);
    print(`${kind}: ${Math.round(await lookUp(store, load))} look-ups a second, cold (round ${round})`);
  }
  print(`${kind}: ${Math.round(await lookUp(store, load))} look-ups a second, warm again; RSS ${rss()} MiB`);
  await store.close();
} finally {
  await rm(folder, { recursive: true });
}
