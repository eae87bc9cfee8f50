/**
 * Headers that wait for the proof behind them, 48 bytes each: the previous hash is known from the header before.
 *
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { FIELD, type HeaderBatch, HEADERS_MAX } from "./header-batch.ts";
import { sha256Into } from "../../codec/sha256.ts";

/** Words of a header without its previous hash. */
const ENTRY_WORDS = (HEADER_BYTES - 32) / 4;
const ENTRIES_MIN = 2 * HEADERS_MAX;
/** The part of the room that must be free at the front before the queue moves there instead of growing. */
const SLACK = 1 / 16;

/** First in, first out, in one chain. */
export class RedownloadBuffer {
  #words = new Uint32Array(0);
  #from = 0;
  #to = 0;
  /** Hash of the header that left last: the previous hash of the one that leaves next. */
  #prev: Uint8Array;

  /** @param prev hash of the header that the first one builds upon, in wire order */
  constructor(prev: Bytes32) {
    this.#prev = prev.slice();
  }

  get length(): number {
    return this.#to - this.#from;
  }

  get byteLength(): number {
    return this.#words.byteLength;
  }

  /** Puts in one header of a batch. */
  push(batch: HeaderBatch, index: number): void {
    if ((this.#to + 1) * ENTRY_WORDS > this.#words.length) this.#makeRoom();
    const to = this.#to++ * ENTRY_WORDS;
    const { view } = batch;
    const from = batch.at(index);
    this.#words[to] = view.getUint32(from, true);
    for (let k = 1; k < ENTRY_WORDS; k++) this.#words[to + k] = view.getUint32(from + 32 + 4 * k, true);
  }

  #makeRoom(): void {
    const live = this.#words.subarray(this.#from * ENTRY_WORDS, this.#to * ENTRY_WORDS);
    // Where a part is free already the queue moves to the front of what it has.
    const entries = this.#words.length / ENTRY_WORDS;
    const target = this.#from > entries * SLACK ? this.#words : new Uint32Array(nextCapacity(entries) * ENTRY_WORDS);
    target.set(live);
    this.#words = target;
    this.#to -= this.#from;
    this.#from = 0;
  }

  /** Takes out the oldest `count` headers, whole again: 80 bytes each. */
  shift(count: number): Uint8Array {
    if (count > this.length) throw new RangeError(`${count} of ${this.length} headers`);
    const bytes = new Uint8Array(count * HEADER_BYTES);
    const view = new DataView(bytes.buffer);
    const middle = new Uint8Array(32);
    for (let i = 0; i < count; i++) {
      const at = i * HEADER_BYTES;
      const entry = this.#from++ * ENTRY_WORDS;
      view.setUint32(at, this.#words[entry]!, true);
      bytes.set(this.#prev, at + FIELD.prev);
      for (let k = 1; k < ENTRY_WORDS; k++) view.setUint32(at + 32 + 4 * k, this.#words[entry + k]!, true);
      sha256Into(bytes.subarray(at, at + HEADER_BYTES), middle);
      sha256Into(middle, this.#prev);
    }
    return bytes;
  }

  /** The most bytes held when never more than `entries` headers and those of one message wait. */
  static bytesFor(entries: number): number {
    let capacity = 0;
    while (capacity * (1 - SLACK) < entries + HEADERS_MAX) capacity = nextCapacity(capacity);
    return capacity * ENTRY_WORDS * 4;
  }
}

const nextCapacity = (entries: number) => Math.max(ENTRIES_MIN, entries * 2);
