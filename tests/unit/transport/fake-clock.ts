/**
 * A clock that stands until a test moves it, and a source of chance that repeats.
 *
 * @module
 */
import type { Clock, Random } from "../../../lib/core/ports.ts";

/** A clock that stands until {@link FakeClock.advance}. */
export class FakeClock implements Clock {
  #ms = 0;
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>();

  now = (): number => this.#ms;
  monotonic = (): number => this.#ms;

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  after = (ms: number, call: () => void): () => void => {
    const timer = { at: this.#ms + ms, call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = this.after(ms, resolve);
      signal?.addEventListener("abort", () => (stop(), reject(signal.reason)), { once: true });
    });

  /** Moves the time on, timer by timer, and lets what they started come to rest. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    await settle();
    while (true) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#ms = Math.max(this.#ms, due.at);
      due.call();
      await settle();
    }
    this.#ms = end;
  }
}

/** Lets every promise that can settle without a timer or a socket do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Counts up: no chance at all. */
export const fakeRandom: Random = {
  bytes: (length) => Uint8Array.from({ length }, (_, i) => 17 * i + 5),
  below: (bound) => bound - 1,
};
