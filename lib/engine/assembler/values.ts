/**
 * Values of WebAssembly's stack as expressions: written down once, they are code that leaves the value there. Integers of
 * 32 bits ({@link I32}) are addresses, counts and conditions; those of 64 bits ({@link I64}) are the words of long numbers;
 * two words together ({@link Wide}) are what a product or a sum of words comes to.
 *
 * An expression that is used twice is computed twice: what is wanted again is put into a local.
 *
 * @see WebAssembly core specification 4.3 (numerics); the wide-arithmetic proposal
 * @module
 */
import { type Code, signed, unsigned } from "./bytes.ts";

/** The types of values, by the byte that stands for them. */
export const Type = { i32: 0x7f, i64: 0x7e } as const;
/** The name of a type. */
export type Type = keyof typeof Type;

/** A 32-bit value, or the constant that is one. */
export type Int = I32 | number;
/** A 64-bit value, or the constant that is one, taken modulo 2^64. */
export type Word = I64 | bigint;

/** 32 bits. Names with `U` take them for unsigned, those with `S` for signed; comparisons give 0 or 1. */
export class I32 {
  readonly type = "i32";
  readonly code: Code;

  constructor(code: Code) {
    this.code = code;
  }

  /** A value as an expression. */
  static of(value: Int): I32 {
    return typeof value === "number" ? new I32([0x41, signed(BigInt(value | 0))]) : value;
  }

  #with(other: Int, operation: number): I32 {
    return new I32([this.code, I32.of(other).code, operation]);
  }

  add(other: Int): I32 {
    return this.#with(other, 0x6a);
  }
  sub(other: Int): I32 {
    return this.#with(other, 0x6b);
  }
  mul(other: Int): I32 {
    return this.#with(other, 0x6c);
  }
  /** The quotient; a divisor of 0 traps. */
  divU(other: Int): I32 {
    return this.#with(other, 0x6e);
  }
  and(other: Int): I32 {
    return this.#with(other, 0x71);
  }
  or(other: Int): I32 {
    return this.#with(other, 0x72);
  }
  xor(other: Int): I32 {
    return this.#with(other, 0x73);
  }
  /** Shifts take their count modulo 32. */
  shl(count: Int): I32 {
    return this.#with(count, 0x74);
  }
  shrS(count: Int): I32 {
    return this.#with(count, 0x75);
  }
  shrU(count: Int): I32 {
    return this.#with(count, 0x76);
  }
  rotl(count: Int): I32 {
    return this.#with(count, 0x77);
  }
  rotr(count: Int): I32 {
    return this.#with(count, 0x78);
  }
  eq(other: Int): I32 {
    return this.#with(other, 0x46);
  }
  ne(other: Int): I32 {
    return this.#with(other, 0x47);
  }
  ltS(other: Int): I32 {
    return this.#with(other, 0x48);
  }
  ltU(other: Int): I32 {
    return this.#with(other, 0x49);
  }
  gtS(other: Int): I32 {
    return this.#with(other, 0x4a);
  }
  gtU(other: Int): I32 {
    return this.#with(other, 0x4b);
  }
  leS(other: Int): I32 {
    return this.#with(other, 0x4c);
  }
  leU(other: Int): I32 {
    return this.#with(other, 0x4d);
  }
  geS(other: Int): I32 {
    return this.#with(other, 0x4e);
  }
  geU(other: Int): I32 {
    return this.#with(other, 0x4f);
  }
  /** Whether it is 0. */
  isZero(): I32 {
    return new I32([this.code, 0x45]);
  }
  /** The same number in 64 bits. */
  extendU(): I64 {
    return new I64([this.code, 0xad]);
  }
  extendS(): I64 {
    return new I64([this.code, 0xac]);
  }
}

/** 64 bits. Names with `U` take them for unsigned, those with `S` for signed; comparisons give an {@link I32} of 0 or 1. */
export class I64 {
  readonly type = "i64";
  readonly code: Code;

  constructor(code: Code) {
    this.code = code;
  }

  /** A value as an expression. */
  static of(value: Word): I64 {
    return typeof value === "bigint" ? new I64([0x42, signed(BigInt.asIntN(64, value))]) : value;
  }

  #with(other: Word, operation: number): I64 {
    return new I64([this.code, I64.of(other).code, operation]);
  }
  #compare(other: Word, operation: number): I32 {
    return new I32([this.code, I64.of(other).code, operation]);
  }

  add(other: Word): I64 {
    return this.#with(other, 0x7c);
  }
  sub(other: Word): I64 {
    return this.#with(other, 0x7d);
  }
  /** The low word of the product; {@link Arithmetic.mulU} has both. */
  mul(other: Word): I64 {
    return this.#with(other, 0x7e);
  }
  /** The quotient; a divisor of 0 traps. */
  divU(other: Word): I64 {
    return this.#with(other, 0x80);
  }
  remU(other: Word): I64 {
    return this.#with(other, 0x82);
  }
  and(other: Word): I64 {
    return this.#with(other, 0x83);
  }
  or(other: Word): I64 {
    return this.#with(other, 0x84);
  }
  xor(other: Word): I64 {
    return this.#with(other, 0x85);
  }
  /** Shifts take their count modulo 64. */
  shl(count: Word): I64 {
    return this.#with(count, 0x86);
  }
  shrS(count: Word): I64 {
    return this.#with(count, 0x87);
  }
  shrU(count: Word): I64 {
    return this.#with(count, 0x88);
  }
  eq(other: Word): I32 {
    return this.#compare(other, 0x51);
  }
  ne(other: Word): I32 {
    return this.#compare(other, 0x52);
  }
  ltS(other: Word): I32 {
    return this.#compare(other, 0x53);
  }
  ltU(other: Word): I32 {
    return this.#compare(other, 0x54);
  }
  gtS(other: Word): I32 {
    return this.#compare(other, 0x55);
  }
  gtU(other: Word): I32 {
    return this.#compare(other, 0x56);
  }
  leS(other: Word): I32 {
    return this.#compare(other, 0x57);
  }
  leU(other: Word): I32 {
    return this.#compare(other, 0x58);
  }
  geS(other: Word): I32 {
    return this.#compare(other, 0x59);
  }
  geU(other: Word): I32 {
    return this.#compare(other, 0x5a);
  }
  /** Whether it is 0. */
  isZero(): I32 {
    return new I32([this.code, 0x50]);
  }
  /** Zero bits above the highest one bit; 64 for 0. */
  leadingZeros(): I64 {
    return new I64([this.code, 0x79]);
  }
  /** Zero bits below the lowest one bit; 64 for 0. */
  trailingZeros(): I64 {
    return new I64([this.code, 0x7a]);
  }
  /** The low 32 bits. */
  low(): I32 {
    return new I32([this.code, 0xa7]);
  }
  /** All ones where the condition (0 or 1) is 1, else 0. */
  static mask(condition: I32): I64 {
    return I64.of(0n).sub(condition.extendU());
  }
}

/** The expression of a type. */
export interface ValueOf {
  readonly i32: I32;
  readonly i64: I64;
}

/** `condition` is 0: `otherwise`; else `value`. Both are computed. */
export function select<V extends I32 | I64>(condition: I32, value: V, otherwise: V): V {
  const code: Code = [value.code, otherwise.code, condition.code, 0x1b];
  return (value.type === "i32" ? new I32(code) : new I64(code)) as V;
}

/** A place in memory: an address, known now or at run time, and so many bytes after it. */
export class Pointer {
  readonly base: Int;
  readonly offset: number;

  constructor(base: Int, offset = 0) {
    this.base = base;
    this.offset = offset;
  }

  /** So many bytes further. */
  at(bytes: number): Pointer {
    return new Pointer(this.base, this.offset + bytes);
  }

  /** The element of an array at this place, by its number. */
  element(index: Int, size: number): Pointer {
    if (typeof index === "number") return this.at(index * size);
    return new Pointer(I32.of(this.base).add(index.mul(size)), this.offset);
  }

  /** As an address. */
  get address(): I32 {
    if (typeof this.base === "number") return I32.of(this.base + this.offset);
    return this.offset === 0 ? this.base : this.base.add(this.offset);
  }

  /** An address that is known now is one constant, so that nothing is added at run time. */
  #access(operation: number, align: number, value?: Code): Code {
    const known = typeof this.base === "number";
    // An instruction has room for an offset of 0 and more; one below is added before.
    const base = known ? I32.of(0) : this.offset < 0 ? this.address : this.base as I32;
    const offset = known ? (this.base as number) + this.offset : Math.max(0, this.offset);
    return [base.code, value ?? [], operation, align, unsigned(offset)];
  }

  /** The word here. Bytes lie from the lowest to the highest. */
  get word(): I64 {
    return new I64(this.#access(0x29, 3));
  }
  /** Four bytes as an unsigned number. */
  get word32(): I64 {
    return new I64(this.#access(0x35, 2));
  }
  get int(): I32 {
    return new I32(this.#access(0x28, 2));
  }
  get int16(): I32 {
    return new I32(this.#access(0x2e, 1));
  }
  get byte(): I32 {
    return new I32(this.#access(0x2d, 0));
  }

  /** Code that puts a word here; a statement, see `Fn.put`. */
  storeWord(value: Word): Code {
    return this.#access(0x37, 3, I64.of(value).code);
  }
  storeInt(value: Int): Code {
    return this.#access(0x36, 2, I32.of(value).code);
  }
  storeInt16(value: Int): Code {
    return this.#access(0x3b, 1, I32.of(value).code);
  }
  storeByte(value: Int): Code {
    return this.#access(0x3a, 0, I32.of(value).code);
  }
}
