/**
 * The estimator by its definition: a list of all transactions, each with when it came, when it went and how, and every
 * count worked out from it. Slow, and nothing in it moves with the blocks.
 */
import type { Transaction } from "../../../lib/bitcoin/types/mod.ts";

interface Life {
  readonly feeRate: number;
  /** The range of feerates in which it lies. */
  readonly range: number;
  readonly came: number;
  went?: number;
  isConfirmed?: boolean;
}

const TERMS = {
  short: { periods: 12, decay: 0.962, scale: 1, sufficient: 0.5 },
  medium: { periods: 24, decay: 0.9952, scale: 2, sufficient: 0.1 },
  long: { periods: 42, decay: 0.99931, scale: 24, sufficient: 0.1 },
} as const;

const BOUNDS: number[] = [];
for (let bound = 100; bound <= 1e7; bound *= 1.05) BOUNDS.push(bound);
BOUNDS.push(1e99);

/** Estimates from all that ever happened. */
export class PlainEstimator {
  readonly #lives = new Map<Transaction, Life>();
  #height: number;

  constructor(height: number) {
    this.#height = height;
  }

  came(transaction: Transaction, feeRate: number): void {
    this.#lives.set(transaction, { feeRate, range: BOUNDS.findIndex((bound) => feeRate <= bound), came: this.#height });
  }

  went(transaction: Transaction, isConfirmed: boolean): void {
    Object.assign(this.#lives.get(transaction)!, { went: this.#height, isConfirmed });
  }

  block(): void {
    this.#height += 1;
  }

  /** The feerate of a horizon, or −1. */
  median(target: number, share: number, horizon: keyof typeof TERMS): number {
    const { periods, decay, scale, sufficient } = TERMS[horizon];
    const most = periods * scale;
    const period = Math.ceil(target / scale);
    const all = [...this.#lives.values()];
    const cells = BOUNDS.map((_, range) => {
      const lives = all.filter((life) => life.range === range);
      const faded = (chosen: readonly Life[]) =>
        chosen.reduce((sum, { went }) => sum + decay ** (this.#height - went!), 0);
      const confirmed = lives.filter(({ isConfirmed }) => isConfirmed === true);
      const failed = lives.filter(({ isConfirmed, went, came }) =>
        isConfirmed === false && Math.floor((went! - came) / scale) >= period
      );
      const waiting = lives.filter(({ went, came }) => went === undefined && this.#height - came >= target);
      return {
        feeRates: confirmed.reduce((sum, { went, feeRate }) => sum + feeRate * decay ** (this.#height - went!), 0),
        confirmed: faded(confirmed),
        within: faded(confirmed.filter(({ went, came }) => Math.ceil((went! - came) / scale) <= period)),
        failed: faded(failed),
        waiting: waiting.length,
      };
    });
    if (target > most) return -1;
    let found: typeof cells | undefined;
    let open: typeof cells = [];
    let fresh = 0;
    const sum = (of: (cell: (typeof cells)[number]) => number) => open.reduce((total, cell) => total + of(cell), 0);
    for (const cell of cells.toReversed()) {
      open.push(cell);
      fresh += cell.confirmed;
      if (fresh < sufficient / (1 - decay)) continue;
      fresh = 0;
      const total = sum(({ confirmed, failed, waiting }) => confirmed + failed + waiting);
      if (sum(({ within }) => within) / total < share) continue;
      found = open;
      open = [];
    }
    if (found === undefined) return -1;
    let half = found.reduce((total, { confirmed }) => total + confirmed, 0) / 2;
    for (const { confirmed, feeRates } of found.toReversed()) {
      if (confirmed >= half) return feeRates / confirmed;
      half -= confirmed;
    }
    return -1;
  }

  /** By the shortest horizon that reaches so far; or less, if a shorter one says less of its last block. */
  #near(target: number, share: number, isLowered: boolean): number {
    if (target > 1_008) return -1;
    const own = this.median(target, share, target <= 12 ? "short" : target <= 48 ? "medium" : "long");
    const others = [
      ...(isLowered && target > 48 ? [this.median(48, share, "medium")] : []),
      ...(isLowered && target > 12 ? [this.median(12, share, "short")] : []),
    ].filter((each) => each > 0);
    return own === -1
      ? Math.min(...others, Infinity) === Infinity ? -1 : Math.min(...others)
      : Math.min(own, ...others);
  }

  /** The feerate of a target that is usable, rounded; 0 for none. */
  smart(target: number, isConservative: boolean): number {
    const half = this.#near(Math.floor(target / 2), 0.6, true);
    const whole = this.#near(target, 0.85, true);
    const double = this.#near(2 * target, 0.95, !isConservative);
    const most = Math.max(half, whole, double);
    const longer = [
      ...(2 * target <= 12 ? [this.median(2 * target, 0.95, "medium")] : []),
      ...(2 * target <= 48 ? [this.median(2 * target, 0.95, "long")] : []),
    ];
    return Math.max(0, Math.round(isConservative || most === -1 ? Math.max(most, ...longer) : most));
  }
}
