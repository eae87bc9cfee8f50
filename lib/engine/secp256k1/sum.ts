/**
 * u1 G + u2 P: four sums of 129 bits each at once (Strauss), of G, of 2^128 G, of P and of λ P, so that doublings are shared.
 *
 * @module
 */
import { type Callable, type Module, Pointer, select } from "../assembler/mod.ts";
import { G, POINT, type Points, ROW, type RowBytes } from "./curve.ts";
import { ELEMENT_BYTES, Field } from "./field.ts";
import { WORK } from "./layout.ts";
import { DIGIT_ROW_BYTES, DIGIT_ROWS, HALVES, SCALAR_BYTES, type Scalars } from "./scalar.ts";
import type { Invert } from "./shared.ts";

/** Bits of a digit: of G, whose tables are there once and for all, and of a key. */
const BITS_G = 12;
const BITS_KEY = 5;
/** Rows of the tables: odd multiples below 2^(bits − 1). */
export const ROWS_G = 1 << (BITS_G - 2);
export const ROWS_KEY = 1 << (BITS_KEY - 2);
/** The streams by their place in a row of digits: two of the key, two of G. */
const STREAMS = 4;

/** The sum, and what it works with. */
export interface Sum {
  /**
   * acc = u1 G + u2 (x, y) of the work at an address. The key's affine table may be given; without one (0) a table is made,
   * and the sum is on the isomorphic curve whose Z is worth {@link Points.scale} more.
   */
  readonly sum: Callable<readonly ["i32", "i32"], readonly []>;
  /** Fills the tables of G. Once. */
  readonly start: Callable<readonly [], readonly []>;
  readonly accumulator: Pointer;
  readonly u1: Pointer;
  readonly u2: Pointer;
  /** G and then 2^128 G, as affine points. */
  readonly generators: readonly [Pointer, Pointer];
}

/** Makes it. */
export function sumOfMultiples(module: Module, scalars: Scalars, points: Points, invert: Invert): Sum {
  const { wide } = module;
  const tableG = module.reserve("tables of G", 2 * ROWS_G * ROW.plainBytes);
  const tableKey = module.reserve("table of a key", ROWS_KEY * ROW.bytes);
  const accumulator = module.reserve("accumulator", POINT.bytes);
  const [u1, u2] = [module.reserve("u1", SCALAR_BYTES), module.reserve("u2", SCALAR_BYTES)];
  const halves = module.reserve("halves", HALVES.bytes);
  const half = module.reserve("half", 2 * SCALAR_BYTES);
  const digits = module.reserve("digits", DIGIT_ROWS * DIGIT_ROW_BYTES);
  const isInfinite = accumulator.at(POINT.isInfinite);
  const highG = tableG.at(ROWS_G * ROW.plainBytes);

  const sum = module.fn({ params: ["i32", "i32"], results: [] }, (f, work, table) => {
    const F = new Field(f, wide);
    const isScaled = f.i32();
    F.store(points.scale, F.constant(1n));
    f.if(table.isZero(), () => {
      table.set(tableKey.address);
      isScaled.set(1);
      const at = new Pointer(work);
      f.put(points.multiples(at.at(WORK.x), at.at(WORK.y), tableKey, ROWS_KEY, ROW.bytes));
      f.put(points.unify(tableKey, ROWS_KEY, ROW.bytes, points.scale));
      // The rows begin on the curve whose Z is 2 y.
      const y = F.load(at.at(WORK.y));
      F.double(y, y);
      F.mul(y, y, F.load(points.scale));
      F.store(points.scale, y);
    });

    const top = f.i32();
    const stream = (at: number, k: Pointer, isNegative: Parameters<Scalars["digits"]>[2], bits: number) => {
      const rows = f.let32(scalars.digits(k, digits.at(2 * at), isNegative, bits));
      top.set(select(rows.gtU(top), rows, top));
    };
    f.put(scalars.halve(u2, halves));
    stream(0, halves.at(HALVES.first), halves.at(HALVES.firstIsNegative).int, BITS_KEY);
    stream(1, halves.at(HALVES.second), halves.at(HALVES.secondIsNegative).int, BITS_KEY);
    for (const k of [0, 1]) {
      const [to, from] = [half.at(SCALAR_BYTES * k), u1.at(16 * k)];
      f.put(to.storeWord(from.word), to.at(8).storeWord(from.at(8).word));
      f.put(to.at(16).storeWord(0n), to.at(24).storeWord(0n));
      stream(2 + k, to, 0, BITS_G);
    }

    f.put(isInfinite.storeInt(1));
    const [digit, mask, row] = [f.i32(), f.i32(), f.i32()];
    const places = f.i64();
    f.block((done) =>
      f.loop((again) => {
        f.branch(done, top.isZero());
        top.set(top.sub(1));
        f.if(isInfinite.int.isZero(), () => f.put(points.double(accumulator)));
        const place = digits.element(top, DIGIT_ROW_BYTES);
        places.set(place.word);
        f.branch(again, places.isZero());
        // The rows are left at 0 for the next sum.
        f.put(place.storeWord(0n));
        for (let at = 0; at < STREAMS; at++) {
          digit.set(places.shrU(BigInt(16 * at)).low().shl(16).shrS(16));
          f.if(digit, () => {
            mask.set(digit.shrS(31));
            const index = f.let32(digit.xor(mask).sub(mask).shrU(1));
            const add = (name: "add" | "addScaled") => {
              const point = new Pointer(row);
              const x = at === 1 ? point.at(ROW.betaX) : point;
              f.put(points[name](accumulator, x, point.at(ROW.y), mask.extendS()));
            };
            if (at < 2) {
              row.set(table.add(index.mul(ROW.bytes)));
              return add("add");
            }
            row.set((at === 2 ? tableG : highG).element(index, ROW.plainBytes).address);
            f.if(isScaled, () => add("addScaled"), () => add("add"));
          });
        }
        f.branch(again);
      })
    );
  });

  const start = starting(module, points, invert, { tableG, highG, accumulator });
  return { sum, start, accumulator, u1, u2, generators: [tableG, highG] };
}

/** Fills the tables of G and of 2^128 G, with affine rows on the curve itself. */
function starting(
  module: Module,
  points: Points,
  invert: Invert,
  { tableG, highG, accumulator }: Readonly<Record<"tableG" | "highG" | "accumulator", Pointer>>,
): Sum["start"] {
  const inverse = module.reserve("start", ELEMENT_BYTES);
  const plain: RowBytes = ROW.plainBytes;
  return module.fn({ params: [], results: [] }, (f) => {
    const F = new Field(f, module.wide);
    const [x, y] = [accumulator.at(POINT.x), accumulator.at(POINT.y)];
    F.store(x, F.constant(G.x));
    F.store(y, F.constant(G.y));
    F.store(accumulator.at(POINT.z), F.constant(1n));
    const invertElement = (value: ReturnType<Field["element"]>) => {
      F.normalize(value);
      F.store(inverse, value);
      f.put(invert(inverse, 0));
      return F.load(inverse);
    };
    for (const table of [tableG, highG]) {
      if (table === highG) {
        f.put(accumulator.at(POINT.isInfinite).storeInt(0));
        f.times(128, () => f.put(points.double(accumulator)));
        // Back to affine.
        const z = invertElement(F.load(accumulator.at(POINT.z)));
        const [z2, value] = [F.element(), F.element()];
        F.sqr(z2, z);
        F.mul(z, z, z2);
        F.mul(value, F.load(x), z2);
        F.store(x, value);
        F.mul(value, F.load(y), z);
        F.store(y, value);
        F.store(accumulator.at(POINT.z), F.constant(1n));
      }
      // The last row's Z is 2 y times all ratios: its inverse as the start brings the rows to 1.
      f.put(points.multiples(x, y, table, ROWS_G, plain), points.ratiosProduct(ROWS_G, inverse));
      const z = F.load(inverse);
      const doubled = F.load(y);
      F.double(doubled, doubled);
      F.mul(z, z, doubled);
      F.store(inverse, invertElement(z));
      f.put(points.unify(table, ROWS_G, plain, inverse));
    }
  });
}
