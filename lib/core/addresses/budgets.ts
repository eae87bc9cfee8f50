/**
 * How many addresses each source may tell: a token bucket for each.
 *
 * @see Bitcoin Core `net_processing.cpp` MAX_ADDR_RATE_PER_SECOND, MAX_ADDR_PROCESSING_TOKEN_BUCKET
 * @module
 */

/** The size and speed of a bucket. */
export interface BudgetOptions {
  /** Addresses a second. */
  readonly perSecond: number;
  /** What waiting fills a bucket to; what is granted may go beyond. */
  readonly capacity: number;
  /** What a bucket begins with. */
  readonly initial: number;
  /** Buckets kept; the one used longest ago is forgotten first. */
  readonly sourcesMax: number;
}

/** Core's figures. */
export const ADDRESS_BUDGET: BudgetOptions = { perSecond: 0.1, capacity: 1000, initial: 1, sourcesMax: 10_000 };

interface Bucket {
  tokens: number;
  sinceS: number;
}

/** The buckets of all sources, by name. */
export class SourceBudgets {
  readonly #options: BudgetOptions;
  readonly #buckets = new Map<string, Bucket>();
  /** The name of the bucket that was used last. */
  #last: string | undefined;

  constructor(options: BudgetOptions = ADDRESS_BUDGET) {
    this.#options = options;
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes up to `wanted` tokens and tells how many there were. `nowS` may have a fraction, and never goes back. */
  take(source: string, wanted: number, nowS: number): number {
    const bucket = this.#refilled(source, nowS);
    const taken = Math.min(wanted, Math.floor(bucket.tokens));
    bucket.tokens -= taken;
    return taken;
  }

  /** Adds tokens for an answer that was asked for. */
  grant(source: string, tokens: number, nowS: number): void {
    this.#refilled(source, nowS).tokens += tokens;
  }

  #refilled(source: string, nowS: number): Bucket {
    const { perSecond, capacity, initial, sourcesMax } = this.#options;
    const bucket = this.#buckets.get(source) ?? { tokens: initial, sinceS: nowS };
    const earned = Math.max(0, nowS - bucket.sinceS) * perSecond;
    bucket.tokens = Math.max(bucket.tokens, Math.min(bucket.tokens + earned, capacity));
    bucket.sinceS = nowS;
    // Last in the map is what was used last. A source of many messages in a row is there already.
    if (source !== this.#last) {
      this.#buckets.delete(source);
      this.#buckets.set(source, bucket);
      this.#last = source;
    }
    if (this.#buckets.size > sourcesMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return bucket;
  }
}
