/**
 * What passes of Euclid's algorithm share: two long remainders with their cofactors, and what the steps of a pass, or one long
 * division, make of them.
 *
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

export const HALF = 1n << 32n;
/** Cofactors (1, 0) and (0, 1), each pair in a word. */
export const FIRST_ROW = HALF;
export const SECOND_ROW = 1n;
/** More passes than two numbers of 31 words can need: each takes 30 bits off, or steps within the last word. */
const PASSES_MAX = 512;

/** Two remainders r, each with its cofactor u so that r = u b modulo a. */
export interface Remainders {
  readonly r0: number;
  readonly r1: number;
  readonly u0: number;
  readonly u1: number;
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
export interface RunParts extends Vectors {
  readonly integers: Integers;
  readonly remainders: Remainders;
  readonly bound: number;
  /** Places for a step of long numbers. */
  readonly quotient: number;
  readonly rest: number;
}

/** The locals of a run. */
export class Run {
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

/** Sets the places aside and makes the functions. */
export function runParts(module: Module, integers: Integers): RunParts {
  const place = () => numberPlace(module);
  const remainders = { r0: place(), r1: place(), u0: place(), u1: place() };
  return { ...vectors(module, integers), integers, remainders, bound: place(), quotient: place(), rest: place() };
}

/** Begins with (a, b) and the cofactors 0 and 1. */
export function beginRun(
  f: Fn,
  { integers, remainders: { r0, r1, u0, u1 } }: RunParts,
  run: Run,
  a: I32,
  b: I32,
): void {
  f.put(integers.copy(r0, a), integers.copy(r1, b));
  for (const [number, r] of [[a, r0], [b, r1]] as const) {
    run.i.set(new Pointer(number).int);
    clearWords(f, r, run.i, run.words);
  }
  f.put(wordAt(u0).storeWord(0n), wordAt(u1).storeWord(1n));
  run.cofactorWords.set(1);
  run.cofactorBits.set(2);
}

/** One pass less is left, of which there are more than enough. Leading words that are 0 in both remainders go. */
export function beginPass(f: Fn, { remainders: { r0, r1 } }: RunParts, { left, words, i, first, second }: Run): void {
  left.set(left.sub(1));
  f.if(left.isZero(), () => f.trap());
  i.set(words.shl(3));
  f.while(() => words.geU(2).and(topWord(i, r0).or(topWord(i, r1)).isZero()), () => {
    words.set(words.sub(1));
    i.set(i.sub(8));
  });
  first.set(FIRST_ROW);
  second.set(SECOND_ROW);
}

/** The highest word of a number, or one below it, for an offset of 8 bytes a word. */
export const topWord = (offset: Local32, of: number, step = -1): I64 =>
  new Pointer(offset, of + WORDS_AT + 8 * step).word;

/** The remainders and cofactors after the steps of a pass. */
export function applySteps(f: Fn, { combine, negate, remainders: { r0, r1, u0, u1 } }: RunParts, run: Run): void {
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
export function divideOnce(f: Fn, parts: RunParts, { words, cofactorWords, cofactorBits, isTurned, i }: Run): void {
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
  // The first one is longer where the remainders were in the wrong order, and the quotient 0.
  f.while(() => i.ltS(cofactorWords), () => {
    signExtend(f, u0, i);
    i.set(i.add(1));
  });
  f.while(() => cofactorWords.ltS(i), () => {
    signExtend(f, u1, cofactorWords);
    cofactorWords.set(cofactorWords.add(1));
  });
  cofactorBits.set(cofactorWords.shl(6));
  isTurned.set(isTurned.xor(1));
}
