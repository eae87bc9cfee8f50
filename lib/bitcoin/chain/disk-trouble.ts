/**
 * What the disk refuses now, as long as it does.
 *
 * @module
 */

/** Tells of a disk that refuses what is to be stored. */
export class DiskTrouble {
  readonly #refused = new Map<object, { readonly text: string; readonly cause: unknown }>();
  readonly #listeners = new Set<(cause: unknown) => void>();

  /** What people should know of, one sentence each. */
  get warnings(): readonly string[] {
    return [...new Set([...this.#refused.values()].map(({ text }) => text))];
  }

  /** Something could not be stored. @param owner whose it is, until {@link DiskTrouble.passed} */
  refused(owner: object, text: string, cause: unknown): void {
    this.#refused.set(owner, { text, cause });
    for (const listener of [...this.#listeners]) listener(cause);
  }

  /** The owner's was stored. */
  passed(owner: object): void {
    this.#refused.delete(owner);
  }

  /** @throws the error of what cannot be stored now */
  check(): void {
    for (const { cause } of this.#refused.values()) throw cause;
  }

  /**
   * Waits for something, but not for a disk to have room again: the work itself goes on.
   * @throws the error of what cannot be stored, and what the work throws
   */
  async unlessRefused<T>(work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    this.#listeners.add(reject);
    try {
      return await Promise.race([work, promise]);
    } finally {
      this.#listeners.delete(reject);
    }
  }
}
