/**
 * How long does it take to put a block of 3,000 transactions together from a mempool of 50,000, and to make its compact form?
 * The first time in a process counts as well: between two blocks lie ten minutes.
 *
 * Run: `bun bench/compact-blocks.ts` or `deno run -A bench/compact-blocks.ts`.
 */
import { arch, cpus, platform } from "node:os";
import process from "node:process";
import { sha256 } from "#platform";
import { BlockParts } from "../lib/bitcoin/compact/block-parts.ts";
import { PartialBlock } from "../lib/bitcoin/compact/partial-block.ts";
import { Block, compactBlock, merkleRoot } from "../lib/bitcoin/types/mod.ts";
import { CmpctBlock } from "../lib/bitcoin/wire/mod.ts";
import { useSha256 } from "../lib/codec/sha256.ts";
import { ListedPool, many, numbered } from "../tests/unit/bitcoin-compact/listed-pool.ts";

const POOL = 50_000;
const COUNT = 3_000;
const ROUNDS = 20;

useSha256(sha256);
const print = (text: string) => process.stdout.write(`${text}\n`);
const ms = (value: number) => value.toFixed(1).padStart(6);

const pool = many(POOL);
const chosen = pool.filter((_, i) => i % Math.floor(POOL / COUNT) === 3).slice(0, COUNT);
const all = [numbered(0xffff_ffff), ...chosen];
const header = {
  version: 4,
  prevBlockHash: new Uint8Array(32),
  merkleRoot: merkleRoot(all.map(({ txid }) => txid)).root,
  ...{ time: 1, bits: 1, nonce: 0 },
};
const block = Block.of(header, all);
const parts = new BlockParts(new ListedPool().add(...pool));

/** Milliseconds to make the compact form, and to put the block together and hold it against its header. */
function round(nonce: bigint): [number, number] {
  const began = performance.now();
  const payload = CmpctBlock.encode(compactBlock(block, nonce));
  const made = performance.now();
  const begun = PartialBlock.begin(CmpctBlock.decode(payload), parts);
  if (begun.kind !== "begun" || begun.partial.missing.length > 0) throw new Error("not put together");
  const rebuilt = begun.partial.fill([])!;
  if (rebuilt.merkleRoot().root.some((byte, i) => byte !== header.merkleRoot[i])) throw new Error("another block");
  return [made - began, performance.now() - made];
}

const rounds = Array.from({ length: ROUNDS }, (_, i) => round(BigInt(i)));
const medianOf = (column: 0 | 1) =>
  rounds.slice(1).map((each) => each[column]).sort((a, b) => a - b)[Math.floor((ROUNDS - 1) / 2)]!;
const runtime = process.versions["bun"] ? `Bun ${process.versions["bun"]}` : `Deno ${process.versions["deno"]}`;
print(`${cpus()[0]?.model ?? "?"}, ${platform()} ${arch()}, ${runtime}`);
print(`a block of ${COUNT} transactions, a mempool of ${POOL}; first time / median of ${ROUNDS - 1} more, in ms`);
print(`compact form    ${ms(rounds[0]![0])} / ${ms(medianOf(0))}`);
print(`put together    ${ms(rounds[0]![1])} / ${ms(medianOf(1))}`);
