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
 */
class Parse {
  left = new Int32Array(1024);
  right = new Int32Array(1024);
  pairs = 0;
  /** Nodes that wait to become part of a pair, the latest last. */
  stack = new Int32Array(1024);
  /** For each place of the stack the pair that is the list from there down, or −1 while nobody asked for it. */
  lists = new Int32Array(1024);
  height = 0;
  /** For each open pair 1 when its left side is done. */
  open = new Uint8Array(1024);
  depth = 0;

  reset(): void {
    this.pairs = this.height = this.depth = 0;
  }

  pair(left: number, right: number): number {
    const node = ++this.pairs;
    if (node > PAIRS_MAX) throw new CodecError("program", `more than ${PAIRS_MAX} pairs`);
    if (node >= this.left.length) {
      this.left = grown(this.left);
      this.right = grown(this.right);
    }
    this.left[node] = left;
    this.right[node] = right;
    return node;
  }

  push(node: number): void {
    if (this.height >= this.stack.length) {
      this.stack = grown(this.stack);
      this.lists = grown(this.lists);
    }
    this.stack[this.height] = node;
    this.lists[this.height] = -1;
    this.height++;
  }

  enter(): void {
    if (this.depth >= this.open.length) {
      const open = new Uint8Array(this.open.length * 2);
      open.set(this.open);
      this.open = open;
    }
    this.open[this.depth++] = 0;
  }

  /** Pushes a finished node and closes the pairs that it completes. */
  done(node: number): void {
    this.push(node);
    while (this.depth > 0) {
      if (this.open[this.depth - 1] === 0) {
        this.open[this.depth - 1] = 1;
        return;
      }
      this.depth--;
      this.height -= 2;
      this.push(this.pair(this.stack[this.height]!, this.stack[this.height + 1]!));
    }
  }

  /**
   * The stack from place `top` down as a list. Pairs are made only for the places that no earlier reference needed, so
   * the work over a whole program stays linear.
   */
  list(top: number): number {
    let from = top;
    while (from >= 0 && this.lists[from] === -1) from--;
    let node = from < 0 ? 0 : this.lists[from]!;
    for (let i = from + 1; i <= top; i++) this.lists[i] = node = this.pair(this.stack[i]!, node);
    return node;
  }
}

function grown(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const to = new Int32Array(from.length * 2);
  to.set(from);
  return to;
}

/**
 * The node at the end of the path in `bytes` from `start` to `end`. The environment is the stack as a list, its latest
 * node first; bits are read from the last byte's lowest up to, not including, the highest set one: 0 goes left, 1 right.
 */
function follow(parse: Parse, bytes: Uint8Array, start: number, end: number): number {
  let first = start;
  while (first < end && bytes[first] === 0) first++;
  if (first === end) return 0;
  const sentinel = 31 - Math.clz32(bytes[first]!);
  let place = parse.height - 1;
  let node = -1; // −1 while the path still runs along the stack
  for (let at = end - 1; at >= first; at--) {
    const byte = bytes[at]!;
    const bits = at === first ? sentinel : 8;
    for (let bit = 0; bit < bits; bit++) {
      const right = (byte >> bit) & 1;
      if (node < 0 && place >= 0) {
        if (right) place--;
        else node = parse.stack[place]!;
      } else {
        if (node <= 0) throw new CodecError("program", "back-reference leads into an atom", start - 1);
        node = right ? parse.right[node]! : parse.left[node]!;
      }
    }
  }
  return node < 0 ? parse.list(place) : node;
}

let scratch: Parse | undefined;

/**
 * Where the program that starts at `start` ends, with every back-reference resolved. Linear in time; memory is about
 * 17 bytes for each byte of input at worst. Throws {@link CodecError} `short` or `program`.
 */
export function referencesEnd(bytes: Uint8Array, start: number, end: number): number {
  const parse = scratch ?? new Parse();
  scratch = undefined;
  parse.reset();
  let at = start;
  do {
    if (at >= end) throw shortProgram(at, end);
    const first = bytes[at++]!;
    if (first === 0xff) {
      parse.enter();
      continue;
    }
    if (first === 0xfe) {
      if (at >= end) throw shortProgram(at, end);
      const byte = bytes[at++]!;
      const from = byte <= 0x7f ? at - 1 : byte < 0xc0 ? at : at + lengthBytes(byte);
      const to = byte <= 0x7f ? at : byte < 0xc0 ? at + (byte & 0x3f) : longAtomEnd(bytes, at, end, byte);
      if (to > end) throw shortProgram(to, end);
      parse.done(follow(parse, bytes, from, to));
      at = to;
      continue;
    }
    if (first > 0x80) at = first < 0xc0 ? at + (first & 0x3f) : longAtomEnd(bytes, at, end, first);
    parse.done(0);
  } while (parse.depth > 0);
  if (at > end) throw shortProgram(at, end);
  if (Math.max(parse.left.length, parse.stack.length, parse.open.length) <= SCRATCH_KEPT) scratch = parse;
  return at;
}
