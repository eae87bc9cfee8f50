/**
 * Euclid's algorithm on long numbers by their leading words (Lehmer). Each pass does its steps on 64 leading bits of both
 * remainders, and then applies them all at once to the long ones.
 *
 * The quotients of a pass are not proven to be Euclid's: the leading bits leave out what is below them, so a last one may be
 * off by one, and a remainder then comes out negative. It is negated, with its cofactor. That is enough here: a gcd stays a gcd,
 * an inverse an inverse, and of the short vectors of a lattice any pair serves, as the form that is made of it is reduced in the
 * end. It leaves the inner loop with one division, two products and two subtractions a step, and no other test than that of its
 * end.
 *
 * Why numbers of a pass fit: with x0, y0 below 2^64 where the pass began, a cofactor after a step is at most x0 or y0 over the
 * remainder before it, and that is 2^32 at least, or there is no step: so it is below 2^32, and two cofactors lie in one word.
 *
 * Why it ends: a pass begins with a remainder from 2^63 up and leaves the second below 2^33, in units of its leading bits; or it
 * has no step, and then the first remainder is 2^31 times the second, and is divided by it. So the bits of both together become
 * 30 less, but for the last word, where steps are exact and each one makes a remainder smaller. Passes are counted all the same.
 *
 * @see Lehmer, "Euclid's algorithm for large numbers" (1938); Knuth, 4.5.2, algorithm L
 * @module
 */
import { type Callable, type Fn, I64, type Module, Pointer } from "../assembler/mod.ts";
import { type Integers, wordAt } from "./integers.ts";
import {
  applySteps,
  beginPass,
  beginRun,
  divideOnce,
  FIRST_ROW,
  HALF,
  type Remainders,
  Run,
  type RunParts,
  runParts,
  SECOND_ROW,
  topWord,
} from "./remainders.ts";

/** Euclid's algorithm in a module. */
export interface Euclid extends Remainders {
  /** Runs to the end, for a > 0 and a > b ≥ 0: r0 is the gcd. 1 when r0 u1 − r1 u0 is −a, and 0 when it is a. */
  readonly full: Callable<readonly ["i32", "i32"], readonly ["i32"]>;
  /**
   * Runs until r1 is about at a bound, or below twice the bound at least; its place has zeros above its words.
   * Gives what {@link Euclid.full} gives.
   */
  readonly partial: Callable<readonly ["i32", "i32"], readonly ["i32"]>;
  readonly bound: number;
  readonly parts: RunParts;
}

/** Makes it. */
export function euclid(module: Module, integers: Integers): Euclid {
  const parts = runParts(module, integers);
  const [full, partial] = [runOf(module, parts, false), runOf(module, parts, true)];
  return { ...parts.remainders, bound: parts.bound, parts, full, partial };
}

function runOf(module: Module, parts: RunParts, isPartial: boolean): Euclid["full"] {
  const { integers, bound, remainders: { r0, r1, u0, u1 } } = parts;
  return module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, a, b) => {
    const run = new Run(f);
    const { words, x, y, first, second, q, t, i } = run;
    const [limit, isLast] = [f.i64(), f.i32()];
    const [shift, complement] = [f.i64(), f.i64()];
    words.set(new Pointer(a).int);
    beginRun(f, parts, run, a, b);
    f.block((done) =>
      f.loop((again) => {
        beginPass(f, parts, run);
        f.if(words.ltU(2), () => {
          x.set(wordAt(r0).word);
          y.set(wordAt(r1).word);
          // Below this nothing is left to do.
          limit.set(1n);
          if (isPartial) {
            limit.set(wordAt(bound).word.add(1n));
            f.branch(done, new Pointer(bound).int.gtS(1).or(limit.isZero()));
          }
          f.branch(done, y.ltU(limit));
          exactSteps(f, run, limit);
        }, () => {
          shift.set(topWord(i, r0).or(topWord(i, r1)).leadingZeros());
          complement.set(I64.of(63n).sub(shift));
          const leading = (of: number) => topWord(i, of).shl(shift).or(topWord(i, of, -2).shrU(1n).shrU(complement));
          x.set(leading(r0));
          y.set(leading(r1));
          limit.set(HALF);
          if (isPartial) {
            // This pass is the last one when it sees the bound.
            t.set(leading(bound));
            f.if(t.geU(HALF), () => {
              limit.set(t);
              isLast.set(1);
            });
          }
          f.if(y.geU(limit), () =>
            f.loop((more) => {
              q.set(x.divU(y));
              t.set(x.sub(q.mul(y)));
              x.set(y);
              y.set(t);
              t.set(first.add(q.mul(second)));
              first.set(second);
              second.set(t);
              f.branch(more, y.geU(limit));
            }), () => {
            if (isPartial) f.branch(done, isLast);
          });
        });
        f.if(first.eq(FIRST_ROW).and(second.eq(SECOND_ROW)), () => {
          // No step: the second remainder is much smaller, or the first quotient of the last word is too large.
          for (const r of [r0, r1]) f.put(integers.trim(r, words, 0));
          f.branch(done, new Pointer(r1).int.isZero());
          if (isPartial) f.branch(done, integers.compare(r1, bound).leS(0));
          divideOnce(f, parts, run);
          f.branch(again);
        });
        applySteps(f, parts, run);
        if (isPartial) f.branch(done, isLast);
        f.branch(again);
      })
    );
    for (const r of [r0, r1]) f.put(integers.trim(r, words, 0));
    for (const u of [u0, u1]) f.put(parts.toNumber(u, run.cofactorWords));
    return run.isTurned;
  });
}

/** Steps within the last word, which are Euclid's, as far as the cofactors stay below 2^32: a new one is at most x0, a word. */
function exactSteps(f: Fn, { x, y, first, second, q, t }: Run, limit: I64): void {
  const [high, low] = [f.i64(), f.i64()];
  f.block((end) =>
    f.loop((again) => {
      f.branch(end, y.ltU(limit));
      q.set(x.divU(y));
      high.set(first.shrU(32n).add(q.mul(second.shrU(32n))));
      low.set(first.and(HALF - 1n).add(q.mul(second.and(HALF - 1n))));
      f.branch(end, high.or(low).geU(HALF));
      t.set(x.sub(q.mul(y)));
      x.set(y);
      y.set(t);
      first.set(second);
      second.set(high.shl(32n).or(low));
      f.branch(again);
    })
  );
}
