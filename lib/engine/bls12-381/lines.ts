/**
 * The lines of the pairing: for each point P of G1 the tangents and chords by which x² P is made, in two passes over the
 * bits of |x|. The same work tells whether P is in G1 at all.
 *
 * A line is y = λ x − c. It is kept as −λ and c. The lines of many points lie step by step: those of all points for the
 * first step, and so on.
 *
 * @see `docs/decisions/twisted-ate-pairing.md`
 * @module
 */
import { I32, type Module, Pointer, type Procedure, procedure, type Question, question } from "../assembler/mod.ts";
import { forBitsOfX } from "./curve.ts";
import { NUMBER_BYTES } from "./field.ts";
import type { FpFunctions } from "./fields.ts";
import type { G1Functions } from "./groups.ts";
import { X } from "./numbers.ts";
import { Steps } from "./operations.ts";

/** Bytes of an affine point of G1's curve. */
export const AFFINE_BYTES = 2 * NUMBER_BYTES;
/** Bytes of a line. */
export const LINE_BYTES = 2 * NUMBER_BYTES;
/** Passes over the bits of |x|. */
export const PASSES = 2;
const BITS = X.toString(2).slice(1);
/** Lines of a point: a tangent for each bit of |x| below the highest, and a chord for each that is 1. */
export const LINES = PASSES * (BITS.length + [...BITS].filter((bit) => bit === "1").length);

/** What is kept of a step until the inverses of all steps are made: the line's numerators, Z after it, a product of Zs. */
const RECORD = {
  slope: 0,
  constant: NUMBER_BYTES,
  z: 2 * NUMBER_BYTES,
  before: 3 * NUMBER_BYTES,
  bytes: 4 * NUMBER_BYTES,
};
/** What is kept of a point in lock step: x, y, a product of denominators, its denominator; and the point that is added. */
const LOCK_STEP = { product: 2 * NUMBER_BYTES, denominator: 3 * NUMBER_BYTES, bytes: 4 * NUMBER_BYTES };

/** Points whose lines {@link LineFunctions.few} makes at a time. */
export const FEW_MAX = 32;
/** Memory that {@link LineFunctions.few} works in. */
export const FEW_BYTES = FEW_MAX * LINES * RECORD.bytes;
/** Memory that {@link LineFunctions.many} works in, for each point. */
export const MANY_BYTES = LOCK_STEP.bytes + AFFINE_BYTES;

/**
 * Functions that make lines. Their arguments: where the first point's first line goes, how far the lines of one step lie
 * from those of the next, the affine points, how many they are, and memory to work in. They give 1 when all points are in
 * G1; else the lines are of no use.
 */
export interface LineFunctions {
  /** For at most {@link FEW_MAX} points: Jacobian coordinates, and one inversion for all steps of all points. */
  readonly few: Question<5>;
  /** Affine coordinates, one inversion for each step of all points together. */
  readonly many: Question<5>;
}

/** Makes them. */
export function lineFunctions(module: Module, fp: FpFunctions, g1: G1Functions): LineFunctions {
  return { few: fewLines(module, fp, chain(module, fp, g1)), many: manyLines(module, fp, g1) };
}

type Point = { readonly x: Pointer; readonly y: Pointer; readonly z: Pointer };
const jacobian = (at: Pointer): Point => ({ x: at, y: at.at(NUMBER_BYTES), z: at.at(2 * NUMBER_BYTES) });

/** T becomes 2 T. The tangent's slope is 3 X² / Z', its constant (3 X³ − 2 Y²) / (Z' Z²), with Z' = 2 Y Z. */
function tangent(module: Module, fp: FpFunctions): Procedure<2> {
  return procedure(module, 2, (f, t, record) => {
    const F = new Steps(module, f, fp);
    const { x, y, z } = jacobian(t);
    const [xx, yy, d, e, s] = F.temporaries(5);
    F.sqr(xx, x);
    F.sqr(yy, y);
    F.mul(d, x, yy);
    F.double(d, d);
    F.double(d, d);
    F.double(e, xx);
    F.add(e, e, xx);
    F.copy(record.at(RECORD.slope), e);
    F.mul(s, e, x);
    F.double(yy, yy);
    F.sub(record.at(RECORD.constant), s, yy);
    F.mul(z, y, z);
    F.double(z, z);
    F.copy(record.at(RECORD.z), z);
    F.sqr(x, e);
    F.double(s, d);
    F.sub(x, x, s);
    F.sub(d, d, x);
    F.mul(y, e, d);
    F.sqr(yy, yy);
    F.double(yy, yy);
    F.sub(y, y, yy);
  });
}

/** T becomes T + Q. With H and R the differences of x and y: slope R / Z', constant (R X − Y Zq H) / (Z' Z²), Z' = Z Zq H. */
function chord(module: Module, fp: FpFunctions): Procedure<3> {
  return procedure(module, 3, (f, t, q, record) => {
    const F = new Steps(module, f, fp);
    const [{ x, y, z }, { x: xq, y: yq, z: zq }] = [jacobian(t), jacobian(q)];
    const [zz, zzq, u, s, h, r, zh, hh, v] = F.temporaries(9);
    F.sqr(zz, z);
    F.sqr(zzq, zq);
    F.mul(u, x, zzq);
    F.mul(h, xq, zz);
    F.sub(h, h, u);
    F.mul(s, y, zzq);
    F.mul(s, s, zq);
    F.mul(r, yq, zz);
    F.mul(r, r, z);
    F.sub(r, r, s);
    F.copy(record.at(RECORD.slope), r);
    F.mul(zh, zq, h);
    F.mul(v, r, x);
    F.mul(hh, y, zh);
    F.sub(record.at(RECORD.constant), v, hh);
    F.mul(z, z, zh);
    F.copy(record.at(RECORD.z), z);
    F.sqr(hh, h);
    F.mul(u, u, hh);
    F.mul(hh, hh, h);
    F.mul(s, s, hh);
    F.sqr(x, r);
    F.sub(x, x, hh);
    F.sub(x, x, u);
    F.sub(x, x, u);
    F.sub(u, u, x);
    F.mul(y, r, u);
    F.sub(y, y, s);
  });
}

/**
 * The records of one affine point, and whether it is in G1: whether what it ends with is x² P = −φ(P).
 *
 * For a point of G1 no step meets a point twice or its negative, as all multiples below x² differ. For another point one
 * may: then Z becomes 0 and stays 0, and the answer is no.
 */
function chain(module: Module, fp: FpFunctions, g1: G1Functions): Question<2> {
  const [double, add] = [tangent(module, fp), chord(module, fp)];
  return question(module, 2, (f, records, point) => {
    const F = new Steps(module, f, fp);
    const [t, q] = [module.scratch(g1.bytes), module.scratch(g1.bytes)];
    const { x, y, z } = jacobian(t);
    const [zz, s] = F.temporaries(2);
    const record = f.let32(records.address);
    const next = () => record.set(record.add(RECORD.bytes));
    f.copy(t, point, AFFINE_BYTES);
    F.copy(z, fp.one);
    f.times(PASSES, () => {
      f.copy(q, t, g1.bytes);
      forBitsOfX(f, () => {
        f.put(double(t, record));
        next();
      }, () => {
        f.put(add(t, q, record));
        next();
      });
    });
    f.if(F.isZero(z), () => f.return(I32.of(0)));
    f.put(g1.phi(q, point));
    F.sqr(zz, z);
    F.mul(s, q, zz);
    const isX = f.let32(F.equal(s, x));
    F.mul(zz, zz, z);
    F.mul(s, q.at(NUMBER_BYTES), zz);
    F.negate(s, s);
    return isX.and(F.equal(s, y));
  });
}

function fewLines(module: Module, fp: FpFunctions, chainOf: Question<2>): Question<5> {
  return question(module, 5, (f, out, stride, points, count, work) => {
    const F = new Steps(module, f, fp);
    const [product, inverse, inverseBefore, value] = F.temporaries(4);
    const ofPoint = (i: I32) => f.let32(work.element(i, LINES * RECORD.bytes).address);
    f.for(0, count.address, (i) => {
      f.if(chainOf(ofPoint(i), points.element(i, AFFINE_BYTES)).isZero(), () => f.return(I32.of(0)));
    });
    const total = f.let32(count.address.mul(LINES));
    F.copy(product, fp.one);
    f.for(0, total, (i) => {
      const record = new Pointer(f.let32(work.element(i, RECORD.bytes).address));
      F.copy(record.at(RECORD.before), product);
      F.mul(product, product, record.at(RECORD.z));
    });
    F.invert(product, product);
    // From the last record back.
    const point = f.let32(count.address);
    const [record, to] = [f.i32(), f.i32()];
    const here = new Pointer(record);
    /** 1 / Z of this record; the product loses it. */
    const take = (into: Pointer) => {
      F.mul(into, product, here.at(RECORD.before));
      F.mul(product, product, here.at(RECORD.z));
    };
    f.while(() => point, () => {
      point.set(point.sub(1));
      record.set(ofPoint(point).add((LINES - 1) * RECORD.bytes));
      to.set(out.address.add(point.mul(LINE_BYTES)).add(stride.address.mul(LINES - 1)));
      take(inverse);
      const left = f.let32(LINES);
      f.loop((again) => {
        const line = new Pointer(to);
        F.mul(value, here.at(RECORD.slope), inverse);
        F.negate(line, value);
        F.mul(value, here.at(RECORD.constant), inverse);
        left.set(left.sub(1));
        // Before the first step Z was 1.
        f.if(left.isZero(), () => F.copy(line.at(NUMBER_BYTES), value), () => {
          record.set(record.sub(RECORD.bytes));
          take(inverse);
          F.sqr(inverseBefore, inverse);
          F.mul(line.at(NUMBER_BYTES), value, inverseBefore);
        });
        to.set(to.sub(stride.address));
        f.branch(again, left);
      });
    });
    return I32.of(1);
  });
}

/** One step of all points: a tangent, or a chord with the point that each began its pass with. 0 when one has no slope. */
function lockStep(module: Module, fp: FpFunctions): (adds: 0 | 1, places: LockStep) => I32 {
  const step = module.fn(
    { params: ["i32", "i32", "i32", "i32", "i32"], results: ["i32"] },
    (f, out, ts, qs, count, adds) => {
      const F = new Steps(module, f, fp);
      const [product, slope, x, s] = F.temporaries(4);
      const [t, q, line] = [f.i32(), f.i32(), f.i32()];
      const [point, added, to] = [new Pointer(t), new Pointer(q), new Pointer(line)];
      const y = point.at(NUMBER_BYTES);
      F.copy(product, fp.one);
      t.set(ts);
      q.set(qs);
      f.times(count, () => {
        const denominator = point.at(LOCK_STEP.denominator);
        f.if(adds, () => F.sub(denominator, point, added), () => F.double(denominator, y));
        F.copy(point.at(LOCK_STEP.product), product);
        F.mul(product, product, denominator);
        t.set(t.add(LOCK_STEP.bytes));
        q.set(q.add(AFFINE_BYTES));
      });
      f.if(F.isZero(product), () => f.return(I32.of(0)));
      F.invert(product, product);
      line.set(out.add(count.mul(LINE_BYTES)));
      f.times(count, () => {
        t.set(t.sub(LOCK_STEP.bytes));
        q.set(q.sub(AFFINE_BYTES));
        line.set(line.sub(LINE_BYTES));
        F.mul(slope, product, point.at(LOCK_STEP.product));
        F.mul(product, product, point.at(LOCK_STEP.denominator));
        f.if(adds, () => {
          F.sub(s, y, added.at(NUMBER_BYTES));
          F.copy(x, added);
        }, () => {
          F.sqr(x, point);
          F.double(s, x);
          F.add(s, s, x);
          F.copy(x, point);
        });
        F.mul(slope, slope, s);
        F.mul(s, slope, point);
        F.sub(to.at(NUMBER_BYTES), s, y);
        F.negate(to, slope);
        // x' = λ² − x − xq, y' = c − λ x'.
        F.add(x, x, point);
        F.sqr(point, slope);
        F.sub(point, point, x);
        F.mul(s, slope, point);
        F.sub(y, to.at(NUMBER_BYTES), s);
      });
      return I32.of(1);
    },
  );
  return (adds, { out, ts, qs, count }) => step(out, ts, qs, count, adds);
}

interface LockStep {
  readonly out: I32;
  readonly ts: I32;
  readonly qs: I32;
  readonly count: I32;
}

function manyLines(module: Module, fp: FpFunctions, g1: G1Functions): Question<5> {
  const step = lockStep(module, fp);
  return question(module, 5, (f, out, stride, points, count, work) => {
    const [expected, s] = [module.scratch(g1.bytes), module.scratch(NUMBER_BYTES)];
    const qs = f.let32(work.element(count.address, LOCK_STEP.bytes).address);
    const to = f.let32(out.address);
    const each = (body: (t: Pointer, affine: (base: I32) => Pointer) => void) =>
      f.for(0, count.address, (i) => {
        const t = new Pointer(f.let32(work.element(i, LOCK_STEP.bytes).address));
        body(t, (base) => new Pointer(f.let32(new Pointer(base).element(i, AFFINE_BYTES).address)));
      });
    each((t, affine) => f.copy(t, affine(points.address), AFFINE_BYTES));
    const go = (adds: 0 | 1) => {
      const places = { out: to, ts: work.address, qs, count: count.address };
      f.if(step(adds, places).isZero(), () => f.return(I32.of(0)));
      to.set(to.add(stride.address));
    };
    f.times(PASSES, () => {
      each((t, affine) => f.copy(affine(qs), t, AFFINE_BYTES));
      forBitsOfX(f, () => go(0), () => go(1));
    });
    each((t, affine) => {
      f.put(g1.phi(expected, affine(points.address)), fp.negate(s, expected.at(NUMBER_BYTES)));
      f.if(fp.equal(expected, t).and(fp.equal(s, t.at(NUMBER_BYTES))).isZero(), () => f.return(I32.of(0)));
    });
    return I32.of(1);
  });
}
