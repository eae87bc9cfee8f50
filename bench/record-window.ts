/**
 * What do the records cost that Chia's rules look back on? 19,520 of them are mainnet's two windows of two epochs.
 *
 * The shape is mainnet's: every third block a transaction block with six reward claims, every 32nd the first of a
 * sub-slot, one of 384 with a summary of its sub-epoch.
 *
 * Run: `bun bench/record-window.ts`.
 */
import { heapStats } from "bun:jsc";
import { spawnSync } from "node:child_process";
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { lookBack, RecordWindow } from "../lib/chia/chain/window.ts";
import { mainnetConstants } from "../lib/chia/networks/mainnet.ts";
import { readConstants } from "../lib/chia/networks/constants.ts";
import { BlockRecord } from "../lib/chia/types/mod.ts";
import { hashOf, recordOf, summaryOf } from "../tests/contract/store-blocks.ts";

const print = (line: string) => process.stdout.write(line + "\n");
const count = 2 * lookBack(readConstants(mainnetConstants));
const coin = (n: number) => ({ parentCoinInfo: hashOf(1, n), puzzleHash: hashOf(2, n), amount: 875_000_000_000n });

/** A record of mainnet's shape, with memory of its own. */
function recordAt(height: number): BlockRecord {
  const isTransaction = height % 3 === 0;
  const isFirst = height % 32 === 0;
  const slots = isFirst ? [hashOf(3, height)] : null;
  return recordOf(1, height, {
    infusedChallengeVdfOutput: { data: new Uint8Array(100).fill(9) },
    timestamp: isTransaction ? 1_750_000_000n + BigInt(height) : null,
    prevTransactionBlockHash: isTransaction ? hashOf(1, Math.max(0, height - 3)) : null,
    fees: isTransaction ? 1_000n : null,
    rewardClaimsIncorporated: isTransaction ? Array.from({ length: 6 }, (_, i) => coin(i)) : null,
    finishedChallengeSlotHashes: slots,
    finishedInfusedChallengeSlotHashes: slots,
    finishedRewardSlotHashes: slots,
    subEpochSummaryIncluded: height % 384 === 0 ? summaryOf(height & 0x7f) : null,
  });
}

/** Bytes that are held once all garbage is gone: on the heap, and beside it in buffers. */
function heldBytes(): number {
  for (let i = 0; i < 5; i++) Bun.gc(true);
  return heapStats().heapSize;
}

const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
/** Each in a process of its own, or the first would leave room for the second. */
const [, , which] = process.argv;
if (which === undefined) {
  print(`${cpus()[0]?.model ?? "?"} x${cpus().length}, ${platform()} ${arch()}; ${count} records of mainnet's shape`);
  print("");
  print("| records | heap MiB | resident MiB | bytes in pages and columns | µs to add | µs to walk one |");
  print("|---|---:|---:|---:|---:|---:|");
  for (const each of ["objects", "window"]) {
    const { stdout } = spawnSync(process.execPath, [import.meta.path, each]);
    process.stdout.write(stdout);
  }
} else {
  for (let height = 0; height < 2_000; height++) BlockRecord.encode(recordAt(height));
  const before = { heap: heldBytes(), resident: process.memoryUsage().rss };
  const window = new RecordWindow(count);
  const objects = new Map<number, BlockRecord>();
  let began = performance.now();
  let made = 0;
  for (let from = 0; from < count; from += 500) {
    const records = Array.from({ length: Math.min(500, count - from) }, (_, i) => recordAt(from + i));
    began = performance.now();
    if (which === "window") window.setMain(from, records);
    else for (const record of records) objects.set(record.height, BlockRecord.decode(BlockRecord.encode(record)));
    made += performance.now() - began;
  }
  const after = { heap: heldBytes(), resident: process.memoryUsage().rss };
  let weight = 0n;
  began = performance.now();
  const get = (height: number) => which === "window" ? window.mainAt(height) : objects.get(height);
  for (let height = count - 1; height >= 0; height--) weight += get(height)?.weight ?? 0n;
  const walked = performance.now() - began;
  if (weight === 0n) throw new Error("nothing was walked");
  const us = (ms: number) => ((ms * 1000) / count).toFixed(2);
  print(
    `| ${which} | ${mib(after.heap - before.heap)} | ${mib(after.resident - before.resident)} | ${
      which === "window" ? window.byteLength : ""
    } | ${us(made)} | ${us(walked)} |`,
  );
}
