/**
 * Chance that repeats: the same seed gives the same numbers on every runtime.
 *
 * @module
 */
import type { Random } from "../core/ports.ts";

/**
 * A generator for simulated worlds, never for keys. The state is one 32-bit word that walks by an odd constant
 * (a Weyl sequence, so its period is 2^32); each word is then mixed so that neighbours have nothing in common.
 */
export class SeededRandom implements Random {
  #state: number;

  /** @param seed an integer below 2^32; print it, so that a failure can be run again */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#word() & 0xff);
  }

  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) throw new RangeError(`bound ${bound}`);
    const fair = 2 ** 32 - (2 ** 32 % bound);
    let word = this.#word();
    while (word >= fair) word = this.#word();
    return word % bound;
  }

  #word(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }
}
