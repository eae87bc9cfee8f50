/**
 * A table of buckets with a fixed number of slots each.
 *
 * @module
 */
import type { Entry } from "./entry.ts";
import { BOOK } from "./rules.ts";

/** One of the two tables. A slot is `bucket · 64 + position`. Most are empty, so that entries lie close together. */
export class SlotTable {
  readonly buckets: number;
  /** Occupied slots in no order, the entry in each, and where each stands in these lists. */
  readonly #occupied: number[] = [];
  readonly #entries: Entry[] = [];
  readonly #where: Int32Array;
  readonly #inBucket: Uint8Array;
  /** Buckets that hold something, in no order, and where each stands in that list. */
  readonly #filled: number[] = [];
  readonly #filledAt: Int32Array;

  constructor(buckets: number) {
    this.buckets = buckets;
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
    const at = this.#where[slot] ?? -1;
    return at < 0 ? undefined : this.#entries[at];
  }

  /** How many entries a bucket holds. */
  inBucket(bucket: number): number {
    return this.#inBucket[bucket] ?? 0;
  }

  /** Puts an entry into a slot, or empties it. */
  set(slot: number, entry: Entry | undefined): void {
    const at = this.#where[slot] ?? -1;
    if (entry !== undefined && at >= 0) this.#entries[at] = entry;
    else if (entry !== undefined) {
      this.#entries.push(entry);
      this.#where[slot] = this.#occupied.push(slot) - 1;
      this.#count(Math.floor(slot / BOOK.bucketSize), 1);
    } else if (at >= 0) {
      const last = this.#occupied.pop();
      const lastEntry = this.#entries.pop();
      if (last !== undefined && lastEntry !== undefined && last !== slot) {
        this.#occupied[at] = last;
        this.#entries[at] = lastEntry;
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
