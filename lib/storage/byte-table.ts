/**
 * A table of byte strings under keys of byte strings, for millions of short ones: open addressing over typed arrays, and
 * the bytes in chunks. An entry costs its bytes, four more, and about fourteen of the table; a Map of strings and arrays
 * takes three hundred. What it holds in memory it can tell exactly.
 *
 * @module
 */
import { compareParts, type SortedEntries, type TakeEntry } from "./runs/entries.ts";

/** A chunk of the arena. An entry lies in one chunk. The first begins small, for tables of few entries. */
const CHUNK_BYTES = 1 << 20;
const FIRST_CHUNK_BYTES = 1 << 12;
/** Entries begin at multiples of this; addresses count in it. */
const UNIT_BYTES = 4;
const CHUNK_UNIT_BITS = 18;
const CHUNK_UNIT_MASK = (1 << CHUNK_UNIT_BITS) - 1;
/** Flags ‖ length of the key ‖ length of the value u16 LE. */
const HEAD_BYTES = 4;
/** The longest value. */
export const VALUE_BYTES_MAX = 0xffff;
const SLOTS_MIN_BITS = 6;
/** Words of a slot: the hash and the address, 0 for none. */
const SLOT_WORDS = 2;
/** Entries between two pauses. */
const PAUSE_EVERY = 8_192;
/** The key is gone. */
const GONE = 0x80;

/** Random bytes that a table needs: its hash is not to be foreseen by those who choose keys. */
export const TABLE_SECRET_BYTES = 64;

/** What there is under a key: where it lies, valid until the next change; 0 for nothing. */
export type Address = number;

/** The table. Keys of 1 to 255 bytes, values up to {@link VALUE_BYTES_MAX}. */
export class ByteTable implements SortedEntries {
  readonly #secret: Uint32Array;
  #bits = SLOTS_MIN_BITS;
  #slots = new Uint32Array(SLOT_WORDS << SLOTS_MIN_BITS);
  #size = 0;
  readonly #chunks: Uint8Array[] = [];
  /** Units of the last chunk that are in use. The first unit of all is left out: address 0 is nothing. */
  #used = 0;
  /** By size in units: the first of the entries that were given up, which are linked through their first word. */
  readonly #free = new Map<number, Address>();

  /** @param secret {@link TABLE_SECRET_BYTES} random bytes */
  constructor(secret: Uint8Array) {
    const bytes = secret.slice(0, TABLE_SECRET_BYTES);
    this.#secret = new Uint32Array(bytes.buffer).map((word) => word | 1);
  }

  /** How many keys there are, those that are gone included. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of memory that it holds, and needs while it grows. */
  get bytes(): number {
    const [first] = this.#chunks;
    const others = Math.max(0, this.#chunks.length - 1) * CHUNK_BYTES;
    return (first?.length ?? 0) + others + this.#slots.byteLength * 1.5;
  }

  /** Where the key that is the first `length` bytes of `key` lies. */
  find(key: Uint8Array, length = key.length): Address {
    const hash = this.#hash(key, length);
    return this.#slots[this.#slotOf(hash, key, length) + 1]!;
  }

  /** Whether the key at an address is gone. */
  isGone(address: Address): boolean {
    return (this.#chunk(address)[this.#at(address)]! & GONE) !== 0;
  }

  /** The flags of an address, 0 … 127. */
  flags(address: Address): number {
    return this.#chunk(address)[this.#at(address)]! & ~GONE;
  }

  /** A copy of the value at an address. */
  value(address: Address): Uint8Array {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    const from = at + HEAD_BYTES + chunk[at + 1]!;
    return chunk.slice(from, from + (chunk[at + 2]! | (chunk[at + 3]! << 8)));
  }

  /**
   * Sets what there is under the first `length` bytes of `key`: the first `valueLength` bytes of `value`, or that it is
   * gone. `flags` are 0 … 127.
   */
  set(
    key: Uint8Array,
    length: number,
    value: Uint8Array | undefined,
    valueLength = value?.length ?? 0,
    flags = 0,
  ): void {
    if (length < 1 || length > 255 || valueLength > VALUE_BYTES_MAX) {
      throw new RangeError(`a key of ${length} bytes and a value of ${valueLength}`);
    }
    const hash = this.#hash(key, length);
    let slot = this.#slotOf(hash, key, length);
    const before = this.#slots[slot + 1]!;
    const units = unitsOf(length, valueLength);
    let address = before;
    if (before === 0) {
      if ((this.#size + 1) * 4 > 3 << this.#bits) {
        this.#grow();
        slot = this.#slotOf(hash, key, length);
      }
      this.#size += 1;
    }
    if (before === 0 || this.#unitsAt(before) !== units) {
      if (before !== 0) this.#release(before);
      address = this.#allot(units);
      this.#slots[slot] = hash;
      this.#slots[slot + 1] = address;
    }
    const chunk = this.#chunk(address);
    let at = this.#at(address);
    chunk[at] = value === undefined ? GONE | flags : flags;
    chunk[at + 1] = length;
    chunk[at + 2] = valueLength;
    chunk[at + 3] = valueLength >>> 8;
    at += HEAD_BYTES;
    for (let i = 0; i < length; i++) chunk[at + i] = key[i]!;
    at += length;
    if (value !== undefined) { for (let i = 0; i < valueLength; i++) chunk[at + i] = value[i]!; }
  }

  /** Forgets a key. Whether it was there. */
  delete(key: Uint8Array, length = key.length): boolean {
    let slot = this.#slotOf(this.#hash(key, length), key, length);
    const address = this.#slots[slot + 1]!;
    if (address === 0) return false;
    this.#release(address);
    this.#size -= 1;
    // What was pushed past the slot moves back, so that every key stays reachable from its own place without a gap.
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let next = slot;;) {
      next = (next + SLOT_WORDS) & mask;
      if (slots[next + 1] === 0) break;
      const home = (slots[next]! >>> (32 - this.#bits)) * SLOT_WORDS;
      if (((next - home) & mask) < ((next - slot) & mask)) continue;
      slots[slot] = slots[next]!;
      slots[slot + 1] = slots[next + 1]!;
      slot = next;
    }
    slots[slot + 1] = 0;
    return true;
  }

  *drain(take: TakeEntry): Generator<void> {
    // By first byte: as much is sorted at a time as leaves others their turn.
    const { starts, addresses } = yield* this.#byFirstByte();
    const keys = new BigUint64Array(Math.max(0, ...starts.map((start, i) => (starts[i + 1] ?? start) - start)));
    const words = new Uint32Array(keys.buffer);
    for (let first = 0; first < 256; first++) {
      const from = starts[first]!;
      const count = starts[first + 1]! - from;
      for (let i = 0; i < count; i++) {
        const address = addresses[from + i]!;
        words[2 * i] = address;
        words[2 * i + 1] = this.#head(address);
      }
      keys.subarray(0, count).sort();
      this.#settleTies(words, count);
      for (let i = 0; i < count; i++) {
        this.#give(words[2 * i]!, take);
        if ((from + i) % PAUSE_EVERY === 0) yield;
      }
    }
    yield;
  }

  *#byFirstByte(): Generator<void, { starts: number[]; addresses: Uint32Array }> {
    const counts = new Uint32Array(256);
    const slots = this.#slots;
    for (let pass = 0; pass < slots.length; pass += SLOT_WORDS) {
      if (slots[pass + 1] !== 0) counts[this.#head(slots[pass + 1]!) >>> 24]! += 1;
      if (pass % (8 * PAUSE_EVERY) === 0) yield;
    }
    const starts = [0];
    for (let i = 0; i < 256; i++) starts.push(starts[i]! + counts[i]!);
    const next = Uint32Array.from(starts);
    const addresses = new Uint32Array(this.#size);
    for (let pass = 0; pass < slots.length; pass += SLOT_WORDS) {
      const address = slots[pass + 1]!;
      if (address !== 0) addresses[next[this.#head(address) >>> 24]!++] = address;
      if (pass % (8 * PAUSE_EVERY) === 0) yield;
    }
    return { starts, addresses };
  }

  /** Keys whose first four bytes are the same are put into order: few, or the outputs of one transaction. */
  #settleTies(words: Uint32Array, count: number): void {
    for (let from = 0; from < count;) {
      let to = from + 1;
      while (to < count && words[2 * to + 1] === words[2 * from + 1]) to += 1;
      if (to > from + 1) {
        const tied = Array.from({ length: to - from }, (_, i) => words[2 * (from + i)]!);
        tied.sort((a, b) => this.#compare(a, b));
        for (const [i, address] of tied.entries()) words[2 * (from + i)] = address;
      }
      from = to;
    }
  }

  #compare(a: Address, b: Address): number {
    const [aChunk, bChunk, aAt, bAt] = [this.#chunk(a), this.#chunk(b), this.#at(a), this.#at(b)];
    return compareParts(aChunk, aAt + HEAD_BYTES, aChunk[aAt + 1]!, bChunk, bAt + HEAD_BYTES, bChunk[bAt + 1]!);
  }

  #give(address: Address, take: TakeEntry): void {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    const keyAt = at + HEAD_BYTES;
    const length = chunk[at + 1]!;
    const isGone = (chunk[at]! & GONE) !== 0;
    take(chunk, keyAt, length, chunk, keyAt + length, isGone ? -1 : chunk[at + 2]! | (chunk[at + 3]! << 8));
  }

  /** The first four bytes of a key, as a number whose order is theirs. */
  #head(address: Address): number {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    const length = chunk[at + 1]!;
    let head = 0;
    for (let i = 0; i < 4; i++) head = (head << 8) | (i < length ? chunk[at + HEAD_BYTES + i]! : 0);
    return head >>> 0;
  }

  /** The slot of a key, or the free one where it would go. */
  #slotOf(hash: number, key: Uint8Array, length: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = (hash >>> (32 - this.#bits)) * SLOT_WORDS;; slot = (slot + SLOT_WORDS) & mask) {
      const address = slots[slot + 1]!;
      if (address === 0) return slot;
      if (slots[slot] === hash && this.#isKey(address, key, length)) return slot;
    }
  }

  #isKey(address: Address, key: Uint8Array, length: number): boolean {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    if (chunk[at + 1] !== length) return false;
    for (let i = 0; i < length; i++) if (chunk[at + HEAD_BYTES + i] !== key[i]) return false;
    return true;
  }

  /** Multiplied by secret odd numbers, word by word; the high bits choose the slot. */
  #hash(key: Uint8Array, length: number): number {
    const secret = this.#secret;
    let hash = Math.imul(length, secret[15]!);
    let i = 0;
    for (let word = 0; i + 4 <= length; i += 4, word++) {
      const four = key[i]! | (key[i + 1]! << 8) | (key[i + 2]! << 16) | (key[i + 3]! << 24);
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) + Math.imul(four ^ (four >>> 16), secret[word % 14]!);
    }
    for (; i < length; i++) hash = Math.imul(hash ^ key[i]!, secret[14]!);
    return (hash ^ (hash >>> 16)) >>> 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#bits += 1;
    const slots = this.#slots = new Uint32Array(SLOT_WORDS << this.#bits);
    const mask = slots.length - 1;
    for (let i = 0; i < old.length; i += SLOT_WORDS) {
      if (old[i + 1] === 0) continue;
      let slot = (old[i]! >>> (32 - this.#bits)) * SLOT_WORDS;
      while (slots[slot + 1] !== 0) slot = (slot + SLOT_WORDS) & mask;
      slots[slot] = old[i]!;
      slots[slot + 1] = old[i + 1]!;
    }
  }

  #chunk(address: Address): Uint8Array {
    return this.#chunks[address >>> CHUNK_UNIT_BITS]!;
  }

  #at(address: Address): number {
    return (address & CHUNK_UNIT_MASK) * UNIT_BYTES;
  }

  #unitsAt(address: Address): number {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    return unitsOf(chunk[at + 1]!, chunk[at + 2]! | (chunk[at + 3]! << 8));
  }

  #allot(units: number): Address {
    const free = this.#free.get(units);
    if (free !== undefined) {
      const next = this.#link(free);
      if (next === 0) this.#free.delete(units);
      else this.#free.set(units, next);
      return free;
    }
    const last = this.#chunks.at(-1);
    const end = (this.#used + units) * UNIT_BYTES;
    if (last === undefined || end > CHUNK_BYTES) {
      const bytes = last === undefined
        ? Math.max(FIRST_CHUNK_BYTES, 2 ** Math.ceil(Math.log2(UNIT_BYTES * (units + 1))))
        : CHUNK_BYTES;
      this.#chunks.push(new Uint8Array(bytes));
      this.#used = last === undefined ? 1 : 0;
    } else if (end > last.length) {
      const grown = new Uint8Array(Math.max(2 * last.length, 2 ** Math.ceil(Math.log2(end))));
      grown.set(last);
      this.#chunks[this.#chunks.length - 1] = grown;
    }
    const address = ((this.#chunks.length - 1) << CHUNK_UNIT_BITS) + this.#used;
    this.#used += units;
    return address >>> 0;
  }

  #release(address: Address): void {
    const units = this.#unitsAt(address);
    const chunk = this.#chunk(address);
    const next = this.#free.get(units) ?? 0;
    for (let i = 0; i < 4; i++) chunk[this.#at(address) + i] = next >>> (8 * i);
    this.#free.set(units, address);
  }

  #link(address: Address): Address {
    const chunk = this.#chunk(address);
    const at = this.#at(address);
    return (chunk[at]! | (chunk[at + 1]! << 8) | (chunk[at + 2]! << 16) | (chunk[at + 3]! << 24)) >>> 0;
  }
}

const unitsOf = (keyLength: number, valueLength: number) =>
  Math.ceil((HEAD_BYTES + keyLength + valueLength) / UNIT_BYTES);
