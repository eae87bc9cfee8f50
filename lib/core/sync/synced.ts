/**
 * Whether a chain counts as synced. It becomes so at the tip that enough peers agree on, and stays so for a moment when a
 * new block is on its way: between the first word of a block and the last peer's word for it lie seconds, in which nothing
 * is wrong.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** How long a synced chain may be at odds with its peers, in milliseconds. */
export const SYNCED_GRACE_MS = 60_000;
/** How many blocks it may be behind meanwhile. */
export const SYNCED_GRACE_BLOCKS = 3;

/** What is known of a chain at one moment. */
export interface SyncedView {
  /** It is at the best tip that is known, and enough peers agree on that. */
  readonly isReached: boolean;
  /** It is no more than {@link SYNCED_GRACE_BLOCKS} behind the best that the peers of our choice tell. */
  readonly isNear: boolean;
}

/** The state of one chain. */
export class SyncedLatch {
  readonly #clock: Clock;
  readonly #graceOver: () => void;
  #isSynced = false;
  /** Since when it is not reached any more. */
  #since: number | undefined;
  #cancel = () => {};
  #isClosed = false;

  /** @param graceOver hears when the grace has run out, so that the state is read again without a cause from outside */
  constructor(clock: Clock, graceOver: () => void) {
    this.#clock = clock;
    this.#graceOver = graceOver;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Takes in what is known now; whether the chain is synced. */
  update({ isReached, isNear }: SyncedView): boolean {
    if (isReached) {
      this.#settle(true);
    } else if (this.#isSynced) {
      const now = this.#clock.monotonic();
      if (this.#since === undefined) {
        this.#since = now;
        if (!this.#isClosed) this.#cancel = this.#clock.after(SYNCED_GRACE_MS, this.#graceOver);
      }
      if (!isNear || now - this.#since >= SYNCED_GRACE_MS) this.#settle(false);
    }
    return this.#isSynced;
  }

  /** Ends the wait for the end of a grace. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
  }

  #settle(isSynced: boolean): void {
    this.#isSynced = isSynced;
    this.#since = undefined;
    this.#cancel();
    this.#cancel = () => {};
  }
}
