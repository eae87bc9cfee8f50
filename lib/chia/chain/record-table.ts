/**
 * Block records in memory, as bytes: a record as an object takes over four kilobytes, its bytes about six hundred.
 *
 * Each record lies in its Streamable form in a page; pages are only ever appended to, and a page goes when its last record
 * does. Typed columns say where a record lies, its height, whether it is on the main chain, and which other record has the
 * same height. The few that were used last are kept decoded: the rules walk over the same stretch for each block.
 *
 * @module
 */
import { BlockRecord } from "../types/mod.ts";

const HASH_BYTES = 32;
/** Where the previous hash lies in a record's bytes: right after its own. */
const PREVIOUS_AT = HASH_BYTES;
const PAGE_BYTES = 16 * 1024;
/** What a place in the list of pages takes, whether there is a page in it or not. */
const PLACE_BYTES = 8;
/** Records that are kept decoded: more than a sub-epoch of mainnet, which the rules walk through, and its sub-slots. */
const DECODED_MAX = 1_024;
/** The index grows when it would be fuller than this. */
const LOAD_MAX = 0.7;
const ROWS_MIN = 64;
/** An odd number near 2³² divided by the golden ratio: bits that differ anywhere make a difference in the upper half. */
const MIX = 0x9e37_79b1;

interface Page {
  readonly bytes: Uint8Array;
  used: number;
  /** Records that lie in it and are still wanted. */
  live: number;
}

function grown<T extends Uint32Array | Int32Array | Uint8Array>(old: T, length: number): T {
  const column = new (old.constructor as new (length: number) => T)(length);
  column.set(old as never);
  return column;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
}

/** The place in the index that a hash would have: from its first and its last word. */
function wordOf(bytes: Uint8Array, at: number): number {
  const mixed = Math.imul(wordAt(bytes, at) ^ wordAt(bytes, at + HASH_BYTES - 4), MIX);
  return mixed ^ (mixed >>> 16);
}

/** Rows of records. A row's number is given again once its record was removed. */
export class RecordTable {
  readonly #pages: (Page | undefined)[] = [];
  readonly #freePages: number[] = [];
  readonly #freeRows: number[] = [];
  #current = -1;
  #pageOf = new Uint32Array(ROWS_MIN);
  #offsetOf = new Uint32Array(ROWS_MIN);
  #lengthOf = new Uint32Array(ROWS_MIN);
  #heightOf = new Uint32Array(ROWS_MIN);
  #isMain = new Uint8Array(ROWS_MIN);
  /** The next row of the same height; −1 for none. */
  #nextOf = new Int32Array(ROWS_MIN);
  #rows = 0;
  #size = 0;
  /** The newest row of each height. */
  readonly #atHeight = new Map<number, number>();
  /** Open addressing: row + 1, or 0 for an empty slot. */
  #index = new Uint32Array(2 * ROWS_MIN);
  readonly #decoded: (BlockRecord | undefined)[] = [];
  /** Rows that are decoded, in a ring. */
  readonly #ring = new Int32Array(DECODED_MAX).fill(-1);
  #ringAt = 0;

  /** How many records there are. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of pages and columns; what is decoded is beside it. */
  get byteLength(): number {
    const pages = this.#pages.reduce((sum, page) => sum + PLACE_BYTES + (page?.bytes.length ?? 0), 0);
    const columns = [this.#pageOf, this.#offsetOf, this.#lengthOf, this.#heightOf, this.#isMain, this.#nextOf];
    return pages + columns.reduce((sum, { byteLength }) => sum + byteLength, 0) + this.#index.byteLength;
  }

  height(row: number): number {
    return this.#heightOf[row]!;
  }

  isMain(row: number): boolean {
    return this.#isMain[row] === 1;
  }

  setMain(row: number, isMain: boolean): void {
    this.#isMain[row] = isMain ? 1 : 0;
  }

  /** The rows of a height, the newest first. */
  *rowsAt(height: number): Generator<number> {
    for (let row = this.#atHeight.get(height) ?? -1; row >= 0;) {
      // The caller may remove the row before it asks for the next one.
      const next = this.#nextOf[row]!;
      yield row;
      row = next;
    }
  }

  /** The row of the main chain at a height; −1 when there is none. */
  mainRow(height: number): number {
    for (let row = this.#atHeight.get(height) ?? -1; row >= 0; row = this.#nextOf[row]!) {
      if (this.isMain(row)) return row;
    }
    return -1;
  }

  /** The row of a hash of 32 bytes; −1 when there is none. */
  find(hash: Uint8Array, at = 0): number {
    const mask = this.#index.length - 1;
    for (let slot = wordOf(hash, at) & mask;; slot = (slot + 1) & mask) {
      const entry = this.#index[slot]!;
      if (entry === 0) return -1;
      if (this.#hasHash(entry - 1, hash, at)) return entry - 1;
    }
  }

  /** The row of a row's parent; −1 when it is not here. */
  parent(row: number): number {
    return this.find(this.#bytesOf(row), this.#offsetOf[row]! + PREVIOUS_AT);
  }

  /** The record of a row. */
  record(row: number): BlockRecord {
    return this.#decoded[row] ?? this.#decode(row);
  }

  /** Adds a record that {@link find} does not know. */
  add(record: BlockRecord): number {
    const bytes = BlockRecord.encode(record);
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row >= this.#heightOf.length) this.#growRows();
    const { page, index } = this.#room(bytes.length);
    page.bytes.set(bytes, page.used);
    this.#pageOf[row] = index;
    this.#offsetOf[row] = page.used;
    this.#lengthOf[row] = bytes.length;
    this.#heightOf[row] = record.height;
    this.#isMain[row] = 0;
    page.used += bytes.length;
    page.live += 1;
    this.#nextOf[row] = this.#atHeight.get(record.height) ?? -1;
    this.#atHeight.set(record.height, row);
    this.#size += 1;
    if (this.#size > this.#index.length * LOAD_MAX) this.#growIndex();
    this.#enter(row);
    return row;
  }

  /** Takes a record out. Records that were given before stay as they are. */
  remove(row: number): void {
    this.#leave(row);
    const height = this.#heightOf[row]!;
    const first = this.#atHeight.get(height)!;
    if (first !== row) {
      let before = first;
      while (this.#nextOf[before] !== row) before = this.#nextOf[before]!;
      this.#nextOf[before] = this.#nextOf[row]!;
    } else if (this.#nextOf[row]! >= 0) this.#atHeight.set(height, this.#nextOf[row]!);
    else this.#atHeight.delete(height);
    const index = this.#pageOf[row]!;
    const page = this.#pages[index]!;
    page.live -= 1;
    if (page.live === 0 && index !== this.#current) {
      this.#pages[index] = undefined;
      this.#freePages.push(index);
    }
    this.#decoded[row] = undefined;
    this.#freeRows.push(row);
    this.#size -= 1;
  }

  #bytesOf(row: number): Uint8Array {
    return this.#pages[this.#pageOf[row]!]!.bytes;
  }

  #hasHash(row: number, hash: Uint8Array, at: number): boolean {
    const bytes = this.#bytesOf(row);
    const from = this.#offsetOf[row]!;
    for (let i = 0; i < HASH_BYTES; i++) if (bytes[from + i] !== hash[at + i]) return false;
    return true;
  }

  #decode(row: number): BlockRecord {
    const from = this.#offsetOf[row]!;
    // Its fields are views of the page, which no later record overwrites.
    const record = BlockRecord.decode(this.#bytesOf(row).subarray(from, from + this.#lengthOf[row]!));
    const oldest = this.#ring[this.#ringAt]!;
    if (oldest >= 0) this.#decoded[oldest] = undefined;
    this.#ring[this.#ringAt] = row;
    this.#ringAt = (this.#ringAt + 1) % DECODED_MAX;
    this.#decoded[row] = record;
    return record;
  }

  #room(length: number): { readonly page: Page; readonly index: number } {
    const last = this.#pages[this.#current];
    if (last !== undefined && last.used + length <= last.bytes.length) return { page: last, index: this.#current };
    const page = { bytes: new Uint8Array(Math.max(PAGE_BYTES, length)), used: 0, live: 0 };
    // A full page of which nothing is wanted any more gives its place to the next one.
    if (last?.live !== 0) this.#current = this.#freePages.pop() ?? this.#pages.length;
    this.#pages[this.#current] = page;
    return { page, index: this.#current };
  }

  #enter(row: number): void {
    const mask = this.#index.length - 1;
    let slot = this.#home(row);
    while (this.#index[slot] !== 0) slot = (slot + 1) & mask;
    this.#index[slot] = row + 1;
  }

  #home(row: number): number {
    return wordOf(this.#bytesOf(row), this.#offsetOf[row]!) & (this.#index.length - 1);
  }

  /** Takes a row out of the index, and closes the gap: what was pushed on by it moves back. */
  #leave(row: number): void {
    const mask = this.#index.length - 1;
    let gap = this.#home(row);
    while (this.#index[gap] !== row + 1) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; this.#index[slot] !== 0; slot = (slot + 1) & mask) {
      const distance = (slot - this.#home(this.#index[slot]! - 1)) & mask;
      if (distance < ((slot - gap) & mask)) continue;
      this.#index[gap] = this.#index[slot]!;
      gap = slot;
    }
    this.#index[gap] = 0;
  }

  #growIndex(): void {
    const entries = this.#index.filter((entry) => entry !== 0);
    this.#index = new Uint32Array(2 * this.#index.length);
    for (const entry of entries) this.#enter(entry - 1);
  }

  #growRows(): void {
    const length = 2 * this.#heightOf.length;
    this.#pageOf = grown(this.#pageOf, length);
    this.#offsetOf = grown(this.#offsetOf, length);
    this.#lengthOf = grown(this.#lengthOf, length);
    this.#heightOf = grown(this.#heightOf, length);
    this.#isMain = grown(this.#isMain, length);
    this.#nextOf = grown(this.#nextOf, length);
  }
}
