/**
 * How fast a peer delivers what it is asked for.
 *
 * @module
 */

/** What a delivery weighs less for each one after it: about the last fifty count. */
const DECAY = 0.98;

/** A moving average of one peer's deliveries. Times are monotonic milliseconds. */
export class DeliveryRate {
  #bytes = 0;
  #ms = 0;
  #last = -Infinity;

  /**
   * A delivery of `bytes`, asked for at `askedAt`. Questions overlap: only the time since the delivery before counts,
   * so that sixteen questions under way do not make a peer look sixteen times as slow.
   */
  delivered(bytes: number, askedAt: number, now: number): void {
    const took = now - Math.max(askedAt, this.#last);
    this.#last = now;
    this.#bytes = this.#bytes * DECAY + bytes;
    this.#ms = this.#ms * DECAY + took;
  }

  /** Bytes a second while it was asked for something; 0 before the first delivery. */
  get bytesPerSecond(): number {
    return this.#bytes === 0 ? 0 : this.#bytes * 1_000 / Math.max(1, this.#ms);
  }
}
