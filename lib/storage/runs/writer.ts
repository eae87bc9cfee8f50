/**
 * Writes a run: entries in the order of their keys, into a new file.
 *
 * @module
 */
import type { AppendFile } from "../../core/ports.ts";
import { addToFilter, filterBytes } from "./bloom.ts";
import { BLOCK_TAIL_BYTES, checksum, END_BYTES, INDEX_LINE_BYTES, PAGE_BYTES } from "./format.ts";

/** Bytes that wait before they are written. */
const WAITING_BYTES_MAX = 1024 * 1024;
/** Blocks of the index that are added room for at a time. */
const INDEX_BLOCKS = 1_024;

/** Writes one run. The caller syncs and closes the file. */
export class RunWriter {
  readonly #file: AppendFile;
  readonly #filter: Uint8Array;
  #buffer = new Uint8Array(2 * WAITING_BYTES_MAX);
  #view = new DataView(this.#buffer.buffer);
  /** Where the block that is being filled begins, and where its entries end. */
  #blockAt = 0;
  #at = 0;
  #pages = 0;
  #blocks = 0;
  #entries = 0;
  #index = new Uint8Array(INDEX_BLOCKS * INDEX_LINE_BYTES);
  readonly #last = new Uint8Array(255);
  #lastLength = 0;

  /** @param entriesMax how many entries come at most, for the filter; undefined for a run without one */
  constructor(file: AppendFile, entriesMax: number | undefined) {
    this.#file = file;
    this.#filter = new Uint8Array(entriesMax === undefined ? 0 : filterBytes(entriesMax));
  }

  /** How many entries were added. */
  get entries(): number {
    return this.#entries;
  }

  /** Whether so much waits that {@link RunWriter.drain} is to be called. */
  get isFull(): boolean {
    return this.#blockAt >= WAITING_BYTES_MAX;
  }

  /** Adds an entry, whose key comes behind that of the one before; see `TakeEntry`. */
  add(
    keyBytes: Uint8Array,
    keyAt: number,
    keyLength: number,
    valueBytes: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): void {
    const room = 2 + 5 + keyLength + Math.max(0, valueLength);
    const used = this.#at - this.#blockAt;
    if (used > 0 && used + room + BLOCK_TAIL_BYTES > PAGE_BYTES) this.#endBlock();
    this.#makeRoom(room + BLOCK_TAIL_BYTES + PAGE_BYTES);
    const last = this.#last;
    let shared = 0;
    if (this.#at === this.#blockAt) this.#beginBlock(keyBytes, keyAt, keyLength);
    else {
      const most = Math.min(keyLength, this.#lastLength);
      while (shared < most && last[shared] === keyBytes[keyAt + shared]) shared += 1;
    }
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = shared;
    buffer[at++] = keyLength - shared;
    let rest = valueLength + 1;
    for (; rest >= 0x80; rest >>>= 7) buffer[at++] = rest | 0x80;
    buffer[at++] = rest;
    for (let i = shared; i < keyLength; i++) buffer[at++] = last[i] = keyBytes[keyAt + i]!;
    for (let i = 0; i < valueLength; i++) buffer[at++] = valueBytes[valueAt + i]!;
    this.#lastLength = keyLength;
    this.#at = at;
    this.#entries += 1;
    if (this.#filter.length > 0) addToFilter(this.#filter, keyBytes, keyAt, keyLength);
  }

  /** Writes the blocks that are full. */
  async drain(): Promise<void> {
    const end = this.#blockAt;
    if (end === 0) return;
    await this.#file.append([this.#buffer.subarray(0, end)]);
    this.#buffer.copyWithin(0, end, this.#at);
    this.#at -= end;
    this.#blockAt = 0;
  }

  /** Writes the rest, and what finds it. */
  async finish(): Promise<void> {
    if (this.#at > this.#blockAt) this.#endBlock();
    await this.drain();
    const index = this.#index.subarray(0, this.#blocks * INDEX_LINE_BYTES);
    const whole = new Uint8Array(index.length + this.#filter.length + END_BYTES);
    whole.set(index);
    whole.set(this.#filter, index.length);
    const at = whole.length - END_BYTES;
    const view = new DataView(whole.buffer);
    const numbers = [this.#pages, this.#blocks, this.#entries >>> 0, Math.floor(this.#entries / 2 ** 32)];
    for (const [i, number] of [...numbers, this.#filter.length].entries()) view.setUint32(at + 4 * i, number, true);
    view.setUint32(whole.length - 4, checksum(whole, whole.length - 4), true);
    await this.#file.append([whole]);
  }

  #beginBlock(keyBytes: Uint8Array, keyAt: number, keyLength: number): void {
    const line = this.#blocks * INDEX_LINE_BYTES;
    if (line === this.#index.length) {
      const grown = new Uint8Array(line * 2);
      grown.set(this.#index);
      this.#index = grown;
    }
    for (let i = 0; i < Math.min(8, keyLength); i++) this.#index[line + i] = keyBytes[keyAt + i]!;
    for (let i = 0; i < 4; i++) this.#index[line + 8 + i] = this.#pages >>> (8 * i);
    this.#blocks += 1;
    this.#lastLength = 0;
  }

  #endBlock(): void {
    const entries = this.#at - this.#blockAt;
    const pages = Math.ceil((entries + BLOCK_TAIL_BYTES) / PAGE_BYTES);
    const end = this.#blockAt + pages * PAGE_BYTES;
    // There is room: every entry was added with a page to spare.
    this.#buffer.fill(0, this.#at, end);
    this.#view.setUint32(end - 8, entries, true);
    this.#view.setUint32(end - 4, checksum(this.#buffer.subarray(this.#blockAt, end - 4)), true);
    this.#blockAt = this.#at = end;
    this.#pages += pages;
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#at + bytes));
    grown.set(this.#buffer);
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
