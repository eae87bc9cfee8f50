/**
 * Products in the field of secp256k1 for engines without wide arithmetic: ten words of 26 bits, whose columns fit 64 bits.
 *
 * @module
 */
import { I64, type Local64 } from "../assembler/mod.ts";
import { C, type Element, type Field } from "./field.ts";

const BITS = 26;
const MASK = (1n << 26n) - 1n;
/** 2^260 = 16 C = 2^36 + 0x3d10 modulo p: 2^10 words up by one, and this. */
const LOW = 0x3d10n;
const UP = 1n << 10n;
/** Bits of the tenth word below 2^256. */
const TOP_BITS = 22n;

/** r = a · b; squares are done with fewer products when b is a. */
export function mulNarrow(field: Field, r: Element, a: Element, b: Element): void {
  const { f } = field;
  const words = (value: Element) =>
    Array.from({ length: 10 }, (_, i) => {
      const [word, shift] = [BITS * i >> 6, BITS * i & 63];
      let part: I64 = value[word]!.shrU(BigInt(shift));
      if (shift > 64 - BITS && word < 3) part = part.or(value[word + 1]!.shl(BigInt(64 - shift)));
      return f.let64(i < 9 ? part.and(MASK) : part);
    });
  const isSquare = a === b;
  const x = words(a);
  const y = isSquare ? x : words(b);
  const twice = isSquare ? x.slice(0, 9).map((word) => f.let64(word.shl(1n))) : [];
  /** The sum of all products of weight 2^(26 k): at most ten of 52 bits, so below 2^56. */
  const column = (k: number): I64 => {
    const parts: I64[] = [];
    for (let i = Math.max(0, k - 9); i <= Math.min(9, k); i++) {
      const j = k - i;
      if (!isSquare) parts.push(x[i]!.mul(y[j]!));
      else if (i < j) parts.push(twice[i]!.mul(x[j]!));
      else if (i === j) parts.push(x[i]!.mul(x[i]!));
    }
    return parts.reduce((sum, part) => sum.add(part));
  };

  // Words 10 to 19 of the product, 26 bits each but for the last one.
  const high = f.i64s(10);
  const sum = f.let64(column(10));
  for (let k = 0; k < 9; k++) {
    high[k]!.set(sum.and(MASK));
    sum.set(k < 8 ? column(11 + k).add(sum.shrU(26n)) : sum.shrU(26n));
  }
  high[9]!.set(sum);

  // Words 0 to 9, with what the upper ones are worth: each column stays below 2^60.
  const low = f.i64s(10);
  for (let k = 0; k < 10; k++) {
    let next = column(k).add(high[k]!.mul(LOW));
    if (k > 0) next = next.add(high[k - 1]!.mul(UP)).add(sum.shrU(26n));
    sum.set(next);
    low[k]!.set(sum.and(k < 9 ? MASK : (1n << TOP_BITS) - 1n));
  }
  // Above 2^256 stand the rest of the last column, below 2^42, and word 9 of the upper ones times 2^10, at 2^260.
  const top = f.let64(sum.shrU(TOP_BITS).add(high[9]!.shl(14n)));
  // top · C = top · 977 + top · 2^32, in two pieces of 26 bits and more.
  const [near, far] = [f.let64(top.and(MASK)), f.let64(top.shrU(26n))];
  low[0]!.set(low[0]!.add(near.mul(977n)));
  low[1]!.set(low[1]!.add(far.mul(977n)).add(near.shl(6n)));
  low[2]!.set(low[2]!.add(far.shl(6n)));
  for (let i = 0; i < 9; i++) {
    low[i + 1]!.set(low[i + 1]!.add(low[i]!.shrU(26n)));
    low[i]!.set(low[i]!.and(MASK));
  }
  pack(r, low);
  // With a carry, 1 at most, r is below 2^76: what it is worth ends in the second word.
  const carry = f.let64(low[9]!.shrU(TOP_BITS).mul(C));
  r[0]!.set(r[0]!.add(carry));
  r[1]!.set(r[1]!.add(r[0]!.ltU(carry).extendU()));
}

/** Four words of 64 bits out of ten of 26; bits above 2^256 are dropped. */
function pack(r: Element, words: readonly Local64[]): void {
  r.forEach((word, at) => {
    const parts: I64[] = [];
    words.forEach((part, i) => {
      const shift = BITS * i - 64 * at;
      if (shift <= -BITS || shift >= 64) return;
      parts.push(shift >= 0 ? part.shl(BigInt(shift)) : part.shrU(BigInt(-shift)));
    });
    word.set(parts.reduce((all, part) => all.or(part)));
  });
}
