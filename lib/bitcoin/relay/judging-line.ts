/**
 * The line in which peers' transactions wait to be judged, one at a time. Whose transactions cost time and came to nothing
 * waits behind everybody whose did not: a stranger who makes transactions that are costly to refuse delays strangers like
 * itself. Nobody is kept from ever being judged, and what was wasted is forgotten in minutes.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";

/** In which time half of what a peer has wasted is forgotten. */
const FORGET_HALF_MS = 60_000;

/** Someone who waits. */
interface Waiting {
  readonly of: Waster;
  readonly begin: () => void;
}

/** What was wasted for a peer's transactions. */
export class Waster {
  #ms = 0;
  #at = 0;

  /** Milliseconds, by now. */
  wasted(now: number): number {
    return this.#ms * 0.5 ** ((now - this.#at) / FORGET_HALF_MS);
  }

  add(ms: number, now: number): void {
    this.#ms = this.wasted(now) + ms;
    this.#at = now;
  }
}

/** The line. A peer has at most few in it, since its messages are handled one after another. */
export class JudgingLine {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  #isBusy = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Judges when it is this one's turn. `inVain` says of the result whether the time was wasted. What the judging throws is
   * thrown.
   */
  async judge<T>(of: Waster, judging: () => Promise<T>, inVain: (result: T) => boolean): Promise<T> {
    if (this.#isBusy) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push({ of, begin: resolve });
      await promise;
    }
    this.#isBusy = true;
    const began = this.#clock.monotonic();
    try {
      const result = await judging();
      const now = this.#clock.monotonic();
      if (inVain(result)) of.add(now - began, now);
      return result;
    } finally {
      this.#next();
    }
  }

  #next(): void {
    const now = this.#clock.monotonic();
    let first = 0;
    let least = Infinity;
    this.#waiting.forEach(({ of }, at) => {
      const wasted = of.wasted(now);
      if (wasted >= least) return;
      least = wasted;
      first = at;
    });
    const [next] = this.#waiting.splice(first, 1);
    this.#isBusy = next !== undefined;
    next?.begin();
  }
}
