/**
 * The part of a Merkle tree that proves some of its leaves: what `merkleblock` and `gettxoutproof` carry.
 *
 * @see BIP37; Bitcoin Core `merkleblock.cpp`
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { type Bytes32, equalBytes } from "../../codec/sized.ts";
import { merkleNode } from "./merkle.ts";

/** Transactions that a block of 4,000,000 weight units can hold, at 60 bytes each. */
const TRANSACTIONS_MAX = 4_000_000 / (4 * 60);

/** A pruned tree: bits and hashes in the order of a walk from the root, left before right. */
export interface PartialMerkleTree {
  /** Leaves of the whole tree. */
  readonly transactionCount: number;
  readonly hashes: readonly Uint8Array[];
  /** One bit a visited node, lowest first, padded with zeros to bytes: whether something below it is proved. */
  readonly flags: Uint8Array;
}

/** A leaf that a tree proves. */
export interface MatchedTransaction {
  readonly index: number;
  readonly txid: Bytes32;
}

/** The tree that proves the leaves for which `matches` holds. Throws a RangeError for no leaves. */
export function buildPartialMerkleTree(
  txids: readonly Uint8Array[],
  matches: (index: number) => boolean,
): PartialMerkleTree {
  if (txids.length === 0) throw new RangeError("a tree without leaves");
  // Each level with its hashes and whether a match lies below; the root last.
  const levels: { readonly hash: Uint8Array; readonly match: boolean }[][] = [
    txids.map((hash, index) => ({ hash, match: matches(index) })),
  ];
  for (let level = levels[0]!; level.length > 1;) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i]!;
      const right = level[i + 1] ?? left;
      above.push({ hash: merkleNode(left.hash, right.hash), match: left.match || right.match });
    }
    levels.push(level = above);
  }
  const bits: boolean[] = [];
  const hashes: Uint8Array[] = [];
  const walk = (height: number, position: number): void => {
    const node = levels[height]![position];
    if (node === undefined) return;
    bits.push(node.match);
    if (height === 0 || !node.match) {
      hashes.push(node.hash);
      return;
    }
    walk(height - 1, 2 * position);
    walk(height - 1, 2 * position + 1);
  };
  walk(levels.length - 1, 0);
  const flags = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    if (bit) flags[i >> 3]! |= 1 << (i & 7);
  });
  return { transactionCount: txids.length, hashes, flags };
}

/**
 * The root that a tree leads to and the leaves that it proves, in order. The root still has to be held against a header's.
 * Throws NodeError `bad_merkle_tree` (fault `peer`) when the tree is malformed: counts that cannot be, hashes or bits left
 * over, or two equal neighbours (CVE-2012-2459).
 */
export function extractMatches(
  tree: PartialMerkleTree,
): { readonly root: Bytes32; readonly matches: readonly MatchedTransaction[] } {
  const { transactionCount, hashes, flags } = tree;
  const bitCount = 8 * flags.length;
  if (transactionCount === 0 || transactionCount > TRANSACTIONS_MAX) throw bad(`${transactionCount} transactions`);
  if (hashes.length > transactionCount) throw bad("more hashes than transactions");
  if (bitCount < hashes.length) throw bad("fewer bits than hashes");
  const matches: MatchedTransaction[] = [];
  let bitsUsed = 0;
  let hashesUsed = 0;
  const width = (height: number) => Math.ceil(transactionCount / 2 ** height);
  const walk = (height: number, position: number): Bytes32 => {
    if (bitsUsed >= bitCount) throw bad("out of bits");
    const match = (flags[bitsUsed >> 3]! >> (bitsUsed & 7)) & 1;
    bitsUsed++;
    if (height === 0 || match === 0) {
      const hash = hashes[hashesUsed++];
      if (hash === undefined) throw bad("out of hashes");
      if (height === 0 && match === 1) matches.push({ index: position, txid: hash });
      return hash;
    }
    const left = walk(height - 1, 2 * position);
    if (2 * position + 1 >= width(height - 1)) return merkleNode(left, left);
    const right = walk(height - 1, 2 * position + 1);
    if (equalBytes(left, right)) throw bad("two equal neighbours");
    return merkleNode(left, right);
  };
  let top = 0;
  while (width(top) > 1) top++;
  const root = walk(top, 0);
  if (Math.ceil(bitsUsed / 8) !== flags.length) throw bad("bits left over");
  if (hashesUsed !== hashes.length) throw bad("hashes left over");
  return { root, matches };
}

function bad(message: string): NodeError<"bad_merkle_tree"> {
  return new NodeError("bad_merkle_tree", "peer", message);
}
