/**
 * Headers in memory: one record of words each, found by hash or by number.
 *
 * A million of them are the whole main chain, so a header is no object. Records lie in segments that are never copied;
 * 92 bytes each, and 6 to 12 more for the index. The previous hash is not kept: it is the parent's. Work is not kept
 * either: headers of the same bits form runs, and the work of one is its run's plus so many times a block's. That is
 * exact, and no bigint is touched while a chain grows.
 *
 * @module
 */
import { HEADER_BYTES } from "../types/header.ts";
import { FIELD, type HeaderBatch, putWord, wordBytes } from "./header-batch.ts";
import { blockWork } from "./pow.ts";

const HASH = 0;
const MERKLE_ROOT = 8;
const VERSION = 16;
const TIME = 17;
const NONCE = 18;
const PARENT = 19;
const HEIGHT = 20;
const RUN = 21;
const STATUS = 22;
const RECORD_WORDS = 23;

const SEGMENT_BITS = 13;
const SEGMENT_ROWS = 1 << SEGMENT_BITS;
const SEGMENT_MASK = SEGMENT_ROWS - 1;

/** The index grows when it would be fuller than this. */
const LOAD_MAX = 0.7;
const INDEX_MIN = 1 << 10;

/** Headers of equal bits that follow each other, on whichever branch. */
interface Run {
  readonly bits: number;
  /** Height of the first of them. */
  readonly start: number;
  /** Cumulative work below the first of them. */
  readonly base: bigint;
  /** Work of one of them. */
  readonly work: bigint;
}

/** Rows of headers. Row numbers rise in order of arrival; a parent's is always below its child's. */
export class HeaderTable {
  #segments: Uint32Array[] = [];
  #runs: Run[] = [];
  #length = 0;
  /** Open addressing by the hash's first word: row + 1, or 0 for an empty slot. */
  #index = new Uint32Array(INDEX_MIN);

  /** How many headers there are. */
  get length(): number {
    return this.#length;
  }

  /** Bytes held by records and index. */
  get byteLength(): number {
    return this.#segments.length * SEGMENT_ROWS * RECORD_WORDS * 4 + this.#index.byteLength;
  }

  #word(row: number, which: number): number {
    return this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * RECORD_WORDS + which]!;
  }

  height(row: number): number {
    return this.#word(row, HEIGHT);
  }

  time(row: number): number {
    return this.#word(row, TIME);
  }

  /** Signed, 32 bits. */
  version(row: number): number {
    return this.#word(row, VERSION) | 0;
  }

  bits(row: number): number {
    return this.#runs[this.#word(row, RUN)]!.bits;
  }

  /** The parent's row; −1 for the first header. */
  parent(row: number): number {
    return this.#word(row, PARENT) - 1;
  }

  /** The status word; its bits are the chain's affair. */
  status(row: number): number {
    return this.#word(row, STATUS);
  }

  setStatus(row: number, status: number): void {
    this.#segments[row >>> SEGMENT_BITS]![(row & SEGMENT_MASK) * RECORD_WORDS + STATUS] = status;
  }

  /** Work of the chain from the first header up to this one. */
  work(row: number): bigint {
    const { base, start, work } = this.#runs[this.#word(row, RUN)]!;
    return base + work * BigInt(this.height(row) - start + 1);
  }

  /** Whether the chain up to `a` has more work than the one up to `b`. */
  hasMoreWork(a: number, b: number): boolean {
    const run = this.#word(a, RUN);
    if (run === this.#word(b, RUN)) return this.height(a) > this.height(b);
    return this.work(a) > this.work(b);
  }

  /** The 32 bytes of the hash: a copy. */
  hash(row: number): Uint8Array {
    const from = (row & SEGMENT_MASK) * RECORD_WORDS + HASH;
    return wordBytes(this.#segments[row >>> SEGMENT_BITS]!, from, 8);
  }

  /** The 80 bytes of the header, the previous hash taken from the parent. */
  header(row: number): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES);
    const parent = this.parent(row);
    putWord(bytes, FIELD.version, this.#word(row, VERSION));
    for (let k = 0; parent >= 0 && k < 8; k++) putWord(bytes, FIELD.prev + 4 * k, this.#word(parent, HASH + k));
    for (let k = 0; k < 8; k++) putWord(bytes, FIELD.merkleRoot + 4 * k, this.#word(row, MERKLE_ROOT + k));
    putWord(bytes, FIELD.time, this.time(row));
    putWord(bytes, FIELD.bits, this.bits(row));
    putWord(bytes, FIELD.nonce, this.#word(row, NONCE));
    return bytes;
  }

  /** Whether the hash of `row` is the eight words at `at`. */
  hasHash(row: number, words: Uint32Array, at: number): boolean {
    const segment = this.#segments[row >>> SEGMENT_BITS]!;
    const from = (row & SEGMENT_MASK) * RECORD_WORDS + HASH;
    for (let k = 0; k < 8; k++) if (segment[from + k] !== words[at + k]) return false;
    return true;
  }

  /** The row of the hash whose eight words start at `at`; −1 when there is none. */
  find(words: Uint32Array, at: number): number {
    const mask = this.#index.length - 1;
    for (let slot = words[at]! & mask;; slot = (slot + 1) & mask) {
      const entry = this.#index[slot]!;
      if (entry === 0) return -1;
      if (this.hasHash(entry - 1, words, at)) return entry - 1;
    }
  }

  /**
   * Appends a header that {@link find} does not know.
   * @param index which of the batch
   * @param parent its parent's row, −1 for the first header
   * @returns its row
   */
  append(batch: HeaderBatch, index: number, parent: number, status: number): number {
    const { view, hashes } = batch;
    const row = this.#length;
    if (row >= LOAD_MAX * this.#index.length) this.#growIndex();
    const inSegment = row & SEGMENT_MASK;
    if (inSegment === 0) this.#segments.push(new Uint32Array(SEGMENT_ROWS * RECORD_WORDS));
    const segment = this.#segments[row >>> SEGMENT_BITS]!;
    const to = inSegment * RECORD_WORDS;
    const from = batch.at(index);
    for (let k = 0; k < 8; k++) {
      segment[to + HASH + k] = hashes[index * 8 + k]!;
      segment[to + MERKLE_ROOT + k] = view.getUint32(from + FIELD.merkleRoot + 4 * k, true);
    }
    segment[to + VERSION] = view.getUint32(from + FIELD.version, true);
    segment[to + TIME] = view.getUint32(from + FIELD.time, true);
    segment[to + NONCE] = view.getUint32(from + FIELD.nonce, true);
    segment[to + PARENT] = parent + 1;
    segment[to + HEIGHT] = parent < 0 ? 0 : this.height(parent) + 1;
    segment[to + RUN] = this.#runFor(parent, view.getUint32(from + FIELD.bits, true));
    segment[to + STATUS] = status;
    this.#length = row + 1;
    this.#enter(row, hashes[index * 8]!);
    return row;
  }

  #runFor(parent: number, bits: number): number {
    if (parent >= 0) {
      const run = this.#word(parent, RUN);
      if (this.#runs[run]!.bits === bits) return run;
    }
    const start = parent < 0 ? 0 : this.height(parent) + 1;
    this.#runs.push({ bits, start, base: parent < 0 ? 0n : this.work(parent), work: blockWork(bits) });
    return this.#runs.length - 1;
  }

  #enter(row: number, place: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let slot = place & mask;
    while (index[slot] !== 0) slot = (slot + 1) & mask;
    index[slot] = row + 1;
  }

  #growIndex(): void {
    this.#index = new Uint32Array(2 * this.#index.length);
    for (let row = 0; row < this.#length; row++) this.#enter(row, this.#word(row, HASH));
  }
}
