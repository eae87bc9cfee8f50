/**
 * The Merkle set: a root over 32-byte leaves that does not depend on their order.
 *
 * @see chia-blockchain 2.7.5 `chia/util/merkle_set.py`, chia_rs `merkle_set.rs`
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { sha256 } from "../../codec/sha256.ts";

const EMPTY = 0;
const TERMINAL = 1;
const MIDDLE = 2;

/** A sub-tree. A `pair` is a middle node that holds just two leaves: it keeps its depth when an empty side is above. */
interface Node {
  readonly kind: typeof EMPTY | typeof TERMINAL | typeof MIDDLE;
  readonly pair: boolean;
  readonly hash: Uint8Array;
}

const ZERO = new Uint8Array(32);
const EMPTY_NODE: Node = { kind: EMPTY, pair: false, hash: ZERO };
/** 30 zero bytes before the kinds keep inner nodes apart from any other hash. */
const INNER_PREFIX = new Uint8Array(30);

function inner(left: Node, right: Node, pair: boolean): Node {
  const hash = sha256(INNER_PREFIX, Uint8Array.of(left.kind, right.kind), left.hash, right.hash);
  return { kind: MIDDLE, pair, hash };
}

function bitOf(leaf: Uint8Array, depth: number): number {
  return ((leaf[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
}

/** Builds the sub-tree over sorted, distinct leaves `from … to − 1`. At most 256 deep, as leaves have 256 bits. */
function build(leaves: readonly Uint8Array[], from: number, to: number, depth: number): Node {
  if (from === to) return EMPTY_NODE;
  if (to - from === 1) return { kind: TERMINAL, pair: false, hash: leaves[from] ?? ZERO };
  let middle = from;
  while (middle < to && bitOf(leaves[middle] ?? ZERO, depth) === 0) middle += 1;
  const left = build(leaves, from, middle, depth + 1);
  const right = build(leaves, middle, to, depth + 1);
  if (left.kind !== EMPTY && right.kind !== EMPTY) {
    return inner(left, right, left.kind === TERMINAL && right.kind === TERMINAL);
  }
  const one = left.kind === EMPTY ? right : left;
  return one.kind === MIDDLE && !one.pair ? inner(left, right, false) : one;
}

/** Compares byte strings of equal length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The root over a set of 32-byte leaves; duplicates count once. The empty set gives 32 zero bytes. */
export function merkleSetRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const sorted = [...leaves].sort(compareBytes).filter((leaf, i, all) =>
    i === 0 || !equalBytes(leaf, all[i - 1] ?? ZERO)
  );
  const root = build(sorted, 0, sorted.length, 0);
  return root.kind === TERMINAL ? sha256(Uint8Array.of(TERMINAL), root.hash) : root.hash;
}
