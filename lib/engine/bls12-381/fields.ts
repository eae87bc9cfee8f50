/**
 * Fp and Fp2 as functions of the module: arithmetic, powers, inverses, roots, and how numbers are read and written.
 *
 * @see RFC 9380 appendix I (square roots); Adj, Rodríguez-Henríquez, "Square root computation over even extension fields"
 * @module
 */
import {
  type Fn,
  I32,
  I64,
  Module,
  Pointer,
  type Procedure,
  procedure,
  type Question,
  question,
} from "../assembler/mod.ts";
import { inversion } from "../inversion.ts";
import { WordArithmetic, wordOf } from "../words.ts";
import { Fp, montgomeryBytes, NUMBER_BYTES, P, R, WORDS } from "./field.ts";
import { Fp2, PAIR_BYTES } from "./fp2.ts";
import { montgomeryNumbers } from "./numbers.ts";
import type { FieldFunctions } from "./operations.ts";

/** c1 of a pair. */
export const second = (pair: Pointer): Pointer => pair.at(NUMBER_BYTES);

/** Fp, and what only it has. */
export interface FpFunctions extends FieldFunctions {
  /** r = a^((p − 3) / 4). Times a it is the root of a square; its square times a is 1 for a square, −1 for another number. */
  readonly power: Procedure<2>;
  /** Reads 48 bytes, the first number byte highest, without the first three bits; says whether the number is below p. */
  readonly read: Question<2>;
  /** Writes 48 bytes. */
  readonly write: Procedure<2>;
  /** Out of Montgomery form, below p. */
  readonly plain: Procedure<2>;
  /** 64 bytes, the highest first, to a number modulo p. */
  readonly fromHash: Procedure<2>;
}

/** Fp2, and what only it has. */
export interface Fp2Functions extends FieldFunctions {
  /** c0 − c1 u. */
  readonly conjugate: Procedure<2>;
  /** Times ξ. */
  readonly mulXi: Procedure<2>;
  /** Times a number of Fp. */
  readonly scale: Procedure<3>;
  /** c0² + c1², of Fp. */
  readonly norm: Procedure<2>;
  /** The root of a, when the third is a root of its norm and a is a square; r is not a. */
  readonly rootByNorm: Procedure<3>;
  /** r = a b + c d + e. r is none of them. */
  readonly sumOfProducts: Procedure<6>;
  /** r = 3 a − 2 b. */
  readonly tripleLess: Procedure<3>;
  /** r = 3 a + 2 b. */
  readonly triplePlus: Procedure<3>;
}

/** Makes both. */
export function fields(module: Module): { readonly fp: FpFunctions; readonly fp2: Fp2Functions } {
  const one = module.constant("one", montgomeryNumbers([1n, 0n]));
  const fp = makeFp(module, one);
  return { fp, fp2: makeFp2(module, one, fp) };
}

function makeFp(module: Module, one: Pointer): FpFunctions {
  const { wide } = module;
  const unary = (emit: (F: Fp, a: ReturnType<Fp["load"]>) => ReturnType<Fp["load"]>) =>
    procedure(module, 2, (f, r, a) => {
      const F = new Fp(f, wide);
      F.store(r, emit(F, F.load(a)));
    });
  const binary = (emit: (F: Fp, a: ReturnType<Fp["load"]>, b: ReturnType<Fp["load"]>) => ReturnType<Fp["load"]>) =>
    procedure(module, 3, (f, r, a, b) => {
      const F = new Fp(f, wide);
      F.store(r, emit(F, F.load(a), F.load(b)));
    });
  const mul = binary((F, a, b) => F.mul(a, b));
  const sqr = unary((F, a) => F.sqr(a));
  const sub = binary((F, a, b) => F.sub(a, b));
  const add = binary((F, a, b) => F.add(a, b));
  const negate = unary((F, a) => F.negate(a));
  const isZero = question(module, 1, (f, a) => {
    const F = new Fp(f, wide);
    return F.isZero(F.load(a));
  });
  const equal = question(module, 2, (f, a, b) => {
    const F = new Fp(f, wide);
    return F.isZero(F.sub(F.load(a), F.load(b)));
  });
  const rawOne = module.literal(Uint8Array.from({ length: NUMBER_BYTES }, (_, i) => Number(i === 0)));
  const plain = procedure(module, 2, (f, r, a) => {
    const F = new Fp(f, wide);
    const { words } = F.reduced(F.mul(F.load(a), F.load(rawOne)), 1);
    words.forEach((word, i) => f.put(r.at(8 * i).storeWord(word)));
  });
  const toMontgomery = module.literal(montgomeryBytes(R));
  // 1 / (x R) is that of x times R^-2 in Montgomery form: a product with R³ puts it right.
  const afterInversion = module.literal(montgomeryBytes(R * R));
  const invertPlain = inversion(module, { name: "inversion", moduli: [P], words: WORDS });
  const invert = procedure(module, 2, (f, r, a) => {
    const F = new Fp(f, wide);
    f.if(isZero(a), () => {
      f.zero(r, NUMBER_BYTES);
      f.return();
    });
    const { words } = F.reduced(F.load(a), 1);
    words.forEach((word, i) => f.put(r.at(8 * i).storeWord(word)));
    f.put(invertPlain(r, 0), mul(r, r, afterInversion));
  });
  const power = fixedPower(module, { mul, sqr, squarings: squarings(module) }, (P - 3n) / 4n);
  const root = question(module, 2, (f, r, a) => {
    const [value, candidate] = [module.scratch(NUMBER_BYTES), module.scratch(NUMBER_BYTES)];
    f.copy(value, a, NUMBER_BYTES);
    f.put(power(candidate, value), mul(r, candidate, value), sqr(candidate, r));
    return equal(candidate, value);
  });
  const half = (P - 1n) / 2n;
  const isLarge = question(module, 1, (f, a) => {
    const number = module.scratch(NUMBER_BYTES);
    f.put(plain(number, a));
    return isAbove(f, wide, number, half);
  });
  const isOdd = question(module, 1, (f, a) => {
    const number = module.scratch(NUMBER_BYTES);
    f.put(plain(number, a));
    return number.word.low().and(1);
  });
  const read = question(module, 2, (f, r, bytes) => {
    for (let i = 0; i < WORDS; i++) {
      const word = bigEndianWord(bytes.at(8 * i));
      f.put(r.at(8 * (WORDS - 1 - i)).storeWord(i === 0 ? word.and((1n << 61n) - 1n) : word));
    }
    const isBelow = f.let32(isAbove(f, wide, r, P - 1n).isZero());
    f.put(mul(r, r, toMontgomery));
    return isBelow;
  });
  const write = procedure(module, 2, (f, bytes, a) => {
    const number = module.scratch(NUMBER_BYTES);
    f.put(plain(number, a));
    for (let i = 0; i < NUMBER_BYTES; i++) f.put(bytes.at(i).storeByte(number.at(NUMBER_BYTES - 1 - i).byte));
  });
  // The upper half counts 2^256 times.
  const upper = module.literal(montgomeryBytes(R << 256n));
  const fromHash = procedure(module, 2, (f, r, bytes) => {
    const [high, low] = [module.scratch(NUMBER_BYTES), module.scratch(NUMBER_BYTES)];
    [high, low].forEach((half, k) => {
      for (let i = 0; i < 4; i++) f.put(half.at(8 * (3 - i)).storeWord(bigEndianWord(bytes.at(32 * k + 8 * i))));
      f.zero(half.at(32), NUMBER_BYTES - 32);
    });
    f.put(mul(high, high, upper), mul(r, low, toMontgomery), add(r, r, high));
  });
  return {
    ...{ bytes: NUMBER_BYTES, one, add, sub, mul, sqr, negate, invert, isZero, equal, root, isLarge, isOdd },
    ...{ double: unary((F, a) => F.add(a, a)), power, read, write, plain, fromHash },
  };
}

function makeFp2(module: Module, one: Pointer, fp: FpFunctions): Fp2Functions {
  const { wide } = module;
  type Pair = ReturnType<Fp2["load"]>;
  const unary = (emit: (F: Fp2, a: Pair) => Pair) =>
    procedure(module, 2, (f, r, a) => {
      const F = new Fp2(f, wide);
      F.store(r, emit(F, F.load(a)));
    });
  const binary = (emit: (F: Fp2, a: Pair, b: Pair) => Pair) =>
    procedure(module, 3, (f, r, a, b) => {
      const F = new Fp2(f, wide);
      F.store(r, emit(F, F.load(a), F.load(b)));
    });
  const mul = binary((F, a, b) => F.mul(a, b));
  const sqr = unary((F, a) => F.sqr(a));
  const isZero = question(module, 1, (_, a) => fp.isZero(a).and(fp.isZero(second(a))));
  const equal = question(module, 2, (_, a, b) => fp.equal(a, b).and(fp.equal(second(a), second(b))));
  const norm = procedure(module, 2, (f, r, a) => {
    const F = new Fp(f, wide);
    const sum = F.addProduct(F.square(F.load(a)), F.load(second(a)), F.load(second(a)));
    F.store(r, F.reduce(sum));
  });
  const scale = procedure(module, 3, (f, r, a, b) => {
    const F = new Fp2(f, wide);
    F.store(r, F.scale(F.load(a), F.fp.load(b)));
  });
  const conjugate = unary((F, a) => F.conjugate(a));
  const invert = procedure(module, 2, (f, r, a) => {
    const n = module.scratch(NUMBER_BYTES);
    f.put(norm(n, a), fp.invert(n, n), conjugate(r, a), scale(r, r, n));
  });
  const half = module.literal(montgomeryNumbers([(P + 1n) / 2n]));
  const rootByNorm = procedure(module, 3, (f, r, a, n) => {
    // (c + d u)² = a: c² is (a0 ± n) / 2, and 2 c d is a1. The power of c²'s candidate tells whether it is the square.
    const [t, e, c, d] = Array.from({ length: 4 }, () => module.scratch(NUMBER_BYTES)) as [
      Pointer,
      Pointer,
      Pointer,
      Pointer,
    ];
    f.put(fp.add(t, a, n), fp.mul(t, t, half));
    f.if(fp.isZero(t), () => f.put(fp.sub(t, a, n), fp.mul(t, t, half)));
    f.put(fp.power(e, t), fp.mul(c, t, e), fp.mul(d, second(a), e), fp.mul(d, d, half), fp.mul(e, c, e));
    f.if(fp.equal(e, one), () => {
      f.copy(r, c, NUMBER_BYTES);
      f.copy(second(r), d, NUMBER_BYTES);
    }, () => {
      // t is no square, so that −t is one: it is d².
      f.put(fp.negate(r, d));
      f.copy(second(r), c, NUMBER_BYTES);
    });
  });
  const root = question(module, 2, (f, r, a) => {
    const [value, square, n] = [module.scratch(PAIR_BYTES), module.scratch(PAIR_BYTES), module.scratch(NUMBER_BYTES)];
    f.copy(value, a, PAIR_BYTES);
    f.put(norm(n, value));
    f.if(fp.root(n, n).isZero(), () => f.return(I32.of(0)));
    f.put(rootByNorm(r, value, n), sqr(square, r));
    return equal(square, value);
  });
  /** Of the first number that is not 0. */
  const byFirst = (ask: Question<1>, [first, other]: readonly ((a: Pointer) => Pointer)[]) =>
    question(module, 1, (f, a) => {
      f.if(fp.isZero(first!(a)), () => f.return(ask(other!(a))));
      return ask(first!(a));
    });
  const whole = (a: Pointer) => a;
  const sumOfProducts = procedure(module, 6, (f, r, a, b, c, d, e) => {
    const F = new Fp(f, wide);
    const load = (place: Pointer) => {
      const [x, y] = [F.load(place), F.load(second(place))];
      return [x, y, F.add(x, y)] as const;
    };
    const [x, y] = [load(a), load(b)];
    const sums = [0, 1, 2].map((i) => F.product(x[i]!, y[i]!));
    const [z, w] = [load(c), load(d)];
    const [first, other, both] = sums.map((sum, i) => F.addProduct(sum, z[i]!, w[i]!)) as [
      ReturnType<Fp["product"]>,
      ReturnType<Fp["product"]>,
      ReturnType<Fp["product"]>,
    ];
    // a0 b1 + a1 b0 + c0 d1 + c1 d0: four products of numbers below 2 p.
    const middle = F.exactDifference(F.exactDifference(both, first, both.below), other, first.below + other.below);
    F.store(r, F.add(F.reduce(F.subProducts(first, other)), F.load(e)));
    F.store(second(r), F.add(F.reduce(middle), F.load(second(e))));
  });
  const triple = (emit: (F: Fp, a: ReturnType<Fp["load"]>, b: ReturnType<Fp["load"]>) => ReturnType<Fp["load"]>) =>
    procedure(module, 3, (f, r, a, b) => {
      const F = new Fp(f, wide);
      for (const at of [0, NUMBER_BYTES]) {
        const [x, y] = [F.load(a.at(at)), F.load(b.at(at))];
        const half = F.reduced(emit(F, x, y));
        F.store(r.at(at), F.add(F.add(half, half), x));
      }
    });
  return {
    ...{ bytes: PAIR_BYTES, one, mul, sqr, isZero, equal, norm, scale, conjugate, invert, root, rootByNorm },
    add: binary((F, a, b) => F.add(a, b)),
    sub: binary((F, a, b) => F.sub(a, b)),
    double: unary((F, a) => F.add(a, a)),
    negate: unary((F, a) => F.negate(a)),
    mulXi: unary((F, a) => F.mulXi(a)),
    isLarge: byFirst(fp.isLarge, [second, whole]),
    isOdd: byFirst(fp.isOdd, [whole, second]),
    sumOfProducts,
    tripleLess: triple((F, a, b) => F.sub(a, b)),
    triplePlus: triple((F, a, b) => F.add(a, b)),
  };
}

/** r = a squared n times, with the words in locals. */
function squarings(module: Module): Procedure<3> {
  return module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, r, a, count) => {
    const F = new Fp(f, module.wide);
    const number = F.load(new Pointer(a));
    f.loop((again) => {
      F.reduced(F.sqr(number)).words.forEach((word, i) => number.words[i]!.set(word));
      count.set(count.sub(1));
      f.branch(again, count);
    });
    F.store(new Pointer(r), number);
  });
}

/** r = a^exponent, by windows of the exponent that begin and end with a one bit, and a table of odd powers. */
function fixedPower(
  module: Module,
  { mul, sqr, squarings }: { readonly mul: Procedure<3>; readonly sqr: Procedure<2>; readonly squarings: Procedure<3> },
  exponent: bigint,
): Procedure<2> {
  const WINDOW = 5;
  const bits = exponent.toString(2);
  return procedure(module, 2, (f, r, a) => {
    const odd = module.scratch(NUMBER_BYTES << (WINDOW - 1));
    const [square, sum] = [module.scratch(NUMBER_BYTES), module.scratch(NUMBER_BYTES)];
    const oddPower = (k: number) => odd.at(NUMBER_BYTES * ((k - 1) / 2));
    f.copy(odd, a, NUMBER_BYTES);
    f.put(sqr(square, a));
    for (let k = 3; k < 1 << WINDOW; k += 2) f.put(mul(oddPower(k), oddPower(k - 2), square));
    let [at, waiting, isFirst] = [0, 0, true];
    while (at < bits.length) {
      if (bits[at] === "0") {
        waiting++;
        at++;
        continue;
      }
      let end = Math.min(at + WINDOW, bits.length);
      while (bits[end - 1] === "0") end--;
      const factor = oddPower(parseInt(bits.slice(at, end), 2));
      if (isFirst) f.copy(sum, factor, NUMBER_BYTES);
      else f.put(squarings(sum, sum, waiting + end - at), mul(sum, sum, factor));
      [at, waiting, isFirst] = [end, 0, false];
    }
    if (waiting > 0) f.put(squarings(sum, sum, waiting));
    f.copy(r, sum, NUMBER_BYTES);
  });
}

/** Eight bytes, the highest first. */
function bigEndianWord(bytes: Pointer): I64 {
  return Array.from({ length: 8 }, (_, i) => bytes.at(i).byte.extendU()).reduce((word, byte) => word.shl(8n).or(byte));
}

/** Whether the number at a place is above a constant. */
function isAbove(f: Fn, wide: boolean, number: Pointer, value: bigint): I32 {
  const words = new WordArithmetic(f, wide);
  const [low, borrow] = [f.i64(), f.i64()];
  for (let i = 0; i < WORDS; i++) words.sub(low, borrow, wordOf(value, i), number.at(8 * i).word, i === 0);
  return borrow.ne(0n);
}
