/**
 * How many P2WPKH transactions does the mempool take a second, and how much of the heap does each of them take?
 *
 * Each spends one output of a block and makes one. So many wait to be judged at once as a busy node has peers. Told is the
 * median of rounds, from which to which the middle half of them goes, and what the memory of an entry is counted as.
 *
 * Run: `bun bench/mempool.ts` or `deno run -A bench/mempool.ts`.
 */
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { clock, openThread, runtime, serveThread, sha256 } from "#platform";
import { useSha256 } from "../lib/codec/sha256.ts";
import { Transaction } from "../lib/bitcoin/types/transaction.ts";
import { jobAnswerer, READY } from "../lib/core/work/job-messages.ts";
import { ThreadPool } from "../lib/core/work/thread-pool.ts";
import { JOBS } from "../lib/jobs.ts";
import { coinOf, PoolWorld, spend } from "../tests/unit/bitcoin-mempool/pool-world.ts";
import { spread } from "./spread.ts";

const TRANSACTIONS = 4_000;
const ROUNDS = 7;
const AT_ONCE = [1, 8, 64, 256];

useSha256(sha256);
if (isMainThread) await main();
else serveThread(jobAnswerer(JOBS), READY);

async function main(): Promise<void> {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  print(runtime);
  const workers = new ThreadPool({
    threadsMax: Math.max(1, Number(process.env.THREADS ?? 2)),
    clock,
    open: (events) => openThread(new URL(import.meta.url), events),
    onUnable: (cause) => print(`no threads: ${cause}`),
  });
  const world = await PoolWorld.open();
  const root = spend([world.takeCoin()], 0, { count: TRANSACTIONS });
  await world.mine([root]);
  const raw = Array.from({ length: TRANSACTIONS }, (_, i) => spend([coinOf(root, i)], 1_000).raw);
  print("| at once | accepted a second |");
  print("|---:|---:|");
  for (const atOnce of AT_ONCE) {
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const pool = world.anotherPool(workers);
      const all = raw.map((each) => Transaction.decode(each.slice()));
      const from = performance.now();
      await offer(all, atOnce, async (transaction) => {
        if ((await pool.accept(transaction)).ok !== true) throw new Error("refused");
      });
      rates.push(TRANSACTIONS * 1_000 / (performance.now() - from));
      await pool.close();
    }
    print(`| ${atOnce} | ${spread(rates)} |`);
  }
  const heap = await heapBytes();
  const pools = [world.anotherPool(workers), world.anotherPool(workers)];
  const sizes: number[] = [];
  for (const pool of pools) {
    sizes.push(heap());
    await offer(raw.map((each) => Transaction.decode(each)), 64, async (each) => void await pool.accept(each));
    for (const { transaction } of pool.entries()) {
      if (transaction.inputs.length + transaction.outputs.length !== 2) return;
    }
  }
  sizes.push(heap());
  const each = (sizes[2]! - sizes[1]!) / TRANSACTIONS;
  print(`heap an entry ${each.toFixed(0)} bytes, counted ${(pools[1]!.figures.bytes / TRANSACTIONS).toFixed(0)}`);
  for (const pool of pools) await pool.close();
  await workers.close();
}

/** Measures the heap, where the runtime tells it; the first of two fillings is for what the code itself takes. */
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
