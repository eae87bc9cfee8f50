/**
 * Merkle trees over transactions.
 *
 * @see Bitcoin Core `consensus/merkle.cpp`; CVE-2012-2459
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { sha256Each } from "../../codec/sha256.ts";
import { sha256d, ZERO_HASH } from "../hash.ts";

const HASH_BYTES = 32;
const PAIR_BYTES = 2 * HASH_BYTES;

/** The hash of two nodes: SHA-256d of left ‖ right. */
export function merkleNode(left: Uint8Array, right: Uint8Array): Bytes32 {
  const pair = new Uint8Array(64);
  pair.set(left);
  pair.set(right, 32);
  return sha256d(pair);
}

/** A root, and whether two neighbours somewhere in its tree are equal. */
export interface MerkleRoot {
  readonly root: Bytes32;
  /**
   * A list whose end is repeated has the root of the list without the repetition (CVE-2012-2459), so such a block is refused,
   * but its header's hash must not be called invalid: the block that was meant has the same.
   */
  readonly mutated: boolean;
}

/** The room for the leaves of a tree, one behind the other: that of one more where their number is odd. */
export const merkleRoom = (count: number): Uint8Array => new Uint8Array(HASH_BYTES * (count + count % 2));

/**
 * The root over `count` leaves in a {@link merkleRoom}, each level's odd last node paired with itself; zeros for no leaves. The
 * levels are folded into the room of the leaves, which are gone afterwards.
 */
export function foldMerkle(level: Uint8Array, count: number): MerkleRoot {
  if (count === 0) return { root: ZERO_HASH, mutated: false };
  const once = new Uint8Array(level.length / 2);
  let [nodes, mutated] = [count, false];
  while (nodes > 1) {
    const pairs = Math.ceil(nodes / 2);
    mutated ||= hasEqualPair(level, nodes);
    if (nodes % 2 === 1) level.copyWithin(HASH_BYTES * nodes, HASH_BYTES * (nodes - 1), HASH_BYTES * nodes);
    const first = once.subarray(0, HASH_BYTES * pairs);
    sha256Each(level.subarray(0, PAIR_BYTES * pairs), PAIR_BYTES, first);
    sha256Each(first, HASH_BYTES, level.subarray(0, HASH_BYTES * pairs));
    nodes = pairs;
  }
  return { root: level.slice(0, HASH_BYTES), mutated };
}

function hasEqualPair(level: Uint8Array, nodes: number): boolean {
  for (let at = 0; at + PAIR_BYTES <= HASH_BYTES * nodes; at += PAIR_BYTES) {
    let i = 0;
    while (i < HASH_BYTES && level[at + i] === level[at + HASH_BYTES + i]) i++;
    if (i === HASH_BYTES) return true;
  }
  return false;
}

/** {@link foldMerkle} of leaves that are arrays of their own. */
export function merkleRoot(leaves: readonly Uint8Array[]): MerkleRoot {
  const level = merkleRoom(leaves.length);
  for (const [i, leaf] of leaves.entries()) level.set(leaf, HASH_BYTES * i);
  return foldMerkle(level, leaves.length);
}
