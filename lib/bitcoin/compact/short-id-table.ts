/**
 * The short ids of a compact block and which of its transactions each stands for. The ids are the peer's: it may choose
 * them so that they are hard to tell apart, and so their buckets are bounded.
 *
 * @module
 */

/** Ids in one bucket. Honest blocks of 16,000 transactions have more of them once in a million (Core's bound). */
const BUCKET_MAX = 12;
const NOBODY = -1;
const HIGH = 2 ** 32;

/** A table of ids of 48 bits. */
export class ShortIdTable {
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #low: Uint32Array;
  readonly #high: Uint16Array;
  readonly #mask: number;

  private constructor(count: number) {
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(1, count)));
    this.#heads = new Int32Array(buckets).fill(NOBODY);
    this.#next = new Int32Array(count);
    this.#low = new Uint32Array(count);
    this.#high = new Uint16Array(count);
    this.#mask = buckets - 1;
  }

  /** The table of these ids; undefined when two are the same, or too many share a bucket. */
  static of(ids: readonly number[]): ShortIdTable | undefined {
    const table = new ShortIdTable(ids.length);
    return ids.every((id, i) => table.#add(id, i)) ? table : undefined;
  }

  #add(id: number, i: number): boolean {
    const low = id % HIGH;
    const high = Math.floor(id / HIGH);
    const bucket = low & this.#mask;
    let length = 1;
    for (let at = this.#heads[bucket]!; at !== NOBODY; at = this.#next[at]!) {
      if (this.#low[at] === low && this.#high[at] === high) return false;
      if (++length > BUCKET_MAX) return false;
    }
    this.#low[i] = low;
    this.#high[i] = high;
    this.#next[i] = this.#heads[bucket]!;
    this.#heads[bucket] = i;
    return true;
  }

  /** The place among the ids of the one with these low 32 bits, and these above of which 16 count; −1 for none. */
  find(low: number, above: number): number {
    let at = this.#heads[low & this.#mask]!;
    while (at !== NOBODY && (this.#low[at] !== low || this.#high[at] !== (above & 0xffff))) at = this.#next[at]!;
    return at;
  }
}
