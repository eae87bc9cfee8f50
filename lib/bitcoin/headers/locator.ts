/**
 * Block locators: how two nodes find where their chains part, and what the one then sends the other.
 *
 * @see Bitcoin Core `chain.cpp` (LocatorEntries), `validation.cpp` (FindForkInGlobalIndex), `net_processing.cpp` (getheaders)
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { equalBytes } from "../../codec/sized.ts";
import { HEADERS_MAX } from "./header-batch.ts";
import type { HeaderChain } from "./header-chain.ts";

/** A longer locator ends the connection (Core's MAX_LOCATOR_SZ). */
export const LOCATOR_MAX = 101;
/** So many ancestors are named one by one before the steps double. */
const DENSE = 10;

/** The hashes of `row`, of its ten ancestors, then of ever rarer ones down to genesis; in wire order. */
export function locatorOf(chain: HeaderChain, row: number): Bytes32[] {
  const hashes: Bytes32[] = [];
  let step = 1;
  for (let at = row, height = chain.height(row);;) {
    hashes.push(chain.hash(at));
    if (height === 0) return hashes;
    if (hashes.length > DENSE) step *= 2;
    height = Math.max(height - step, 0);
    at = chain.ancestor(at, height);
  }
}

/**
 * The first header of `locator` that lies on the chain ending at `tip`, or `tip` itself when one of its descendants is
 * named; genesis when none is known.
 */
export function findFork(chain: HeaderChain, tip: number, locator: readonly Uint8Array[]): number {
  const tipHeight = chain.height(tip);
  for (const hash of locator) {
    const row = chain.find(hash);
    if (row < 0) continue;
    const height = chain.height(row);
    if (height <= tipHeight ? chain.ancestor(tip, height) === row : chain.ancestor(row, tipHeight) === tip) {
      return height <= tipHeight ? row : tip;
    }
  }
  return 0;
}

/**
 * The rows that follow `from` on the chain ending at `tip`, lowest first: at most `max`, up to and with the one whose
 * hash is `stop` (zeros for none). `from` lies on that chain.
 */
export function rowsAfter(
  chain: HeaderChain,
  tip: number,
  from: number,
  stop?: Uint8Array,
  max = HEADERS_MAX,
): number[] {
  const first = chain.height(from) + 1;
  const last = Math.min(chain.height(tip), first + max - 1);
  if (last < first) return [];
  const rows: number[] = [];
  for (let row = chain.ancestor(tip, last); row !== from; row = chain.parent(row)) rows.push(row);
  rows.reverse();
  const end = stop === undefined ? -1 : rows.findIndex((row) => equalBytes(chain.hash(row), stop));
  return end < 0 ? rows : rows.slice(0, end + 1);
}
