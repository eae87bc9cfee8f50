/**
 * Blocks that are stored, and the coins that they left, verified once more: for an operator who doubts the disk. Nothing
 * is changed: blocks are taken back and connected in a copy of the coins in memory.
 *
 * @see Bitcoin Core `validation.cpp` (CVerifyDB::VerifyDB)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { messageOf } from "../../core/errors.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { TABLE_SECRET_BYTES } from "../../storage/byte-table.ts";
import { changesOf, leftOutputs, outsideInputs } from "../coins/changes.ts";
import { encodeCoin } from "../coins/coin.ts";
import { outPointOf } from "../coins/key.ts";
import { decodeUndo } from "../coins/undo.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { Block } from "../types/block.ts";
import { CoinState, NO_CHANGES } from "./coins.ts";
import { betweenRows } from "./rows.ts";
import { type BlockValidator, blockView, connectingBlock } from "./validator.ts";
import { withScripts } from "./verdicts.ts";

/**
 * How much is verified, each with all before it: 0 blocks can be read, 1 they are valid by themselves, 2 what takes them back
 * can be read, 3 they can be taken back from the coins, 4 and be connected again.
 */
export type VerificationLevel = 0 | 1 | 2 | 3 | 4;

/** What is verified. */
export interface VerificationParts {
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  readonly random: Random;
  /** The last block that is connected; the coins are those after it. */
  readonly head: number;
  readonly coins: CoinState;
  /** The block of a snapshot that is not validated: from there down no block was connected to these coins. */
  readonly base: number | undefined;
  /** The raw block of a row; undefined when it is not stored. */
  readonly block: (row: number) => Promise<Uint8Array | undefined>;
  /** What takes the block of a row back. */
  readonly undo: (row: number) => Promise<Uint8Array | undefined>;
  /** Memory for the coins of the copy. */
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

/** What was found. */
export interface Verification {
  /** Whether everything that was asked for was verified and is right. */
  readonly isRight: boolean;
  /** Blocks that were verified. */
  readonly blocks: number;
  /** What is wrong, or what was left out. */
  readonly problem?: string;
}

/** Something is wrong with a block: caught at the end of the verification. */
class Problem extends Error {}

/** Verifies the last `count` blocks, 0 for all. @throws the signal's reason */
export async function verifyBlocks(
  parts: VerificationParts,
  level: VerificationLevel,
  count: number,
): Promise<Verification> {
  const { headers, head, base } = parts;
  const height = headers.height(head);
  const end = count <= 0 || count > height ? 0 : height - count;
  const copy = copyOf(parts);
  const verified: number[] = [];
  let [isPruned, isFull] = [false, false];
  try {
    for (let row = head; headers.height(row) > end; row = headers.parent(row)) {
      await turn(parts);
      isPruned = row === base || (headers.status(row) & HeaderStatus.data) === 0;
      if (isPruned) break;
      const block = await readBlock(parts, row);
      if (level >= 1) checkAlone(parts, row, block);
      if (level >= 2) await checkUndo(parts, row, block);
      isFull ||= level >= 3 && copy.bytes > parts.bytesMax;
      if (level >= 3 && !isFull) await takeBack(parts, copy, row, block);
      verified.push(row);
    }
    if (level >= 4 && !isFull) {
      for (const row of betweenRows(headers, copy.at, head)) await connect(parts, copy, row);
    }
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return { isRight: false, blocks: verified.length, problem: thrown.message };
  }
  const problem = isFull
    ? "not all blocks were taken back: the memory for coins does not suffice (--coins-cache)"
    : isPruned
    ? "not all blocks were verified: some are pruned"
    : undefined;
  return { isRight: problem === undefined, blocks: verified.length, ...(problem !== undefined && { problem }) };
}

/** Coins that change in memory only, over those of the chain. */
function copyOf({ coins, random, head, undo }: VerificationParts): CoinState {
  const below = async (keys: readonly Uint8Array[]) =>
    (await coins.getMany(keys.map(outPointOf))).map((coin) => coin && encodeCoin(coin));
  return new CoinState(head, {
    store: { coins: below, coinUndo: undo },
    secret: random.bytes(TABLE_SECRET_BYTES),
    waitingUndo: () => undefined,
  });
}

/** Others have their turn, and the end is heard of. */
async function turn({ clock, signal }: VerificationParts): Promise<void> {
  await clock.sleep(0);
  signal.throwIfAborted();
}

const at = ({ headers }: VerificationParts, row: number) => `height ${headers.height(row)}`;

async function readBlock(parts: VerificationParts, row: number): Promise<Block> {
  let block: Block;
  try {
    const raw = await parts.block(row);
    if (raw === undefined) throw new Problem("it is not there");
    block = Block.decode(raw);
  } catch (thrown) {
    throw new Problem(`the block at ${at(parts, row)} cannot be read: ${messageOf(thrown)}`);
  }
  if (equalBytes(block.hash, parts.headers.hash(row))) return block;
  throw new Problem(`the block at ${at(parts, row)} is another one`);
}

function checkAlone(parts: VerificationParts, row: number, block: Block): void {
  const verdict = parts.validator.check(block, blockView(parts.headers, row));
  if (!verdict.ok) throw new Problem(`the block at ${at(parts, row)} is bad: ${verdict.reason}, ${verdict.detail}`);
}

async function checkUndo(parts: VerificationParts, row: number, block: Block): Promise<void> {
  try {
    const bytes = await parts.undo(row);
    if (bytes === undefined) throw new Problem("it is not there");
    decodeUndo(block.hash, bytes, block);
  } catch (thrown) {
    throw new Problem(`what takes the block at ${at(parts, row)} back cannot be read: ${messageOf(thrown)}`);
  }
}

/** Takes a block back in the copy. What it made has to be there as it made it, and nothing of what it spent. */
async function takeBack(parts: VerificationParts, copy: CoinState, row: number, block: Block): Promise<void> {
  const spent = outsideInputs(block);
  const made = leftOutputs(block);
  const found = await copy.getMany([...made, ...spent]);
  const placeholder = { value: 0n, scriptPubKey: new Uint8Array(), height: 0, isCoinbase: false };
  const { created } = changesOf(block, parts.headers.height(row), spent.map(() => placeholder));
  for (const [i, { coin }] of created.entries()) {
    const there = found[i];
    if (there === undefined || !equalBytes(encodeCoin(there), encodeCoin(coin))) {
      throw new Problem(`the coins are not what the block at ${at(parts, row)} left`);
    }
  }
  if (found.slice(made.length).some((coin) => coin !== undefined)) {
    throw new Problem(`coins are there that the block at ${at(parts, row)} spent`);
  }
  await copy.undo(block, parts.headers.parent(row));
}

/** Connects a block in the copy, scripts included, whatever is assumed of them. */
async function connect(parts: VerificationParts, copy: CoinState, row: number): Promise<void> {
  const { headers, validator, signal } = parts;
  await turn(parts);
  const block = await readBlock(parts, row);
  const connecting = connectingBlock(headers, row, () => Promise.resolve(block), undefined);
  const verdict = await withScripts(validator.connect(connecting, copy, signal));
  if (!verdict.ok) {
    throw new Problem(`the block at ${at(parts, row)} cannot be connected: ${verdict.reason}, ${verdict.detail}`);
  }
  copy.apply(row, block.hash, verdict.changes ?? NO_CHANGES, block);
}
