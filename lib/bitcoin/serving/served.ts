/**
 * Which blocks peers may have.
 *
 * @module
 */
import type { BitcoinChain } from "../chain/chain.ts";
import { HeaderStatus } from "../headers/header-chain.ts";
import { blockWork } from "../headers/pow.ts";

/** Blocks beside the active chain are served for so long. A node that served older ones could be recognised by them. */
const STALE_SECONDS = 30 * 86_400;

/**
 * Whether a block or its header is given to peers: of the active chain always. Of another branch only when it was once
 * part of ours and is less than a month older than the best header, by its time and by the work that came after it.
 * Otherwise the branches that a node has seen would tell it from all others.
 *
 * @see Bitcoin Core `net_processing.cpp` BlockRequestAllowed, `chain.cpp` GetBlockProofEquivalentTime
 */
export function isServed(chain: BitcoinChain, row: number): boolean {
  if (chain.isActive(row)) return true;
  const { headers } = chain;
  if (headers.isInvalid(row) || (headers.status(row) & HeaderStatus.connected) === 0) return false;
  const { best, network: { pow } } = headers;
  const workSince = headers.work(best) - headers.work(row);
  const equivalentSeconds = workSince * BigInt(pow.targetSpacing) / blockWork(headers.bits(best));
  return headers.time(best) - headers.time(row) < STALE_SECONDS && equivalentSeconds < BigInt(STALE_SECONDS);
}
