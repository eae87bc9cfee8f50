/**
 * Verdicts that take time: what a validator that works on other threads looks like to a chain. The same seed gives the
 * same delays.
 *
 * Most answers come at once or within a second, some take up to a minute, and a refusal is later than an approval.
 * Answers overtake one another. Some workers do not notice that nobody waits for them any more: their answer comes after
 * the question was withdrawn, when another block is in its place.
 *
 * @module
 */
import type { SimClock } from "./clock.ts";
import type { SeededRandom } from "./random.ts";

/** The longest that a verdict takes, in milliseconds. */
export const LATEST_MS = 60_000;
/** The mean of the delays that are neither nothing nor long. */
const SHORT_MS = 300;
/** Shares of the answers that come at once, and that take long. */
const AT_ONCE = 0.5;
const LONG = 0.12;
/** Share of the hosts whose verdicts are never late. */
const PUNCTUAL = 0.3;
/** Share of the workers that do not notice that their work was withdrawn. */
const DEAF = 0.5;

/** The delays of one host's verdicts. */
export class LateVerdicts {
  readonly #clock: SimClock;
  readonly #random: SeededRandom;
  readonly #isPunctual: boolean;

  /**
   * @param clock the world's and not the host's: work on another thread goes on when the node has let go of it
   * @param random one of its own for each run of a host, such as `random.fork("verdicts")`
   */
  constructor(clock: SimClock, random: SeededRandom) {
    this.#clock = clock;
    this.#random = random;
    this.#isPunctual = random.chance(PUNCTUAL);
  }

  /**
   * Gives `verdict` after a while. Rejects with the reason of `signal` when that aborts before and the worker notices.
   * @param isRefusal whether it is one: it takes the longer of two delays
   */
  async give<V>(verdict: V, isRefusal: boolean, signal?: AbortSignal): Promise<V> {
    signal?.throwIfAborted();
    const delayMs = this.#isPunctual ? 0 : isRefusal ? Math.max(this.#draw(), this.#draw()) : this.#draw();
    // Drawn for each, so that a withdrawal changes no later delay.
    const isDeaf = this.#random.chance(DEAF);
    if (delayMs > 0) await this.#clock.sleep(delayMs, isDeaf ? undefined : signal);
    return verdict;
  }

  /** Milliseconds. */
  #draw(): number {
    const kind = this.#random.fraction();
    if (kind < AT_ONCE) return 0;
    if (kind < AT_ONCE + LONG) return this.#random.fraction() * LATEST_MS;
    return Math.min(LATEST_MS, this.#random.wait(SHORT_MS));
  }
}
