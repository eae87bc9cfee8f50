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
import {
  type Callable,
  type Fn,
  type I32,
  I64,
  type Local32,
  type Local64,
  type Module,
  Pointer,
} from "../assembler/mod.ts";
import { clearWords, type Integers, numberPlace, wordAddress, wordAt, WORDS_AT } from "./integers.ts";

const HALF = 1n << 32n;
/** Cofactors (1, 0) and (0, 1), each pair in a word. */
const FIRST_ROW = HALF;
const SECOND_ROW = 1n;
/** More passes than two numbers of 31 words can need: each takes 30 bits off, or steps within the last word. */
const PASSES_MAX = 512;

/** Two remainders r, each with its cofactor u so that r = u b modulo a. */
export interface Remainders {
  readonly r0: number;
  readonly r1: number;
  readonly u0: number;
  readonly u1: number;
}

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
}

/** Makes it. */
export function euclid(module: Module, integers: Integers): Euclid {
  const place = () => numberPlace(module);
  const remainders = { r0: place(), r1: place(), u0: place(), u1: place() };
  const [bound, quotient, rest] = [place(), place(), place()];
  const parts = { ...vectors(module, integers), integers, remainders, bound, quotient, rest };
  return { ...remainders, bound, full: runOf(module, parts, false), partial: runOf(module, parts, true) };
}

/** What is done to long vectors of words, in two's complement. */
interface Vectors {
  /** (p, q) = (A x − B y, D y − C x), of so many words; the four are below 2^32. The word above q's and that above p's are given. */
  readonly combine: Callable<
    readonly ["i32", "i32", "i32", "i32", "i32", "i64", "i64", "i64", "i64"],
    readonly ["i64", "i64"]
  >;
  readonly negate: Callable<readonly ["i32", "i32"], readonly []>;
  /** Two's complement to sign and magnitude. */
  readonly toNumber: Callable<readonly ["i32", "i32"], readonly []>;
  /** And back: how many words there are, one of them for the sign. */
  readonly toWords: Callable<readonly ["i32"], readonly ["i32"]>;
}

function vectors(module: Module, { trim }: Integers): Vectors {
  const combine: Vectors["combine"] = module.fn(
    { params: ["i32", "i32", "i32", "i32", "i32", "i64", "i64", "i64", "i64"], results: ["i64", "i64"] },
    (f, p, q, x, y, count, a, b, c, d) => {
      const end = f.let32(wordAddress(x, count));
      const [xWord, yWord, low] = [f.i64(), f.i64(), f.i64()];
      const [first, second] = [f.i64(), f.i64()];
      const row = (
        to: Local32,
        plus: readonly [Local64, Local64],
        minus: readonly [Local64, Local64],
        carry: Local64,
      ) => {
        const { arithmetic } = f;
        const difference = arithmetic.mulU(...plus).sub(arithmetic.mulU(...minus));
        f.split(difference.add(arithmetic.signedSingle(carry)), low, carry);
        f.put(wordAt(to).storeWord(low));
      };
      f.loop((again) => {
        xWord.set(wordAt(x).word);
        yWord.set(wordAt(y).word);
        row(p, [xWord, a], [yWord, b], first);
        row(q, [yWord, d], [xWord, c], second);
        for (const at of [x, y, p, q]) at.set(at.add(8));
        f.branch(again, x.ne(end));
      });
      return [first, second] as const;
    },
  );
  const negate: Vectors["negate"] = module.fn({ params: ["i32", "i32"], results: [] }, (f, at, count) => {
    const end = f.let32(wordAddress(at, count));
    const [low, borrow] = [f.i64(), f.i64()];
    f.loop((again) => {
      const word = f.arithmetic.single(wordAt(at).word);
      f.split(f.arithmetic.signedSingle(borrow).sub(word), low, borrow);
      f.put(wordAt(at).storeWord(low));
      at.set(at.add(8));
      f.branch(again, at.ne(end));
    });
  });
  return {
    combine,
    negate,
    toNumber: module.fn({ params: ["i32", "i32"], results: [] }, (f, at, count) => {
      const isNegative = f.let32(wordAt(wordAddress(at, count), -1).word.ltS(0n));
      f.if(isNegative, () => f.put(negate(at, count)));
      f.put(trim(at, count, isNegative));
    }),
    toWords: module.fn({ params: ["i32"], results: ["i32"] }, (f, at) => {
      const count = f.let32(new Pointer(at).int);
      const isNegative = f.let32(count.ltS(0));
      f.if(isNegative, () => count.set(f.let32(0).sub(count)));
      f.put(wordAt(wordAddress(at, count)).storeWord(0n));
      count.set(count.add(1));
      f.if(isNegative, () => f.put(negate(at, count)));
      return count;
    }),
  };
}

/** What a run is made of. */
interface RunParts extends Vectors {
  readonly integers: Integers;
  readonly remainders: Remainders;
  readonly bound: number;
  /** Places for a step of long numbers. */
  readonly quotient: number;
  readonly rest: number;
}

/** The locals of a run. */
class Run {
  /** Words of both remainders, and of both cofactors with their sign; bits of these at most. */
  readonly words: Local32;
  readonly cofactorWords: Local32;
  readonly cofactorBits: Local32;
  /** 1 after an odd number of swaps and negations. */
  readonly isTurned: Local32;
  readonly left: Local32;
  readonly i: Local32;
  /** The leading bits, the pairs of cofactors, the quotient, and what a step needs. */
  readonly x: Local64;
  readonly y: Local64;
  readonly first: Local64;
  readonly second: Local64;
  readonly q: Local64;
  readonly t: Local64;

  constructor(f: Fn) {
    [this.words, this.cofactorWords, this.cofactorBits] = [f.i32(), f.i32(), f.i32()];
    [this.isTurned, this.left, this.i] = [f.i32(), f.let32(PASSES_MAX), f.i32()];
    [this.x, this.y, this.first, this.second] = [f.i64(), f.i64(), f.i64(), f.i64()];
    [this.q, this.t] = [f.i64(), f.i64()];
  }
}

function runOf(module: Module, parts: RunParts, isPartial: boolean): Euclid["full"] {
  const { integers, bound, remainders: { r0, r1, u0, u1 } } = parts;
  return module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, a, b) => {
    const run = new Run(f);
    const { words, x, y, first, second, q, t, i } = run;
    const [limit, isLast] = [f.i64(), f.i32()];
    const [shift, complement] = [f.i64(), f.i64()];
    words.set(new Pointer(a).int);
    f.put(integers.copy(r0, a), integers.copy(r1, b));
    i.set(new Pointer(b).int);
    clearWords(f, r1, i, words);
    f.put(wordAt(u0).storeWord(0n), wordAt(u1).storeWord(1n));
    run.cofactorWords.set(1);
    run.cofactorBits.set(2);

    f.block((done) =>
      f.loop((again) => {
        run.left.set(run.left.sub(1));
        f.if(run.left.isZero(), () => f.trap());
        // Leading words that are 0 in both go.
        const top = (of: number, step = -1) => new Pointer(i, of + WORDS_AT + 8 * step).word;
        i.set(words.shl(3));
        f.while(() => words.geU(2).and(top(r0).or(top(r1)).isZero()), () => {
          words.set(words.sub(1));
          i.set(i.sub(8));
        });
        first.set(FIRST_ROW);
        second.set(SECOND_ROW);
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
          shift.set(top(r0).or(top(r1)).leadingZeros());
          complement.set(I64.of(63n).sub(shift));
          const leading = (of: number) => top(of).shl(shift).or(top(of, -2).shrU(1n).shrU(complement));
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

/** The remainders and cofactors after the steps of a pass. */
function applySteps(f: Fn, { combine, negate, remainders: { r0, r1, u0, u1 } }: RunParts, run: Run): void {
  const { words, cofactorWords, cofactorBits, isTurned, first, second } = run;
  const [a, b] = [f.let64(first.shrU(32n)), f.let64(first.and(HALF - 1n))];
  const [c, d] = [f.let64(second.shrU(32n)), f.let64(second.and(HALF - 1n))];
  const [above0, above1, ignored] = [f.i64(), f.i64(), f.i64()];
  // A cofactor gets 33 bits more at most.
  cofactorBits.set(cofactorBits.add(33));
  f.if(cofactorWords.shl(6).ltU(cofactorBits), () => {
    for (const u of [u0, u1]) signExtend(f, u, cofactorWords);
    cofactorWords.set(cofactorWords.add(1));
  });
  const both = (p: readonly [number, number], u: readonly [number, number], rows: readonly [I64, I64, I64, I64]) => {
    f.splitResults(combine(r0, r1, p[0], p[1], words, ...rows), above0, above1);
    f.splitResults(combine(u0, u1, u[0], u[1], cofactorWords, ...rows), ignored, ignored);
  };
  // A D − B C is 1 after an even number of steps and −1 after an odd one: then all four have the other sign.
  f.if(b.mul(c).leU(a.mul(d)), () => both([r0, r1], [u0, u1], [a, b, c, d]), () => {
    both([r1, r0], [u1, u0], [b, a, d, c]);
    isTurned.set(isTurned.xor(1));
  });
  for (const [above, r, u] of [[above0, r0, u0], [above1, r1, u1]] as const) {
    f.if(above.ltS(0n), () => {
      f.put(negate(r, words), negate(u, cofactorWords));
      isTurned.set(isTurned.xor(1));
    });
  }
}

/** One more word for a number in two's complement. */
function signExtend(f: Fn, at: number, words: I32): void {
  const last = wordAddress(at, words);
  f.put(wordAt(last).storeWord(wordAt(last, -1).word.shrS(63n)));
}

/** One step of Euclid with a long quotient, on remainders that are trimmed. */
function divideOnce(f: Fn, parts: RunParts, { words, cofactorWords, cofactorBits, isTurned, i }: Run): void {
  const { integers, toNumber, toWords, remainders: { r0, r1, u0, u1 }, quotient, rest } = parts;
  f.put(integers.divide(quotient, rest, r0, r1), integers.copy(r0, r1), integers.copy(r1, rest));
  for (const r of [r0, r1]) {
    i.set(new Pointer(r).int);
    clearWords(f, r, i, words);
  }
  for (const u of [u0, u1]) f.put(toNumber(u, cofactorWords));
  // (u0, u1) = (u1, u0 − q u1).
  f.put(integers.mul(rest, u1, quotient), integers.sub(u0, rest));
  f.put(integers.copy(rest, u0), integers.copy(u0, u1), integers.copy(u1, rest));
  i.set(toWords(u0));
  cofactorWords.set(toWords(u1));
  // The second cofactor is the longer one: it was before, and the quotient is from 2^31 up.
  f.if(i.gtS(cofactorWords), () => f.trap());
  f.while(() => i.ltS(cofactorWords), () => {
    signExtend(f, u0, i);
    i.set(i.add(1));
  });
  cofactorBits.set(cofactorWords.shl(6));
  isTurned.set(isTurned.xor(1));
}
