/**
 * Points of y² = x³ + 7 over the field of secp256k1. In memory a point is x and y (affine), or X, Y, Z with x = X / Z² and
 * y = Y / Z³ (Jacobian) and whether it is the point at infinity.
 *
 * A table holds the odd multiples 1, 3, 5 … of a point. They are made by additions of points that share their Z
 * (co-Z), so that each costs little; "unify" then brings all rows to one Z, and sums are done on the curve that is
 * isomorphic by it, where the rows are affine.
 *
 * @see SEC 2 section 2.4.1; Meloni, "New Point Addition Formulae for ECC Applications" (2007)
 * @module
 */
import { type Callable, type Fn, I32, I64, type Int, type Module, Pointer } from "../assembler/mod.ts";
import { type Element, ELEMENT_BYTES, Field } from "./field.ts";

/** A cube root of 1 in the field: (β x, y) is λ (x, y). */
export const BETA = 0x7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501een;
/** The generator. */
export const G = {
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
} as const;

/** Where the parts of a Jacobian point are. */
export const POINT = { x: 0, y: 32, z: 64, isInfinite: 96, bytes: 112 } as const;
/** Where the parts of a table's row are; a plain row has no β x. */
export const ROW = { x: 0, y: 32, betaX: 64, bytes: 96, plainBytes: 64 } as const;

/** Bytes of a table's row: with β x, or plain. */
export type RowBytes = typeof ROW.bytes | typeof ROW.plainBytes;

/** The operations of a module. All take addresses. */
export interface Points {
  /** r = a · b in the field. */
  readonly mul: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  /** Puts a y for x at `r`, the odd one when asked for; 0 when x is of no point. */
  readonly lift: Callable<readonly ["i32", "i32", "i32"], readonly ["i32"]>;
  /** Whether (x, y) is a point. */
  readonly isOnCurve: Callable<readonly ["i32", "i32"], readonly ["i32"]>;
  /** p = 2 p; not for the point at infinity. */
  readonly double: Callable<readonly ["i32"], readonly []>;
  /** p = p + (x, y), or p − (x, y) where the mask is all ones; x and y lie at addresses of their own. */
  readonly add: Callable<readonly ["i32", "i32", "i32", "i64"], readonly []>;
  /** The same for a p on the isomorphic curve, whose Z is worth {@link Points.scale} more, and (x, y) on the curve itself. */
  readonly addScaled: Callable<readonly ["i32", "i32", "i32", "i64"], readonly []>;
  /** p = p + other, both Jacobian. */
  readonly addPoint: Callable<readonly ["i32", "i32"], readonly []>;
  /** Writes `count` odd multiples of (x, y) as rows of `bytes`, each with a Z of its own, and keeps the ratios between them. */
  readonly multiples: Callable<readonly ["i32", "i32", "i32", "i32", "i32"], readonly []>;
  /** Brings the rows that {@link Points.multiples} made last to the last row's Z times 1 / start; start becomes the product of all ratios and itself. */
  readonly unify: Callable<readonly ["i32", "i32", "i32", "i32"], readonly []>;
  /** The product of the ratios that {@link Points.multiples} kept last. */
  readonly ratiosProduct: Callable<readonly ["i32", "i32"], readonly []>;
  readonly scale: Pointer;
}

/** Makes the operations. @param rowsMax the most rows of a table */
export function points(module: Module, rowsMax: number): Points {
  const { wide } = module;
  const field = (f: Fn) => new Field(f, wide);
  const scale = module.reserve("scale", ELEMENT_BYTES);
  const ratios = module.reserve("ratios", ELEMENT_BYTES * rowsMax);
  const mul = module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, r, a, b) => {
    const F = field(f);
    const x = F.load(new Pointer(a));
    F.mul(x, x, F.load(new Pointer(b)));
    F.store(new Pointer(r), x);
  });

  /** x³ + 7. */
  const right = (F: Field, x: Element): Element => {
    const y = F.element();
    F.sqr(y, x);
    F.mul(y, y, x);
    F.add(y, y, F.constant(7n));
    return y;
  };

  const isOnCurve = module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, a, b) => {
    const F = field(f);
    const y = F.load(new Pointer(b));
    const difference = right(F, F.load(new Pointer(a)));
    F.sqr(y, y);
    F.sub(difference, difference, y);
    return F.isZero(difference);
  });

  const double = module.fn({ params: ["i32"], results: [] }, (f, p) => {
    const F = field(f);
    const at = new Pointer(p);
    const [X, Y, Z] = [F.load(at.at(POINT.x)), F.load(at.at(POINT.y)), F.load(at.at(POINT.z))];
    const [A, B, T] = [F.element(), F.element(), F.element()];
    // With Z Y in the place of 2 Z Y: slope 3/2 X², and 4 and 8 vanish from the rest.
    F.mul(Z, Z, Y);
    F.store(at.at(POINT.z), Z);
    F.sqr(A, Y);
    F.sqr(B, X);
    F.half(T, B);
    F.add(B, B, T);
    F.mul(T, A, X);
    F.sqrSubTwice(X, B, T);
    F.store(at.at(POINT.x), X);
    F.sub(T, T, X);
    F.mulSub(Y, T, B, A, A);
    F.store(at.at(POINT.y), Y);
  });

  const adder = (isScaled: boolean) =>
    module.fn({ params: ["i32", "i32", "i32", "i64"], results: [] }, (f, p, px, py, mask) => {
      const F = field(f);
      const at = new Pointer(p);
      const [x, y] = [F.load(new Pointer(px)), F.load(new Pointer(py))];
      const [z2, a] = [F.element(), F.element()];
      F.negateIf(y, y, mask);
      /** (x, y) as it is with this Z. */
      const rescale = (z: Element) => {
        F.sqr(z2, z);
        F.mul(x, x, z2);
        F.mul(a, z2, z);
        F.mul(y, y, a);
      };
      f.if(at.at(POINT.isInfinite).int, () => {
        if (isScaled) rescale(F.load(scale));
        F.store(at.at(POINT.x), x);
        F.store(at.at(POINT.y), y);
        F.store(at.at(POINT.z), F.constant(1n, a));
        f.put(at.at(POINT.isInfinite).storeInt(0));
        f.return();
      });
      const Z = F.load(at.at(POINT.z));
      const z = F.element();
      if (isScaled) F.mul(z, Z, F.load(scale));
      else F.copy(z, Z);
      rescale(z);
      const [X, Y] = [F.load(at.at(POINT.x)), F.load(at.at(POINT.y))];
      const [h, i, t] = [F.element(), F.element(), F.element()];
      F.sub(h, x, X);
      F.sub(i, y, Y);
      f.if(F.isZero(h), () => {
        f.if(F.isZero(i), () => f.put(double(p)), () => f.put(at.at(POINT.isInfinite).storeInt(1)));
        f.return();
      });
      F.mul(Z, Z, h);
      F.store(at.at(POINT.z), Z);
      F.sqr(a, h);
      F.mul(t, X, a);
      F.mul(h, a, h);
      F.sqrSubTwice(X, i, t);
      F.sub(X, X, h);
      F.store(at.at(POINT.x), X);
      F.sub(t, t, X);
      F.mulSub(t, t, i, h, Y);
      F.store(at.at(POINT.y), t);
    });

  return {
    mul,
    lift: lifting(module, mul, right),
    isOnCurve,
    double,
    add: adder(false),
    addScaled: adder(true),
    addPoint: adderOfPoints(module, double),
    ...tables(module, ratios),
    scale,
  };
}

/** The root of x³ + 7 is its power to (p + 1) / 4: 223 ones, a zero, 22 ones, four zeros, two ones, two zeros. */
function lifting(
  module: Module,
  mul: Points["mul"],
  right: (F: Field, x: Element) => Element,
): Points["lift"] {
  const powers = module.reserve("lift", ELEMENT_BYTES * 8);
  const slot = (i: number) => powers.at(ELEMENT_BYTES * i);
  const square = module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, r, a, count) => {
    const F = new Field(f, module.wide);
    const x = F.load(new Pointer(a));
    f.times(count, () => F.sqr(x, x));
    F.store(new Pointer(r), x);
  });
  return module.fn({ params: ["i32", "i32", "i32"], results: ["i32"] }, (f, r, a, isOdd) => {
    const F = new Field(f, module.wide);
    const y = right(F, F.load(new Pointer(a)));
    F.store(slot(0), y);
    /** slot `to` = slot `from`, squared so many times, times slot `by`. */
    const step = (to: number, from: number, squarings: number, by: number) =>
      f.put(square(slot(7), slot(from), squarings), mul(slot(to), slot(7), slot(by)));
    // Slot k holds the power of so many ones as the comment says.
    step(1, 0, 1, 0); // 2
    step(2, 1, 1, 0); // 3
    step(3, 2, 3, 2); // 6
    step(3, 3, 3, 2); // 9
    step(3, 3, 2, 1); // 11
    step(3, 3, 11, 3); // 22
    step(4, 3, 22, 3); // 44
    step(5, 4, 44, 4); // 88
    step(6, 5, 88, 5); // 176
    step(6, 6, 44, 4); // 220
    step(6, 6, 3, 2); // 223
    step(6, 6, 23, 3);
    step(6, 6, 6, 1);
    f.put(square(slot(6), slot(6), 2));
    const root = F.load(slot(6));
    const check = F.element();
    F.sqr(check, root);
    F.sub(check, check, y);
    f.if(F.isZero(check).isZero(), () => f.return(I32.of(0)));
    F.normalize(root);
    const isOther = f.let64(I64.of(0n).sub(root[0]!.xor(isOdd.extendU()).and(1n)));
    F.negateIf(root, root, isOther);
    F.store(new Pointer(r), root);
    return I32.of(1);
  });
}

function adderOfPoints(module: Module, double: Points["double"]): Points["addPoint"] {
  return module.fn({ params: ["i32", "i32"], results: [] }, (f, p, other) => {
    const F = new Field(f, module.wide);
    const [to, from] = [new Pointer(p), new Pointer(other)];
    f.if(from.at(POINT.isInfinite).int, () => f.return());
    f.if(to.at(POINT.isInfinite).int, () => {
      for (const part of [POINT.x, POINT.y, POINT.z]) F.store(to.at(part), F.load(from.at(part)));
      f.put(to.at(POINT.isInfinite).storeInt(0));
      f.return();
    });
    const [X1, Y1, Z1] = [F.load(to.at(POINT.x)), F.load(to.at(POINT.y)), F.load(to.at(POINT.z))];
    const [X2, Y2, Z2] = [F.load(from.at(POINT.x)), F.load(from.at(POINT.y)), F.load(from.at(POINT.z))];
    const [t, h, i] = [F.element(), F.element(), F.element()];
    const rescale = (z: Element, X: Element, Y: Element) => {
      F.sqr(t, z);
      F.mul(X, X, t);
      F.mul(t, t, z);
      F.mul(Y, Y, t);
    };
    rescale(Z2, X1, Y1);
    rescale(Z1, X2, Y2);
    F.sub(h, X2, X1);
    F.sub(i, Y2, Y1);
    f.if(F.isZero(h), () => {
      f.if(F.isZero(i), () => f.put(double(p)), () => f.put(to.at(POINT.isInfinite).storeInt(1)));
      f.return();
    });
    F.mul(Z1, Z1, Z2);
    F.mul(Z1, Z1, h);
    F.store(to.at(POINT.z), Z1);
    F.sqr(t, h);
    F.mul(X1, X1, t);
    F.mul(t, t, h);
    F.sqrSubTwice(X2, i, X1);
    F.sub(X2, X2, t);
    F.store(to.at(POINT.x), X2);
    F.sub(X1, X1, X2);
    F.mulSub(X1, X1, i, t, Y1);
    F.store(to.at(POINT.y), X1);
  });
}

function tables(module: Module, ratios: Pointer): Pick<Points, "multiples" | "unify" | "ratiosProduct"> {
  const { wide } = module;
  const row = (base: Int, index: Int, bytes: Int) => new Pointer(I32.of(base).add(I32.of(index).mul(bytes)));

  // Begins with P on the curve whose Z is 2 y, where 2 P is (DX, DY) and affine, too; each step adds 2 P.
  const multiples = module.fn(
    { params: ["i32", "i32", "i32", "i32", "i32"], results: [] },
    (f, px, py, out, count, bytes) => {
      const F = new Field(f, wide);
      const [X, Y] = [F.load(new Pointer(px)), F.load(new Pointer(py))];
      const [DX, DY, A, B, T, L] = Array.from({ length: 6 }, () => F.element()) as [
        Element,
        Element,
        Element,
        Element,
        Element,
        Element,
      ];
      F.sqr(A, X);
      F.double(T, A);
      F.add(A, A, T);
      F.sqr(B, Y);
      F.mul(X, X, B);
      F.double(X, X);
      F.double(X, X);
      F.sqr(Y, B);
      for (let i = 0; i < 3; i++) F.double(Y, Y);
      F.sqrSubTwice(DX, A, X);
      F.sub(DY, X, DX);
      F.mul(DY, DY, A);
      F.sub(DY, DY, Y);
      F.store(new Pointer(out), X);
      F.store(new Pointer(out).at(ROW.y), Y);
      f.for(1, count, (index) => {
        F.sub(T, DX, X);
        F.store(ratios.element(index, ELEMENT_BYTES), T);
        F.sqr(A, T);
        F.mul(DX, DX, A);
        F.mul(X, X, A);
        F.sub(T, DY, Y);
        F.sub(B, DX, X);
        F.mul(L, B, DY);
        F.sqr(A, T);
        F.sub(A, A, DX);
        F.sub(X, A, X);
        F.sub(B, DX, X);
        F.mul(Y, T, B);
        F.copy(DY, L);
        F.sub(Y, Y, DY);
        const to = new Pointer(f.let32(row(out, index, bytes).address));
        F.store(to, X);
        F.store(to.at(ROW.y), Y);
      });
    },
  );

  const unify = module.fn({ params: ["i32", "i32", "i32", "i32"], results: [] }, (f, out, count, bytes, start) => {
    const F = new Field(f, wide);
    const product = F.load(new Pointer(start));
    const [squared, x, y] = [F.element(), F.element(), F.element()];
    const beta = F.constant(BETA);
    const left = f.let32(count);
    f.loop((again) => {
      left.set(left.sub(1));
      const to = new Pointer(f.let32(row(out, left, bytes).address));
      F.load(to, x);
      F.load(to.at(ROW.y), y);
      F.sqr(squared, product);
      F.mul(x, x, squared);
      F.store(to, x);
      F.mul(squared, squared, product);
      F.mul(y, y, squared);
      F.store(to.at(ROW.y), y);
      f.if(bytes.eq(ROW.bytes), () => {
        F.mul(x, x, beta);
        F.store(to.at(ROW.betaX), x);
      });
      f.if(left, () => {
        F.load(ratios.element(left, ELEMENT_BYTES), x);
        F.mul(product, product, x);
        f.branch(again);
      });
    });
    F.store(new Pointer(start), product);
  });

  const ratiosProduct = module.fn({ params: ["i32", "i32"], results: [] }, (f, count, out) => {
    const F = new Field(f, wide);
    const [product, x] = [F.constant(1n), F.element()];
    f.for(1, count, (index) => {
      F.load(ratios.element(index, ELEMENT_BYTES), x);
      F.mul(product, product, x);
    });
    F.store(new Pointer(out), product);
  });
  return { multiples, unify, ratiosProduct };
}
