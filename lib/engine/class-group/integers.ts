/**
 * Long integers in memory, as sign and magnitude: how many words there are, negative for a number below 0, and then the words,
 * lowest first, of which the highest is not 0. Everything here takes any lengths that fit.
 *
 * @module
 */
import {
  type Callable,
  type Fn,
  I32,
  I64,
  type Int,
  type Local32,
  type Module,
  Pointer,
  select,
} from "../assembler/mod.ts";
import { division } from "./division.ts";

/**
 * Words of a number at most. The largest number that forms of 1,024 bits lead to is a product of 24 words (a cofactor by `c` in
 * a composition); longer ones end the call as an error.
 */
export const WORDS_MAX = 31;
/** Where the words begin, and the bytes of a place. */
export const WORDS_AT = 8;
export const NUMBER_BYTES = WORDS_AT + 8 * WORDS_MAX;

/** Sets a place for a number aside; its address. */
export const numberPlace = (module: Module): number => module.scratch(NUMBER_BYTES).base as number;

/** The address at which {@link WORDS_AT} bytes further word `i` lies. */
export const wordAddress = (number: Int, i: Int): I32 => I32.of(number).add(I32.of(i).shl(3));
/** The word at such an address, or `step` words further. */
export const wordAt = (address: Int, step = 0): Pointer => new Pointer(address, WORDS_AT + 8 * step);

/** How many words a number has, and all ones when it is below 0. */
export function sizeOf(f: Fn, number: Int): { readonly count: Local32; readonly sign: Local32 } {
  const count = f.let32(new Pointer(number).int);
  const sign = f.let32(count.shrS(31));
  count.set(count.xor(sign).sub(sign));
  return { count, sign };
}

/** Makes so many words of a number 0, from a local on, which ends there. */
export function clearWords(f: Fn, number: Int, from: Local32, below: Int): void {
  f.while(() => from.ltS(below), () => {
    f.put(wordAt(wordAddress(number, from)).storeWord(0n));
    from.set(from.add(1));
  });
}

/** Ends the call when a number would not fit into its place. */
export function mustFit(f: Fn, words: I32): void {
  f.if(words.gtU(WORDS_MAX), () => f.trap());
}

/** The functions of long integers. Numbers are given by their addresses. */
export interface Integers {
  /** Says that a number has so many words or fewer, and whether it is below 0 (not 0). */
  readonly trim: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  readonly copy: Callable<readonly ["i32", "i32"], readonly []>;
  /** A number of one word. */
  readonly setWord: Callable<readonly ["i32", "i64"], readonly []>;
  readonly negate: Callable<readonly ["i32"], readonly []>;
  /** The product, in another place than the factors. */
  readonly mul: Callable<readonly ["i32", "i32", "i32"], readonly []>;
  /** The first += the second times an unsigned word, or −= when the last argument is not 0 (but 1, or all ones). */
  readonly addMul: Callable<readonly ["i32", "i32", "i64", "i32"], readonly []>;
  readonly add: (to: Int, a: Int) => ReturnType<Integers["addMul"]>;
  readonly sub: (to: Int, a: Int) => ReturnType<Integers["addMul"]>;
  /** Compares magnitudes: −1, 0 or 1. */
  readonly compare: Callable<readonly ["i32", "i32"], readonly ["i32"]>;
  /** Half of a number, rounded towards 0. */
  readonly halve: Callable<readonly ["i32"], readonly []>;
  /**
   * Quotient, rounded towards 0, and rest with the sign of the dividend. They may be the dividend or the divisor, but not
   * each other. A divisor of 0 is an error.
   */
  readonly divide: Callable<readonly ["i32", "i32", "i32", "i32"], readonly []>;
  /** The rest from 0 up, for a divisor above 0. */
  readonly modulo: Callable<readonly ["i32", "i32", "i32"], readonly []>;
}

/** Makes them. */
export function integers(module: Module): Integers {
  const trim: Integers["trim"] = module.fn(
    { params: ["i32", "i32", "i32"], results: [] },
    (f, number, words, isNegative) => {
      f.while(() => words, (end) => {
        f.branch(end, wordAt(wordAddress(number, words), -1).word.ne(0n));
        words.set(words.sub(1));
      });
      f.put(new Pointer(number).storeInt(select(isNegative, f.let32(0).sub(words), words)));
    },
  );
  const copy: Integers["copy"] = module.fn({ params: ["i32", "i32"], results: [] }, (f, to, from) => {
    const { count } = sizeOf(f, from);
    f.put(new Pointer(to).storeInt(new Pointer(from).int));
    f.while(() => count, () => {
      f.put(wordAt(to).storeWord(wordAt(from).word));
      to.set(to.add(8));
      from.set(from.add(8));
      count.set(count.sub(1));
    });
  });
  const setWord: Integers["setWord"] = module.fn({ params: ["i32", "i64"], results: [] }, (f, to, word) => {
    f.put(wordAt(to).storeWord(word), new Pointer(to).storeInt(word.ne(0n)));
  });
  const negate: Integers["negate"] = module.fn({ params: ["i32"], results: [] }, (f, number) => {
    f.put(new Pointer(number).storeInt(f.let32(0).sub(new Pointer(number).int)));
  });
  const addMul = addMulOf(module, trim);
  const divide = division(module, { trim, copy });
  const quotient = numberPlace(module);
  return {
    trim,
    copy,
    setWord,
    negate,
    mul: mulOf(module, trim),
    addMul,
    add: (to, a) => addMul(I32.of(to), I32.of(a), 1n, 0),
    sub: (to, a) => addMul(I32.of(to), I32.of(a), 1n, 1),
    compare: module.fn({ params: ["i32", "i32"], results: ["i32"] }, (f, a, b) => {
      const { count } = sizeOf(f, a);
      const [x, y] = [f.i64(), f.i64()];
      const other = sizeOf(f, b).count;
      f.if(count.ne(other), () => f.return(select(count.ltS(other), f.let32(-1), f.let32(1))));
      f.while(() => count, () => {
        count.set(count.sub(1));
        x.set(wordAt(wordAddress(a, count)).word);
        y.set(wordAt(wordAddress(b, count)).word);
        f.if(x.ne(y), () => f.return(select(x.ltU(y), f.let32(-1), f.let32(1))));
      });
      return count;
    }),
    halve: module.fn({ params: ["i32"], results: [] }, (f, number) => {
      const { count, sign } = sizeOf(f, number);
      const i = f.i32();
      const at = f.let32(number);
      f.while(() => i.ltS(count), () => {
        const low = wordAt(at).word.shrU(1n);
        const isLast = i.add(1).eq(count);
        f.put(wordAt(at).storeWord(low.or(select(isLast, f.let64(0n), wordAt(at, 1).word.shl(63n)))));
        at.set(at.add(8));
        i.set(i.add(1));
      });
      f.put(trim(number, count, sign));
    }),
    divide,
    modulo: module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, rest, a, divisor) => {
      f.put(divide(quotient, rest, a, divisor));
      f.if(new Pointer(rest).int.ltS(0), () => f.put(addMul(rest, divisor, 1n, 0)));
    }),
  };
}

/** Rows of products, the longer factor along the row. */
function mulOf(module: Module, trim: Integers["trim"]): Integers["mul"] {
  return module.fn({ params: ["i32", "i32", "i32"], results: [] }, (f, to, a, b) => {
    const [x, y] = [sizeOf(f, a), sizeOf(f, b)];
    const isNegative = f.let32(x.sign.xor(y.sign));
    const [first, second, other] = [x.count, y.count, f.i32()];
    f.if(first.isZero().or(second.isZero()), () => {
      f.put(new Pointer(to).storeInt(0));
      f.return();
    });
    f.if(first.ltS(second), () => {
      for (const [one, two] of [[a, b], [first, second]] as const) {
        other.set(one);
        one.set(two);
        two.set(other);
      }
    });
    const words = f.let32(first.add(second));
    mustFit(f, words);
    const end = f.let32(wordAddress(a, first));
    const [row, rowEnd, from, at] = [f.let32(to), f.let32(wordAddress(to, second)), f.i32(), f.i32()];
    const [factor, carry, low] = [f.i64(), f.i64(), f.i64()];
    const step = (k: number, isFirstRow: boolean) => {
      const product = f.arithmetic.mulU(wordAt(from, k).word, factor);
      f.split((isFirstRow ? product : product.add(wordAt(at, k).word)).add(carry), low, carry);
      f.put(wordAt(at, k).storeWord(low));
    };
    const advance = (count: number) => {
      at.set(at.add(8 * count));
      from.set(from.add(8 * count));
    };
    const begin = () => {
      factor.set(wordAt(b).word);
      from.set(a);
      at.set(row);
      carry.set(0n);
    };
    begin();
    f.loop((again) => {
      step(0, true);
      advance(1);
      f.branch(again, from.ne(end));
    });
    f.put(wordAt(at).storeWord(carry));
    f.loop((again) => {
      row.set(row.add(8));
      f.if(row.ne(rowEnd), () => {
        b.set(b.add(8));
        begin();
        f.if(first.and(1), () => {
          step(0, false);
          advance(1);
        });
        f.while(() => from.ne(end), () => {
          step(0, false);
          step(1, false);
          advance(2);
        });
        f.put(wordAt(at).storeWord(carry));
        f.branch(again);
      });
    });
    f.put(trim(to, words, isNegative));
  });
}

function addMulOf(module: Module, trim: Integers["trim"]): Integers["addMul"] {
  return module.fn(
    { params: ["i32", "i32", "i64", "i32"], results: [] },
    (f, to, a, factor, isSubtracted) => {
      const [sum, added] = [sizeOf(f, to), sizeOf(f, a)];
      const sign = f.let32(added.sign.xor(I32.of(0).sub(isSubtracted.ne(0))));
      f.if(added.count.isZero().or(factor.isZero()), () => f.return());
      const words = f.let32(added.count.add(1));
      f.if(words.ltS(sum.count), () => words.set(sum.count));
      // One more for the carry.
      mustFit(f, words.add(1));
      clearWords(f, to, sum.count, words);
      const [at, from, carry, low, high] = [f.let32(to), f.let32(a), f.i64(), f.i64(), f.i64()];
      const [addedEnd, end] = [f.let32(wordAddress(a, added.count)), f.let32(wordAddress(to, words))];
      const product = () => f.arithmetic.mulU(wordAt(from).word, factor);
      const put = () => {
        f.put(wordAt(at).storeWord(low));
        at.set(at.add(8));
      };
      const here = () => f.arithmetic.single(wordAt(at).word);
      /** The carry counts what was borrowed. */
      const borrow = () => carry.set(I64.of(0n).sub(high));
      f.if(sum.sign.eq(sign), () => {
        f.loop((again) => {
          f.split(product().add(wordAt(at).word).add(carry), low, carry);
          put();
          from.set(from.add(8));
          f.branch(again, from.ne(addedEnd));
        });
        f.while(() => at.ne(end), () => {
          f.split(here().add(carry), low, carry);
          put();
        });
        f.if(carry.ne(0n), () => {
          f.put(wordAt(at).storeWord(carry));
          words.set(words.add(1));
        });
      }, () => {
        f.loop((again) => {
          f.split(here().sub(product().add(carry)), low, high);
          borrow();
          put();
          from.set(from.add(8));
          f.branch(again, from.ne(addedEnd));
        });
        f.while(() => at.ne(end), () => {
          f.split(here().sub(carry), low, high);
          borrow();
          put();
        });
        // Below 0: the other sign, and what is missing to 2^(64 words).
        f.if(carry.ne(0n), () => {
          sum.sign.set(sum.sign.xor(-1));
          carry.set(0n);
          at.set(to);
          f.loop((again) => {
            f.split(f.arithmetic.single(0n).sub(here().add(carry)), low, high);
            borrow();
            put();
            f.branch(again, at.ne(end));
          });
        });
      });
      f.put(trim(to, words, sum.sign));
    },
  );
}
