/**
 * Where a peer's chain left ours.
 *
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaChain } from "../chain/chain.ts";
import type { Candidate } from "../chain/verdict.ts";

/**
 * The greatest height, at most `top`, at which the peer's chain and ours have the same block; −1 when there is none. Asks
 * for about 2·log2(depth) blocks. Rejects as `fetch` does, which gives the peer's block at a height.
 */
export async function forkPoint(
  chain: ChiaChain,
  fetch: (height: number) => Promise<Candidate | undefined>,
  top: number,
): Promise<number> {
  const shared = async (height: number): Promise<boolean> => {
    const ours = await chain.hashAt(height);
    const theirs = await fetch(height);
    return ours !== undefined && theirs !== undefined && equalBytes(ours, theirs.headerHash);
  };
  // Forks are short as a rule: look back in growing steps, then halve the last one.
  let low = top;
  let high = top;
  for (let step = 1; low >= 0 && !await shared(low); step *= 2) {
    high = low - 1;
    low = Math.max(low - step, low > 0 ? 0 : -1);
  }
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await shared(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
