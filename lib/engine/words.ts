/**
 * Long numbers as words in locals, lowest first: sums, differences and rows of products, with their carries.
 *
 * A carry is a local of 0 or 1, a borrow one of 0 or −1 (all ones): so both can be added, and used as masks.
 *
 * @module
 */
import { type Fn, I64, type Local64, type Word } from "./assembler/mod.ts";

/** The words of a number, lowest first. */
export type Words = readonly Local64[];

/** Word `i` of a constant. */
export const wordOf = (value: bigint, i: number): bigint => BigInt.asUintN(64, value >> BigInt(64 * i));

/** The words of long numbers in one function. */
export class WordArithmetic {
  readonly f: Fn;
  /** Whether the engine has wide instructions; without them carries are found by comparisons. */
  readonly wide: boolean;

  constructor(f: Fn, wide: boolean) {
    this.f = f;
    this.wide = wide;
  }

  /**
   * `low` = a + b + carry, and the carry out of it. With `isFirst` no carry comes in. `low` may be one of the operands.
   */
  add(low: Local64, carry: Local64, a: Word, b: Word, isFirst = false): void {
    const { f, wide } = this;
    if (wide) {
      const sum = f.arithmetic.single(a).add(b);
      return f.split(isFirst ? sum : sum.add(carry), low, carry);
    }
    const [x, y] = [f.let64(a), f.let64(b)];
    low.set(x.add(y));
    const first = low.ltU(y).extendU();
    if (isFirst) return carry.set(first);
    const over = f.let64(first);
    low.set(low.add(carry));
    // Not both: a sum that has overflown is at most 2^64 − 2.
    carry.set(over.add(low.ltU(carry).extendU()));
  }

  /** `low` = a + carry, and the carry out of it. */
  addCarry(low: Local64, carry: Local64, a: Word): void {
    const { f, wide } = this;
    if (wide) return f.split(f.arithmetic.single(a).add(carry), low, carry);
    low.set(I64.of(a).add(carry));
    carry.set(low.ltU(carry).extendU());
  }

  /** `low` = a − b + borrow, and the borrow out of it. With `isFirst` none comes in. `low` may be one of the operands. */
  sub(low: Local64, borrow: Local64, a: Word, b: Word, isFirst = false): void {
    const { f, wide } = this;
    if (wide) {
      const difference = f.arithmetic.single(a).sub(b);
      return f.split(isFirst ? difference : difference.add(f.arithmetic.pair(borrow, borrow)), low, borrow);
    }
    const [x, y] = [f.let64(a), f.let64(b)];
    if (isFirst) {
      low.set(x.sub(y));
      return borrow.set(I64.mask(x.ltU(y)));
    }
    const difference = f.let64(x.sub(y));
    const under = f.let64(I64.mask(x.ltU(y)));
    low.set(difference.add(borrow));
    // Not both: a difference that is below 0 is not 0 modulo 2^64.
    borrow.set(under.or(borrow.and(I64.mask(difference.isZero()))));
  }

  /** `low` = a + borrow, and the borrow out of it. */
  subBorrow(low: Local64, borrow: Local64, a: Word): void {
    const { f, wide } = this;
    if (wide) return f.split(f.arithmetic.single(a).add(f.arithmetic.pair(borrow, borrow)), low, borrow);
    const x = f.let64(a);
    low.set(x.add(borrow));
    borrow.set(borrow.and(I64.mask(x.isZero())));
  }

  /**
   * Adds the product of two numbers to `t`, of whose words the first `used` are set already; sets the others. `t` has room
   * for the carry, or the caller knows that there is none beyond it.
   */
  addProduct(t: readonly Local64[], a: readonly Word[], b: readonly Word[], used: number): void {
    const { f } = this;
    const carry = f.i64();
    let set = used;
    for (const [i, x] of a.entries()) {
      for (const [j, y] of b.entries()) {
        let sum = f.arithmetic.mulU(x, y);
        // (2^64 − 1)^2 + 2 (2^64 − 1) = 2^128 − 1: a product and two words fit.
        if (i + j < set) sum = sum.add(t[i + j]!);
        if (j > 0) sum = sum.add(carry);
        f.split(sum, t[i + j]!, carry);
      }
      let at = i + b.length;
      for (; at < set; at++) this.addCarry(t[at]!, carry, t[at]!);
      if (at < t.length) {
        t[at]!.set(carry);
        set = at + 1;
      }
    }
  }
}
