/**
 * What the rule of a proof needs of a class group: its two implementations are the module and BigInt.
 *
 * @module
 */
import type { Form } from "./numbers.ts";

/** SHA-256 of some bytes. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** A form to the power of an exponent from 1 up, of 264 bits at most. */
export interface Factor {
  readonly base: Form;
  readonly exponent: bigint;
}

/** Arithmetic of forms of discriminants of 1,024 bits at most. */
export interface Arithmetic {
  /** gcd(a, b), and u with u b = gcd modulo a, for a > b ≥ 0. */
  gcd(a: bigint, b: bigint): readonly [gcd: bigint, u: bigint];
  /** The cofactor that stands for b in the bytes of a form, for a > 0 and b from 0 up: see `cofactor.ts`. */
  cofactor(a: bigint, b: bigint): bigint;
  reduce(form: Form): Form;
  /** The product of two powers of reduced forms, reduced. The bound is |D|^(1/4). */
  product(factors: readonly [Factor, Factor], bound: bigint): Form;
  /**
   * chiavdf's HashPrime: the first of the numbers of so many bits, a multiple of 8, that are made of the digests of the counted
   * seed and that its test finds prime. Its highest bit is set and its lowest; of a discriminant the lowest three.
   *
   * @throws RangeError for a seed of which no prime comes
   */
  hashToPrime(seed: Uint8Array, bits: number, kind: "challenge" | "discriminant"): bigint;
}

/** A challenge has so many bits. */
export const CHALLENGE_BITS = 264;
/** Discriminants of mainnet, and the longest that there are. */
export const DISCRIMINANT_BITS_MAX = 1_024;
/** A prime comes every 90 or 360 candidates: none among so many is a fault of the seed, which is too short. */
export const CANDIDATES_MAX = 1 << 16;

/** P and Q of Lucas' test: the first D of 5, −7, 9, −11, … below 1,000 of which (D / n) is −1; undefined when there is none. */
export function lucasParameters(n: bigint): { readonly p: bigint; readonly q: bigint } | undefined {
  for (let size = 5; size < 1_000; size += 2) {
    // D is ±size, and 1 modulo 4: so (D / n) is (n / size).
    if (jacobi(Number(n % BigInt(size)), size) !== -1) continue;
    if (size === 5) return { p: 5n, q: 5n };
    return { p: 1n, q: BigInt((1 - (size % 4 === 1 ? size : -size)) / 4) };
  }
  return undefined;
}

/** Jacobi's symbol (a / n) for an odd n above 0 and a from 0 up. */
function jacobi(a: number, n: number): number {
  let sign = 1;
  while (a !== 0) {
    while (a % 2 === 0) {
      a /= 2;
      if (n % 8 === 3 || n % 8 === 5) sign = -sign;
    }
    [a, n] = [n, a];
    if (a % 4 === 3 && n % 4 === 3) sign = -sign;
    a %= n;
  }
  return n === 1 ? sign : 0;
}
