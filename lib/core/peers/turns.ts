/**
 * Shares the event loop among peers. What a peer sends is handled in pieces; when all of them together have used up a
 * slice of time, those that go on wait in line, one piece for each turn of the loop, and everything else (RPC, timers,
 * sockets) runs in between. A peer that floods waits behind its own messages.
 *
 * Only time that was really worked counts, so that it costs nothing while there is little to do, and nothing is waited
 * for in a simulated world, where work takes no time.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** What all peers may work before the loop turns. */
const SLICE_MS = 8;
/** And in messages: a simulated clock does not move while one works. */
const SLICE_MESSAGES = 4_096;
/** What a peer may have handled when its turn has come. */
const PIECE_MESSAGES = 32;
const PIECE_MS = 2;

/** The line, one for all connections of a node. */
export class Turns {
  readonly #clock: Clock;
  readonly #line: (() => void)[] = [];
  #spentMs = 0;
  #messages = 0;
  #isTurning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A peer's place in it. */
  join(): Turn {
    return new Turn(this);
  }

  /** Milliseconds of the clock, for what takes turns. */
  get now(): number {
    return this.#clock.monotonic();
  }

  /** Takes note of work that was done. */
  spent(ms: number): void {
    this.#spentMs += ms;
    this.#messages += 1;
  }

  /** Nothing when the work may go on; else resolves when it may. */
  take(): Promise<void> | undefined {
    const isUsedUp = this.#spentMs >= SLICE_MS || this.#messages >= SLICE_MESSAGES;
    if (!isUsedUp && this.#line.length === 0) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#line.push(resolve);
    this.#turn();
    return promise;
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    this.#clock.after(0, () => {
      this.#isTurning = false;
      this.#spentMs = 0;
      this.#messages = 0;
      this.#line.shift()?.();
      if (this.#line.length > 0) this.#turn();
    });
  }
}

/** One peer's part of it. */
export class Turn {
  readonly #turns: Turns;
  #messagesLeft = 0;
  #msLeft = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** To be called before each message: nothing when it may be handled now, else a promise of when it may. */
  next(): Promise<void> | undefined {
    if (this.#messagesLeft > 0 && this.#msLeft > 0) return undefined;
    return this.#turns.take()?.then(() => {
      this.#messagesLeft = PIECE_MESSAGES;
      this.#msLeft = PIECE_MS;
    });
  }

  /** Does a piece of work and takes note of the time that it takes until it returns. */
  work<T>(task: () => T): T {
    const began = this.#turns.now;
    try {
      return task();
    } finally {
      const ms = this.#turns.now - began;
      this.#messagesLeft -= 1;
      this.#msLeft -= ms;
      this.#turns.spent(ms);
    }
  }
}
