/**
 * How long does it take to fill a block from a mempool of 10,000 transactions and to try it, beside btcd's own code on the
 * same chain and the same transactions?
 *
 * Half of them pay by themselves, the others in pairs of a parent and a child that pays for it. Told are the choice of the
 * transactions, the block that is made of them, and its trial, in which scripts are known to be good as they are in a node;
 * btcd does all three at once, with the signatures that it knows.
 *
 * Run: `bun bench/block-assembly.ts` or `deno run -A bench/block-assembly.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { arch, cpus, platform, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sha256 } from "#platform";
import { blockOf, blockTemplate } from "../lib/bitcoin/mining/template.ts";
import { selectTransactions } from "../lib/bitcoin/mining/selection.ts";
import type { Transaction } from "../lib/bitcoin/types/mod.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { Writer } from "../lib/codec/writer.ts";
import { coinOf, type KeyCoin, PoolWorld, spend } from "../tests/unit/bitcoin-mempool/pool-world.ts";
import { spread } from "./spread.ts";
import { goProgram, TimedProgram } from "./timed-program.ts";

const COUNT = 10_000;
/** Outputs of one transaction. */
const FAN = 500;
const ROUNDS = 15;
const SCRIPT = Uint8Array.of(0x51);
const BTCD_VERSION = "v0.26.2";

useSha256(sha256);
const print = (text: string) => void process.stdout.write(`${text}\n`);
const world = await PoolWorld.open({ blocks: 130 });
const coins: KeyCoin[] = [];
while (coins.length < COUNT * 3 / 4) {
  const root = spend([world.takeCoin()], 0, { count: FAN });
  await world.mine([root]);
  coins.push(...Array.from({ length: FAN }, (_, i) => coinOf(root, i)));
}
const transactions: Transaction[] = [];
for (const [i, coin] of coins.slice(0, COUNT * 3 / 4).entries()) {
  const parent = spend([coin], i % 3 === 0 ? 30 : 200 + i % 997);
  transactions.push(parent);
  if (i % 3 === 0) transactions.push(spend([coinOf(parent)], 900));
}
for (const transaction of transactions) {
  const says = await world.says(transaction);
  if (says !== "ok") throw new Error(says);
}

const { pool, ledger: { chain, clock } } = world;
const folder = mkdtempSync(join(tmpdir(), "gemel-bench-"));
const reference = await referenceOf(join(folder, "chain"));
const times: Record<"choose" | "make" | "try" | "all", number[]> = { choose: [], make: [], try: [], all: [] };
const ratios: number[] = [];
let taken = 0;
for (let round = 0; round < ROUNDS; round++) {
  const { headers, tip } = chain;
  const template = blockTemplate(headers, tip, Math.floor(clock.now() / 1_000));
  const began = performance.now();
  const entries = selectTransactions(pool.chunks(), {
    height: template.height,
    medianTimePast: headers.medianTimePast(tip),
  });
  const chosen = performance.now();
  const block = blockOf(template, SCRIPT, entries.map(({ transaction }) => transaction));
  const made = performance.now();
  const refusal = await world.ledger.until(chain.inspection.try(block, new AbortController().signal));
  if (refusal !== undefined) throw new Error(refusal.reason);
  times.choose.push(chosen - began);
  times.make.push(made - chosen);
  const tried = performance.now();
  times.try.push(tried - made);
  times.all.push(tried - began);
  taken = entries.length;
  if (reference !== undefined) ratios.push((tried - began) / await reference.program.figure());
}
const medianOf = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
const runtime = process.versions["bun"] ? `Bun ${process.versions["bun"]}` : `Deno ${process.versions["deno"]}`;
print(`${cpus()[0]?.model ?? "?"}, ${platform()} ${arch()}, ${runtime}`);
print(`a mempool of ${pool.size}, a block of ${taken}; first time / median of ${ROUNDS}, in ms`);
for (const [what, all] of Object.entries(times)) {
  print(`${what.padEnd(8)}${all[0]!.toFixed(1).padStart(8)} / ${medianOf(all).toFixed(1)}`);
}
if (reference !== undefined) {
  print(`btcd ${BTCD_VERSION} takes ${reference.taken}; ours / btcd's time: ${spread(ratios)}`);
  reference.program.close();
}
rmSync(folder, { recursive: true });
await world.close();

/** btcd's code, with the same chain and the same mempool. */
async function referenceOf(file: string): Promise<{ program: TimedProgram; taken: number } | undefined> {
  const built = goProgram({
    name: "btcd-assembly",
    source: new URL("reference/btcd_assembly.go", import.meta.url),
    requires: [`github.com/btcsuite/btcd ${BTCD_VERSION}`],
  });
  if ("missing" in built) {
    print(`btcd not timed: ${built.missing}`);
    return undefined;
  }
  const { headers, tip } = chain;
  const writer = new Writer(1 << 24);
  const write = (bytes: Uint8Array) => {
    writer.u32Le(bytes.length);
    writer.raw(bytes);
  };
  writer.u32Le(headers.height(tip));
  for (let height = 1; height <= headers.height(tip); height++) {
    write((await world.ledger.until(chain.blocks.read(chain.activeAt(height))))!.raw);
  }
  for (const { raw } of transactions) write(raw);
  writeFileSync(file, writer.finish());
  const program = new TimedProgram(built.path, file);
  return { program, taken: await program.next() };
}
