/**
 * How many P2WPKH transactions does the mempool take a second, beside btcd's, and how much of the heap does each of them take?
 *
 * Each spends one output of a block and makes one. So many wait to be judged at once as a busy node has peers. Both mempools are
 * given transactions that are decoded, with what they spend at hand; btcd's own code judges one after the other, as it does in a
 * node. They take turns. Told is the median of rounds, from which to which the middle half of them goes, as a number and as a
 * multiple of btcd's, and what the memory of an entry is counted as.
 *
 * Run: `bun bench/mempool.ts` or `deno run -A bench/mempool.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { clock, openThread, random, runtime, serveThread, sha256 } from "#platform";
import { Transaction } from "../lib/bitcoin/types/transaction.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { Writer } from "../lib/codec/writer.ts";
import { jobAnswerer, READY } from "../lib/core/work/job-messages.ts";
import { ThreadPool } from "../lib/core/work/thread-pool.ts";
import { useRandomBytes } from "../lib/engine/random-bytes.ts";
import { JOBS } from "../lib/jobs.ts";
import { coinOf, PoolWorld, spend } from "../tests/unit/bitcoin-mempool/pool-world.ts";
import { quantile, spread } from "./spread.ts";
import { goProgram, TimedProgram } from "./timed-program.ts";

const TRANSACTIONS = 4_000;
const ROUNDS = 7;
const AT_ONCE = [1, 8, 64, 256];
const BTCD_VERSION = "v0.26.2";

const print = (line: string) => void process.stdout.write(`${line}\n`);

useSha256(sha256);
useRandomBytes((length) => random.bytes(length));
if (isMainThread) await main();
else serveThread(jobAnswerer(JOBS), READY);

async function main(): Promise<void> {
  const threadsMax = Number(process.env.THREADS ?? Math.max(1, availableParallelism() - 1));
  print(`${runtime}, threads for scripts: ${threadsMax}`);
  const workers = new ThreadPool({
    threadsMax,
    clock,
    open: (events) => openThread(new URL(import.meta.url), events),
    onUnable: (cause) => print(`no threads: ${cause}`),
  });
  const world = await PoolWorld.open();
  const root = spend([world.takeCoin()], 0, { count: TRANSACTIONS });
  await world.mine([root]);
  const raw = Array.from({ length: TRANSACTIONS }, (_, i) => spend([coinOf(root, i)], 1_000).raw);
  const folder = mkdtempSync(join(tmpdir(), "gemel-bench-"));
  const reference = referenceOf([root.raw, ...raw], join(folder, "transactions"));

  print("| at once | accepted a second | of btcd's |");
  print("|---:|---:|---:|");
  for (const atOnce of AT_ONCE) {
    const [rates, ratios]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      const rate = await ownRate(world, workers, raw, atOnce);
      rates.push(rate);
      if (reference !== undefined) ratios.push(rate / await reference.figure());
    }
    print(`| ${atOnce} | ${quantile(rates, 0.5).toFixed(0)} | ${spread(ratios)} |`);
  }
  reference?.close();
  rmSync(folder, { recursive: true });
  await printHeap(world, workers, raw);
  await workers.close();
}

function referenceOf(all: readonly Uint8Array[], file: string): TimedProgram | undefined {
  const program = goProgram({
    name: "btcd-mempool",
    source: new URL("reference/btcd_mempool.go", import.meta.url),
    requires: [`github.com/btcsuite/btcd ${BTCD_VERSION}`],
  });
  if ("missing" in program) {
    print(`btcd not timed: ${program.missing}`);
    return undefined;
  }
  const writer = new Writer(1 << 20);
  for (const each of all) {
    writer.u32Le(each.length);
    writer.raw(each);
  }
  writeFileSync(file, writer.finish());
  return new TimedProgram(program.path, file);
}

async function ownRate(
  world: PoolWorld,
  workers: ThreadPool,
  raw: readonly Uint8Array[],
  atOnce: number,
): Promise<number> {
  const pool = world.anotherPool(workers);
  const all = raw.map((each) => Transaction.decode(each.slice()));
  const from = performance.now();
  await offer(all, atOnce, async (transaction) => {
    if ((await pool.accept(transaction)).ok !== true) throw new Error("refused");
  });
  const rate = all.length * 1_000 / (performance.now() - from);
  await pool.close();
  return rate;
}

/** What an entry takes, once its parts were asked for; the first of two fillings is for what the code itself takes. */
async function printHeap(world: PoolWorld, workers: ThreadPool, raw: readonly Uint8Array[]): Promise<void> {
  const heap = await heapBytes();
  const pools = [world.anotherPool(workers), world.anotherPool(workers)];
  const sizes: number[] = [];
  for (const pool of pools) {
    sizes.push(heap());
    await offer(raw.map((each) => Transaction.decode(each)), 64, async (each) => void await pool.accept(each));
    for (const { transaction } of pool.entries()) void [transaction.inputs, transaction.outputs];
  }
  const each = (heap() - sizes[1]!) / raw.length;
  print(`heap an entry ${each.toFixed(0)} bytes, counted ${(pools[1]!.figures.bytes / raw.length).toFixed(0)}`);
  for (const pool of pools) await pool.close();
}

/** Measures the heap, where the runtime tells it. */
async function heapBytes(): Promise<() => number> {
  if (!("Bun" in globalThis)) return () => NaN;
  const { fullGC, heapStats } = await import("bun:jsc");
  return () => {
    for (let i = 0; i < 4; i++) fullGC();
    const { heapSize, extraMemorySize } = heapStats();
    return heapSize + extraMemorySize;
  };
}

/** Offers all, so many at once. */
async function offer(
  all: readonly Transaction[],
  atOnce: number,
  take: (transaction: Transaction) => Promise<void>,
): Promise<void> {
  let next = 0;
  const line = async () => {
    for (let at = next++; at < all.length; at = next++) await take(all[at]!);
  };
  await Promise.all(Array.from({ length: atOnce }, line));
}
