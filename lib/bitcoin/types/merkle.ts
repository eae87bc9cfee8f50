/**
 * Merkle trees over transactions.
 *
 * @see Bitcoin Core `consensus/merkle.cpp`; CVE-2012-2459
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { equalBytes } from "../../codec/sized.ts";
import { sha256dMany } from "../../codec/sha256.ts";
import { sha256d, ZERO_HASH } from "../hash.ts";

/** The hash of two nodes: SHA-256d of left ‖ right. */
export function merkleNode(left: Uint8Array, right: Uint8Array): Bytes32 {
  const pair = new Uint8Array(64);
  pair.set(left);
  pair.set(right, 32);
  return sha256d(pair);
}

/**
 * The root over `leaves`, each level's odd last node paired with itself; zeros for no leaves.
 *
 * `mutated` says that two neighbours somewhere are equal. A list whose end is repeated has the root of the list without
 * the repetition (CVE-2012-2459), so such a block is refused, but its header's hash must not be called invalid: the
 * block that was meant has the same.
 */
export function merkleRoot(leaves: readonly Uint8Array[]): { readonly root: Bytes32; readonly mutated: boolean } {
  let mutated = false;
  let level = leaves;
  while (level.length > 1) {
    const pairs: [Uint8Array, Uint8Array][] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i]!;
      const right = level[i + 1];
      if (right !== undefined && equalBytes(left, right)) mutated = true;
      pairs.push([left, right ?? left]);
    }
    level = sha256dMany(pairs);
  }
  return { root: level[0] ?? ZERO_HASH, mutated };
}
