/**
 * Time that stands still until it is told to pass. Timers fire in order of their time, those of one moment in the order
 * in which they were set, and everything that a timer sets off comes to rest before the next one fires.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";

/** How a {@link SimClock} is made. */
export interface SimClockOptions {
  /**
   * Resolves when all work that waits for no timer has been done: one or more turns of the runtime's event loop. The
   * only thing that ties simulated time to a real runtime, so it is passed in.
   */
  readonly turn: () => Promise<void>;
  /** Unix milliseconds at the start; 1,750,000,000,000 by default. */
  readonly startMs?: number;
}

/** The owner of timers that are counted apart and end together. */
export interface TimerOwner {
  /** Its timers that are set and not cancelled. */
  pending: number;
  /** None of its timers fires any more. */
  isOver: boolean;
}

/** A timer that was set. */
export interface Timer {
  readonly at: number;
  /** Order of setting, which decides between timers of one moment. */
  readonly order: number;
  readonly call: () => void;
  readonly owner: TimerOwner | undefined;
  /** It has fired or never will. */
  isDone: boolean;
}

function before(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

/** A clock for simulated worlds. */
export class SimClock implements Clock {
  readonly #turn: () => Promise<void>;
  readonly #startMs: number;
  /** Binary heap, the next timer first. Cancelled ones stay until they come up. */
  readonly #heap: Timer[] = [];
  #elapsed = 0;
  #order = 0;
  #pending = 0;
  #fired = 0;

  constructor(options: SimClockOptions) {
    this.#turn = options.turn;
    this.#startMs = options.startMs ?? 1_750_000_000_000;
  }

  /** Timers that are set and not cancelled. Zero after everything was stopped, or something leaks. */
  get pending(): number {
    return this.#pending;
  }

  /** Timers that have fired. */
  get fired(): number {
    return this.#fired;
  }

  now(): number {
    return this.#startMs + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = this.set(ms, callback);
    return () => this.cancel(timer);
  }

  /** {@link after} without a function for each timer: there are millions of them. */
  set(ms: number, call: () => void, owner?: TimerOwner): Timer {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, call, owner, isDone: false };
    this.#push(timer);
    this.#pending += 1;
    if (owner !== undefined) owner.pending += 1;
    return timer;
  }

  /** What {@link set} gave does not fire any more. */
  cancel(timer: Timer): void {
    if (!timer.isDone && timer.owner?.isOver !== true) this.#finish(timer);
  }

  /** Cancels all timers of an owner, for good. */
  end(owner: TimerOwner): void {
    if (owner.isOver) return;
    owner.isOver = true;
    this.#pending -= owner.pending;
    owner.pending = 0;
  }

  #finish(timer: Timer): void {
    timer.isDone = true;
    this.#pending -= 1;
    if (timer.owner !== undefined) timer.owner.pending -= 1;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets `ms` milliseconds pass. */
  async advance(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await this.#turn();
    while (this.#fireNext(end)) await this.#turn();
    this.#elapsed = end;
  }

  /**
   * Lets time pass until `promise` settles, and gives its outcome. @throws NodeError `stuck` when it has not settled
   * after `limitMs`, or when no timer is left that could settle it
   */
  async until<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    promise.then(() => (settled = true), () => (settled = true));
    const end = this.#elapsed + limitMs;
    await this.#turn();
    while (!settled) {
      if (!this.#fireNext(end)) {
        throw new NodeError("stuck", "self", `nothing more happens within ${limitMs} ms; ${this.#pending} timers wait`);
      }
      await this.#turn();
    }
    return await promise;
  }

  /** As {@link until}, for a condition; checked after each timer. */
  async untilTrue(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const end = this.#elapsed + limitMs;
    await this.#turn();
    while (!condition()) {
      if (!this.#fireNext(end)) {
        throw new NodeError("stuck", "self", `the condition does not hold within ${limitMs} ms`);
      }
      await this.#turn();
    }
  }

  /** Fires the next timer if it is due by `end`. The caller lets its consequences come to rest. */
  #fireNext(end: number): boolean {
    let next = this.#heap[0];
    while (next !== undefined && (next.isDone || next.owner?.isOver === true)) {
      this.#pop();
      next = this.#heap[0];
    }
    if (next === undefined || next.at > end) return false;
    this.#pop();
    this.#fired += 1;
    // Cancelling it from now on must change nothing.
    this.#finish(next);
    this.#elapsed = next.at;
    next.call();
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || before(parent, timer)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = heap[child];
      const right = heap[child + 1];
      if (left === undefined) break;
      if (right !== undefined && before(right, left)) child += 1;
      const least = heap[child] ?? left;
      if (before(last, least)) break;
      heap[at] = least;
      at = child;
    }
    heap[at] = last;
  }
}
