/**
 * Rates in fixed one-minute windows, counted per kind of message and in sum. The windows are aligned to the monotonic
 * clock, so up to twice a rate may pass around a border; the protocols that use this count that way.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** What one kind of message may do. */
export type Rate =
  | {
    readonly unlimited?: false;
    /** Messages a minute. */
    readonly perMinute: number;
    /** Bytes of one message; never scaled. */
    readonly bytesMax: number;
    /** Bytes a minute. */
    readonly totalBytesMax: number;
    /** Whether it also counts into the sum of all kinds. */
    readonly aggregate: boolean;
  }
  | { readonly unlimited: true; readonly bytesMax: number };

/** How a {@link RateLimiter} counts. */
export interface RateLimiterOptions {
  readonly clock: Clock;
  /** The sum over all kinds whose rate has `aggregate`. */
  readonly aggregate: { readonly perMinute: number; readonly totalBytesMax: number };
  /** Share of the rates that may be used, 1 … 100: a sender stays below what the receiver enforces. */
  readonly percentage: number;
  /** Whether a refused message counts too, as it does for a receiver: it has arrived all the same. */
  readonly countRefused: boolean;
}

const WINDOW_MS = 60_000;

/** Counts one direction of one connection. Holds one entry per kind seen in the running minute. */
export class RateLimiter {
  readonly #options: RateLimiterOptions;
  #window = -1;
  #counts = new Map<number, { messages: number; bytes: number }>();
  #sum = { messages: 0, bytes: 0 };

  constructor(options: RateLimiterOptions) {
    this.#options = options;
  }

  /** Counts a message of `bytes` bytes; false when that is over the rate. */
  take(kind: number, rate: Rate, bytes: number): boolean {
    const window = Math.floor(this.#options.clock.monotonic() / WINDOW_MS);
    if (window !== this.#window) {
      this.#window = window;
      this.#counts = new Map();
      this.#sum = { messages: 0, bytes: 0 };
    }
    const before = this.#counts.get(kind) ?? { messages: 0, bytes: 0 };
    const own = { messages: before.messages + 1, bytes: before.bytes + bytes };
    const aggregated = rate.unlimited !== true && rate.aggregate;
    const sum = aggregated ? { messages: this.#sum.messages + 1, bytes: this.#sum.bytes + bytes } : this.#sum;
    const allowed = this.#allows(rate, bytes, own, aggregated ? sum : undefined);
    if (allowed || this.#options.countRefused) {
      this.#counts.set(kind, own);
      this.#sum = sum;
    }
    return allowed;
  }

  #allows(
    rate: Rate,
    bytes: number,
    own: { messages: number; bytes: number },
    sum: { messages: number; bytes: number } | undefined,
  ): boolean {
    const { aggregate, percentage } = this.#options;
    const share = percentage / 100;
    if (sum !== undefined) {
      if (sum.messages > aggregate.perMinute * share || sum.bytes > aggregate.totalBytesMax * share) return false;
    }
    if (bytes > rate.bytesMax) return false;
    if (rate.unlimited === true) return true;
    return own.messages <= rate.perMinute * share && own.bytes <= rate.totalBytesMax * share;
  }
}
