/**
 * Chance that repeats: the same seed gives the same numbers on every runtime.
 *
 * @module
 */
import type { Random } from "../core/ports.ts";
import { shuffled } from "../core/random.ts";

/**
 * A generator for simulated worlds, never for keys. The state is one 32-bit word that walks by an odd constant
 * (a Weyl sequence, so its period is 2^32); each word is then mixed so that neighbours have nothing in common.
 */
export class SeededRandom implements Random {
  readonly #seed: number;
  #state: number;

  /** @param seed an integer below 2^32; print it, so that a failure can be run again */
  constructor(seed: number) {
    this.#seed = this.#state = seed >>> 0;
  }

  /** A generator of its own for each label: what one user draws does not shift what another gets. */
  fork(label: string): SeededRandom {
    // FNV-1a over the label, begun at the seed.
    let hash = this.#seed ^ 0x811c9dc5;
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new SeededRandom(mixed(hash >>> 0));
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.#word() & 0xff;
    return bytes;
  }

  /** A number from 0 up to 1, in steps of 2^-32. */
  fraction(): number {
    return this.#word() / 2 ** 32;
  }

  /** Whether something happens that has this chance, 0 to 1. */
  chance(share: number): boolean {
    return this.fraction() < share;
  }

  /** A waiting time whose mean is `meanMs`: exponential, as of things that happen independently. */
  wait(meanMs: number): number {
    // Rounded, because engines may differ in the last bit of a logarithm.
    return Math.round(-Math.log(1 - this.fraction()) * meanMs * 1024) / 1024;
  }

  /** One of the items, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[] {
    return shuffled(items, this);
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
    return mixed(this.#state);
  }
}

/** A word in which every bit depends on every bit of the given one. */
function mixed(word: number): number {
  let bits = word;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
