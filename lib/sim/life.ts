/**
 * The clock of one run of a node: counts what it waits for, may be wrong and be set right, and stops for good when the
 * node crashes. Only its wall clock is ever wrong; what it waits for goes by the monotonic one.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import type { SimClock, Timer, TimerOwner } from "./clock.ts";

/** A sleeper, until a signal aborts. */
interface Sleeper {
  timer: Timer | undefined;
  readonly reject: (reason: unknown) => void;
}

/** Time as one running node has it. */
export class LifeClock implements Clock {
  readonly #clock: SimClock;
  /** How far the wall clock is ahead of the true time. */
  wrongMs: number;
  readonly #owner: TimerOwner = { pending: 0, isOver: false };
  /** Those who sleep until a signal aborts: one listener for each signal, not for each sleep. */
  readonly #sleepers = new WeakMap<AbortSignal, Set<Sleeper>>();

  constructor(clock: SimClock, wrongMs = 0) {
    this.#clock = clock;
    this.wrongMs = wrongMs;
  }

  /** Timers that are set and not cancelled. */
  get pending(): number {
    return this.#owner.pending;
  }

  now(): number {
    return this.#clock.now() + this.wrongMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, callback: () => void): () => void {
    if (this.#owner.isOver) return () => {};
    const timer = this.#clock.set(ms, callback, this.#owner);
    return () => this.#clock.cancel(timer);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) reject(signal.reason);
    else if (!this.#owner.isOver) {
      const sleepers = signal && this.#sleepersOf(signal);
      if (sleepers === undefined) this.#clock.set(ms, resolve, this.#owner);
      else {
        const sleeper: Sleeper = { timer: undefined, reject };
        sleeper.timer = this.#clock.set(ms, () => {
          sleepers.delete(sleeper);
          resolve();
        }, this.#owner);
        sleepers.add(sleeper);
      }
    }
    return promise;
  }

  #sleepersOf(signal: AbortSignal): Set<Sleeper> {
    const known = this.#sleepers.get(signal);
    if (known !== undefined) return known;
    const sleepers = new Set<Sleeper>();
    this.#sleepers.set(signal, sleepers);
    signal.addEventListener("abort", () => {
      for (const { timer, reject } of sleepers) {
        if (timer !== undefined) this.#clock.cancel(timer);
        reject(signal.reason);
      }
      sleepers.clear();
    }, { once: true });
    return sleepers;
  }

  /** The node crashed: nothing that it waits for ever comes. */
  end(): void {
    this.#clock.end(this.#owner);
  }
}
