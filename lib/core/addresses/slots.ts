/**
 * A table of buckets with a fixed number of slots each.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { BOOK } from "./rules.ts";

/** One of the two tables. A slot is `bucket · 64 + position`. */
export class SlotTable {
  readonly buckets: number;
  readonly #entries: (Entry | undefined)[];
  /** Occupied slots in no order, and where each stands in that list. */
  readonly #occupied: number[] = [];
  readonly #where: Int32Array;
  readonly #inBucket: Uint8Array;
  /** Buckets that hold something, in no order, and where each stands in that list. */
  readonly #filled: number[] = [];
  readonly #filledAt: Int32Array;

  constructor(buckets: number) {
    this.buckets = buckets;
    this.#entries = new Array(buckets * BOOK.bucketSize).fill(undefined);
    this.#where = new Int32Array(buckets * BOOK.bucketSize).fill(-1);
    this.#inBucket = new Uint8Array(buckets);
    this.#filledAt = new Int32Array(buckets).fill(-1);
  }

  /** How many entries it could hold. */
  get capacity(): number {
    return this.buckets * BOOK.bucketSize;
  }

  /** Occupied slots, in no order. Valid until the next change. */
  get occupied(): readonly number[] {
    return this.#occupied;
  }

  /** Buckets that hold at least one entry, in no order. Valid until the next change. */
  get filled(): readonly number[] {
    return this.#filled;
  }

  /** The entry in a slot. */
  at(slot: number): Entry | undefined {
    return this.#entries[slot];
  }

  /** How many entries a bucket holds. */
  inBucket(bucket: number): number {
    return this.#inBucket[bucket] ?? 0;
  }

  /** Puts an entry into a slot, or empties it. */
  set(slot: number, entry: Entry | undefined): void {
    const had = this.#entries[slot] !== undefined;
    this.#entries[slot] = entry;
    if (entry !== undefined && !had) {
      this.#where[slot] = this.#occupied.push(slot) - 1;
      this.#count(Math.floor(slot / BOOK.bucketSize), 1);
    } else if (entry === undefined && had) {
      const at = this.#where[slot] ?? -1;
      const last = this.#occupied.pop();
      if (last !== undefined && last !== slot) {
        this.#occupied[at] = last;
        this.#where[last] = at;
      }
      this.#where[slot] = -1;
      this.#count(Math.floor(slot / BOOK.bucketSize), -1);
    }
  }

  #count(bucket: number, by: 1 | -1): void {
    const count = this.inBucket(bucket) + by;
    this.#inBucket[bucket] = count;
    if (by === 1 && count === 1) this.#filledAt[bucket] = this.#filled.push(bucket) - 1;
    if (count > 0) return;
    const at = this.#filledAt[bucket] ?? -1;
    const last = this.#filled.pop();
    if (last !== undefined && last !== bucket) {
      this.#filled[at] = last;
      this.#filledAt[last] = at;
    }
    this.#filledAt[bucket] = -1;
  }
}
