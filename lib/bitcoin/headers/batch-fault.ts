/**
 * What can be said of a batch of headers without the tree.
 *
 * @module
 */
import type { BitcoinNetwork } from "../networks/network.ts";
import type { HeaderBatch } from "./header-batch.ts";
import { type Refusal, refuse } from "./verdict.ts";

/** What is wrong with a batch by itself, without its ancestors. */
export function batchFault(
  batch: HeaderBatch,
  network: BitcoinNetwork,
): { refusal: Refusal; refusedAt: number } | undefined {
  const unworked = batch.firstWithoutWork(network.pow);
  if (unworked >= 0) {
    return {
      refusal: refuse("invalid_header", "high-hash", `header ${unworked} has no proof of work`),
      refusedAt: unworked,
    };
  }
  const gap = batch.firstGap();
  if (gap >= 0) {
    return {
      refusal: refuse("invalid_header", "non-continuous", `header ${gap} is not the child of the one before`),
      refusedAt: gap,
    };
  }
  return undefined;
}
