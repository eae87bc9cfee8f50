/**
 * How long transactions of each feerate took to get into a block, over one horizon: averages that fade with each block, and
 * how many wait now.
 *
 * @see Bitcoin Core `policy/fees/block_policy_estimator.cpp` (TxConfirmStats)
 * @module
 */
/** What is counted of past blocks; arrays by range, or by period and range. */
export interface ConfirmationAverages {
  /** What is left of an average after a block. */
  readonly decay: number;
  /** Blocks of one period. */
  readonly scale: number;
  /** The sum of the feerates of all that were confirmed. */
  readonly feeRates: Float64Array;
  /** How many were confirmed. */
  readonly confirmed: Float64Array;
  /** How many were confirmed within so many periods. */
  readonly within: readonly Float64Array[];
  /** How many left the mempool otherwise, after so many periods. */
  readonly failed: readonly Float64Array[];
}

/** Ranges that were counted together, as `estimaterawfee` shows them. */
export interface EstimateRange {
  /** Satoshi for 1000 virtual bytes; −1 of none. */
  readonly start: number;
  readonly end: number;
  readonly withinTarget: number;
  readonly totalConfirmed: number;
  readonly inMempool: number;
  readonly leftMempool: number;
}

/** What an estimate is founded on. */
export interface Estimate {
  /** Satoshi for 1000 virtual bytes, not rounded; −1 when there is none. */
  readonly median: number;
  /** The lowest ranges of which enough was confirmed in time. */
  readonly pass: EstimateRange;
  /** The highest of which it was not. */
  readonly fail: EstimateRange;
  readonly decay: number;
  readonly scale: number;
}

const NO_RANGE: EstimateRange = {
  ...{ start: -1, end: -1, withinTarget: 0, totalConfirmed: 0, inMempool: 0, leftMempool: 0 },
};

/** The sums over ranges that are counted together. */
class Sums {
  within = 0;
  confirmed = 0;
  waiting = 0;
  failed = 0;

  /** The share that was confirmed in time. */
  get share(): number {
    return this.within / (this.confirmed + this.failed + this.waiting);
  }

  over(bounds: readonly number[], low: number, high: number): EstimateRange {
    return {
      start: low === 0 ? 0 : bounds[low - 1]!,
      end: bounds[high]!,
      withinTarget: this.within,
      totalConfirmed: this.confirmed,
      inMempool: this.waiting,
      leftMempool: this.failed,
    };
  }
}

/** The statistics of one horizon. */
export class Confirmations {
  readonly averages: ConfirmationAverages;
  readonly #bounds: readonly number[];
  /**
   * Transactions that wait, by the height at which they came, modulo the blocks that are told apart, and by range. Heights
   * at which none came are not there: all of them would be a megabyte.
   */
  readonly #waiting = new Map<number, Int32Array>();
  /** Those that have waited longer, by range. */
  readonly #waitingLong: Int32Array;
  /** Whether there is nothing yet that could fade: so it is for most blocks that are synced. */
  #isBlank: boolean;

  constructor(bounds: readonly number[], averages: ConfirmationAverages) {
    this.#bounds = bounds;
    this.averages = averages;
    this.#isBlank = [averages.confirmed, ...averages.failed].every((counts) => counts.every((count) => count === 0));
    this.#waitingLong = new Int32Array(bounds.length);
  }

  /** Statistics of nothing yet. */
  static empty(bounds: readonly number[], periods: number, decay: number, scale: number): Confirmations {
    const zeros = () => new Float64Array(bounds.length);
    const byPeriod = () => Array.from({ length: periods }, zeros);
    return new Confirmations(bounds, {
      ...{ decay, scale, feeRates: zeros(), confirmed: zeros(), within: byPeriod(), failed: byPeriod() },
    });
  }

  /** Blocks within which confirmations are told apart. */
  get targetMax(): number {
    return this.averages.scale * this.averages.within.length;
  }

  /** A transaction of a range has come at a height. */
  came(height: number, bucket: number): void {
    const place = height % this.targetMax;
    const counts = this.#waiting.get(place) ?? new Int32Array(this.#bounds.length);
    this.#waiting.set(place, counts);
    counts[bucket]! += 1;
  }

  /** A transaction that came at a height has gone; `best` is the last height that was seen, that one or a higher. */
  went(height: number, best: number, bucket: number, isConfirmed: boolean): void {
    const blocks = best - height;
    const counts = blocks >= this.targetMax ? this.#waitingLong : this.#waiting.get(height % this.targetMax);
    if (counts !== undefined && counts[bucket]! > 0) counts[bucket]! -= 1;
    const { scale, failed } = this.averages;
    if (isConfirmed) return;
    // It has failed for the periods that it has been there for as a whole.
    const periods = Math.min(Math.floor(blocks / scale), failed.length);
    if (periods > 0) this.#isBlank = false;
    for (let i = 0; i < periods; i++) failed[i]![bucket]! += 1;
  }

  /** A block has come: what is remembered fades, and what came as long ago as is looked back has waited long. */
  fade(height: number): void {
    const { decay, feeRates, confirmed, within, failed } = this.averages;
    const place = height % this.targetMax;
    this.#waiting.get(place)?.forEach((count, bucket) => this.#waitingLong[bucket]! += count);
    this.#waiting.delete(place);
    if (this.#isBlank) return;
    for (const average of [feeRates, confirmed, ...within, ...failed]) {
      for (let i = 0; i < average.length; i++) average[i]! *= decay;
    }
  }

  /** A transaction was confirmed within so many blocks, at least one. */
  confirm(blocks: number, bucket: number, feeRate: number): void {
    const { scale, feeRates, confirmed, within } = this.averages;
    this.#isBlank = false;
    for (let i = Math.floor((blocks + scale - 1) / scale); i <= within.length; i++) within[i - 1]![bucket]! += 1;
    confirmed[bucket]! += 1;
    feeRates[bucket]! += feeRate;
  }

  /**
   * The feerate of the lowest ranges of which a share is confirmed within a target.
   *
   * @param target blocks, 1 to {@link targetMax}
   * @param sufficient transactions a block that ranges must have together to say anything
   * @param share of them that must have been confirmed in time
   * @param height the last that was seen
   */
  estimate(target: number, sufficient: number, share: number, height: number): Estimate {
    const { decay, scale, confirmed, within, failed } = this.averages;
    const bounds = this.#bounds;
    const period = Math.floor((target + scale - 1) / scale) - 1;
    let sums = new Sums();
    let pass = NO_RANGE;
    let fail = NO_RANGE;
    let best: readonly [low: number, high: number] | undefined;
    let top = bounds.length - 1;
    let counted = 0;
    let isPassing = true;
    let isOpen = false;
    // From the highest feerates down. Ranges are put together until there is enough in them, and those that pass are done
    // with; those that fail go on into the next ones.
    for (let bucket = top; bucket >= 0; bucket--) {
      if (!isOpen) top = bucket;
      isOpen = true;
      sums.within += within[period]![bucket]!;
      counted += confirmed[bucket]!;
      sums.confirmed += confirmed[bucket]!;
      sums.failed += failed[period]![bucket]!;
      sums.waiting += this.#waitingSince(target, height, bucket);
      if (counted < sufficient / (1 - decay)) continue;
      counted = 0;
      if (sums.share < share) {
        if (isPassing) fail = sums.over(bounds, bucket, top);
        isPassing = false;
        continue;
      }
      fail = NO_RANGE;
      isPassing = true;
      pass = sums.over(bounds, bucket, top);
      best = [bucket, top];
      sums = new Sums();
      isOpen = false;
    }
    if (isPassing && isOpen) fail = sums.over(bounds, 0, top);
    return { median: best === undefined ? -1 : this.#median(...best), pass, fail, decay, scale };
  }

  /** How many of a range have waited for a target's blocks at least. */
  #waitingSince(target: number, height: number, bucket: number): number {
    const most = this.targetMax;
    let sum = this.#waitingLong[bucket]!;
    for (let blocks = target; blocks < most; blocks++) {
      // Below the first heights it counts as the reference does, whose numbers have 32 bits.
      sum += this.#waiting.get(((height - blocks) >>> 0) % most)?.[bucket] ?? 0;
    }
    return sum;
  }

  /** The average feerate of the range in which the transaction lies that is in the middle. Some were confirmed of these. */
  #median(low: number, high: number): number {
    const { confirmed, feeRates } = this.averages;
    let half = 0;
    for (let i = low; i <= high; i++) half += confirmed[i]! / 2;
    for (let i = low; i <= high; i++) {
      if (confirmed[i]! >= half) return feeRates[i]! / confirmed[i]!;
      half -= confirmed[i]!;
    }
    return -1;
  }
}
