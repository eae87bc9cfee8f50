/**
 * The strict walk over CLVM programs with back-references (byte fe, then a path). It resolves every reference against
 * the stack of nodes parsed so far, as the reference's parser for untrusted input does: a path that leads nowhere is an
 * error.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { lengthBytes, longAtomEnd, shortProgram } from "./atoms.ts";

/** Pairs that one program may make; the reference's allocator has the same limit. */
const PAIRS_MAX = 62_500_000;
/** Scratch memory is kept for the next program up to this many entries an array (4 MB each). */
const SCRATCH_KEPT = 1 << 20;

/**
 * What is known of the tree. Node 0 stands for every atom, since a path can neither enter one nor ask for its value;
 * pairs are numbered from 1.
 *
 * A pair is open from its byte ff until its right side is done, and the left sides that are done are the stack. Seen
 * from the root, the open pairs are some that wait for their left side, one that waits for its right, some for their
 * left, and so on; so it is enough to keep, with each node on the stack, how many pairs between it and the one below
 * wait for their left side. Then ff is no more than a count.
 */
class Tree {
  left = new Int32Array(1024);
  right = new Int32Array(1024);
  pairs = 0;
  /** Left sides that wait for their right one, the latest last. */
  stack = new Int32Array(1024);
  /** For each place of the stack, the pairs below it that wait for their left side. */
  waiting = new Int32Array(1024);
  /** For each place of the stack the pair that is the list from there down, or 0 while nobody asked for it. */
  lists = new Int32Array(1024);

  /** Numbers a new pair. */
  pair(left: number, right: number): number {
    const node = ++this.pairs;
    if (node >= this.left.length) {
      if (node > PAIRS_MAX) throw new CodecError("program", `more than ${PAIRS_MAX} pairs`);
      this.left = doubled(this.left);
      this.right = doubled(this.right);
    }
    this.left[node] = left;
    this.right[node] = right;
    return node;
  }

  /** Makes room for a higher stack. */
  growStack(): void {
    this.stack = doubled(this.stack);
    this.waiting = doubled(this.waiting);
    this.lists = doubled(this.lists);
  }

  /**
   * The stack from place `top` down as a list. Pairs are made only for the places that no earlier reference needed, so
   * the work over a whole program stays linear.
   */
  list(top: number): number {
    let from = top;
    while (from >= 0 && this.lists[from] === 0) from--;
    let node = from < 0 ? 0 : this.lists[from]!;
    for (let i = from + 1; i <= top; i++) this.lists[i] = node = this.pair(this.stack[i]!, node);
    return node;
  }

  /**
   * The node at the end of the path in `bytes` from `start` to `end`. The environment is the stack as a list, its latest
   * node first; bits are read from the last byte's lowest up to, not including, the highest set one: 0 goes left, 1
   * right.
   */
  follow(height: number, bytes: Uint8Array, start: number, end: number): number {
    let first = start;
    while (first < end && bytes[first] === 0) first++;
    if (first === end) return 0;
    const sentinel = 31 - Math.clz32(bytes[first]!);
    let place = height - 1;
    let node = -1; // −1 while the path still runs along the stack
    for (let at = end - 1; at >= first; at--) {
      const byte = bytes[at]!;
      const bits = at === first ? sentinel : 8;
      for (let bit = 0; bit < bits; bit++) {
        const right = (byte >> bit) & 1;
        if (node < 0 && place >= 0) {
          if (right) place--;
          else node = this.stack[place]!;
        } else {
          if (node <= 0) throw new CodecError("program", "back-reference leads into an atom", start - 1);
          node = right ? this.right[node]! : this.left[node]!;
        }
      }
    }
    return node < 0 ? this.list(place) : node;
  }
}

function doubled(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

let scratch: Tree | undefined;

/**
 * Where the program that starts at `start` ends, with every back-reference resolved. Linear in time; memory is at most
 * some 20 bytes for each byte of input. Throws {@link CodecError} `short` or `program`.
 */
export function referencesEnd(bytes: Uint8Array, start: number, end: number): number {
  // Taken while in use, so that a program that fails midway just drops it.
  const tree = scratch ?? new Tree();
  scratch = undefined;
  tree.pairs = 0;
  let { stack, waiting, lists } = tree;
  let height = 0;
  let at = start;
  let open = 0; // pairs above the top of the stack that wait for their left side
  while (true) {
    if (at >= end) throw shortProgram(at, end);
    const first = bytes[at++]!;
    if (first === 0xff) {
      open++;
      continue;
    }
    let node = 0;
    if (first > 0x80) {
      if (first < 0xc0) {
        at += first & 0x3f;
      } else if (first < 0xfe) {
        at = longAtomEnd(bytes, at, end, first);
      } else {
        if (at >= end) throw shortProgram(at, end);
        const byte = bytes[at++]!;
        const from = byte < 0x80 ? at - 1 : byte < 0xc0 ? at : at + lengthBytes(byte);
        const to = byte < 0x80 ? at : byte < 0xc0 ? at + (byte & 0x3f) : longAtomEnd(bytes, at, end, byte);
        if (to > end) throw shortProgram(to, end);
        node = tree.follow(height, bytes, from, to);
        at = to;
      }
    }
    while (open === 0 && height > 0) {
      height--;
      open = waiting[height]!;
      node = tree.pair(stack[height]!, node);
    }
    if (open === 0) break;
    if (height >= stack.length) {
      tree.growStack();
      ({ stack, waiting, lists } = tree);
    }
    stack[height] = node;
    waiting[height] = open - 1;
    lists[height] = 0;
    height++;
    open = 0;
  }
  if (at > end) throw shortProgram(at, end);
  if (Math.max(tree.left.length, tree.stack.length) <= SCRATCH_KEPT) scratch = tree;
  return at;
}
