/**
 * Which transactions of the mempool go into a block: chunk by chunk, those that pay best for their weight first.
 *
 * @see Bitcoin Core `node/miner.cpp` (BlockAssembler::addChunks)
 * @module
 */
import { MAX_BLOCK_SIGOPS_COST } from "../chain/block-checks.ts";
import { isFinal, MAX_BLOCK_WEIGHT } from "../chain/transaction-checks.ts";
import type { MempoolChunk, MempoolEntry } from "../mempool/mempool.ts";

/** What a block must pay for, in satoshi for 1000 virtual bytes (Core's default for `-blockmintxfee`). */
export const BLOCK_FEE_RATE_MIN = 1;
/** Weight that is left for the header, the count and the coinbase (`-blockreservedweight`). */
export const RESERVED_WEIGHT = 8_000;
/** Cost of signature operations that is left for the outputs of the coinbase. */
export const RESERVED_SIG_OPS = 400;
/** So many chunks in a row that do not fit end the search in a block that is nearly full. */
const MISFITS_MAX = 1_000;
const NEARLY_FULL_WEIGHT = MAX_BLOCK_WEIGHT - 4_000;

/** The block that is filled. */
export interface SelectionTerms {
  readonly height: number;
  /** The median time past of its parent, in seconds since 1970. */
  readonly medianTimePast: number;
}

/** The transactions of a block, parents before children. `chunks`: the best first. */
export function selectTransactions(
  chunks: Iterable<MempoolChunk>,
  { height, medianTimePast }: SelectionTerms,
): readonly MempoolEntry[] {
  const chosen: MempoolEntry[] = [];
  let weight = RESERVED_WEIGHT;
  let sigOps = RESERVED_SIG_OPS;
  let misfits = 0;
  for (const chunk of chunks) {
    // What comes after it pays no more.
    if (chunk.fee * 1_000 < BLOCK_FEE_RATE_MIN * Math.ceil(chunk.weight / 4)) break;
    const cost = chunk.entries.reduce((sum, { sigOpCost }) => sum + sigOpCost, sigOps);
    const fits = weight + chunk.weight < MAX_BLOCK_WEIGHT && cost < MAX_BLOCK_SIGOPS_COST &&
      chunk.entries.every(({ transaction }) => isFinal(transaction, height, medianTimePast));
    if (!fits) {
      misfits += 1;
      if (misfits > MISFITS_MAX && weight > NEARLY_FULL_WEIGHT) break;
      continue;
    }
    misfits = 0;
    sigOps = cost;
    for (const entry of chunk.entries) {
      chosen.push(entry);
      weight += entry.transaction.weight;
    }
  }
  return chosen;
}
