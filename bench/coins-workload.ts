/**
 * Coins as they are on mainnet, as many as one likes, from their numbers alone: what `coins.ts` fills its stores with.
 *
 * @module
 */

import { ByteTable, TABLE_SECRET_BYTES } from "../lib/storage/byte-table.ts";

/** Kinds of script by share of mainnet's set, and the bytes of each when compressed. */
const KINDS = [
  { share: 0.36, bytes: 23 }, // P2WPKH
  { share: 0.31, bytes: 35 }, // P2TR
  { share: 0.22, bytes: 21 }, // P2PKH
  { share: 0.07, bytes: 21 }, // P2SH
  { share: 0.02, bytes: 35 }, // P2WSH
  { share: 0.02, bytes: 106 }, // bare multisig with a data push, and others
] as const;

/** Outputs of a transaction that follow one another in number. */
const OUTPUTS = 2;
const KEY_BYTES = 33;

/** A well mixed word of two. */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(b + 0x7f4a_7c15, 0xc2b2_ae35);
  h = Math.imul(h ^ (h >>> 16), 0x7feb_352d);
  h = Math.imul(h ^ (h >>> 15), 0x846c_a68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The key of a coin: txid ‖ index in one byte. Two coins that follow one another are of one transaction. */
export function keyOf(n: number): Uint8Array {
  const words = new Uint32Array(9);
  const transaction = Math.floor(n / OUTPUTS);
  for (let i = 0; i < 8; i++) words[i] = mix(transaction, i);
  const bytes = new Uint8Array(words.buffer, 0, KEY_BYTES);
  bytes[32] = n % OUTPUTS;
  return bytes;
}

/** The coin: height and coinbase (4 bytes) ‖ amount (1 to 6) ‖ script. */
export function coinOf(n: number): Uint8Array {
  const draw = mix(n, 77);
  let share = (draw % 1_000) / 1_000;
  const kind = KINDS.find((one) => (share -= one.share) < 0) ?? KINDS[0];
  const bytes = new Uint8Array(4 + 1 + (draw >>> 16) % 6 + kind.bytes);
  for (let i = 0; i < bytes.length; i += 4) {
    const word = mix(n, 100 + i);
    for (let j = i; j < Math.min(i + 4, bytes.length); j++) bytes[j] = word >>> (8 * (j - i));
  }
  return bytes;
}

/** A set of coins that changes: which are there is known by their numbers. */
export class Workload {
  readonly #gone: Uint8Array;
  #next = 0;
  #draws = 0;

  constructor(capacity: number) {
    this.#gone = new Uint8Array(capacity);
  }

  /** How many were made. */
  get made(): number {
    return this.#next;
  }

  #draw(below: number): number {
    const high = mix(this.#draws++, 5);
    return Math.floor((high / 2 ** 32 + mix(this.#draws++, 6) / 2 ** 64) * below);
  }

  /** The number of a coin that is there, of all ages alike. */
  pick(): number {
    for (;;) {
      const n = this.#draw(this.#next);
      if (this.#gone[n] === 0) return n;
    }
  }

  /** What a full cache hands down: coins that are new, and older ones that were spent. */
  flush(created: number, spent: number): ByteTable {
    const changes = new ByteTable(new Uint8Array(TABLE_SECRET_BYTES).fill(3));
    for (let i = 0; i < spent && this.#next > 0; i++) {
      const n = this.pick();
      this.#gone[n] = 1;
      changes.set(keyOf(n), KEY_BYTES, undefined);
    }
    for (let i = 0; i < created; i++) {
      const n = this.#next++;
      changes.set(keyOf(n), KEY_BYTES, coinOf(n));
    }
    return changes;
  }
}
