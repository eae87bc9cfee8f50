/**
 * The field of the pairing's values: Fp6 = Fp2[v] / (v³ − ξ) and Fp12 = Fp6[w] / (w² − v), so that w⁶ = ξ.
 *
 * A number of Fp12 lies in memory as the coefficients of 1, v, v² (of w⁰, w², w⁴), then those of w, v w, v² w.
 *
 * @see Granger, Scott, "Faster squaring in the cyclotomic subgroup of sixth degree extensions" (2010)
 * @module
 */
import { type Module, Pointer, type Procedure, procedure, type Question, question } from "../assembler/mod.ts";
import type { Fp2Functions, FpFunctions } from "./fields.ts";
import { NUMBER_BYTES, P } from "./field.ts";
import { PAIR_BYTES } from "./fp2.ts";
import { montgomeryNumbers, multiplyPairs, type Numbers, powerOfPair, XI } from "./numbers.ts";
import { Steps } from "./operations.ts";

/** Bytes of a number of Fp6. */
const SIX_BYTES = 3 * PAIR_BYTES;
/** Bytes of a number of Fp12. */
export const TWELVE_BYTES = 2 * SIX_BYTES;

/** Functions of Fp12. The result may be an operand, unless it is said otherwise. */
export interface TowerFunctions {
  readonly mul: Procedure<3>;
  readonly sqr: Procedure<2>;
  /** The power p⁶: the inverse of a number of the cyclotomic subgroup. */
  readonly conjugate: Procedure<2>;
  readonly invert: Procedure<2>;
  readonly isOne: Question<1>;
  /** r = a (1 + c0 w + c1 w³); c0 and c1 lie at the third address. r is not a. */
  readonly mulLine: Procedure<3>;
  /** a² of the cyclotomic subgroup, which is where (p⁶ − 1) (p² + 1) powers are. */
  readonly cyclotomicSqr: Procedure<2>;
  /** The powers p and p². */
  readonly frobenius: Procedure<2>;
  readonly frobenius2: Procedure<2>;
}

/** Coefficient k of a number of Fp6. */
const at = (six: Pointer, k: number): Pointer => six.at(PAIR_BYTES * k);
/** The half that stands with w. */
const upper = (twelve: Pointer): Pointer => twelve.at(SIX_BYTES);
/** The coefficient of w^k. */
const ofPower = (twelve: Pointer, k: number): Pointer => at(k % 2 === 0 ? twelve : upper(twelve), k >> 1);

/** Makes them. */
export function tower(module: Module, fp: FpFunctions, fp2: Fp2Functions): TowerFunctions {
  const six = makeSix(module, fp2);
  const temporaries = (count: number) => Array.from({ length: count }, () => module.scratch(SIX_BYTES));

  const mul = procedure(module, 3, (f, r, a, b) => {
    const [x, y, s, t] = temporaries(4) as [Pointer, Pointer, Pointer, Pointer];
    f.put(six.mul(x, a, b), six.mul(y, upper(a), upper(b)));
    f.put(six.add(s, a, upper(a)), six.add(t, b, upper(b)), six.mul(s, s, t));
    f.put(six.sub(s, s, x), six.sub(upper(r), s, y), six.mulV(y, y), six.add(r, x, y));
  });
  const sqr = procedure(module, 2, (f, r, a) => {
    // (a0 + a1) (a0 + v a1) − x − v x with x = a0 a1; and 2 x.
    const [x, s, t] = temporaries(3) as [Pointer, Pointer, Pointer];
    f.put(six.mul(x, a, upper(a)), six.add(s, a, upper(a)), six.mulV(t, upper(a)), six.add(t, t, a));
    f.put(six.mul(s, s, t), six.sub(s, s, x), six.mulV(t, x), six.sub(r, s, t), six.add(upper(r), x, x));
  });
  const conjugate = procedure(module, 2, (f, r, a) => {
    f.copy(r, a, SIX_BYTES);
    f.put(six.negate(upper(r), upper(a)));
  });
  const invert = procedure(module, 2, (f, r, a) => {
    // (a0 − a1 w) / (a0² − v a1²).
    const [x, y] = temporaries(2) as [Pointer, Pointer];
    f.put(six.mul(x, a, a), six.mul(y, upper(a), upper(a)), six.mulV(y, y), six.sub(x, x, y), six.invert(x, x));
    f.put(six.mul(r, a, x), six.negate(x, x), six.mul(upper(r), upper(a), x));
  });
  const isOne = question(module, 1, (_, a) => {
    const others = Array.from({ length: 11 }, (_, i) => fp.isZero(a.at(NUMBER_BYTES * (i + 1))));
    return others.reduce((all, each) => all.and(each), fp.equal(a, fp.one));
  });
  const mulLine = procedure(module, 3, (f, r, a, line) => {
    // Coefficient k is a_k + a_(k−1) c0 + a_(k−3) c1, with ξ where a power wraps around.
    const wrapped = module.scratch(2 * PAIR_BYTES);
    f.put(fp2.mulXi(wrapped, line), fp2.mulXi(at(wrapped, 1), at(line, 1)));
    for (let k = 0; k < 6; k++) {
      const [c0, c1] = [k < 1 ? wrapped : line, at(k < 3 ? wrapped : line, 1)];
      f.put(
        fp2.sumOfProducts(ofPower(r, k), ofPower(a, (k + 5) % 6), c0, ofPower(a, (k + 3) % 6), c1, ofPower(a, k)),
      );
    }
  });
  return {
    ...{ mul, sqr, conjugate, invert, isOne, mulLine, cyclotomicSqr: cyclotomicSquare(module, fp2) },
    ...{ frobenius: frobenius(module, fp2, 1), frobenius2: frobenius(module, fp2, 2) },
  };
}

/** Functions of Fp6. */
interface SixFunctions {
  readonly add: Procedure<3>;
  readonly sub: Procedure<3>;
  readonly negate: Procedure<2>;
  readonly mul: Procedure<3>;
  /** Times v. */
  readonly mulV: Procedure<2>;
  readonly invert: Procedure<2>;
}

function makeSix(module: Module, fp2: Fp2Functions): SixFunctions {
  const each = [0, 1, 2];
  return {
    add: procedure(module, 3, (f, r, a, b) => f.put(...each.map((k) => fp2.add(at(r, k), at(a, k), at(b, k))))),
    sub: procedure(module, 3, (f, r, a, b) => f.put(...each.map((k) => fp2.sub(at(r, k), at(a, k), at(b, k))))),
    negate: procedure(module, 2, (f, r, a) => f.put(...each.map((k) => fp2.negate(at(r, k), at(a, k))))),
    mulV: procedure(module, 2, (f, r, a) => {
      const t = module.scratch(PAIR_BYTES);
      f.put(fp2.mulXi(t, at(a, 2)));
      f.copy(at(r, 2), at(a, 1), PAIR_BYTES);
      f.copy(at(r, 1), at(a, 0), PAIR_BYTES);
      f.copy(r, t, PAIR_BYTES);
    }),
    mul: procedure(module, 3, (f, r, a, b) => {
      const F = new Steps(module, f, fp2);
      const [v0, v1, v2, x0, x1, x2, s, t] = F.temporaries(8);
      const squares = [v0, v1, v2] as const;
      each.forEach((k) => F.mul(squares[k]!, at(a, k), at(b, k)));
      /** a_i b_j + a_j b_i. */
      const cross = (to: Pointer, i: 0 | 1 | 2, j: 0 | 1 | 2) => {
        F.add(s, at(a, i), at(a, j));
        F.add(t, at(b, i), at(b, j));
        F.mul(to, s, t);
        F.sub(to, to, squares[i]);
        F.sub(to, to, squares[j]);
      };
      cross(x0, 1, 2);
      cross(x1, 0, 1);
      cross(x2, 0, 2);
      f.put(fp2.mulXi(s, x0), fp2.mulXi(t, v2));
      F.add(at(r, 0), s, v0);
      F.add(at(r, 1), x1, t);
      F.add(at(r, 2), x2, v1);
    }),
    invert: procedure(module, 2, (f, r, a) => {
      // The adjoint (c0, c1, c2), over the norm a0 c0 + ξ (a2 c1 + a1 c2).
      const F = new Steps(module, f, fp2);
      const [c0, c1, c2, s, t] = F.temporaries(5);
      F.sqr(c0, at(a, 0));
      F.mul(s, at(a, 1), at(a, 2));
      f.put(fp2.mulXi(s, s));
      F.sub(c0, c0, s);
      F.sqr(c1, at(a, 2));
      f.put(fp2.mulXi(c1, c1));
      F.mul(s, at(a, 0), at(a, 1));
      F.sub(c1, c1, s);
      F.sqr(c2, at(a, 1));
      F.mul(s, at(a, 0), at(a, 2));
      F.sub(c2, c2, s);
      F.mul(s, at(a, 2), c1);
      F.mul(t, at(a, 1), c2);
      F.add(s, s, t);
      f.put(fp2.mulXi(s, s));
      F.mul(t, at(a, 0), c0);
      F.add(s, s, t);
      F.invert(s, s);
      [c0, c1, c2].forEach((c, k) => F.mul(at(r, k), c, s));
    }),
  };
}

/** Three squares of pairs over Fp2[z] / (z² − ξ) instead of one of Fp12. */
function cyclotomicSquare(module: Module, fp2: Fp2Functions): Procedure<2> {
  return procedure(module, 2, (f, r, a) => {
    const F = new Steps(module, f, fp2);
    const [s, u] = F.temporaries(2);
    /** (x + y z)². */
    const square = (x: Pointer, y: Pointer): readonly [Pointer, Pointer] => {
      const [c0, c1] = F.temporaries(2);
      F.sqr(s, x);
      F.sqr(u, y);
      F.add(c1, x, y);
      F.sqr(c1, c1);
      F.sub(c1, c1, s);
      F.sub(c1, c1, u);
      f.put(fp2.mulXi(u, u));
      F.add(c0, s, u);
      return [c0, c1];
    };
    const [a0, a1] = square(at(a, 0), at(upper(a), 1));
    const [b0, b1] = square(at(upper(a), 0), at(a, 2));
    const [c0, c1] = square(at(a, 1), at(upper(a), 2));
    f.put(fp2.mulXi(c1, c1));
    [a0, b0, c0].forEach((each, k) => f.put(fp2.tripleLess(at(r, k), each, at(a, k))));
    [c1, a1, b1].forEach((each, k) => f.put(fp2.triplePlus(at(upper(r), k), each, at(upper(a), k))));
  });
}

/** The power p^k: coefficients are conjugated for an odd k, and w^i gets ξ^(i (p^k − 1) / 6). */
function frobenius(module: Module, fp2: Fp2Functions, k: 1 | 2): Procedure<2> {
  const factor = powerOfPair(XI, (P ** BigInt(k) - 1n) / 6n);
  const factors: Numbers[] = [[1n, 0n]];
  while (factors.length < 6) factors.push(multiplyPairs(factors.at(-1)!, factor));
  const constants = factors.map((each) => module.literal(montgomeryNumbers(each)));
  return procedure(module, 2, (f, r, a) => {
    const t = module.scratch(PAIR_BYTES);
    for (let i = 0; i < 6; i++) {
      if (k === 1) f.put(fp2.conjugate(t, ofPower(a, i)));
      else f.copy(t, ofPower(a, i), PAIR_BYTES);
      f.put(fp2.mul(ofPower(r, i), t, constants[i]!));
    }
  });
}
