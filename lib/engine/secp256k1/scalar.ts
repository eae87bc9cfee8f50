/**
 * Numbers modulo n, the order of secp256k1's group, as four words in memory, below n unless said otherwise; and a scalar
 * taken apart for the sum of multiples: into two halves by the curve's endomorphism, and into signed digits.
 *
 * @see SEC 2 section 2.4.1; Gallant, Lambert, Vanstone, "Faster Point Multiplication on Elliptic Curves with Efficient
 *   Endomorphisms" (2001)
 * @module
 */
import { type Callable, type Fn, I64, type Local64, type Module, Pointer } from "../assembler/mod.ts";
import { WordArithmetic, wordOf, type Words } from "../words.ts";

/** The group's order. */
export const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
/** 2^256 modulo n: 129 bits. */
const COMPLEMENT = 2n ** 256n - N;
/** A cube root of 1 modulo n: λ (x, y) is (β x, y). */
export const LAMBDA = 0x5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72n;
/** Of a short basis of the numbers (a, b) with a + b λ = 0 modulo n: −b of the first vector, b of the second. */
const B1 = 0xe4437ed6010e88286f547fa90abfe4c3n;
const B2 = 0x3086d221a7d46bcde86c90e49284eb15n;
/** Bytes of a scalar in memory. */
export const SCALAR_BYTES = 32;

/** A scalar in two halves, in memory: |k1| and |k2| as scalars, then whether each is negative, 0 or 1, four bytes each. */
export const HALVES = { first: 0, second: 32, firstIsNegative: 64, secondIsNegative: 68, bytes: 80 } as const;

/** Digits of one place: four of 16 bits, one of each stream that is summed. */
export const DIGIT_ROW_BYTES = 8;
/** Places that the digits of 129 bits can take. */
export const DIGIT_ROWS = 136;
/** Bits of the longest number that is taken into digits; more are looked for than it can have. */
const DIGIT_BITS = 130;

/** Operations on scalars at addresses. Results may lie where an operand does. */
export interface Scalars {
  /** r = a · b; the operands may be any number below 2^256. */
  readonly mul: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  /** r = a + b; the operands may be any number whose sum is below 2 n. */
  readonly add: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  /** r = −a. */
  readonly negate: Callable<readonly ["i32", "i32"], readonly []>;
  /** Whether a number is n or more. */
  readonly isOver: Callable<readonly ["i32"], readonly ["i32"]>;
  /** Takes k into {@link HALVES} at `out`: k = k1 + k2 λ, both below 2^128 but for their sign. */
  readonly halve: Callable<readonly ["i32", "i32"], readonly []>;
  /**
   * Writes the signed odd digits of `bits` bits of the number at `k`, below 2^129, into the column at `column` of rows of
   * digits; negated when `isNegative` is 1. The number of the highest row that has one, and 1; 0 for the number 0.
   */
  readonly digits: Callable<readonly ["i32", "i32", "i32", "i32"], readonly ["i32"]>;
}

const load = (f: Fn, from: Pointer): Local64[] => [0, 1, 2, 3].map((i) => f.let64(from.at(8 * i).word));
const store = (f: Fn, to: Pointer, words: Words): void =>
  words.forEach((word, i) => f.put(to.at(8 * i).storeWord(word)));

/** a − n where a is n or more, or where `over` (0 or 1) counts another 2^256: then the sum with 2^256 − n carries, or did. */
function subtractOnce(words: WordArithmetic, a: Words, over: Local64): void {
  const { f } = words;
  const less = f.i64s(4);
  const carry = f.i64();
  a.forEach((word, i) => words.add(less[i]!, carry, word, wordOf(COMPLEMENT, i), i === 0));
  f.if(carry.or(over).ne(0n), () => a.forEach((word, i) => word.set(less[i]!)));
}

/** Makes the operations in a module. */
export function scalars(module: Module): Scalars {
  const arithmetic = (f: Fn) => new WordArithmetic(f, module.wide);
  const complement = [0, 1, 2].map((i) => wordOf(COMPLEMENT, i));

  const mul = module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, r, a, b) => {
    const words = arithmetic(f);
    const product = f.i64s(8);
    words.addProduct(product, load(f, new Pointer(a)), load(f, new Pointer(b)), 0);
    // What is above 2^256 counts 2^256 − n each time: 512 bits become 386, then 260, then 256 and a carry.
    const second = [...product.slice(0, 4), ...f.i64s(3)];
    words.addProduct(second, product.slice(4), complement, 4);
    const third = [...second.slice(0, 4), ...f.i64s(2)];
    words.addProduct(third, second.slice(4), complement, 4);
    const last = [...third.slice(0, 4), f.i64()];
    words.addProduct(last, [third[4]!], complement, 4);
    const result = last.slice(0, 4);
    subtractOnce(words, result, last[4]!);
    store(f, new Pointer(r), result);
  });

  const add = module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, r, a, b) => {
    const words = arithmetic(f);
    const [x, y] = [load(f, new Pointer(a)), load(f, new Pointer(b))];
    const carry = f.i64();
    x.forEach((word, i) => words.add(word, carry, word, y[i]!, i === 0));
    subtractOnce(words, x, carry);
    store(f, new Pointer(r), x);
  });

  const negate = module.fn({ params: ["i32", "i32"], results: [] }, (f, r, a) => {
    const words = arithmetic(f);
    const x = load(f, new Pointer(a)) as [Local64, Local64, Local64, Local64];
    const borrow = f.i64();
    // −0 is 0, not n.
    f.if(x[0].or(x[1]).or(x[2].or(x[3])).ne(0n), () => {
      x.forEach((word, i) => words.sub(word, borrow, wordOf(N, i), word, i === 0));
    });
    store(f, new Pointer(r), x);
  });

  const isOver = module.fn({ params: ["i32"], results: ["i32"] }, (f, a) => {
    const words = arithmetic(f);
    const [sum, carry] = [f.i64(), f.i64()];
    load(f, new Pointer(a)).forEach((word, i) => words.add(sum, carry, word, wordOf(COMPLEMENT, i), i === 0));
    return carry.low();
  });

  const halve = halving(module, { mul, add, negate });
  return { mul, add, negate, isOver, halve, digits: digits(module) };
}

/** How near k · B / n is to a whole number: k times this, divided by 2^384 and rounded. */
const quotient = (b: bigint): bigint => (b * 2n ** 385n / N + 1n) / 2n;

function halving(module: Module, { mul, add, negate }: Pick<Scalars, "mul" | "add" | "negate">): Scalars["halve"] {
  const [c1, c2, product] = ["c1", "c2", "product"].map((name) => module.reserve(`halve.${name}`, SCALAR_BYTES)) as [
    Pointer,
    Pointer,
    Pointer,
  ];
  const constant = (name: string, value: bigint) => {
    const bytes = Uint8Array.from({ length: 32 }, (_, i) => Number(value >> BigInt(8 * i) & 0xffn));
    return module.constant(`halve.${name}`, bytes);
  };
  const factors = {
    b1: constant("b1", B1),
    minusB2: constant("-b2", N - B2),
    minusLambda: constant("-lambda", N - LAMBDA),
  };

  return module.fn({ params: ["i32", "i32"], results: [] }, (f, k, out) => {
    const words = new WordArithmetic(f, module.wide);
    const number = load(f, new Pointer(k));
    for (const [at, factor] of [[c1, quotient(B2)], [c2, quotient(B1)]] as const) {
      const wide = f.i64s(8);
      const carry = f.let64(0n);
      words.addProduct(wide, number, [0, 1, 2, 3].map((i) => wordOf(factor, i)), 0);
      // Bit 383 rounds.
      carry.set(wide[5]!.shrU(63n));
      words.addCarry(wide[6]!, carry, wide[6]!);
      f.put(at.storeWord(wide[6]!), at.at(8).storeWord(wide[7]!.add(carry)));
      f.put(at.at(16).storeWord(0n), at.at(24).storeWord(0n));
    }
    const [first, second] = [new Pointer(out).at(HALVES.first), new Pointer(out).at(HALVES.second)];
    f.put(mul(c1, c1, factors.b1), mul(c2, c2, factors.minusB2), add(second, c1, c2));
    f.put(mul(product, second, factors.minusLambda), add(first, product, k));
    for (const [half, sign] of [[first, HALVES.firstIsNegative], [second, HALVES.secondIsNegative]] as const) {
      // A half is less than 2^128 away from 0 or from n.
      const isNegative = f.let32(half.at(24).word.ne(0n));
      f.if(isNegative, () => f.put(negate(half, half)));
      f.put(new Pointer(out).at(sign).storeInt(isNegative));
    }
  });
}

/**
 * The digits of a number from its lowest bit: where a one bit is met (a zero bit after a digit that was made negative, which
 * carries), the next `bits` bits become a digit from −2^(bits − 1) + 1 to 2^(bits − 1) − 1, always odd.
 */
function digits(module: Module): Scalars["digits"] {
  /** So many bits are read at once, from any bit of a byte on. */
  const AT_ONCE = 56;
  return module.fn({ params: ["i32", "i32", "i32", "i32"], results: ["i32"] }, (f, k, column, isNegative, bits) => {
    const [bit, carry, digit, rows] = [f.i32(), f.i32(), f.i32(), f.i32()];
    const skip = f.i64();
    const ahead = () => new Pointer(k.add(bit.shrU(3))).word.shrU(bit.and(7).extendU());
    f.loop((again) => {
      // Zeros until the next digit; with a carry, ones.
      const flipped = ahead().xor(I64.of(0n).sub(carry.extendU()));
      skip.set(flipped.or(1n << BigInt(AT_ONCE)).trailingZeros());
      bit.set(bit.add(skip.low()));
      f.branch(again, skip.low().eq(AT_ONCE).and(bit.ltU(DIGIT_BITS)));
      f.if(bit.ltU(DIGIT_BITS), () => {
        digit.set(ahead().low().and(f.let32(1).shl(bits).sub(1)).add(carry));
        carry.set(digit.shrU(bits.sub(1)).and(1));
        digit.set(digit.sub(carry.shl(bits)));
        f.if(isNegative, () => digit.set(f.let32(0).sub(digit)));
        f.put(new Pointer(column.add(bit.shl(3))).storeInt16(digit));
        rows.set(bit.add(1));
        bit.set(bit.add(bits));
        f.branch(again);
      });
    });
    return rows;
  });
}
