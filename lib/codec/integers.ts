/**
 * Integers of a fixed width, in the byte order of either encoding. Signed ones are two's complement; those of more than
 * 32 bits are bigint.
 *
 * @module
 */
import { badValue, type Codec } from "./codec.ts";
import { CodecError } from "./error.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** The codec of an integer, which also says what fits into it. */
export interface IntegerCodec<T extends number | bigint> extends Codec<T> {
  /** As many as {@link Codec.minSize}: the width is fixed. */
  readonly maxSize: number;
  readonly min: T;
  readonly max: T;
}

/** How a width is read and written. */
interface Width<T> {
  readonly type: string;
  readonly size: number;
  readonly min: T;
  readonly max: T;
  readonly read: (reader: Reader) => T;
  readonly write: (writer: Writer, value: T) => void;
}

/** An integer of at most 32 bits. */
function small({ type, size, min, max, read, write }: Width<number>): IntegerCodec<number> {
  return {
    ...{ type, minSize: size, maxSize: size, min, max, read },
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
  };
}

/** An integer of more than 32 bits. */
function wide({ type, size, min, max, read, write }: Width<bigint>): IntegerCodec<bigint> {
  return {
    ...{ type, minSize: size, maxSize: size, min, max, read },
    write(writer, value) {
      if (typeof value !== "bigint" || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
  };
}

/** One byte, 0 … 255. */
export const u8: IntegerCodec<number> = small({
  ...{ type: "u8", size: 1, min: 0, max: 0xff },
  read: (reader) => reader.u8(),
  write: (writer, value) => writer.u8(value),
});

/** One byte, −128 … 127. */
export const i8: IntegerCodec<number> = small({
  ...{ type: "i8", size: 1, min: -0x80, max: 0x7f },
  read: (reader) => (reader.u8() << 24) >> 24,
  write: (writer, value) => writer.u8(value & 0xff),
});

/** Two bytes, big-endian, 0 … 65535. */
export const u16Be: IntegerCodec<number> = small({
  ...{ type: "u16", size: 2, min: 0, max: 0xffff },
  read: (reader) => reader.u16(),
  write: (writer, value) => writer.u16(value),
});

/** Two bytes, big-endian, −32768 … 32767. */
export const i16Be: IntegerCodec<number> = small({
  ...{ type: "i16", size: 2, min: -0x8000, max: 0x7fff },
  read: (reader) => (reader.u16() << 16) >> 16,
  write: (writer, value) => writer.u16(value & 0xffff),
});

const U32_MAX = 0xffff_ffff;

/** Four bytes, big-endian, 0 … 2^32 − 1. */
export const u32Be: IntegerCodec<number> = small({
  ...{ type: "u32", size: 4, min: 0, max: U32_MAX },
  read: (reader) => reader.u32(),
  write: (writer, value) => writer.u32(value),
});

/** Four bytes, little-endian, 0 … `max`; more is {@link CodecError} `limit`. */
export function u32LeMax(max: number): IntegerCodec<number> {
  return small({
    ...{ type: max === U32_MAX ? "u32" : `u32<${max}>`, size: 4, min: 0, max },
    read(reader) {
      const value = reader.u32Le();
      if (value > max) throw new CodecError("limit", `${value} where ${max} is the most`, reader.offset - 4);
      return value;
    },
    write: (writer, value) => writer.u32Le(value),
  });
}

/** Four bytes, little-endian, 0 … 2^32 − 1. */
export const u32Le: IntegerCodec<number> = u32LeMax(U32_MAX);

const I32 = { type: "i32", size: 4, min: -0x8000_0000, max: 0x7fff_ffff } as const;

/** Four bytes, big-endian, −2^31 … 2^31 − 1. */
export const i32Be: IntegerCodec<number> = small({
  ...I32,
  read: (reader) => reader.u32() | 0,
  write: (writer, value) => writer.u32(value >>> 0),
});

/** Four bytes, little-endian, −2^31 … 2^31 − 1. */
export const i32Le: IntegerCodec<number> = small({
  ...I32,
  read: (reader) => reader.u32Le() | 0,
  write: (writer, value) => writer.u32Le(value >>> 0),
});

const U64_MAX = (1n << 64n) - 1n;
const U64 = { type: "u64", size: 8, min: 0n, max: U64_MAX } as const;
const I64 = { type: "i64", size: 8, min: -(1n << 63n), max: (1n << 63n) - 1n } as const;

/** Eight bytes, big-endian, 0 … 2^64 − 1. */
export const u64Be: IntegerCodec<bigint> = wide({
  ...U64,
  read: (reader) => reader.u64(),
  write: (writer, value) => writer.u64(value),
});

/** Eight bytes, little-endian, 0 … 2^64 − 1. */
export const u64Le: IntegerCodec<bigint> = wide({
  ...U64,
  read: (reader) => reader.u64Le(),
  write: (writer, value) => writer.u64Le(value),
});

/** Eight bytes, big-endian, −2^63 … 2^63 − 1. */
export const i64Be: IntegerCodec<bigint> = wide({
  ...I64,
  read: (reader) => BigInt.asIntN(64, reader.u64()),
  write: (writer, value) => writer.u64(BigInt.asUintN(64, value)),
});

/** Eight bytes, little-endian, −2^63 … 2^63 − 1. */
export const i64Le: IntegerCodec<bigint> = wide({
  ...I64,
  read: (reader) => BigInt.asIntN(64, reader.u64Le()),
  write: (writer, value) => writer.u64Le(BigInt.asUintN(64, value)),
});

/** Sixteen bytes, big-endian, 0 … 2^128 − 1. */
export const u128Be: IntegerCodec<bigint> = wide({
  ...{ type: "u128", size: 16, min: 0n, max: (1n << 128n) - 1n },
  read(reader) {
    reader.need(16);
    const high = reader.u64();
    const low = reader.u64();
    return high === 0n ? low : (high << 64n) | low;
  },
  write(writer, value) {
    writer.u64(value >> 64n);
    writer.u64(value & U64_MAX);
  },
});
