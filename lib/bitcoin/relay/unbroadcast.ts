/**
 * Transactions of our own callers that no peer has asked for yet: they are announced again now and then, since nobody else
 * would.
 *
 * @see Bitcoin Core `net_processing.cpp` ReattemptInitialBroadcast
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { Clock, Random } from "../../core/ports.ts";

/** Between two announcements, drawn anew each time. */
const AGAIN_MS = 10 * 60_000;
const AGAIN_SPREAD_MS = 5 * 60_000;

/** The set. It has only transactions of the mempool: what leaves that is dropped here. */
export class UnbroadcastSet {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #txids = new Set<string>();
  #againAt: number;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
    this.#againAt = this.#draw();
  }

  get size(): number {
    return this.#txids.size;
  }

  has(txid: Uint8Array): boolean {
    return this.#txids.has(toHex(txid));
  }

  add(txid: Uint8Array): void {
    this.#txids.add(toHex(txid));
  }

  /** A peer asked for it, or it left the mempool. */
  drop(txid: Uint8Array): void {
    this.#txids.delete(toHex(txid));
  }

  /** All of them. */
  list(): readonly Uint8Array[] {
    return [...this.#txids].map(fromHex);
  }

  /** What is to be announced again; nothing when it is not time. To be called now and then. */
  due(): readonly Uint8Array[] {
    if (this.#clock.monotonic() < this.#againAt) return [];
    this.#againAt = this.#draw();
    return this.list();
  }

  #draw(): number {
    return this.#clock.monotonic() + AGAIN_MS + this.#random.below(AGAIN_SPREAD_MS);
  }
}
