/**
 * Class groups on BigInt: where WebAssembly does not work, and as a second opinion. The formulas are those of `forms.ts`.
 *
 * @module
 */
import type { Arithmetic, Factor, Sha256 } from "./arithmetic.ts";
import { cofactor, gcd, shortVectors, type Vectors } from "./lehmer.ts";
import { type Form, magnitude, modulo, squareRoot } from "./numbers.ts";
import { hashToPrime } from "./portable-primes.ts";
import { RESULT, stepsOfProduct } from "./powers.ts";

/** Products with such a form are quick. */
export const isSmall = ({ a }: Form): boolean => a < 64n;

/** The only form of its class with −a < b ≤ a ≤ c, and b ≥ 0 where a is c. */
export function reduce({ a, b, c }: Form): Form {
  // While a is above |D|^(1/2) each round makes it half as long.
  for (;;) {
    if (b > a || b <= -a) {
      // b less 2 q a, from −a up to a.
      const rest = modulo(b + a - 1n, 2n * a) - a + 1n;
      c -= (b - rest) / (2n * a) * ((b + rest) / 2n);
      b = rest;
    }
    if (a > c) [a, b, c] = [c, -b, a];
    else return { a, b: a === c ? magnitude(b) : b, c };
  }
}

const short = (a: bigint, k: bigint, bound: bigint): Vectors =>
  a > bound ? shortVectors(a, k, bound) : { r0: a, r1: k, u0: 0n, u1: 1n, isTurned: false };

/** A form squared. */
export function square(form: Form, bound: bigint): Form {
  const { a, b, c } = form;
  const [divisor, u] = gcd(a, magnitude(b));
  if (divisor !== 1n) return compose(form, form, bound);
  const k = modulo((b < 0n ? u : -u) * c, a);
  const { r0, r1, u0, u1, isTurned } = short(a, k, bound);
  const q1 = (b * r1 + c * u1) / a;
  const s = u0 * q1;
  const sum = isTurned ? s - b : s + b;
  const B = 2n * r0 * r1 + s + sum;
  return reduce({ a: r1 * r1 + u1 * q1, b: isTurned ? B : -B, c: r0 * r0 + u0 * (sum / u1) });
}

/** The product of two forms. */
export function compose(f: Form, g: Form, bound: bigint): Form {
  if (f.a > g.a) [f, g] = [g, f];
  let [a1, a2, c2] = [f.a, g.a, g.c];
  const [s, m] = [(f.b + g.b) / 2n, (f.b - g.b) / 2n];
  const [divisor, u] = gcd(a1, a2 % a1);
  let k = m * u;
  if (divisor !== 1n) {
    const [common, v] = gcd(divisor, modulo(s, divisor));
    k = (k % a1) * ((common - v * s) / divisor) - v * c2;
    if (common !== 1n) [a1, a2, c2] = [a1 / common, a2 / common, c2 * common];
  }
  const { r0, r1, u0, u1, isTurned } = short(a1, modulo(k, a1), bound);
  const [p1, q1] = [(a2 * r1 - m * u1) / a1, (s * r1 + c2 * u1) / a1];
  const [left, right] = [r0 * p1, u0 * q1];
  const p0 = r1 === 0n ? (a2 * r0 - m * u0) / a1 : (isTurned ? left - m : left + m) / r1;
  const q0 = (isTurned ? right - s : right + s) / u1;
  const B = 2n * (left + right) + (isTurned ? -f.b : f.b);
  return reduce({ a: r1 * p1 + u1 * q1, b: isTurned ? B : -B, c: r0 * p0 + u0 * q0 });
}

/** Arithmetic on BigInt. */
export function portableArithmetic(sha256: Sha256): Arithmetic {
  return {
    gcd,
    cofactor: (a, b) => cofactor(a, b, squareRoot(a)),
    reduce,
    product(factors: readonly [Factor, Factor], bound: bigint): Form {
      const forms: Form[] = [factors[0].base, ...factors.map(({ base }) => base)];
      const steps = stepsOfProduct(factors.map(({ base, exponent }) => ({ exponent, isSmall: isSmall(base) })));
      for (const { operation, to, x, y } of steps) {
        const [form, other] = [forms[x]!, forms[y]!];
        if (operation === "copy") forms[to] = form;
        else if (operation === "square") forms[to] = square(form, bound);
        else forms[to] = compose(form, operation === "compose" ? other : { ...other, b: -other.b }, bound);
      }
      return forms[RESULT]!;
    },
    hashToPrime: (seed, bits, kind) => hashToPrime(sha256, seed, bits, kind),
  };
}
