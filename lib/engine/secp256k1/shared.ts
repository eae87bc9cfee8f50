/**
 * Work that a batch does together, because an inversion costs as much as a hundred products: inverses of many numbers, and
 * the affine tables of many keys, row by row.
 *
 * @module
 */
import { type Callable, type Fn, type Local32, type Module, Pointer } from "../assembler/mod.ts";
import { BETA, type Points, ROW } from "./curve.ts";
import { type Element, ELEMENT_BYTES, Field } from "./field.ts";
import { type Batch, WORK } from "./layout.ts";
import type { Scalars } from "./scalar.ts";

/** Inverts a number in place: modulo p for 0, modulo n for 1. */
export type Invert = Callable<readonly ["i32", "i32"], readonly []>;

/** Copies 32 bytes. */
export function copyNumber(f: Fn, to: Pointer, from: Pointer): void {
  for (let i = 0; i < 32; i += 8) f.put(to.at(i).storeWord(from.at(i).word));
}

/**
 * Inverts the numbers whose addresses are in the list, none of them 0: all products from the left, one inversion, and back
 * (Montgomery's trick). Which modulus is meant follows from the product that is given.
 */
export function invertAll(
  module: Module,
  { list, products }: Batch,
  mul: Points["mul"] | Scalars["mul"],
  invert: Invert,
  which: 0 | 1,
): Callable<readonly ["i32"], readonly []> {
  const running = module.reserve(`invertAll.${which}`, ELEMENT_BYTES);
  return module.fn({ params: ["i32"], results: [] }, (f, count) => {
    const at = f.i32();
    const addressAt = (i: Local32) => list.element(i, 4).int;
    f.if(count.isZero(), () => f.return());
    copyNumber(f, running, new Pointer(f.let32(list.int)));
    copyNumber(f, products, running);
    f.for(1, count, (i) => {
      f.put(mul(running, running, addressAt(i)));
      copyNumber(f, new Pointer(f.let32(products.element(i, ELEMENT_BYTES).address)), running);
    });
    f.put(invert(running, which));
    const left = f.let32(count.sub(1));
    f.while(() => left, () => {
      at.set(addressAt(left));
      const here = products.element(left, ELEMENT_BYTES);
      const before = products.element(left.sub(1), ELEMENT_BYTES);
      f.put(mul(here.address, before.address, running), mul(running, running, at));
      copyNumber(f, new Pointer(at), new Pointer(f.let32(here.address)));
      left.set(left.sub(1));
    });
    copyNumber(f, new Pointer(f.let32(list.int)), running);
  });
}

/** Keys whose tables are made at once. */
export const GROUP = 128;

/** Affine tables of a group of keys. */
export interface SharedTables {
  /** Row k of the tables of `count` keys, whose work is listed from `first` on; row 0 makes their doubles, too. */
  readonly row: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  /** The table of each key, one after the other. */
  readonly tables: Pointer;
}

/** Row k is row k − 1 and the double of the key: all keys at once, so that one inversion serves the row. */
export function sharedTables(module: Module, { products }: Batch, invert: Invert, rows: number): SharedTables {
  const tables = module.reserve("shared tables", GROUP * rows * ROW.bytes);
  const doubles = module.reserve("doubles", GROUP * 2 * ELEMENT_BYTES);
  const running = module.reserve("shared tables.inverse", ELEMENT_BYTES);

  const row = module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, first, count, k) => {
    const F = new Field(f, module.wide);
    const isFirst = () => k.isZero();
    const i = f.i32();
    const [work, to, twice] = [f.i32(), f.i32(), f.i32()].map((base) => ({ base, at: new Pointer(base) })) as [
      { base: Local32; at: Pointer },
      { base: Local32; at: Pointer },
      { base: Local32; at: Pointer },
    ];
    const [x, y, X, Y] = [F.element(), F.element(), F.element(), F.element()];
    const [slope, inverse, denominator, T] = [F.element(), F.constant(1n), F.element(), F.element()];
    const locate = () => {
      work.base.set(new Pointer(first).element(i, 4).int);
      to.base.set(tables.element(i, rows * ROW.bytes).address.add(k.mul(ROW.bytes)));
      twice.base.set(doubles.element(i, 2 * ELEMENT_BYTES).address);
    };
    /** The point before this row, what is added to it, and by what the slope is divided. */
    const load = () =>
      f.if(isFirst(), () => {
        F.load(work.at.at(WORK.x), x);
        F.load(work.at.at(WORK.y), y);
        F.double(denominator, y);
      }, () => {
        F.load(to.at.at(ROW.x - ROW.bytes), x);
        F.load(to.at.at(ROW.y - ROW.bytes), y);
        F.load(twice.at, X);
        F.load(twice.at.at(ELEMENT_BYTES), Y);
        F.sub(denominator, X, x);
      });
    // No denominator is 0: y is not, as no point has order 2, and no small multiple of a point is its double or minus it.
    f.loop((again) => {
      locate();
      load();
      F.store(products.element(i, ELEMENT_BYTES), inverse);
      F.mul(inverse, inverse, denominator);
      i.set(i.add(1));
      f.branch(again, i.ltU(count));
    });
    F.normalize(inverse);
    F.store(running, inverse);
    f.put(invert(running, 0));
    F.load(running, inverse);
    f.loop((again) => {
      i.set(i.sub(1));
      locate();
      load();
      F.load(products.element(i, ELEMENT_BYTES), T);
      F.mul(T, T, inverse);
      F.mul(inverse, inverse, denominator);
      f.if(isFirst(), () => {
        // 3 x² over 2 y.
        F.copy(X, x);
        F.sqr(slope, x);
        F.double(Y, slope);
        F.add(slope, slope, Y);
      }, () => F.sub(slope, Y, y));
      F.mul(slope, slope, T);
      const newX: Element = T;
      F.sqr(newX, slope);
      F.sub(newX, newX, x);
      F.sub(newX, newX, X);
      F.sub(X, x, newX);
      F.mul(slope, slope, X);
      F.sub(slope, slope, y);
      f.if(isFirst(), () => {
        F.store(twice.at, newX);
        F.store(twice.at.at(ELEMENT_BYTES), slope);
        F.store(to.at.at(ROW.x), x);
        F.store(to.at.at(ROW.y), y);
        F.copy(newX, x);
      }, () => {
        F.store(to.at.at(ROW.x), newX);
        F.store(to.at.at(ROW.y), slope);
      });
      F.mul(newX, newX, F.constant(BETA, Y));
      F.store(to.at.at(ROW.betaX), newX);
      f.branch(again, i);
    });
  });
  return { row, tables };
}
