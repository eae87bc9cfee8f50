/**
 * One run: a file of entries in the order of their keys, that never changes. What finds a block is in memory, twelve bytes
 * a page.
 *
 * @module
 */
import type { AppendFile } from "../../core/ports.ts";
import { mayHold } from "./bloom.ts";
import { compareParts } from "./entries.ts";
import { BLOCK_TAIL_BYTES, checksum, damagedRun, END_BYTES, INDEX_LINE_BYTES, PAGE_BYTES } from "./format.ts";

/** A run as its owner's list has it. */
export interface RunRecord {
  /** Its number, by which its file is named. */
  readonly run: number;
  /** Runs are older or newer by this. */
  readonly age: number;
  readonly bytes: number;
  readonly entries: number;
}

/** The name of a run's file. */
export const runName = (run: number): string => `run${String(run).padStart(6, "0")}.dat`;

/** What a run says of a key: the value, that the key is gone, or undefined for nothing. */
export type Found = Uint8Array | "gone" | undefined;

/** Bytes that a cursor reads at a time; more than this is read by another thread. */
const READ_BYTES = 256 * 1024;

/** An open run. */
export class Run {
  readonly record: RunRecord;
  readonly name: string;
  readonly #file: AppendFile;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;
  /** The first page of each block, and the end of the last. */
  readonly #pages: Uint32Array;
  readonly #filter: Uint8Array;
  #users = 0;
  #isGone = false;

  private constructor(
    record: RunRecord,
    file: AppendFile,
    parts: { high: Uint32Array; low: Uint32Array; pages: Uint32Array; filter: Uint8Array },
  ) {
    this.record = record;
    this.name = runName(record.run);
    this.#file = file;
    this.#high = parts.high;
    this.#low = parts.low;
    this.#pages = parts.pages;
    this.#filter = parts.filter;
  }

  /** Opens a run. @throws NodeError `DATABASE_DAMAGED` when it is not what its record says */
  static async open(record: RunRecord, file: AppendFile): Promise<Run> {
    const name = runName(record.run);
    if (file.size !== record.bytes) throw damagedRun(name, `it has ${file.size} bytes of ${record.bytes}`);
    const end = await file.read(Math.max(0, record.bytes - END_BYTES), END_BYTES);
    if (end.length < END_BYTES) throw damagedRun(name, "it has no end");
    const view = new DataView(end.buffer, end.byteOffset);
    const [pages, blocks, filterBytes] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(16, true)];
    const entries = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
    const indexBytes = blocks * INDEX_LINE_BYTES;
    if (pages * PAGE_BYTES + indexBytes + filterBytes + END_BYTES !== record.bytes || entries !== record.entries) {
      throw damagedRun(name, "its end is not what was written");
    }
    const whole = await file.read(pages * PAGE_BYTES, indexBytes + filterBytes + END_BYTES);
    if (checksum(whole, whole.length - 4) !== view.getUint32(20, true)) {
      throw damagedRun(name, "its index is not what was written");
    }
    const lines = new DataView(whole.buffer, whole.byteOffset, indexBytes);
    const high = new Uint32Array(blocks);
    const low = new Uint32Array(blocks);
    const starts = new Uint32Array(blocks + 1);
    for (let i = 0; i < blocks; i++) {
      high[i] = lines.getUint32(i * INDEX_LINE_BYTES);
      low[i] = lines.getUint32(i * INDEX_LINE_BYTES + 4);
      starts[i] = lines.getUint32(i * INDEX_LINE_BYTES + 8, true);
    }
    starts[blocks] = pages;
    const filter = whole.slice(indexBytes, indexBytes + filterBytes);
    return new Run(record, file, { high, low, pages: starts, filter });
  }

  /** Bytes of memory that it holds. */
  get bytesHeld(): number {
    return this.#pages.byteLength * 3 + this.#filter.length;
  }

  /** Whether it may hold a key. */
  mayHold(key: Uint8Array): boolean {
    return this.#high.length > 0 && (this.#filter.length === 0 || mayHold(this.#filter, key, 0, key.length));
  }

  /** The value of a key. @throws NodeError `DATABASE_DAMAGED` */
  async get(key: Uint8Array): Promise<Found> {
    const block = await this.#blockOf(key);
    return block === undefined ? undefined : valueIn(block, key);
  }

  /** The block where a key is, if it is there at all. */
  async #blockOf(key: Uint8Array): Promise<Uint8Array | undefined> {
    const [high, low] = [wordOf(key, 0), wordOf(key, 4)];
    // The last block that begins before the key does, and the last one that begins alike.
    let last = this.#lastBefore(high, low, true);
    if (last < 0) return undefined;
    let first = Math.max(0, this.#lastBefore(high, low, false));
    // Blocks that begin with the same eight bytes: only their first keys tell.
    let block: Uint8Array | undefined;
    while (first < last) {
      const middle = (first + last + 1) >> 1;
      const there = await this.block(middle);
      if (compareParts(there, firstKeyAt(there), there[1]!, key, 0, key.length) <= 0) {
        first = middle;
        block = there;
      } else {
        last = middle - 1;
        block = undefined;
      }
    }
    return block ?? await this.block(first);
  }

  /** The last block whose first eight bytes are below these, or also equal to them; −1 for none. */
  #lastBefore(high: number, low: number, orEqual: boolean): number {
    let [from, to] = [0, this.#high.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const [h, l] = [this.#high[middle]!, this.#low[middle]!];
      const isBefore = h < high || (h === high && (l < low || (orEqual && l === low)));
      if (isBefore) from = middle + 1;
      else to = middle;
    }
    return from - 1;
  }

  /** The entries of a block. @throws NodeError `DATABASE_DAMAGED` */
  async block(number: number): Promise<Uint8Array> {
    const from = this.#pages[number]! * PAGE_BYTES;
    const length = this.#pages[number + 1]! * PAGE_BYTES - from;
    return this.#checked(await this.#file.read(from, length), 0, length, number);
  }

  #checked(bytes: Uint8Array, at: number, length: number, number: number): Uint8Array {
    const block = bytes.subarray(at, at + length);
    const view = new DataView(block.buffer, block.byteOffset, block.length);
    const isWhole = block.length === length && checksum(block, length - 4) === view.getUint32(length - 4, true);
    const entries = isWhole ? view.getUint32(length - 8, true) : 0;
    if (!isWhole || entries > length - BLOCK_TAIL_BYTES) {
      throw damagedRun(this.name, `the block at ${this.#pages[number]! * PAGE_BYTES} is not what was written`);
    }
    return block.subarray(0, entries);
  }

  /** The entries of all blocks, one block after another. */
  async *blocks(): AsyncGenerator<Uint8Array> {
    const count = this.#high.length;
    for (let first = 0; first < count;) {
      const from = this.#pages[first]!;
      let last = first + 1;
      while (last < count && (this.#pages[last + 1]! - from) * PAGE_BYTES <= READ_BYTES) last += 1;
      const bytes = await this.#file.read(from * PAGE_BYTES, (this.#pages[last]! - from) * PAGE_BYTES);
      for (; first < last; first++) {
        const at = (this.#pages[first]! - from) * PAGE_BYTES;
        yield this.#checked(bytes, at, (this.#pages[first + 1]! - this.#pages[first]!) * PAGE_BYTES, first);
      }
    }
  }

  /** Somebody reads it: it stays open until {@link Run.leave}. */
  enter(): this {
    this.#users += 1;
    return this;
  }

  /** The reading is over. */
  async leave(): Promise<void> {
    this.#users -= 1;
    if (this.#isGone && this.#users === 0) await this.#file.close();
  }

  /** Nobody will ask any more: it is closed when the last reader leaves. */
  async release(): Promise<void> {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#users === 0) await this.#file.close();
  }
}

/** The four bytes of a key from `at` on, as a number whose order is theirs. */
function wordOf(key: Uint8Array, at: number): number {
  let word = 0;
  for (let i = at; i < at + 4; i++) word = (word << 8) | (key[i] ?? 0);
  return word >>> 0;
}

/** Where the first key of a block is: behind the length of its value. */
function firstKeyAt(block: Uint8Array): number {
  let at = 2;
  while (block[at]! >= 0x80) at += 1;
  return at + 1;
}

/** What a block says of a key. Only the bytes that neighbours do not share are compared. */
function valueIn(block: Uint8Array, key: Uint8Array): Found {
  /** Bytes that the key before has in common with the one that is looked for; it is below it. */
  let match = 0;
  for (let at = 0; at < block.length;) {
    const shared = block[at++]!;
    const more = block[at++]!;
    let length = 0;
    for (let shift = 0;; shift += 7) {
      const byte = block[at++]!;
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    const valueAt = at + more;
    if (shared < match) return undefined;
    if (shared === match) {
      let i = 0;
      while (i < more && match + i < key.length && block[at + i] === key[match + i]) i += 1;
      const isBelow = i === more ? match + i < key.length : block[at + i]! < (key[match + i] ?? -1);
      match += i;
      if (!isBelow) {
        if (i < more || match < key.length) return undefined;
        return length === 0 ? "gone" : block.slice(valueAt, valueAt + length - 1);
      }
    }
    at = valueAt + Math.max(0, length - 1);
  }
  return undefined;
}
