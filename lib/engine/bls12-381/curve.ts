/**
 * Points of a curve y² = x³ + b over Fp or Fp2, in Jacobian coordinates: (X, Y, Z) is (X / Z², Y / Z³), and Z = 0 is
 * infinity.
 *
 * @see Hankerson, Menezes, Vanstone, "Guide to Elliptic Curve Cryptography", 3.2.2; EFD, dbl-2009-l and add-2007-bl
 * @module
 */
import { type Fn, type Module, Pointer, type Procedure, procedure, type Question, question } from "../assembler/mod.ts";
import { X } from "./numbers.ts";
import { type FieldFunctions, Steps } from "./operations.ts";

/** Functions of one curve. The result may be an operand. */
export interface CurveFunctions {
  /** Bytes of a point. */
  readonly bytes: number;
  readonly double: Procedure<2>;
  readonly add: Procedure<3>;
  readonly negate: Procedure<2>;
  readonly isInfinite: Question<1>;
  readonly equal: Question<2>;
  /** r = |x| a, x being the number that the curves are made with. */
  readonly mulX: Procedure<2>;
  /** r = k a; k is at the third address, in so many bytes, the highest first. */
  readonly multiply: Procedure<4>;
  /** x and y of a point that is not infinity. */
  readonly toAffine: Procedure<2>;
}

/** Places of a point's coordinates. */
export interface Coordinates {
  x(point: Pointer): Pointer;
  y(point: Pointer): Pointer;
  z(point: Pointer): Pointer;
}

/** Where the coordinates of points over a field lie. */
export const coordinates = ({ bytes }: FieldFunctions): Coordinates => ({
  x: (point) => point,
  y: (point) => point.at(bytes),
  z: (point) => point.at(2 * bytes),
});

const WINDOW_BITS = 4;

/** Makes them. */
export function curve(module: Module, field: FieldFunctions): CurveFunctions {
  const bytes = 3 * field.bytes;
  const { x, y, z } = coordinates(field);

  const isInfinite = question(module, 1, (_, a) => field.isZero(z(a)));
  const negate = procedure(module, 2, (f, r, a) => {
    f.copy(r, a, bytes);
    f.put(field.negate(y(r), y(a)));
  });
  const double = procedure(module, 2, (f, r, a) => {
    const F = new Steps(module, f, field);
    const [xx, yy, yyyy, d, e] = F.temporaries(5);
    F.sqr(xx, x(a));
    F.sqr(yy, y(a));
    F.sqr(yyyy, yy);
    // d = 4 x y², e = 3 x².
    F.add(d, x(a), yy);
    F.sqr(d, d);
    F.sub(d, d, xx);
    F.sub(d, d, yyyy);
    F.double(d, d);
    F.double(e, xx);
    F.add(e, e, xx);
    F.mul(z(r), y(a), z(a));
    F.double(z(r), z(r));
    F.sqr(x(r), e);
    F.sub(x(r), x(r), d);
    F.sub(x(r), x(r), d);
    F.sub(d, d, x(r));
    F.mul(y(r), e, d);
    for (let i = 0; i < 3; i++) F.double(yyyy, yyyy);
    F.sub(y(r), y(r), yyyy);
  });
  const add = procedure(module, 3, (f, r, a, b) => {
    const F = new Steps(module, f, field);
    const [zza, zzb, ua, ub, sa, sb] = F.temporaries(6);
    const [h, hh, hhh, v, w] = F.temporaries(5);
    const giveBack = (point: Pointer) => {
      f.copy(r, point, bytes);
      f.return();
    };
    f.if(F.isZero(z(a)), () => giveBack(b));
    f.if(F.isZero(z(b)), () => giveBack(a));
    F.sqr(zza, z(a));
    F.sqr(zzb, z(b));
    F.mul(ua, x(a), zzb);
    F.mul(ub, x(b), zza);
    F.mul(sa, y(a), z(b));
    F.mul(sa, sa, zzb);
    F.mul(sb, y(b), z(a));
    F.mul(sb, sb, zza);
    F.sub(h, ub, ua);
    F.sub(w, sb, sa);
    f.if(F.isZero(h), () => {
      // The same x: the same point, or the sum is infinity.
      f.if(F.isZero(w), () => f.put(double(r, a)), () => f.zero(r, bytes));
      f.return();
    });
    F.sqr(hh, h);
    F.mul(hhh, hh, h);
    F.mul(v, ua, hh);
    F.mul(z(r), z(a), z(b));
    F.mul(z(r), z(r), h);
    F.sqr(x(r), w);
    F.sub(x(r), x(r), hhh);
    F.sub(x(r), x(r), v);
    F.sub(x(r), x(r), v);
    F.sub(v, v, x(r));
    F.mul(y(r), w, v);
    F.mul(hhh, hhh, sa);
    F.sub(y(r), y(r), hhh);
  });
  const equal = question(module, 2, (f, a, b) => {
    const [minus, difference] = [module.scratch(bytes), module.scratch(bytes)];
    f.put(negate(minus, b), add(difference, a, minus));
    return isInfinite(difference);
  });
  const toAffine = procedure(module, 2, (f, r, a) => {
    const F = new Steps(module, f, field);
    const [inverse, square] = F.temporaries(2);
    F.invert(inverse, z(a));
    F.sqr(square, inverse);
    F.mul(x(r), x(a), square);
    F.mul(square, square, inverse);
    F.mul(y(r), y(a), square);
  });
  return {
    ...{ bytes, double, add, negate, isInfinite, equal, toAffine },
    mulX: multiplyByX(module, { bytes, double, add }),
    multiply: multiply(module, { bytes, double, add }),
  };
}

type Group = Pick<CurveFunctions, "bytes" | "double" | "add">;

function multiplyByX(module: Module, { bytes, double, add }: Group): Procedure<2> {
  return procedure(module, 2, (f, r, a) => {
    const base = module.scratch(bytes);
    f.copy(base, a, bytes);
    f.copy(r, a, bytes);
    forBitsOfX(f, () => f.put(double(r, r)), () => f.put(add(r, r, base)));
  });
}

/** Goes over the bits of |x| below the highest: one step for each, and another where the bit is 1. */
export function forBitsOfX(f: Fn, each: () => void, whereOne: () => void): void {
  const bits = X.toString(2).length - 1;
  const left = f.let32(bits);
  const x = f.let64(X << BigInt(64 - bits));
  f.loop((again) => {
    each();
    f.if(x.ltS(0n), whereOne);
    x.set(x.shl(1n));
    left.set(left.sub(1));
    f.branch(again, left);
  });
}

/** By windows of four bits, each a multiple out of a table. */
function multiply(module: Module, { bytes, double, add }: Group): Procedure<4> {
  return procedure(module, 4, (f, r, a, scalar, length) => {
    const multiples = module.scratch(bytes << WINDOW_BITS);
    const sum = module.scratch(bytes);
    f.zero(multiples, bytes);
    f.copy(multiples.at(bytes), a, bytes);
    for (let i = 2; i < 1 << WINDOW_BITS; i++) {
      f.put(add(multiples.at(bytes * i), multiples.at(bytes * (i - 1)), multiples.at(bytes)));
    }
    f.zero(sum, bytes);
    f.for(0, length.address, (i) => {
      for (const shift of [WINDOW_BITS, 0]) {
        f.times(WINDOW_BITS, () => f.put(double(sum, sum)));
        const digit = scalar.element(i, 1).byte.shrU(shift).and((1 << WINDOW_BITS) - 1);
        f.put(add(sum, sum, multiples.element(digit, bytes).address));
      }
    });
    f.copy(r, sum, bytes);
  });
}
