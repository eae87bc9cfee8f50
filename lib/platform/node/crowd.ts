/**
 * Which connection goes when as many are open as may be: the one that has shown least, and of these the oldest. One that
 * shows nothing keeps nobody out. But those that have shown TLS or a request and no secret keep no more than half of the
 * places from newcomers: otherwise each newcomer would take the one place that is left from the one before, which has not
 * had the time to show anything.
 *
 * @module
 */

/** What a connection has shown so far. */
export const SHOWN = { nothing: 0, tls: 1, request: 2, secret: 3 } as const;
/** One of {@link SHOWN}. */
export type Shown = (typeof SHOWN)[keyof typeof SHOWN];

/** The connections of one port, oldest first. */
export class Crowd<C> {
  readonly #max: number;
  readonly #strangersMax: number;
  readonly #shown = new Map<C, Shown>();

  /** @param kept places of `max` that only those may have who have shown a secret; at most half of all */
  constructor(max: number, kept: number) {
    this.#max = max;
    this.#strangersMax = max - Math.min(kept, max >> 1);
  }

  get size(): number {
    return this.#shown.size;
  }

  /** Takes a connection in. Returns the one that has to go for it: `undefined` when none, the newcomer itself when there is no room. */
  enter(newcomer: C): C | undefined {
    const strangers = this.#strangers();
    if (this.#shown.size < this.#max && strangers.length < this.#strangersMax) {
      this.#shown.set(newcomer, SHOWN.nothing);
      return undefined;
    }
    return this.#replace(newcomer, strangers);
  }

  /** As {@link enter} when there is no room for one more, however many there are. */
  exchange(newcomer: C): C {
    return this.#replace(newcomer, this.#strangers());
  }

  #strangers(): [C, Shown][] {
    return [...this.#shown].filter(([, shown]) => shown !== SHOWN.secret);
  }

  #replace(newcomer: C, strangers: [C, Shown][]): C {
    const silent = strangers.filter(([, shown]) => shown === SHOWN.nothing);
    const more = strangers.filter(([, shown]) => shown !== SHOWN.nothing);
    const hasTooMany = more.length > Math.ceil(this.#strangersMax / 2);
    const [least] = hasTooMany || silent.length === 0 ? more.sort(([, a], [, b]) => a - b) : silent;
    if (least === undefined) return newcomer;
    this.#shown.delete(least[0]);
    this.#shown.set(newcomer, SHOWN.nothing);
    return least[0];
  }

  /** A connection has shown more than before. */
  show(connection: C, shown: Shown): void {
    const before = this.#shown.get(connection);
    if (before !== undefined && shown > before) this.#shown.set(connection, shown);
  }

  leave(connection: C): void {
    this.#shown.delete(connection);
  }
}
