/**
 * The line in which peers' transactions wait to be judged, few at a time. A peer whose transactions cost time and came to
 * nothing waits behind all others, and one such at a time is judged: a stranger who makes transactions that are costly to
 * refuse delays strangers like itself. Nobody is kept from ever being judged, and what was wasted is forgotten in minutes.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";

/** Transactions that are judged at once: the mempool looks up the coins of several together. */
const AT_ONCE = 16;
/** What a peer may waste before it waits behind others. An honest peer sends some that we refuse. */
const WASTED_MS = 50;
/** In which time half of what a peer has wasted is forgotten. */
const FORGET_HALF_MS = 60_000;

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

/** A transaction that is being judged. */
interface Turn {
  readonly isOfWaster: boolean;
  /** The line's shared time when it began. */
  readonly began: number;
}

interface Waiting {
  readonly of: Waster;
  readonly begin: (turn: Turn) => void;
}

/** The line. A peer has at most few in it, since its messages are handled one after another. */
export class JudgingLine {
  readonly #clock: Clock;
  readonly #waiting: Waiting[] = [];
  readonly #turns = new Set<Turn>();
  /** Milliseconds of judging so far, each of them shared by those that were judged then. */
  #sharedMs = 0;
  #sharedAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Judges when it is this one's turn. `inVain` says of the result whether the time was wasted. What the judging throws is
   * thrown.
   */
  async judge<T>(of: Waster, judging: () => Promise<T>, inVain: (result: T) => boolean): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    this.#waiting.push({ of, begin: resolve });
    this.#next();
    const turn = await promise;
    try {
      const result = await judging();
      this.#share();
      if (inVain(result)) of.add(this.#sharedMs - turn.began, this.#clock.monotonic());
      return result;
    } finally {
      this.#share();
      this.#turns.delete(turn);
      this.#next();
    }
  }

  /** Has those begin whose turn it is: those that wasted least first, and of two alike the one that came first. */
  #next(): void {
    this.#share();
    const now = this.#clock.monotonic();
    while (this.#turns.size < AT_ONCE && this.#waiting.length > 0) {
      const all = this.#waiting.map(({ of }) => of.wasted(now));
      const least = Math.min(...all);
      const isOfWaster = least > WASTED_MS;
      if (isOfWaster && [...this.#turns].some((turn) => turn.isOfWaster)) return;
      const [next] = this.#waiting.splice(all.indexOf(least), 1);
      const turn = { isOfWaster, began: this.#sharedMs };
      this.#turns.add(turn);
      next!.begin(turn);
    }
  }

  /** Takes note of the time that has passed: a peer does not answer for the others that were judged beside it. */
  #share(): void {
    const now = this.#clock.monotonic();
    if (this.#turns.size > 0) this.#sharedMs += (now - this.#sharedAt) / this.#turns.size;
    this.#sharedAt = now;
  }
}
