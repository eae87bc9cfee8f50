/**
 * What a block may pay beside its fees.
 *
 * @see Bitcoin Core `validation.cpp` (GetBlockSubsidy)
 * @module
 */
import type { BitcoinNetwork } from "./network.ts";

const SUBSIDY_FIRST = 5_000_000_000n;
/** After so many halvings there is none. */
const HALVINGS_MAX = 64;

/** The subsidy of a block in satoshi; 0 after the last halving. */
export function subsidyAt({ subsidyHalvingInterval }: BitcoinNetwork, height: number): bigint {
  const halvings = Math.floor(height / subsidyHalvingInterval);
  return halvings >= HALVINGS_MAX ? 0n : SUBSIDY_FIRST >> BigInt(halvings);
}
