/**
 * Blocks whose scripts need not be verified: those that a block is built on which the operator, or this release, knows to be
 * good. All else of them is checked.
 *
 * @see Bitcoin Core `validation.cpp` (ConnectBlock, script_check_reason), `chain.cpp` (GetBlockProofEquivalentTime)
 * @module
 */
import type { HeaderChain } from "../headers/header-chain.ts";

/** Work of so many seconds must lie above a block: nobody can be told of a false block by a false header on it for less. */
const SECONDS_ABOVE = 14n * 86_400n;

/** What is known to be good. */
export interface AssumeValid {
  /** A block's hash, in wire order. */
  readonly hash: Uint8Array;
  /** The best header's chain has so much work, or nothing is taken on trust. */
  readonly minimumWork: bigint;
}

/** Whether the scripts of the block of `row` may go unverified. */
export function isAssumedValid(headers: HeaderChain, row: number, { hash, minimumWork }: AssumeValid): boolean {
  const known = headers.find(hash);
  const height = headers.height(row);
  const isBelow = (other: number) => headers.height(other) >= height && headers.ancestor(other, height) === row;
  const { best } = headers;
  if (known < 0 || !isBelow(known) || !isBelow(best)) return false;
  const work = headers.work(best);
  if (work < minimumWork || best === row) return false;
  const ofOne = work - headers.work(headers.parent(best));
  return (work - headers.work(row)) * BigInt(headers.network.pow.targetSpacing) / ofOne > SECONDS_ABOVE;
}
