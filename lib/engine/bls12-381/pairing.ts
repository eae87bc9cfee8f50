/**
 * A product of pairings: the lines of points of G1 at points of the twist, multiplied together (the Miller loop), and the
 * power that makes values of the pairing comparable.
 *
 * @see `docs/decisions/twisted-ate-pairing.md`; Hayashida, Hayasaka, Teruya, "Efficient final exponentiation via cyclotomic
 *   structure for pairings over families of elliptic curves" (2020)
 * @module
 */
import { type Module, Pointer, type Procedure, procedure } from "../assembler/mod.ts";
import { coordinates, forBitsOfX } from "./curve.ts";
import { NUMBER_BYTES } from "./field.ts";
import type { Fp2Functions, FpFunctions } from "./fields.ts";
import { PAIR_BYTES } from "./fp2.ts";
import type { G2Functions } from "./groups.ts";
import { LINE_BYTES, PASSES } from "./lines.ts";
import { Steps } from "./operations.ts";
import { type TowerFunctions, TWELVE_BYTES } from "./tower.ts";

/** Bytes of what is kept of a point of the twist: x / y and 1 / y. */
export const TWIST_BYTES = 2 * PAIR_BYTES;

/** Functions of the pairing. */
export interface PairingFunctions {
  /**
   * For each Jacobian point of the twist its x / y and 1 / y, with one inversion. None is infinity, and none has y = 0: no
   * point of the twist has order 2. Arguments: where to, the points, a pair of memory for each, how many.
   */
  readonly prepare: Procedure<4>;
  /** The product of so many Miller functions. Arguments: where to, lines, how far steps lie apart, prepared points, how many. */
  readonly miller: Procedure<5>;
  /** A fixed power of a that is 1 exactly where a^((p¹² − 1) / r) is. */
  readonly exponentiate: Procedure<2>;
}

/** Makes them. */
export function pairing(
  module: Module,
  { fp, fp2, g2, tower }: {
    readonly fp: FpFunctions;
    readonly fp2: Fp2Functions;
    readonly g2: G2Functions;
    readonly tower: TowerFunctions;
  },
): PairingFunctions {
  return {
    prepare: prepare(module, fp2, g2),
    miller: miller(module, fp, fp2, tower),
    exponentiate: finalExponentiation(module, tower),
  };
}

function prepare(module: Module, fp2: Fp2Functions, g2: G2Functions): Procedure<4> {
  const { x, y, z } = coordinates(fp2);
  return procedure(module, 4, (f, out, points, products, count) => {
    const F = new Steps(module, f, fp2);
    const [product, inverse, zz] = F.temporaries(3);
    const at = (i: Parameters<Pointer["element"]>[0]) => ({
      point: new Pointer(f.let32(points.element(i, g2.bytes).address)),
      before: new Pointer(f.let32(products.element(i, PAIR_BYTES).address)),
    });
    F.copy(product, fp2.one);
    f.for(0, count.address, (i) => {
      const { point, before } = at(i);
      F.copy(before, product);
      F.mul(product, product, y(point));
    });
    F.invert(product, product);
    const left = f.let32(count.address);
    f.while(() => left, () => {
      left.set(left.sub(1));
      const { point, before } = at(left);
      const to = new Pointer(f.let32(out.element(left, TWIST_BYTES).address));
      F.mul(inverse, product, before);
      F.mul(product, product, y(point));
      // x / y is X Z / Y, 1 / y is Z³ / Y.
      F.mul(inverse, inverse, z(point));
      F.mul(to, inverse, x(point));
      F.sqr(zz, z(point));
      F.mul(to.at(PAIR_BYTES), inverse, zz);
    });
  });
}

/** Times the lines of one step: 1 − λ (x / y) w + c (1 / y) w³ for each point. */
function lineProduct(module: Module, fp2: Fp2Functions, tower: TowerFunctions): Procedure<4> {
  return procedure(module, 4, (f, value, lines, points, count) => {
    const line = module.scratch(2 * PAIR_BYTES);
    const other = module.scratch(TWELVE_BYTES);
    const [from, to, swap] = [f.let32(value.address), f.let32(other.address), f.i32()];
    f.for(0, count.address, (i) => {
      const [at, point] = [lines.element(i, LINE_BYTES), points.element(i, TWIST_BYTES)].map((place) =>
        new Pointer(f.let32(place.address))
      ) as [Pointer, Pointer];
      f.put(fp2.scale(line, point, at));
      f.put(fp2.scale(line.at(PAIR_BYTES), point.at(PAIR_BYTES), at.at(NUMBER_BYTES)));
      f.put(tower.mulLine(to, from, line));
      swap.set(from);
      from.set(to);
      to.set(swap);
    });
    f.if(from.ne(value.address), () => f.copy(value, new Pointer(from), TWELVE_BYTES));
  });
}

function miller(module: Module, fp: FpFunctions, fp2: Fp2Functions, tower: TowerFunctions): Procedure<5> {
  const multiplyByLines = lineProduct(module, fp2, tower);
  return procedure(module, 5, (f, value, lines, stride, points, count) => {
    // The function of |x|, then that of its multiple: with it each bit that is 1 multiplies by the first one.
    const first = module.scratch(TWELVE_BYTES);
    const step = f.let32(lines.address);
    const multiply = () => {
      f.put(multiplyByLines(value, step, points, count));
      step.set(step.add(stride.address));
    };
    f.zero(value, TWELVE_BYTES);
    f.copy(value, fp.one, NUMBER_BYTES);
    for (let pass = 0; pass < PASSES; pass++) {
      if (pass > 0) f.copy(first, value, TWELVE_BYTES);
      forBitsOfX(f, () => {
        f.put(tower.sqr(value, value));
        multiply();
      }, () => {
        if (pass > 0) f.put(tower.mul(value, value, first));
        multiply();
      });
    }
  });
}

/** a^|x| in the cyclotomic subgroup. */
function powerX(module: Module, { mul, cyclotomicSqr }: TowerFunctions): Procedure<2> {
  return procedure(module, 2, (f, r, a) => {
    const [base, value] = [module.scratch(TWELVE_BYTES), module.scratch(TWELVE_BYTES)];
    f.copy(base, a, TWELVE_BYTES);
    f.copy(value, a, TWELVE_BYTES);
    forBitsOfX(f, () => f.put(cyclotomicSqr(value, value)), () => f.put(mul(value, value, base)));
    f.copy(r, value, TWELVE_BYTES);
  });
}

/**
 * The power 3 (p¹² − 1) / r: (p⁶ − 1) (p² + 1), then (x − 1)² (x + p) (x² + p² − 1) + 3, which is 3 (p⁴ − p² + 1) / r.
 * Where it gives 1, so does a third of it, as r is no multiple of 3.
 */
function finalExponentiation(module: Module, tower: TowerFunctions): Procedure<2> {
  const { mul, conjugate, invert, frobenius, frobenius2, cyclotomicSqr } = tower;
  const power = powerX(module, tower);
  /** a^(x − 1), with x negative: the conjugate of a^(|x| + 1). */
  const powerXMinus1 = procedure(module, 2, (f, r, a) => {
    const base = module.scratch(TWELVE_BYTES);
    f.copy(base, a, TWELVE_BYTES);
    f.put(power(r, base), mul(r, r, base), conjugate(r, r));
  });
  return procedure(module, 2, (f, r, a) => {
    const [t, u, v, w] = Array.from({ length: 4 }, () => module.scratch(TWELVE_BYTES)) as [
      Pointer,
      Pointer,
      Pointer,
      Pointer,
    ];
    f.put(conjugate(t, a), invert(u, a), mul(t, t, u), frobenius2(u, t), mul(t, t, u));
    f.put(powerXMinus1(u, t), powerXMinus1(v, u));
    // v = v^(x + p).
    f.put(power(u, v), conjugate(u, u), frobenius(w, v), mul(v, u, w));
    // u = v^(x² + p² − 1).
    f.put(power(u, v), power(u, u), frobenius2(w, v), mul(u, u, w), conjugate(w, v), mul(u, u, w));
    f.put(cyclotomicSqr(w, t), mul(w, w, t), mul(r, u, w));
  });
}
