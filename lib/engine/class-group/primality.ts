/**
 * chiavdf's test of primality in a module, for numbers of a fixed number of bits: no small divisor, a strong probable prime to
 * base 2, and a Lucas-V probable prime.
 *
 * @see chiavdf `src/primetest.h`; Baillie, Fiori, Wagstaff, "Strengthening the Baillie-PSW primality test" (2020)
 * @module
 */
import { type Fn, I32, I64, type Local64, type Module, Pointer, select } from "../assembler/mod.ts";
import { type Integers, numberPlace, WORDS_AT } from "./integers.ts";
import { invertModulus, type Modulus, type Montgomery, subtract } from "./montgomery.ts";

/** Bits of the exponent that 2 is raised to at once. */
const FIRST_BITS = 8;
/** Sums in {@link lucas} are made positive by so many moduli: more than 5 + 2 · 250, the most that their terms come to. */
const OFFSET = 4_096n;

/** A number as such and by its words. */
interface Place {
  readonly number: number;
  readonly words: Pointer;
}

const place = (module: Module): Place => {
  const number = numberPlace(module);
  return { number, words: new Pointer(number + WORDS_AT) };
};

/** What the tests of one size need. */
export interface PrimalityParts {
  readonly integers: Integers;
  readonly modulus: Modulus & { readonly number: number };
  /** Products; the modulus has so many bits, and the highest is set. */
  readonly field: Montgomery;
  readonly bits: number;
}

/** Bit `i` of a number by its words. */
function bitOf(words: Pointer, i: I32): I32 {
  const word = new Pointer(i.shrU(6).shl(3), words.base as number + words.offset).word;
  return word.shrU(i.and(63).extendU()).low().and(1);
}

/** Says how long the modulus is and makes words above it 0; prepares {@link Montgomery}. */
function begin(f: Fn, { modulus, field, bits }: PrimalityParts): void {
  const count = Math.ceil(bits / 64);
  f.put(new Pointer(modulus.number).storeInt(count));
  f.zero(modulus.words.at(8 * count), 8 * (field.count - count));
  invertModulus(f, modulus);
}

/** Puts 2^exponent modulo the modulus into a place of so many words. */
function powerOfTwo(f: Fn, { integers, modulus, field }: PrimalityParts, to: Place, other: Place, exponent: I32): void {
  const word = f.let32(exponent.shrU(6));
  const size = f.let32(word.add(1));
  const i = f.i32();
  f.while(() => i.ltS(word), () => {
    f.put(other.words.element(i, 8).storeWord(0n));
    i.set(i.add(1));
  });
  f.put(other.words.element(word, 8).storeWord(I64.of(1n).shl(exponent.and(63).extendU())));
  f.put(new Pointer(other.number).storeInt(size));
  // What is above the rest is left as zeros.
  f.zero(to.words, 8 * field.count);
  f.put(integers.modulo(other.number, other.number, modulus.number), integers.copy(to.number, other.number));
}

/**
 * Makes the strong test to base 2. Numbers of which 32 bits above the lowest are 0 pass unseen: callers look at these by
 * themselves.
 */
export function strongTest(module: Module, parts: PrimalityParts) {
  const { modulus, field, bits } = parts;
  const { count } = field;
  const isFull = bits === 64 * count;
  const [x, z] = [place(module), place(module)];
  return module.fn({ params: [], results: ["i32"] }, (f) => {
    begin(f, parts);
    // n − 1 = 2^zeros · odd.
    const zeros = f.let32(modulus.words.word.sub(1n).trailingZeros().low());
    f.if(zeros.geU(32), () => f.return(I32.of(1)));
    const at = bits - FIRST_BITS;
    const first = modulus.words.at(8 * (at >> 6)).word.shrU(BigInt(at & 63)).low();
    powerOfTwo(f, parts, x, z, f.let32(first.add(64 * count)));
    const i = f.let32(at);
    const borrow = f.i64();
    f.while(() => i.gtU(zeros), () => {
      i.set(i.sub(1));
      f.put(field.sqr(x.words, x.words));
      f.if(bitOf(modulus.words, i), () => {
        const over = double(f, x.words, count);
        // Full words: below 2 R, and the modulus is R / 2 at least.
        if (isFull) {
          f.while(() => over.ne(0n), () => {
            borrow.set(subtract(f, x.words, x.words, modulus.words, count));
            over.set(over.add(borrow));
          });
        }
      });
    });
    const left = f.let32(zeros);
    const isFirst = f.let32(1);
    const [isNotOne, isNotLast] = [f.i64(), f.i64()];
    f.loop((again) => {
      f.put(field.leave(z.words, x.words));
      const low = z.words.word;
      isNotOne.set(low.xor(1n));
      isNotLast.set(low.xor(modulus.words.word.sub(1n)));
      for (let j = 1; j < count; j++) {
        const word = z.words.at(8 * j).word;
        isNotOne.set(isNotOne.or(word));
        isNotLast.set(isNotLast.or(word.xor(modulus.words.at(8 * j).word)));
      }
      f.if(isNotLast.isZero().or(isFirst.and(isNotOne.isZero())), () => f.return(I32.of(1)));
      isFirst.set(0);
      left.set(left.sub(1));
      f.if(left, () => {
        f.put(field.sqr(x.words, x.words));
        f.branch(again);
      });
    });
    return I32.of(0);
  });
}

/** Doubles a number of so many words; what runs over. */
function double(f: Fn, words: Pointer, count: number): Local64 {
  const [over, word] = [f.let64(0n), f.i64()];
  for (let j = 0; j < count; j++) {
    word.set(words.at(8 * j).word);
    f.put(words.at(8 * j).storeWord(word.shl(1n).or(over)));
    over.set(word.shrU(63n));
  }
  return over;
}

/**
 * Makes the test whether V(n + 1) is 2 q modulo n, by the pairs (U(k), U(k + 1)). Terms of the sums are products that came out of
 * the reduction, below 2 moduli, times small numbers; with the offset they are between 0 and 2^13 moduli.
 */
export function lucasTest(module: Module, parts: PrimalityParts) {
  const { integers, modulus, field, bits } = parts;
  const { count } = field;
  const [first, second, product, square1, square2, exponent, offset] = Array.from(
    { length: 7 },
    () => place(module),
  ) as [
    Place,
    Place,
    Place,
    Place,
    Place,
    Place,
    Place,
  ];
  /** r = k x + l y + the offset, for small signed k and l. */
  const sum = module.fn({ params: ["i32", "i32", "i64", "i32", "i64"], results: [] }, (f, r, x, k, y, l) => {
    const [low, high, word, above] = [f.i64(), f.i64(), f.i64(), f.i64()];
    const next = () => f.arithmetic.pair(low, high);
    const end = f.let32(x.add(8 * count));
    const from = f.let32(offset.words.address);
    f.loop((again) => {
      f.split(next().add(new Pointer(from).word), low, high);
      for (const [at, factor] of [[x, k], [y, l]] as const) {
        word.set(new Pointer(at).word);
        f.split(f.arithmetic.mulU(word, factor), word, above);
        // A negative factor counts for 2^64 too much.
        above.set(above.sub(new Pointer(at).word.and(factor.shrS(63n))));
        f.split(next().add(f.arithmetic.pair(word, above)), low, high);
      }
      f.put(new Pointer(r).storeWord(low));
      low.set(high);
      high.set(high.shrS(63n));
      for (const each of [x, y, r, from]) each.set(each.add(8));
      f.branch(again, x.ne(end));
    });
  });
  const add = (r: Place, x: Place, k: I64, y: Place, l: I64) => sum(r.words, x.words, k, y.words, l);

  return module.fn({ params: ["i64", "i64"], results: ["i32"] }, (f, p, q) => {
    begin(f, parts);
    f.zero(offset.words, 8 * count);
    f.put(integers.setWord(product.number, OFFSET), integers.mul(offset.number, modulus.number, product.number));
    const minusQ = f.let64(I64.of(0n).sub(q));
    const minusP = f.let64(I64.of(0n).sub(p));
    const one = f.let64(1n);
    // U(1) = 1 and U(2) = p, times R.
    powerOfTwo(f, parts, first, second, f.let32(64 * count));
    f.put(add(second, first, p, first, f.let64(0n)));
    // n + 1 has no more bits than n, which is not 2^bits − 1: its words are n's but for the carry.
    f.zero(exponent.words, 8 * count);
    f.put(integers.copy(exponent.number, modulus.number), integers.setWord(product.number, 1n));
    f.put(integers.add(exponent.number, product.number));
    const i = f.let32(bits - 1);
    f.loop((again) => {
      i.set(i.sub(1));
      f.put(field.mul(product.words, first.words, second.words));
      f.put(field.sqr(square1.words, first.words), field.sqr(square2.words, second.words));
      f.if(bitOf(exponent.words, i), () => {
        f.put(add(first, square2, one, square1, minusQ), add(second, square2, p, product, minusQ.shl(1n)));
      }, () => {
        f.put(add(second, square2, one, square1, minusQ), add(first, product, f.let64(2n), square1, minusP));
      });
      f.branch(again, i);
    });
    // V = 2 U(n + 2) − p U(n + 1).
    f.put(field.leave(product.words, first.words), field.leave(square1.words, second.words));
    f.put(add(square2, square1, f.let64(2n), product, minusP), integers.trim(square2.number, count, 0));
    const isNegative = f.let32(q.ltS(0n));
    const twice = select<I64>(isNegative, minusQ, q).shl(1n);
    f.put(integers.setWord(product.number, twice));
    f.put(integers.addMul(square2.number, product.number, 1n, isNegative.xor(1)));
    f.put(integers.modulo(square2.number, square2.number, modulus.number));
    return new Pointer(square2.number).int.isZero();
  });
}
