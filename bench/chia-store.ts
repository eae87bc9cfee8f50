/**
 * How long stands the event loop still while blocks of 2 MB are written to Chia's database, and would it help to write them
 * on another thread?
 *
 * A timer that is due every millisecond notes how late it comes while blocks are committed one commit after another: here,
 * and as jobs of a thread that has the database open, with the bytes in shared memory.
 *
 * Run: `bun bench/chia-store.ts` or `deno run -A bench/chia-store.ts`. Files go below `$TMPDIR`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { clock, openDatabase, openThread, runtime, serveThread, sha256 } from "#platform";
import type { ChiaStore } from "../lib/chia/store.ts";
import { openSqlChiaStore } from "../lib/chia/store/sql.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import type { Job } from "../lib/core/ports.ts";
import { jobAnswerer, READY } from "../lib/core/work/job-messages.ts";
import { ThreadPool } from "../lib/core/work/thread-pool.ts";
import { hashOf, recordOf } from "../tests/contract/store-blocks.ts";

const BLOCK_BYTES = 2_000_000;
const BLOCKS = 256;

interface CommitInput {
  readonly path: string;
  readonly height: number;
  readonly raws: readonly Uint8Array[];
}

let store: ChiaStore | undefined;

async function open(path: string): Promise<ChiaStore> {
  return await openSqlChiaStore(await openDatabase(path), {
    network: "bench",
    genesisChallenge: new Uint8Array(32),
    cacheBytesMax: 64 * 1024 * 1024,
    onEvents: () => {},
  });
}

const commit: Job<CommitInput, number> = {
  name: "bench.commit",
  deadlineMs: 60_000,
  async run({ path, height, raws }) {
    store ??= await open(path);
    await store.commit({
      blocks: raws.map((raw, i) => ({ record: recordOf(1, height + i), raw, validation: "linkage" })),
      main: { fromHeight: height, hashes: raws.map((_, i) => hashOf(1, height + i)) },
      events: [],
    });
    return raws.length;
  },
};

useSha256(sha256);
if (!isMainThread) serveThread(jobAnswerer([commit]), READY);
else await main();

async function main(): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  print(`${runtime}, ${cpus()[0]?.model ?? "?"} x${cpus().length}; blocks of ${BLOCK_BYTES / 1e6} MB`);
  print("| blocks a commit | where | MB/s | late p50 ms | late p99 ms | late max ms |");
  print("|---:|---|---:|---:|---:|---:|");
  for (const perCommit of [1, 8, 32]) {
    for (const where of ["loop", "thread"]) {
      const folder = await mkdtemp(join(tmpdir(), "bench-chia-"));
      const pool = new ThreadPool({
        threadsMax: 1,
        clock,
        open: (events) => openThread(new URL(import.meta.url), events),
      });
      store = undefined;
      const late: number[] = [];
      let isOver = false;
      let due = performance.now() + 1;
      const tick = () => {
        const now = performance.now();
        late.push(Math.max(0, now - due));
        due = now + 1;
        if (!isOver) setTimeout(tick, 1);
      };
      setTimeout(tick, 1);
      let spent = 0;
      for (let height = 0; height < BLOCKS; height += perCommit) {
        const raws = Array.from(
          { length: perCommit },
          () => new Uint8Array(new SharedArrayBuffer(BLOCK_BYTES)).fill(height),
        );
        // The bytes are there already where they are in a node.
        await clock.sleep(2);
        due = performance.now() + 1;
        const input = { path: join(folder, "chia.sqlite"), height, raws };
        const start = performance.now();
        await (where === "loop" ? commit.run(input) : pool.run(commit, input));
        spent += performance.now() - start;
        await clock.sleep(0);
      }
      isOver = true;
      await pool.close();
      late.sort((a, b) => a - b);
      const at = (part: number) => late[Math.floor((late.length - 1) * part)]?.toFixed(1);
      print(
        `| ${perCommit} | ${where} | ${(BLOCKS * BLOCK_BYTES / 1e3 / spent).toFixed(0)} | ${at(0.5)} | ${at(0.99)} | ${
          at(1)
        } |`,
      );
      await rm(folder, { recursive: true });
    }
  }
}
