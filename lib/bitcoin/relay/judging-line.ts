/**
 * The line in which peers' transactions wait to be judged, few at a time. A peer whose transactions cost time and came to
 * nothing waits behind all others, and one such at a time is judged, with a rest after it: a stranger who makes transactions
 * that are costly to refuse delays strangers like itself. Without the rest such a one would come between any two of an honest
 * peer, which waits for the answer to the first, with all else that it says, before its second is heard. Nobody is kept from
 * ever being judged, and what was wasted is forgotten in minutes.
 *
 * How long a transaction took does not tell what it cost: it may have waited for a costly one beside it. What is refused
 * before any script runs costs no more than its coins do to look up, and no more is held against its peer.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import type { TransactionVerdict } from "../mempool/mempool.ts";
import type { Transaction } from "../types/transaction.ts";

/** Transactions that are judged at once: the mempool looks up the coins of several together. */
const AT_ONCE = 16;
/** What a peer may waste before it waits behind others. An honest peer sends some that we refuse. */
const WASTED_MS = 50;
/** In which time half of what a peer has wasted is forgotten. */
const FORGET_HALF_MS = 60_000;
/** How many times as long as its judging took, no other of those is judged: they have a third of the time, and not all. */
const REST_FACTOR = 2;

/** What it may take to look one coin up on a disk, by which what needs no more is judged. */
const COIN_MS = 0.1;
const BEFORE_SCRIPTS: ReadonlySet<string> = new Set(["min relay fee not met", "mempool min fee not met"]);

/** What a transaction may have cost in vain, in milliseconds: at most, as far as its verdict tells. */
export function wasteMax({ inputCount }: Pick<Transaction, "inputCount">, verdict: TransactionVerdict): number {
  if (verdict.ok === true) return 0;
  const isCheap = verdict.ok === "known" || verdict.result === "missing_inputs" || verdict.result === "conflict" ||
    BEFORE_SCRIPTS.has(verdict.reason);
  return isCheap ? COIN_MS * inputCount : Infinity;
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

/** A transaction that is being judged. */
interface Turn {
  readonly isOfWaster: boolean;
  /** The line's shared time when it began, and the clock's. */
  readonly began: number;
  readonly beganAt: number;
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
  /** Until when none is judged of those who wasted much. */
  #restUntil = 0;
  #cancelRest: (() => void) | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Judges when it is this one's turn. `wasteMax` says of the result how many milliseconds were wasted at most: 0 where it
   * was not in vain. What the judging throws is thrown.
   */
  async judge<T>(of: Waster, judging: () => Promise<T>, wasteMax: (result: T) => number): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    this.#waiting.push({ of, begin: resolve });
    this.#next();
    const turn = await promise;
    try {
      const result = await judging();
      this.#share();
      const wasted = Math.min(this.#sharedMs - turn.began, wasteMax(result));
      if (wasted > 0) of.add(wasted, this.#clock.monotonic());
      return result;
    } finally {
      this.#share();
      this.#turns.delete(turn);
      const now = this.#clock.monotonic();
      if (turn.isOfWaster) this.#restUntil = now + REST_FACTOR * (now - turn.beganAt);
      this.#next();
    }
  }

  /** There are no rests any more: who waits begins in turn, and is told by what judges that it is over. */
  close(): void {
    this.#isClosed = true;
    this.#cancelRest?.();
    this.#next();
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
      if (isOfWaster && now < this.#restUntil && !this.#isClosed) return this.#rest(this.#restUntil - now);
      const [next] = this.#waiting.splice(all.indexOf(least), 1);
      const turn = { isOfWaster, began: this.#sharedMs, beganAt: now };
      this.#turns.add(turn);
      next!.begin(turn);
    }
  }

  #rest(ms: number): void {
    this.#cancelRest ??= this.#clock.after(ms, () => {
      this.#cancelRest = undefined;
      this.#next();
    });
  }

  /** Takes note of the time that has passed: a peer does not answer for the others that were judged beside it. */
  #share(): void {
    const now = this.#clock.monotonic();
    if (this.#turns.size > 0) this.#sharedMs += (now - this.#sharedAt) / this.#turns.size;
    this.#sharedAt = now;
  }
}
