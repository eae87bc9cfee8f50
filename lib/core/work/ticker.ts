/**
 * Something that has its turn every second while work is under way, and seldom when none is: a node with nothing to do
 * should do nothing.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** What a {@link Ticker} needs. */
export interface TickerParts {
  readonly clock: Clock;
  /** How often it ticks while something is under way. */
  readonly everyMs: number;
  /** And while nothing is. */
  readonly idleMs: number;
  /** Whether nothing is under way. */
  readonly isIdle: () => boolean;
  readonly tick: () => void;
}

/** The loop. */
export class Ticker {
  readonly #parts: TickerParts;
  #wake: (() => void) | undefined;

  constructor(parts: TickerParts) {
    this.#parts = parts;
  }

  /** Something began: the next tick is not further away than while work is under way. */
  wake(): void {
    this.#wake?.();
  }

  /** Ticks until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs, idleMs, isIdle, tick } = this.#parts;
    const stop = () => this.#wake?.();
    signal.addEventListener("abort", stop, { once: true });
    while (!signal.aborted) {
      const isRested = isIdle() && !await this.#rest(idleMs);
      if (!isRested && !signal.aborted) await clock.sleep(everyMs, signal).catch(() => {});
      if (!signal.aborted) tick();
    }
    signal.removeEventListener("abort", stop);
  }

  /** Waits so long, or until woken; whether it was woken. */
  #rest(ms: number): Promise<boolean> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      const end = (isWoken: boolean) => {
        this.#wake = undefined;
        cancel();
        resolve(isWoken);
      };
      const cancel = clock.after(ms, () => end(false));
      this.#wake = () => end(true);
    });
  }
}
