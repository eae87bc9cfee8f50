/**
 * Euclid's algorithm on BigInt by the leading bits of both remainders, in doubles: what `euclid.ts` is in the module, with the
 * same reasons, in words of 50 bits. And the cofactor of `cofactor.ts`.
 *
 * @module
 */
import { bitLength } from "./numbers.ts";

/** Leading bits of a pass: their products with a quotient stay exact in a double. */
const LEADING_BITS = 50;
/** With fewer bits than so the leading ones are taken anew. */
const FEW = 2 ** (LEADING_BITS - 4);
/** A pass ends below this: cofactors stay below 2^25. */
const LIMIT = 2 ** 25;

/** Two remainders of (a, b) with their cofactors: r = u b modulo a. Their determinant r0 u1 − r1 u0 is a, or −a when turned. */
export interface Vectors {
  readonly r0: bigint;
  readonly r1: bigint;
  readonly u0: bigint;
  readonly u1: bigint;
  readonly isTurned: boolean;
}

/** Fewer bits to leave out when both leading numbers have become small. */
function shiftFor(shift: number, most: number): number {
  return Math.max(0, shift - LEADING_BITS + Math.max(1, Math.ceil(Math.log2(most + 1))));
}

/** Steps for a > b ≥ 0 until r1 is about at a bound, below twice the bound at least; with a bound of 0 to the end. */
export function shortVectors(a: bigint, b: bigint, bound: bigint): Vectors {
  let [r0, r1, u0, u1, isTurned] = [a, b, 0n, 1n, false];
  let shift = Math.max(0, bitLength(a) - LEADING_BITS);
  while (r1 > bound) {
    const places = BigInt(shift);
    let [x, y] = [Number(r0 >> places), Number(r1 >> places)];
    if (shift > 0 && x < FEW && y < FEW) {
      shift = shiftFor(shift, Math.max(x, y));
      continue;
    }
    const atBound = Number(bound >> places);
    const isLast = shift > 0 && atBound >= LIMIT;
    const limit = shift === 0 ? atBound + 1 : isLast ? atBound : LIMIT;
    let [A, B, C, D, steps] = [1, 0, 0, 1, 0];
    while (y >= limit) {
      const q = Math.floor(x / y);
      [x, y] = [y, x - q * y];
      [A, B, C, D, steps] = [C, D, A + q * C, B + q * D, steps + 1];
    }
    if (steps === 0) {
      if (isLast) break;
      const q = r0 / r1;
      [r0, r1, u0, u1, isTurned] = [r1, r0 - q * r1, u1, u0 - q * u1, !isTurned];
      continue;
    }
    const isOdd = steps % 2 === 1;
    if (isOdd) [A, B, C, D] = [-A, -B, -C, -D];
    const [p, q, s, t] = [BigInt(A), BigInt(B), BigInt(C), BigInt(D)];
    [r0, r1, u0, u1] = [p * r0 - q * r1, t * r1 - s * r0, p * u0 - q * u1, t * u1 - s * u0];
    isTurned = isTurned !== isOdd;
    if (r0 < 0n) [r0, u0, isTurned] = [-r0, -u0, !isTurned];
    if (r1 < 0n) [r1, u1, isTurned] = [-r1, -u1, !isTurned];
    if (isLast) break;
  }
  return { r0, r1, u0, u1, isTurned };
}

/** gcd(a, b), and u with u b = gcd modulo a, for a > b ≥ 0. */
export function gcd(a: bigint, b: bigint): readonly [gcd: bigint, u: bigint] {
  const { r0, u0 } = shortVectors(a, b, 0n);
  return [r0, u0];
}

/** chiavdf's leading bits. */
const REFERENCE_BITS = 63;

/** The cofactor of a remainder of (a, b) not above a bound, by chiavdf's way: see `cofactor.ts`. For a > 0 and b from 0 up. */
export function cofactor(a: bigint, b: bigint, bound: bigint): bigint {
  let [r0, r1, u0, u1] = [a, b, 0n, 1n];
  while (r1 > bound) {
    const places = BigInt(Math.max(0, bitLength(r0 > r1 ? r0 : r1) - REFERENCE_BITS));
    let [x, y] = [r0 >> places, r1 >> places];
    const limit = bound >> places;
    let [A, B, C, D, steps] = [1n, 0n, 0n, 1n, 0];
    while (y > limit) {
      const q = x / y;
      const [rest, c, d] = [x - q * y, A + q * C, B + q * D];
      if (steps % 2 === 1 ? rest < c || y - rest < d + D : rest < d || y - rest < c + C) break;
      [x, y, A, B, C, D, steps] = [y, rest, C, D, c, d, steps + 1];
    }
    if (steps === 0) {
      const q = r0 / r1;
      [r0, r1, u0, u1] = [r1, r0 - q * r1, u1, u0 - q * u1];
      continue;
    }
    if (steps % 2 === 1) [A, B, C, D] = [-A, -B, -C, -D];
    [r0, r1, u0, u1] = [A * r0 - B * r1, D * r1 - C * r0, A * u0 - B * u1, D * u1 - C * u0];
  }
  return u1;
}
