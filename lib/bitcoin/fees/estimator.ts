/**
 * Estimates which feerate gets a transaction into a block within so many blocks, from how long those took that were seen.
 *
 * @see Bitcoin Core `policy/fees/block_policy_estimator.cpp` (CBlockPolicyEstimator)
 * @module
 */
import type { Transaction } from "../types/transaction.ts";
import { bucketOf, feeBuckets } from "./buckets.ts";
import { Confirmations, type Estimate } from "./confirmations.ts";

/** How far back it is looked: to 12, 48 and 1008 blocks. */
export type Horizon = "short" | "medium" | "long";
/** All of them, the shortest first. */
export const HORIZONS: readonly Horizon[] = ["short", "medium", "long"];

/** The terms of each: periods, what is left of an average after a block, blocks of a period, transactions a block that suffice. */
const TERMS = {
  short: { periods: 12, decay: 0.962, scale: 1, sufficient: 0.5 },
  medium: { periods: 24, decay: 0.9952, scale: 2, sufficient: 0.1 },
  long: { periods: 42, decay: 0.99931, scale: 24, sufficient: 0.1 },
} as const satisfies Record<Horizon, unknown>;

/** The shares that have to be confirmed within half of a target, within it, and within twice as many blocks. */
const HALF_SHARE = 0.6;
const SHARE = 0.85;
const DOUBLE_SHARE = 0.95;
/** Blocks after which what an earlier run saw says nothing any more. */
const HISTORY_BLOCKS_MAX = 6 * 1_008;

/** What is kept over restarts. */
export interface EstimatorState {
  readonly bestHeight: number;
  /** The first and the last block of the longer of both runs, this one and the ones before. */
  readonly historyFirst: number;
  readonly historyBest: number;
  readonly buckets: readonly number[];
  readonly statistics: Readonly<Record<Horizon, Confirmations>>;
}

/** A transaction that waits. */
interface Tracked {
  readonly height: number;
  readonly bucket: number;
}

/** An estimate of `estimatesmartfee`. */
export interface SmartEstimate {
  /** Satoshi for 1000 virtual bytes; 0 when there is none. */
  readonly feeRate: number;
  /** The target that it is for: less than was asked when too little has been seen for that. */
  readonly target: number;
}

/** A transaction as it is counted. */
export interface FeeSample {
  readonly transaction: Transaction;
  readonly fee: number;
  readonly vsize: number;
  /** The height of the tip when it entered. */
  readonly height: number;
}

/** The feerate of a transaction in satoshi for 1000 virtual bytes, rounded down. */
function feeRateOf({ fee, vsize }: FeeSample): number {
  return Math.floor(fee * 1_000 / vsize);
}

/** The estimator of one chain. */
export class FeeEstimator {
  #buckets: readonly number[] = feeBuckets();
  #statistics: Readonly<Record<Horizon, Confirmations>>;
  readonly #tracked = new Map<Transaction, Tracked>();
  #best = 0;
  #first = 0;
  #historyFirst = 0;
  #historyBest = 0;

  constructor(state?: EstimatorState) {
    const empty = (horizon: Horizon) => {
      const { periods, decay, scale } = TERMS[horizon];
      return Confirmations.empty(this.#buckets, periods, decay, scale);
    };
    this.#statistics = state?.statistics ?? { short: empty("short"), medium: empty("medium"), long: empty("long") };
    if (state === undefined) return;
    this.#buckets = state.buckets;
    this.#best = state.bestHeight;
    this.#historyFirst = state.historyFirst;
    this.#historyBest = state.historyBest;
  }

  /** Transactions whose confirmation is waited for. */
  get tracked(): number {
    return this.#tracked.size;
  }

  /** The greatest target of a horizon. */
  targetMax(horizon: Horizon): number {
    return this.#statistics[horizon].targetMax;
  }

  /** A transaction has come. One that came before the last block that was seen, or after a block that was not, says nothing. */
  came(sample: FeeSample): void {
    const { transaction, height } = sample;
    if (height !== this.#best || this.#tracked.has(transaction)) return;
    const bucket = bucketOf(this.#buckets, feeRateOf(sample));
    this.#tracked.set(transaction, { height, bucket });
    for (const horizon of HORIZONS) this.#statistics[horizon].came(height, bucket);
  }

  /** A transaction has left without having been confirmed. */
  left(transaction: Transaction): void {
    this.#untrack(transaction, false);
  }

  /** A block was connected; what it confirms is told afterwards. One that is no higher than any before says nothing. */
  block(height: number): void {
    if (height <= this.#best) return;
    this.#best = height;
    for (const horizon of HORIZONS) this.#statistics[horizon].fade(height);
  }

  /** A transaction was confirmed at a height. */
  confirmed(sample: FeeSample, height: number): void {
    const { transaction } = sample;
    // Blocks of another branch say nothing; nor does a transaction of them any more.
    if (height !== this.#best) return void this.#tracked.delete(transaction);
    if (!this.#untrack(transaction, true)) return;
    const blocks = height - sample.height;
    if (blocks <= 0) return;
    const feeRate = feeRateOf(sample);
    for (const horizon of HORIZONS) {
      this.#statistics[horizon].confirm(blocks, bucketOf(this.#buckets, feeRate), feeRate);
    }
    if (this.#first === 0) this.#first = height;
  }

  /** What waits will not be seen any more: it counts as failed. For the end. */
  abandon(): void {
    for (const transaction of this.#tracked.keys()) this.#untrack(transaction, false);
  }

  /** What is to be kept. */
  get state(): EstimatorState {
    const isOwn = this.#span > this.#historySpan / 2;
    return {
      bestHeight: this.#best,
      historyFirst: isOwn ? this.#first : this.#historyFirst,
      historyBest: isOwn ? this.#best : this.#historyBest,
      buckets: this.#buckets,
      statistics: this.#statistics,
    };
  }

  /** An estimate over one horizon, with what it is founded on. `target`: 1 to {@link targetMax}; `share`: 0 to 1. */
  raw(target: number, share: number, horizon: Horizon): Estimate {
    return this.#statistics[horizon].estimate(target, TERMS[horizon].sufficient, share, this.#best);
  }

  /**
   * The feerate with which a transaction gets into one of the next `target` blocks, 1 to that of the long horizon.
   * `isConservative`: longer horizons count as well, so that it follows a fall less quickly.
   */
  smart(target: number, isConservative: boolean): SmartEstimate {
    // Nobody can say what gets into the next block.
    const usable = Math.min(Math.max(target, 2), this.#targetUsable);
    if (usable <= 1) return { feeRate: 0, target: usable };
    let median = Math.max(
      this.#combined(Math.floor(usable / 2), HALF_SHARE, true),
      this.#combined(usable, SHARE, true),
      this.#combined(2 * usable, DOUBLE_SHARE, !isConservative),
    );
    if (isConservative || median === -1) median = Math.max(median, this.#conservative(2 * usable));
    return { feeRate: median < 0 ? 0 : Math.round(median), target: usable };
  }

  /** The greatest target of which enough blocks were seen to fail as well. */
  get #targetUsable(): number {
    return Math.min(this.targetMax("long"), Math.floor(Math.max(this.#span, this.#historySpan) / 2));
  }

  /** Blocks that this run has seen. */
  get #span(): number {
    return this.#first === 0 ? 0 : this.#best - this.#first;
  }

  /** Blocks that earlier runs have seen, if that is not too long ago. */
  get #historySpan(): number {
    if (this.#historyFirst === 0 || this.#best - this.#historyBest > HISTORY_BLOCKS_MAX) return 0;
    return this.#historyBest - this.#historyFirst;
  }

  #medianOf(target: number, share: number, horizon: Horizon): number {
    return this.raw(target, share, horizon).median;
  }

  /** By the shortest horizon that has the target; `isLowered`: or less, if a shorter one says so for its last target. */
  #combined(target: number, share: number, isLowered: boolean): number {
    if (target < 1 || target > this.targetMax("long")) return -1;
    const horizon = HORIZONS.find((each) => target <= this.targetMax(each))!;
    let estimate = this.#medianOf(target, share, horizon);
    if (!isLowered) return estimate;
    for (const shorter of ["medium", "short"] as const) {
      const most = this.targetMax(shorter);
      if (target <= most) continue;
      const other = this.#medianOf(most, share, shorter);
      if (other > 0 && (estimate === -1 || other < estimate)) estimate = other;
    }
    return estimate;
  }

  /** The most that the horizons which are longer than need be say for twice a target. */
  #conservative(double: number): number {
    let estimate = -1;
    if (double <= this.targetMax("short")) estimate = this.#medianOf(double, DOUBLE_SHARE, "medium");
    if (double <= this.targetMax("medium")) {
      estimate = Math.max(estimate, this.#medianOf(double, DOUBLE_SHARE, "long"));
    }
    return estimate;
  }

  #untrack(transaction: Transaction, isConfirmed: boolean): boolean {
    const tracked = this.#tracked.get(transaction);
    if (tracked === undefined) return false;
    this.#tracked.delete(transaction);
    for (const horizon of HORIZONS) {
      this.#statistics[horizon].went(tracked.height, this.#best, tracked.bucket, isConfirmed);
    }
    return true;
  }
}
