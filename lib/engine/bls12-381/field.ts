/**
 * Numbers modulo p, the 381-bit prime of BLS12-381, as six words in Montgomery form: x stands as x R modulo p, R = 2^384.
 *
 * Reduction is lazy. R is 9.8 p, so that a sum of several numbers below 2 p fits its words and need not be made smaller
 * before it is multiplied. How large each value can be is known when the code is written down: an {@link Element} carries a
 * bound, each operation works out the bound of its result and refuses, when the module is emitted, what could overflow. In
 * memory every number is below 2 p.
 *
 * @see draft-irtf-cfrg-pairing-friendly-curves section 4.2.1; Montgomery, "Modular Multiplication Without Trial Division"
 * @module
 */
import { type Fn, I32, I64, type Local64, Pointer, select } from "../assembler/mod.ts";
import { WordArithmetic, wordOf, type Words } from "../words.ts";

/** The prime. */
export const P = 0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaabn;
/** Words of a number. */
export const WORDS = 6;
/** Bytes of a number in memory. */
export const NUMBER_BYTES = 8 * WORDS;
/** The Montgomery radix. */
export const R = 1n << BigInt(64 * WORDS);
/** −1 / p modulo 2^64. */
const MINUS_INVERSE = (() => {
  let inverse = 1n;
  for (let right = 1; right < 64; right *= 2) inverse = BigInt.asUintN(64, inverse * (2n - P * inverse));
  return BigInt.asUintN(64, -inverse);
})();

/** Bounds are counted in p / UNIT, rounded up. */
const UNIT = 1n << 20n;
const ceilDivide = (a: bigint, b: bigint) => (a + b - 1n) / b;
/** The greatest bound of six words, and of twelve in p². */
const SINGLE_MAX = R * UNIT / P;
const DOUBLE_MAX = R * R * UNIT / (P * P);

/** A number in locals, below so many UNITs of p. */
export interface Element {
  readonly words: Words;
  readonly below: bigint;
}

/** A number of twelve words, below so many UNITs of p². */
export interface Product {
  readonly words: readonly Local64[];
  readonly below: bigint;
}

/** A bound of a whole number of p, or of p². */
export const times = (p: number): bigint => BigInt(p) * UNIT;
/** What memory holds is below 2 p. */
export const STORED = times(2);

/** A number in Montgomery form, as bytes of memory. */
export function montgomeryBytes(value: bigint): Uint8Array {
  const form = ((value % P + P) % P) * R % P;
  return Uint8Array.from({ length: NUMBER_BYTES }, (_, i) => Number(form >> BigInt(8 * i) & 0xffn));
}

/** The field in one function. */
export class Fp {
  readonly f: Fn;
  readonly words: WordArithmetic;

  constructor(f: Fn, wide: boolean) {
    this.f = f;
    this.words = new WordArithmetic(f, wide);
  }

  load(from: Pointer): Element {
    return { words: Array.from({ length: WORDS }, (_, i) => this.f.let64(from.at(8 * i).word)), below: STORED };
  }

  /** Puts a number below 2 p into memory: what may be larger is reduced before. */
  store(to: Pointer, a: Element): void {
    this.reduced(a).words.forEach((word, i) => this.f.put(to.at(8 * i).storeWord(word)));
  }

  /** a + b, without a reduction. @throws RangeError when six words could not hold it */
  add(a: Element, b: Element): Element {
    const below = fits(a.below + b.below, SINGLE_MAX, "a sum");
    return { words: this.#sum(a.words, b.words), below };
  }

  /** a − b + k p, where k p is at least b. @throws RangeError when six words could not hold it */
  sub(a: Element, b: Element): Element {
    const k = ceilDivide(b.below, UNIT);
    const below = fits(a.below + k * UNIT, SINGLE_MAX, "a difference");
    return { words: this.#difference(this.#sum(a.words, constants(k * P, WORDS)), b.words), below };
  }

  /** k p − a, where k p is at least a. */
  negate(a: Element): Element {
    const k = ceilDivide(a.below, UNIT);
    // Of 0 it is k p itself: the bound is above that.
    return { words: this.#difference(constants(k * P, WORDS), a.words), below: k * UNIT + 1n };
  }

  /** The same number below `most` p: 1 or more. Each step takes a multiple of p away where there is as much. */
  reduced(a: Element, most = 2): Element {
    let { words, below } = a;
    while (below > times(most)) {
      // The smallest multiple that leaves half of it, or what is wanted.
      const half = ceilDivide(below, 2n * UNIT);
      const k = half > BigInt(most) ? half : BigInt(most);
      words = this.#subtractIf(words, k * P);
      below = below - k * UNIT > k * UNIT ? below - k * UNIT : k * UNIT;
    }
    return { words, below };
  }

  #subtractIf(a: Words, value: bigint): Words {
    const { f } = this;
    const [less, borrow] = this.#differenceWithBorrow(a, constants(value, WORDS));
    const isLess = f.let32(borrow.ne(0n));
    return a.map((word, i) => f.let64(select<I64>(isLess, word, less[i]!)));
  }

  /** a · b as twelve words. @throws RangeError when they could not hold it */
  product(a: Element, b: Element): Product {
    const below = fits(productBelow(a, b), DOUBLE_MAX, "a product");
    const words = this.f.i64s(2 * WORDS);
    this.words.addProduct(words, a.words, b.words, 0);
    return { words, below };
  }

  /** a² as twelve words: each pair of different words is multiplied once, by the doubled one. */
  square(a: Element): Product {
    const { f } = this;
    // The doubled number has the same six words.
    fits(2n * a.below, SINGLE_MAX, "a doubled number");
    const below = fits(productBelow(a, a), DOUBLE_MAX, "a square");
    const t = f.i64s(2 * WORDS);
    const carry = f.i64();
    // Word j of the doubled number, and the same without the bit that comes from the word below.
    const cut = a.words.map((word, j) => j === 0 ? word : f.let64(word.shl(1n)));
    const doubled = a.words.map((word, j) => j < 2 ? word : f.let64(cut[j]!.or(a.words[j - 1]!.shrU(63n))));
    for (let i = 0; i < WORDS; i++) {
      for (let j = i; j < WORDS; j++) {
        // The row of word i is a_i times (a_i, 2 (a_(i+1), …)): its lowest doubled word takes no bit from a_i.
        const factor = j === i ? a.words[i]! : j === i + 1 ? cut[j]! : doubled[j]!;
        let sum = f.arithmetic.mulU(factor, a.words[i]!);
        if (i > 0) sum = sum.add(t[i + j]!);
        if (j > i) sum = sum.add(carry);
        f.split(sum, t[i + j]!, j === WORDS - 1 ? t[i + WORDS]! : carry);
      }
    }
    return { words: t, below };
  }

  sqr(a: Element): Element {
    return this.reduce(this.square(a));
  }

  /** Adds a · b to a sum of products. */
  addProduct(sum: Product, a: Element, b: Element): Product {
    const below = fits(sum.below + productBelow(a, b), DOUBLE_MAX, "a sum of products");
    this.words.addProduct(sum.words, a.words, b.words, 2 * WORDS);
    return { words: sum.words, below };
  }

  /** Sums of products. */
  addProducts(a: Product, b: Product): Product {
    return { words: this.#sum(a.words, b.words), below: fits(a.below + b.below, DOUBLE_MAX, "a sum of products") };
  }

  /** a − b + k p², where k p² is at least b. */
  subProducts(a: Product, b: Product): Product {
    const k = ceilDivide(b.below, UNIT);
    const below = fits(a.below + k * UNIT, DOUBLE_MAX, "a difference of products");
    const words = this.#difference(this.#sum(a.words, constants(k * P * P, 2 * WORDS)), b.words);
    return { words, below };
  }

  /**
   * a − b where the caller knows that a is at least b, and what the difference is below: as with
   * (a0 + a1) (b0 + b1) − a0 b0 − a1 b1, which is a0 b1 + a1 b0.
   */
  exactDifference(a: Product, b: Product, below: bigint): Product {
    return { words: this.#difference(a.words, b.words), below };
  }

  /**
   * T / R modulo p (Montgomery's reduction): each of six rounds adds the multiple of p that makes the lowest word 0. For T
   * below t p² the result is below (t p / R + 1) p.
   */
  reduce(a: Product): Element {
    const { f, words } = this;
    const below = fits(ceilDivide(a.below * P, R) + UNIT, SINGLE_MAX, "a reduction");
    // The sum of T and all multiples must fit, too: T + R p.
    fits(ceilDivide(a.below * P, UNIT) + R, R * R / P, "a reduction's sum");
    const t = a.words.map((word) => f.let64(word));
    const [m, carry, top, lost] = [f.i64(), f.i64(), f.i64(), f.i64()];
    for (let i = 0; i < WORDS; i++) {
      m.set(t[i]!.mul(MINUS_INVERSE));
      for (let j = 0; j < WORDS; j++) {
        let sum = f.arithmetic.mulU(m, wordOf(P, j)).add(t[i + j]!);
        if (j > 0) sum = sum.add(carry);
        f.split(sum, j === 0 ? lost : t[i + j]!, carry);
      }
      // The carry of the round before stands one word above this one's.
      if (i === 0) words.add(t[i + WORDS]!, top, t[i + WORDS]!, carry, true);
      else {
        const sum = f.arithmetic.single(t[i + WORDS]!).add(carry).add(top);
        f.split(sum, t[i + WORDS]!, top);
      }
    }
    return { words: t.slice(WORDS), below };
  }

  mul(a: Element, b: Element): Element {
    return this.reduce(this.product(a, b));
  }

  /** Whether a is 0 modulo p. */
  isZero(a: Element): I32 {
    const { words } = this.reduced(a, 1);
    // Below p there is one number for each.
    return words.reduce<I64>((all, word) => all.or(word), I64.of(0n)).isZero();
  }

  #sum(a: Words, b: readonly (Local64 | bigint)[]): Words {
    const carry = this.f.i64();
    return a.map((word, i) => {
      const low = this.f.i64();
      this.words.add(low, carry, word, b[i]!, i === 0);
      return low;
    });
  }

  #difference(a: readonly (Local64 | bigint)[], b: Words): Words {
    return this.#differenceWithBorrow(a, b)[0];
  }

  #differenceWithBorrow(
    a: readonly (Local64 | bigint)[],
    b: readonly (Local64 | bigint)[],
  ): readonly [Words, Local64] {
    const borrow = this.f.i64();
    const words = a.map((word, i) => {
      const low = this.f.i64();
      this.words.sub(low, borrow, word, b[i]!, i === 0);
      return low;
    });
    return [words, borrow];
  }
}

/** The bound of a product, in p². */
export const productBelow = (a: Pick<Element, "below">, b: Pick<Element, "below">): bigint =>
  ceilDivide(a.below * b.below, UNIT);

const constants = (value: bigint, count: number): bigint[] => Array.from({ length: count }, (_, i) => wordOf(value, i));

function fits(below: bigint, most: bigint, what: string): bigint {
  if (below <= most) return below;
  const shown = (bound: bigint) => (Number(bound) / Number(UNIT)).toFixed(2);
  throw new RangeError(`${what} may be ${shown(below)} p where ${shown(most)} fit`);
}
