/**
 * Numbers modulo p = 2^256 − C with C = 2^32 + 977, the field of secp256k1, as four words in locals.
 *
 * An element is any number below 2^256, not always the least of its kind: 2^256 is C modulo p, so that what carries out of
 * the fourth word comes back as C. Only {@link Field.normalize} makes the least; all other operations take and give any
 * element. Where C is added, a second carry is possible but rare; then what is left is small, and a third is not.
 *
 * @see SEC 2 section 2.4.1
 * @module
 */
import { type Fn, I32, I64, type Local64, type Pointer } from "../assembler/mod.ts";
import { WordArithmetic, wordOf, type Words } from "../words.ts";
import { mulNarrow } from "./field-narrow.ts";

/** The field's prime. */
export const P = 2n ** 256n - 2n ** 32n - 977n;
/** 2^256 modulo p. */
export const C = 2n ** 256n - P;
/** Bytes of an element in memory. */
export const ELEMENT_BYTES = 32;

/** An element in locals. */
export type Element = Words;

/** The field in one function. */
export class Field {
  readonly f: Fn;
  readonly wide: boolean;
  readonly words: WordArithmetic;

  constructor(f: Fn, wide: boolean) {
    this.f = f;
    this.wide = wide;
    this.words = new WordArithmetic(f, wide);
  }

  /** New locals for an element; 0 at first. */
  element(): Element {
    return this.f.i64s(4);
  }

  load(from: Pointer, into: Element = this.element()): Element {
    into.forEach((word, i) => word.set(from.at(8 * i).word));
    return into;
  }

  store(to: Pointer, a: Element): void {
    a.forEach((word, i) => this.f.put(to.at(8 * i).storeWord(word)));
  }

  copy(r: Element, a: Element): void {
    r.forEach((word, i) => word.set(a[i]!));
  }

  constant(value: bigint, into: Element = this.element()): Element {
    into.forEach((word, i) => word.set(wordOf(value, i)));
    return into;
  }

  /** r += carry · C for a carry of 0 or 1, which is used up. */
  foldCarry(r: Element, carry: Local64): void {
    const { f, words } = this;
    words.add(r[0]!, carry, r[0]!, I64.of(0n).sub(carry).and(C), true);
    f.if(carry.ne(0n), () => {
      for (const word of r.slice(1)) words.addCarry(word, carry, word);
      // r was at least 2^256 − C and is below C now: one more C carries nowhere.
      f.if(carry.ne(0n), () => r[0]!.set(r[0]!.add(C)));
    });
  }

  /** r += borrow · C for a borrow of 0 or −1, which is used up. */
  #foldBorrow(r: Element, borrow: Local64): void {
    const { f, words } = this;
    words.sub(r[0]!, borrow, r[0]!, borrow.and(C), true);
    f.if(borrow.ne(0n), () => {
      for (const word of r.slice(1)) words.subBorrow(word, borrow, word);
      // r was below C and is at least 2^256 − C now: one more C borrows nowhere.
      f.if(borrow.ne(0n), () => r[0]!.set(r[0]!.sub(C)));
    });
  }

  /** r = a + b. */
  add(r: Element, a: Element, b: Element): void {
    const carry = this.f.i64();
    r.forEach((word, i) => this.words.add(word, carry, a[i]!, b[i]!, i === 0));
    this.foldCarry(r, carry);
  }

  /** r = a − b. */
  sub(r: Element, a: Element, b: Element): void {
    const borrow = this.f.i64();
    r.forEach((word, i) => this.words.sub(word, borrow, a[i]!, b[i]!, i === 0));
    this.#foldBorrow(r, borrow);
  }

  /** r = 2 a. */
  double(r: Element, a: Element): void {
    const carry = this.f.let64(a[3]!.shrU(63n));
    for (let i = 3; i > 0; i--) r[i]!.set(a[i]!.shl(1n).or(a[i - 1]!.shrU(63n)));
    r[0]!.set(a[0]!.shl(1n));
    this.foldCarry(r, carry);
  }

  /** r = a / 2. */
  half(r: Element, a: Element): void {
    const { f, words } = this;
    const odd = f.let64(I64.of(0n).sub(a[0]!.and(1n)));
    const borrow = f.i64();
    // An odd a becomes a + p = a − C + 2^256, which is even; its bit 256 is what is left of 2^256 after the borrow.
    words.sub(r[0]!, borrow, a[0]!, odd.and(C), true);
    for (let i = 1; i < 4; i++) words.subBorrow(r[i]!, borrow, a[i]!);
    const top = f.let64(borrow.sub(odd));
    r.forEach((word, i) => word.set(word.shrU(1n).or((i < 3 ? r[i + 1]! : top).shl(63n))));
  }

  /** r = −a where the mask is all ones, a where it is 0. */
  negateIf(r: Element, a: Element, mask: I64): void {
    const { f, words } = this;
    const borrow = f.i64();
    // p − a = ~a − (C − 1), because ~a = 2^256 − 1 − a.
    r.forEach((word, i) => word.set(a[i]!.xor(mask)));
    words.sub(r[0]!, borrow, r[0]!, mask.and(C - 1n), true);
    f.if(borrow.ne(0n), () => {
      for (const word of r.slice(1)) words.subBorrow(word, borrow, word);
      // A borrow out of the fourth word: a was above p, and all words but the first are ones now.
      f.if(borrow.ne(0n), () => r[0]!.set(r[0]!.sub(C)));
    });
  }

  /** Makes a the least of its kind, below p. */
  normalize(a: Element): void {
    const { f } = this;
    // a ≥ p is C − 1 or less below 2^256: the upper words are all ones.
    const areOnes = a[1]!.and(a[2]!).and(a[3]!).eq(-1n);
    f.if(a[0]!.geU(-C).and(areOnes), () => {
      a[0]!.set(a[0]!.add(C));
      for (const word of a.slice(1)) word.set(0n);
    });
  }

  /** Whether a is 0: the number 0 or p. */
  isZero(a: Element): I32 {
    const isNought = a[0]!.or(a[1]!).or(a[2]!.or(a[3]!)).isZero();
    const isPrime = a[0]!.xor(C - 1n).and(a[1]!).and(a[2]!.and(a[3]!)).eq(-1n);
    return isNought.or(isPrime);
  }

  /** r = a · b. */
  mul(r: Element, a: Element, b: Element): void {
    if (!this.wide) return mulNarrow(this, r, a, b);
    const t = this.f.i64s(8);
    this.words.addProduct(t, a, b, 0);
    this.#reduce(r, t);
  }

  /** r = a². */
  sqr(r: Element, a: Element): void {
    if (!this.wide) return mulNarrow(this, r, a, a);
    this.#reduce(r, this.#square(a));
  }

  /**
   * r = a · b − c · e, reduced once: as a · b + c · (p − e), whose two products are summed word by word. The sum is below
   * 2^513: a ninth word holds its carry.
   */
  mulSub(r: Element, a: Element, b: Element, c: Element, e: Element): void {
    const { f, wide } = this;
    if (!wide) {
      const product = this.element();
      this.mul(product, c, e);
      this.mul(r, a, b);
      return this.sub(r, r, product);
    }
    const minus = this.element();
    this.negateIf(minus, e, I64.of(-1n));
    const t = f.i64s(9);
    const over = t[8]!;
    const [first, second] = [f.i64(), f.i64()];
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) {
        let sum = f.arithmetic.mulU(a[j]!, b[i]!);
        if (i > 0) sum = sum.add(t[i + j]!);
        if (j > 0) sum = sum.add(first);
        f.split(sum, t[i + j]!, first);
        sum = f.arithmetic.mulU(c[j]!, minus[i]!).add(t[i + j]!);
        if (j > 0) sum = sum.add(second);
        f.split(sum, t[i + j]!, second);
      }
      const sum = f.arithmetic.single(first).add(second);
      f.split(i > 0 ? sum.add(over) : sum, t[i + 4]!, over);
    }
    this.#reduce(r, t);
  }

  /**
   * r = a² − 2 m, reduced once. −2 m is ~(2 m) + 1 − 2^257 for the 257 bits of 2 m; the lower words join the sum of the
   * reduction, the rest joins its carry.
   */
  sqrSubTwice(r: Element, a: Element, m: Element): void {
    const { f, wide, words } = this;
    if (!wide) {
      mulNarrow(this, r, a, a);
      this.sub(r, r, m);
      return this.sub(r, r, m);
    }
    const t = this.#square(a);
    const carry = f.i64();
    const minus = this.element();
    for (let i = 3; i > 0; i--) minus[i]!.set(m[i]!.shl(1n).or(m[i - 1]!.shrU(63n)).xor(-1n));
    minus[0]!.set(m[0]!.shl(1n).xor(-1n));
    const top = f.let64(m[3]!.shrU(63n));
    r.forEach((word, i) => {
      // C is below 2^33: a product by it leaves room for three words.
      const sum = f.arithmetic.mulU(t[4 + i]!, C).add(t[i]!).add(minus[i]!);
      f.split(i > 0 ? sum.add(carry) : sum, word, carry);
    });
    // Bit 256 of ~(2 m) is 1 − top; with − 2^257 the carry is worth carry − 1 − top: seldom below 0, never below −2.
    carry.set(carry.sub(top).sub(1n));
    f.if(carry.ltS(0n), () => {
      const borrow = f.i64();
      words.sub(r[0]!, borrow, r[0]!, I64.of(0n).sub(carry).mul(C).sub(1n), true);
      for (const word of r.slice(1)) words.subBorrow(word, borrow, word);
      // A borrow out of the fourth word leaves a number just below 2^256.
      f.if(borrow.ne(0n), () => r[0]!.set(r[0]!.sub(C)));
    }, () => {
      f.split(f.arithmetic.mulU(carry, C).add(r[0]!).add(1n), r[0]!, carry);
      this.#carryOn(r, carry);
    });
  }

  /**
   * r = t for eight words t, or nine of which the last is 0 or 1. The upper words count C each; their sum with the lower ones
   * is below 2^256 · 2^34, and what is above 2^256 of that counts C again.
   */
  #reduce(r: Element, t: readonly Local64[]): void {
    const { f } = this;
    const carry = f.i64();
    r.forEach((word, i) => {
      const sum = f.arithmetic.mulU(t[4 + i]!, C).add(t[i]!);
      f.split(i > 0 ? sum.add(carry) : sum, word, carry);
    });
    if (t.length > 8) carry.set(carry.add(t[8]!.mul(C)));
    f.split(f.arithmetic.mulU(carry, C).add(r[0]!), r[0]!, carry);
    this.#carryOn(r, carry);
  }

  /** Takes a carry, of any size, from the first word of r to the second, and what leaves the fourth back to the first. */
  #carryOn(r: Element, carry: Local64): void {
    const { f, words } = this;
    words.add(r[1]!, carry, r[1]!, carry, true);
    f.if(carry.ne(0n), () => {
      for (const word of r.slice(2)) words.addCarry(word, carry, word);
      f.if(carry.ne(0n), () => {
        words.add(r[0]!, carry, r[0]!, C, true);
        r[1]!.set(r[1]!.add(carry));
      });
    });
  }

  /** The eight words of a²: each product of two different words once, doubled together, then the squares. */
  #square(a: Element): Local64[] {
    const { f, words } = this;
    const t = f.i64s(8);
    const [t0, t1, t2, t3, t4, t5, t6, t7] = t as [
      Local64,
      Local64,
      Local64,
      Local64,
      Local64,
      Local64,
      Local64,
      Local64,
    ];
    const [a0, a1, a2, a3] = a as readonly [Local64, Local64, Local64, Local64];
    const [carry, high] = [f.i64(), f.i64()];
    const product = (x: Local64, y: Local64, ...more: Local64[]) =>
      more.reduce((sum, word) => sum.add(word), f.arithmetic.mulU(x, y));
    f.split(product(a0, a1), t1, carry);
    f.split(product(a0, a2, carry), t2, carry);
    f.split(product(a0, a3, carry), t3, t4);
    f.split(product(a1, a2, t3), t3, carry);
    f.split(product(a1, a3, t4, carry), t4, t5);
    f.split(product(a2, a3, t5), t5, t6);
    t7.set(t6.shrU(63n));
    for (let i = 6; i > 1; i--) t[i]!.set(t[i]!.shl(1n).or(t[i - 1]!.shrU(63n)));
    t1.set(t1.shl(1n));
    f.split(product(a0, a0), t0, carry);
    words.addCarry(t1, carry, t1);
    for (let i = 1; i < 4; i++) {
      f.split(product(a[i]!, a[i]!, t[2 * i]!), t[2 * i]!, high);
      f.split(f.arithmetic.pair(t[2 * i]!, high).add(carry), t[2 * i]!, carry);
      if (i < 3) words.addCarry(t[2 * i + 1]!, carry, t[2 * i + 1]!);
      else t7.set(t7.add(carry));
    }
    return t;
  }
}
