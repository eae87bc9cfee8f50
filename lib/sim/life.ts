/**
 * The clock of one run of a node: counts what it waits for, may be wrong and be set right, and stops for good when the
 * node crashes. Only its wall clock is ever wrong; what it waits for goes by the monotonic one.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import type { SimClock } from "./clock.ts";

/** Time as one running node has it. */
export class LifeClock implements Clock {
  readonly #clock: SimClock;
  /** How far the wall clock is ahead of the true time. */
  wrongMs: number;
  readonly #cancels = new Set<() => void>();
  /** Those who sleep until a signal aborts: one listener for each signal, not for each sleep. */
  readonly #sleepers = new WeakMap<AbortSignal, Set<(reason: unknown) => void>>();
  #isOver = false;

  constructor(clock: SimClock, wrongMs = 0) {
    this.#clock = clock;
    this.wrongMs = wrongMs;
  }

  /** Timers that are set and not cancelled. */
  get pending(): number {
    return this.#cancels.size;
  }

  now(): number {
    return this.#clock.now() + this.wrongMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, callback: () => void): () => void {
    if (this.#isOver) return () => {};
    const cancel = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel);
      callback();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const sleepers = signal && this.#sleepersOf(signal);
      const wake = (reason: unknown) => {
        cancel();
        reject(reason);
      };
      const cancel = this.after(ms, () => {
        sleepers?.delete(wake);
        resolve();
      });
      sleepers?.add(wake);
    });
  }

  #sleepersOf(signal: AbortSignal): Set<(reason: unknown) => void> {
    const known = this.#sleepers.get(signal);
    if (known !== undefined) return known;
    const sleepers = new Set<(reason: unknown) => void>();
    this.#sleepers.set(signal, sleepers);
    signal.addEventListener("abort", () => {
      for (const wake of [...sleepers]) wake(signal.reason);
      sleepers.clear();
    }, { once: true });
    return sleepers;
  }

  /** The node crashed: nothing that it waits for ever comes. */
  end(): void {
    this.#isOver = true;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
