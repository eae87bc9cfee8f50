/**
 * Products modulo an odd number by Montgomery's reduction: numbers are kept times R = 2^(64 words), and a product is divided by R
 * with multiples of the modulus. The modulus lies in one place for all, with −1 / modulus modulo 2^64 in another.
 *
 * Numbers are any below R. (T + m modulus) / R of a product T is below R + modulus: where the modulus leaves more than 60 bits
 * of R free and the factors are below 2^13 times it, that is below 2 moduli, and nothing runs over. Where it has as many words as
 * R, what runs over is taken off once.
 *
 * @see Montgomery, "Modular multiplication without trial division" (1985)
 * @module
 */
import { type Fn, I64, type Local64, type Module, Pointer, type Procedure, procedure } from "../assembler/mod.ts";
import { NUMBER_BYTES, numberPlace } from "./integers.ts";

/** Where the modulus and −1 / modulus are. */
export interface Modulus {
  readonly words: Pointer;
  readonly inverse: Pointer;
}

/** Products of numbers of so many words, given by the addresses of their lowest words. */
export interface Montgomery {
  readonly count: number;
  /** The product, over R. */
  readonly mul: Procedure<3>;
  readonly sqr: Procedure<2>;
  /** A number over R: out of Montgomery's form, and fully reduced, but for 0, which may become the modulus. */
  readonly leave: Procedure<2>;
}

/** Few words: all of them in locals. */
export function shortMontgomery(module: Module, count: number, modulus: Modulus): Montgomery {
  const product = (f: Fn, to: Pointer, a: readonly Local64[], b: Pointer) => {
    const n = Array.from({ length: count }, (_, i) => f.let64(modulus.words.at(8 * i).word));
    const inverse = f.let64(modulus.inverse.word);
    const t = f.i64s(count);
    const [x, q, carry, carry2, low] = [f.i64(), f.i64(), f.i64(), f.i64(), f.i64()];
    for (let i = 0; i < count; i++) {
      x.set(b.at(8 * i).word);
      for (let j = 0; j < count; j++) {
        let sum = f.arithmetic.mulU(a[j]!, x);
        if (i > 0) sum = sum.add(t[j]!);
        if (j > 0) sum = sum.add(carry);
        f.split(sum, t[j]!, carry);
        if (j === 0) q.set(t[0]!.mul(inverse));
        const reduced = f.arithmetic.mulU(q, n[j]!).add(t[j]!);
        f.split(j === 0 ? reduced : reduced.add(carry2), j === 0 ? low : t[j - 1]!, carry2);
      }
      t[count - 1]!.set(carry.add(carry2));
    }
    t.forEach((word, i) => f.put(to.at(8 * i).storeWord(word)));
  };
  const load = (f: Fn, a: Pointer) => Array.from({ length: count }, (_, i) => f.let64(a.at(8 * i).word));
  const one = module.literal(Uint8Array.from({ length: 8 * count }, (_, i) => Number(i === 0)));
  const mul = procedure(module, 3, (f, to, a, b) => product(f, to, load(f, a), b));
  return {
    count,
    mul,
    sqr: procedure(module, 2, (f, to, a) => f.put(mul(to, a, a))),
    leave: procedure(module, 2, (f, to, a) => f.put(mul(to, a, one))),
  };
}

/** Many words: a product of twice as many in memory, which is reduced then. */
export function longMontgomery(module: Module, count: number, modulus: Modulus, isFull: boolean): Montgomery {
  const double = module.scratch(2 * NUMBER_BYTES);
  const n = (i: number) => modulus.words.at(8 * i);

  const reduce = procedure(module, 1, (f, to) => {
    const at = f.let32(double.address);
    const here = (i: number) => new Pointer(at, 8 * i);
    const [q, carry, low, over] = [f.i64(), f.i64(), f.i64(), f.i64()];
    const inverse = f.let64(modulus.inverse.word);
    f.times(count, () => {
      q.set(here(0).word.mul(inverse));
      for (let j = 0; j < count; j++) {
        const sum = f.arithmetic.mulU(q, n(j).word).add(here(j).word);
        f.split(j === 0 ? sum : sum.add(carry), low, carry);
        if (j > 0) f.put(here(j).storeWord(low));
      }
      f.split(f.arithmetic.single(here(count).word).add(carry).add(over), low, over);
      f.put(here(count).storeWord(low));
      at.set(at.add(8));
    });
    if (isFull) {
      f.if(over.ne(0n), () => {
        subtract(f, to, double.at(8 * count), modulus.words, count);
        f.return();
      });
    }
    f.copy(to, double.at(8 * count), 8 * count);
  });

  const mul = procedure(module, 3, (f, to, a, b) => {
    const [x, carry, low] = [f.i64(), f.i64(), f.i64()];
    const [row, factor] = [f.let32(double.address), f.let32(b.address)];
    const here = (i: number) => new Pointer(row, 8 * i);
    for (let i = 0; i < count; i++) f.put(double.at(8 * i).storeWord(0n));
    f.times(count, () => {
      x.set(new Pointer(factor).word);
      for (let j = 0; j < count; j++) {
        const sum = f.arithmetic.mulU(x, a.at(8 * j).word).add(here(j).word);
        f.split(j === 0 ? sum : sum.add(carry), low, carry);
        f.put(here(j).storeWord(low));
      }
      f.put(here(count).storeWord(carry));
      row.set(row.add(8));
      factor.set(factor.add(8));
    });
    f.put(reduce(to));
  });

  return {
    count,
    mul,
    // Squares of their own are worth their code where a whole power is made of them.
    sqr: isFull ? squaring(module, count, double, reduce) : procedure(module, 2, (f, to, a) => f.put(mul(to, a, a))),
    leave: procedure(module, 2, (f, to, a) => {
      f.copy(double, a, 8 * count);
      f.zero(double.at(8 * count), 8 * count);
      f.put(reduce(to));
    }),
  };
}

/** Products of different words once, doubled, and the squares. */
function squaring(module: Module, count: number, double: Pointer, reduce: Procedure<1>): Procedure<2> {
  return procedure(module, 2, (f, to, a) => {
    const [x, carry, low, high] = [f.i64(), f.i64(), f.i64(), f.i64()];
    const at = (i: number) => double.at(8 * i);
    for (let i = 0; i < count - 1; i++) {
      x.set(a.at(8 * i).word);
      for (let j = i + 1; j < count; j++) {
        let sum = f.arithmetic.mulU(x, a.at(8 * j).word);
        if (i > 0) sum = sum.add(at(i + j).word);
        if (j > i + 1) sum = sum.add(carry);
        f.split(sum, low, carry);
        f.put(at(i + j).storeWord(low));
      }
      f.put(at(i + count).storeWord(carry));
    }
    f.put(at(0).storeWord(0n), at(2 * count - 1).storeWord(0n));
    const [bit, word, isOver] = [f.i64(), f.i64(), f.i64()];
    for (let i = 0; i < 2 * count; i++) {
      word.set(at(i).word);
      const doubled = word.shl(1n).or(bit);
      let sum;
      if (i % 2 === 0) {
        x.set(a.at(4 * i).word);
        f.split(f.arithmetic.mulU(x, x), low, high);
        sum = f.arithmetic.single(doubled).add(low);
      } else sum = f.arithmetic.single(doubled).add(high);
      f.split(i === 0 ? sum : sum.add(isOver), low, isOver);
      f.put(at(i).storeWord(low));
      if (i < 2 * count - 1) bit.set(word.shrU(63n));
    }
    f.put(reduce(to));
  });
}

/** to = a − b of so many words, without what is borrowed beyond them; the borrow, 0 or all ones. */
export function subtract(f: Fn, to: Pointer, a: Pointer, b: Pointer, count: number): Local64 {
  const [low, borrow] = [f.i64(), f.i64()];
  for (let i = 0; i < count; i++) {
    const difference = f.arithmetic.single(a.at(8 * i).word).sub(b.at(8 * i).word);
    f.split(i === 0 ? difference : difference.add(f.arithmetic.pair(borrow, borrow)), low, borrow);
    f.put(to.at(8 * i).storeWord(low));
  }
  return borrow;
}

/** Puts −1 / modulus beside an odd modulus. */
export function invertModulus(f: Fn, { words, inverse }: Modulus): void {
  const n = f.let64(words.word);
  const x = f.let64(n);
  // Three bits are right at first, and each step doubles them.
  for (let i = 0; i < 5; i++) x.set(x.mul(I64.of(2n).sub(n.mul(x))));
  f.put(inverse.storeWord(I64.of(0n).sub(x)));
}

/** Places for the modulus. */
export function modulusPlaces(module: Module): Modulus & { readonly number: number } {
  const number = numberPlace(module);
  return { number, words: new Pointer(number + 8), inverse: module.scratch(8) };
}
