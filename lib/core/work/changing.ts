/**
 * Something that changes now and then, for those who wait until it has.
 *
 * @module
 */

/** Its changes. */
export class Changing {
  #next = Promise.withResolvers<void>();

  /** It has changed: those who wait look again. */
  changed(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** Resolves when something holds after a change, or at once if it does; also when the signal aborts. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve: end } = Promise.withResolvers<void>();
    const abort = () => end();
    signal.addEventListener("abort", abort, { once: true });
    try {
      while (!holds() && !signal.aborted) await Promise.race([this.#next.promise, aborted]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
