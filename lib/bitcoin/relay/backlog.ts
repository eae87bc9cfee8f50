/**
 * Transactions that are to be announced, to all peers of one direction: so many a second and no more, those first that a
 * block should have first. What pays little waits behind what pays more, however many there are of it.
 *
 * @see Bitcoin Core `net_processing.cpp` InvToSendBucket (pull request 34628)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Mempool, MempoolEntry } from "../mempool/mempool.ts";

/** Transactions announced a second, on average, to peers that dialled us. */
export const SEND_RATE = 14;
/** How much faster they go to peers that we dialled, of whom there are few. */
export const OUTBOUND_FACTOR = 2.5;
/** What may go at once after a quiet time: so many seconds of the rate. */
const COUNT_SECONDS = 30;
/** How far the count may be overdrawn: so many seconds of the rate go at once, or the backlog would be sorted for each one. */
const STEP_SECONDS = 5;
/** Bytes a second; what there is at first, the most, and how far it may be overdrawn. */
const BYTES_RATE = 20_000;
const FIRST_BYTES = 12_000_000;
const SAVED_BYTES_MAX = 50_000_000;
const DEBT_BYTES_MAX = 50_000;

/** What of a kind may go now: it grows with time up to a cap, and may be overdrawn down to a floor. */
class Allowance {
  value: number;
  readonly #rate: number;
  readonly #most: number;
  readonly #least: number;

  constructor(value: number, { rate, most, least }: Readonly<Record<"rate" | "most" | "least", number>>) {
    this.value = value;
    this.#rate = rate;
    this.#most = most;
    this.#least = least;
  }

  grow(seconds: number): void {
    this.value = Math.min(this.#most, this.value + seconds * this.#rate);
  }

  /** Takes from it; whether it is not overdrawn as far as it may be. */
  take(amount: number): boolean {
    this.value = Math.max(this.#least, this.value - amount);
    return this.value > this.#least;
  }
}

/** What is told of a backlog (Core's `inv_buckets`). */
export interface BacklogView {
  /** Transactions that wait. */
  readonly waiting: number;
  /** Transactions, and bytes of them, that may go now. */
  readonly count: number;
  readonly bytes: number;
}

/** A backlog. */
export class Backlog {
  readonly #mempool: Pick<Mempool, "byMiningScore">;
  readonly #count: Allowance;
  readonly #bytes: Allowance;
  readonly #waiting = new Map<string, Uint8Array>();
  #grownAt: number;

  /** @param factor how much faster than {@link SEND_RATE} it goes @param now milliseconds of the clock that all calls have */
  constructor(mempool: Pick<Mempool, "byMiningScore">, factor: number, now: number) {
    this.#mempool = mempool;
    const most = SEND_RATE * COUNT_SECONDS;
    this.#count = new Allowance(most, { rate: SEND_RATE * factor, most, least: -SEND_RATE * STEP_SECONDS });
    const bytes = { rate: BYTES_RATE * factor, most: SAVED_BYTES_MAX, least: -DEBT_BYTES_MAX };
    this.#bytes = new Allowance(FIRST_BYTES, bytes);
    this.#grownAt = now;
  }

  get size(): number {
    return this.#waiting.size;
  }

  get view(): BacklogView {
    return { waiting: this.size, count: this.#count.value, bytes: this.#bytes.value };
  }

  add(txid: Uint8Array): void {
    this.#waiting.set(toHex(txid), txid);
  }

  /** It left the mempool. */
  drop(txid: Uint8Array): void {
    this.#waiting.delete(toHex(txid));
  }

  clear(): void {
    this.#waiting.clear();
  }

  /** What is to be announced now, the best first. */
  take(now: number): readonly MempoolEntry[] {
    this.#count.grow((now - this.#grownAt) / 1000);
    this.#bytes.grow((now - this.#grownAt) / 1000);
    this.#grownAt = now;
    if (this.size === 0 || this.#count.value <= 0 || this.#bytes.value <= 0) return [];
    const taken: MempoolEntry[] = [];
    for (const entry of this.#mempool.byMiningScore([...this.#waiting.values()])) {
      taken.push(entry);
      this.#waiting.delete(toHex(entry.transaction.txid));
      const hasBytes = this.#bytes.take(entry.transaction.size);
      if (!this.#count.take(1) || !hasBytes) break;
    }
    return taken;
  }
}
