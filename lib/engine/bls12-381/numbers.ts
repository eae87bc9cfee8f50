/**
 * Numbers modulo p and pairs of them as BigInts: for the constants that the module is made with.
 *
 * @module
 */
import { montgomeryBytes, NUMBER_BYTES, P } from "./field.ts";

/** c0 + c1 u. */
export type Numbers = readonly [bigint, bigint];

/** ξ = 1 + u. */
export const XI: Numbers = [1n, 1n];
/** |x|, the number from which p and the order r are made: r = x⁴ − x² + 1. x itself is negative. */
export const X = 0xd201000000010000n;
/** The order of both groups. */
export const ORDER = X ** 4n - X ** 2n + 1n;

/** The number modulo `modulus`, not negative. */
export const modulo = (value: bigint, modulus = P): bigint => {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
};

/** base^exponent modulo `modulus`. */
export function power(base: bigint, exponent: bigint, modulus = P): bigint {
  let [result, square] = [1n, modulo(base, modulus)];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = result * square % modulus;
    square = square * square % modulus;
  }
  return result;
}

/** 1 / value modulo a prime. */
export const inverse = (value: bigint, modulus = P): bigint => power(value, modulus - 2n, modulus);

/** a · b. */
export const multiplyPairs = (a: Numbers, b: Numbers): Numbers => [
  modulo(a[0] * b[0] - a[1] * b[1]),
  modulo(a[0] * b[1] + a[1] * b[0]),
];

/** base^exponent. */
export function powerOfPair(base: Numbers, exponent: bigint): Numbers {
  let [result, square]: Numbers[] = [[1n, 0n], base] as [Numbers, Numbers];
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = multiplyPairs(result!, square!);
    square = multiplyPairs(square!, square!);
  }
  return result!;
}

/** 1 / a. */
export function inverseOfPair(a: Numbers): Numbers {
  const scale = inverse(a[0] * a[0] + a[1] * a[1]);
  return [modulo(a[0] * scale), modulo(-a[1] * scale)];
}

/** Numbers in Montgomery form, one after the other. */
export function montgomeryNumbers(numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES * numbers.length);
  numbers.forEach((number, i) => bytes.set(montgomeryBytes(number), NUMBER_BYTES * i));
  return bytes;
}
