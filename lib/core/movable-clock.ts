/**
 * A clock whose time can be set and whose timers can be brought forward, for tests on a private network. Until then it
 * is the clock below it.
 *
 * @see Bitcoin Core `util/time.cpp` SetMockTime, `scheduler.cpp` MockForward
 * @module
 */
import type { Clock } from "./ports.ts";

interface Timer {
  readonly dueAt: number;
  readonly callback: () => void;
  cancel: () => void;
}

/** The clock. */
export class MovableClock implements Clock {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  /** Unix milliseconds at which the wall clock stands; undefined while it goes. */
  #standsAt: number | undefined;
  #forwardMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Stops the wall clock at a time, in unix milliseconds; lets it go again without one. Timers are not concerned. */
  setTime(ms: number | undefined): void {
    this.#standsAt = ms;
  }

  /** Moves the monotonic clock: what is due within `ms` is due now. */
  forward(ms: number): void {
    this.#forwardMs += ms;
    for (const timer of [...this.#timers]) {
      timer.cancel();
      this.#start(timer);
    }
  }

  now(): number {
    return this.#standsAt ?? this.#clock.now();
  }

  monotonic(): number {
    return this.#clock.monotonic() + this.#forwardMs;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { dueAt: this.monotonic() + ms, callback, cancel: () => {} };
    this.#timers.add(timer);
    this.#start(timer);
    return () => {
      this.#timers.delete(timer);
      timer.cancel();
    };
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.after(ms, () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #start(timer: Timer): void {
    timer.cancel = this.#clock.after(Math.max(0, timer.dueAt - this.monotonic()), () => {
      this.#timers.delete(timer);
      timer.callback();
    });
  }
}
