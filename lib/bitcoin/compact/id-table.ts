/**
 * Transactions by their places, with their wtxids as words beside one another: the short ids of all of them are computed in
 * one go.
 *
 * @module
 */
import type { Transaction } from "../types/transaction.ts";

/** Words of a wtxid. */
const WORDS = 8;
const FIRST_PLACES = 128;

/** A list of transactions. */
export class IdTable {
  #words = new Uint32Array(FIRST_PLACES * WORDS);
  readonly #transactions: Transaction[] = [];

  get size(): number {
    return this.#transactions.length;
  }

  /** The wtxids, eight little-endian words each. */
  get words(): Uint32Array {
    return this.#words;
  }

  /** The transaction at a place below {@link size}. */
  at(place: number): Transaction {
    return this.#transactions[place]!;
  }

  /** Puts a transaction at a place, which is one of the list or the next. */
  put(place: number, transaction: Transaction): void {
    if ((place + 1) * WORDS > this.#words.length) {
      const grown = new Uint32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    const { wtxid } = transaction;
    const view = new DataView(wtxid.buffer, wtxid.byteOffset);
    for (let i = 0; i < WORDS; i++) this.#words[place * WORDS + i] = view.getUint32(4 * i, true);
    this.#transactions[place] = transaction;
  }

  /** Takes a transaction off; the last one takes its place. */
  remove(place: number): void {
    const last = this.size - 1;
    this.#words.copyWithin(place * WORDS, last * WORDS, (last + 1) * WORDS);
    const moved = this.#transactions.pop()!;
    if (place !== last) this.#transactions[place] = moved;
  }
}
