/**
 * What does work on another thread gain: how long stands the event loop still, and how much is done a second?
 *
 * A timer that is due every millisecond notes how late it comes while real blocks of 1.8 MB are worked on one after
 * another, here and on threads: the checks that need no earlier output (txids, merkle root, witness commitment, sigops),
 * and `getblock` with all transactions taken apart. The blocks are those of the shared vectors, which must lie beside this
 * repository; GEMEL_VECTORS names another place.
 *
 * Run: `bun bench/workers.ts` or `deno run -A bench/workers.ts`.
 */
import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { clock, openThread, runtime, serveThread, sha256 } from "#platform";
import { structureValidator } from "../lib/bitcoin/chain/validator.ts";
import { networks } from "../lib/bitcoin/networks/mod.ts";
import { Block } from "../lib/bitcoin/types/mod.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import type { Job, Workers } from "../lib/core/ports.ts";
import { InlineWorkers } from "../lib/core/work/inline-workers.ts";
import { jobAnswerer, READY } from "../lib/core/work/job-messages.ts";
import { ThreadPool } from "../lib/core/work/thread-pool.ts";
import { decodedTransactions } from "../lib/rpc/bitcoin/block-json.ts";
import { decodedBlock } from "../lib/rpc/bitcoin/block-job.ts";

const RUN_MS = 5_000;
/** Blocks that are asked for at once: as many as come ahead from peers while one is worked on. */
const AT_ONCE = 4;

const checked: Job<Uint8Array, boolean> = {
  name: "bench.checked",
  deadlineMs: 10_000,
  run: (raw) =>
    structureValidator.check(Block.decode(raw), {
      network: networks.mainnet!,
      height: 928_831,
      parentMedianTimePast: 0,
    })
      .ok,
};
const hashed: Job<Uint8Array, Uint8Array> = {
  name: "bench.hashed",
  deadlineMs: 10_000,
  run: (raw) => Block.decode(raw).txids().at(-1) ?? new Uint8Array(),
};

useSha256(sha256);
if (!isMainThread) serveThread(jobAnswerer([checked, hashed, decodedBlock]), READY);
else await main();

interface Figures {
  readonly perSecond: number;
  readonly lateP50: number;
  readonly lateP99: number;
  readonly lateMax: number;
}

/** Runs `work` again and again, `AT_ONCE` at a time, and watches a timer of 1 ms meanwhile. */
async function watch(work: () => Promise<unknown>): Promise<Figures> {
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
  const start = performance.now();
  let count = 0;
  const line = async () => {
    while (performance.now() - start < RUN_MS) {
      await work();
      count++;
      // A block comes from a socket: the loop has its turn before the next one.
      await clock.sleep(0);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, line));
  const elapsed = performance.now() - start;
  isOver = true;
  late.sort((a, b) => a - b);
  const at = (part: number) => late[Math.floor((late.length - 1) * part)] ?? NaN;
  return { perSecond: count * 1000 / elapsed, lateP50: at(0.5), lateP99: at(0.99), lateMax: at(1) };
}

async function main(): Promise<void> {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const folder = process.env.GEMEL_VECTORS ?? fileURLToPath(new URL("../../shared/vectors", import.meta.url));
  const path = `${folder}/bitcoin/blocks/bcoin-block928831.raw`;
  print(`${runtime}, ${cpus()[0]?.model ?? "?"} x${cpus().length}`);
  if (!existsSync(path)) return void print(`no ${path} here`);
  const raw = new Uint8Array(readFileSync(path));
  const shared = new Uint8Array(new SharedArrayBuffer(raw.length));
  shared.set(raw);
  const pool = (threadsMax: number) =>
    new ThreadPool({
      threadsMax,
      clock,
      open: (events) => openThread(new URL(import.meta.url), events),
      onUnable: (cause) => print(`no threads: ${cause}`),
    });
  print("| work | where | a second | late p50 ms | late p99 ms | late max ms |");
  print("|---|---|---:|---:|---:|---:|");
  const show = async (name: string, where: string, workers: Workers, work: () => Promise<unknown>) => {
    for (let i = 0; i < 10; i++) await work();
    const { perSecond, lateP50, lateP99, lateMax } = await watch(work);
    const figures = [perSecond, lateP50, lateP99, lateMax].map((value) => value.toFixed(1)).join(" | ");
    print(`| ${name} | ${where} | ${figures} |`);
    await workers.close();
  };
  await show("nothing", "-", new InlineWorkers(), () => clock.sleep(10));
  for (const threads of [0, 1, 2]) {
    for (
      const [bytes, how] of threads === 0 ? [[raw, "loop"]] as const : [[shared, "shared"], [raw, "copied"]] as const
    ) {
      const where = threads === 0 ? how : `${threads} threads, ${how}`;
      const make = () => threads === 0 ? new InlineWorkers() : pool(threads);
      for (const job of [hashed, checked]) {
        const workers = make();
        await show(job.name, where, workers, () => workers.run<Uint8Array, unknown>(job, bytes));
      }
      const workers = make();
      await show("getblock 2", where, workers, () => {
        // As the method does it: without threads in pieces, between which others have their turn.
        const parts = { clock, workers, signal: new AbortController().signal };
        return decodedTransactions(Block.decode(bytes), networks.mainnet!, parts);
      });
    }
  }
}
