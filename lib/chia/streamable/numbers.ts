/**
 * Integers and booleans. All integers are big-endian, signed ones two's complement.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import { badJson, badValue, type Codec, type Json } from "./codec.ts";

interface Width<T> {
  readonly type: string;
  readonly size: number;
  readonly min: T;
  readonly max: T;
  readonly read: (reader: Reader) => T;
  readonly write: (writer: Writer, value: T) => void;
}

/** An integer of at most 32 bits. */
function small({ type, size, min, max, read, write }: Width<number>): Codec<number> {
  return {
    type,
    minSize: size,
    read,
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
    toJson: (value) => value,
    fromJson(json) {
      const value = Number(integerOf(type, json));
      if (value < min || value > max) throw badJson(type, json);
      return value;
    },
  };
}

/** An integer of more than 32 bits. */
function wide({ type, size, min, max, read, write }: Width<bigint>): Codec<bigint> {
  return {
    type,
    minSize: size,
    read,
    write(writer, value) {
      if (typeof value !== "bigint" || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
    toJson: (value) => value <= SAFE_MAX && value >= -SAFE_MAX ? Number(value) : value,
    fromJson(json) {
      const value = integerOf(type, json);
      if (value < min || value > max) throw badJson(type, json);
      return value;
    },
  };
}

const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** An exact integer from JSON: a safe number, a bigint, or decimal text as other clients send it. */
function integerOf(type: string, json: Json): bigint {
  if (typeof json === "bigint") return json;
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json === "string" && /^-?[0-9]{1,39}$/.test(json)) return BigInt(json);
  throw badJson(type, json);
}

/** One byte, 0 … 255. */
export const u8: Codec<number> = small({
  type: "u8",
  size: 1,
  min: 0,
  max: 0xff,
  read: (reader) => reader.u8(),
  write: (writer, value) => writer.u8(value),
});

/** Two bytes, 0 … 65535. */
export const u16: Codec<number> = small({
  type: "u16",
  size: 2,
  min: 0,
  max: 0xffff,
  read: (reader) => reader.u16(),
  write: (writer, value) => writer.u16(value),
});

/** Four bytes, 0 … 2^32 − 1. */
export const u32: Codec<number> = small({
  type: "u32",
  size: 4,
  min: 0,
  max: 0xffff_ffff,
  read: (reader) => reader.u32(),
  write: (writer, value) => writer.u32(value),
});

/** Eight bytes, 0 … 2^64 − 1, as bigint. */
export const u64: Codec<bigint> = wide({
  type: "u64",
  size: 8,
  min: 0n,
  max: (1n << 64n) - 1n,
  read: (reader) => reader.u64(),
  write: (writer, value) => writer.u64(value),
});

/** Sixteen bytes, 0 … 2^128 − 1, as bigint. */
export const u128: Codec<bigint> = wide({
  type: "u128",
  size: 16,
  min: 0n,
  max: (1n << 128n) - 1n,
  read(reader) {
    reader.need(16);
    const high = reader.u64();
    const low = reader.u64();
    return high === 0n ? low : (high << 64n) | low;
  },
  write(writer, value) {
    writer.u64(value >> 64n);
    writer.u64(value & 0xffff_ffff_ffff_ffffn);
  },
});

/** One byte, −128 … 127. */
export const i8: Codec<number> = small({
  type: "i8",
  size: 1,
  min: -0x80,
  max: 0x7f,
  read: (reader) => (reader.u8() << 24) >> 24,
  write: (writer, value) => writer.u8(value & 0xff),
});

/** Two bytes, −32768 … 32767. */
export const i16: Codec<number> = small({
  type: "i16",
  size: 2,
  min: -0x8000,
  max: 0x7fff,
  read: (reader) => (reader.u16() << 16) >> 16,
  write: (writer, value) => writer.u16(value & 0xffff),
});

/** Four bytes, −2^31 … 2^31 − 1. */
export const i32: Codec<number> = small({
  type: "i32",
  size: 4,
  min: -0x8000_0000,
  max: 0x7fff_ffff,
  read: (reader) => reader.u32() | 0,
  write: (writer, value) => writer.u32(value >>> 0),
});

/** Eight bytes, −2^63 … 2^63 − 1, as bigint. */
export const i64: Codec<bigint> = wide({
  type: "i64",
  size: 8,
  min: -(1n << 63n),
  max: (1n << 63n) - 1n,
  read: (reader) => BigInt.asIntN(64, reader.u64()),
  write: (writer, value) => writer.u64(BigInt.asUintN(64, value)),
});

/** One byte, 00 or 01; any other is an error. */
export const bool: Codec<boolean> = {
  type: "bool",
  minSize: 1,
  read(reader) {
    const byte = reader.u8();
    if (byte > 1) throw new CodecError("bool", `byte ${byte} is not a bool`, reader.offset - 1);
    return byte === 1;
  },
  write(writer, value) {
    if (typeof value !== "boolean") throw badValue("bool", value);
    writer.u8(value ? 1 : 0);
  },
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json !== "boolean") throw badJson("bool", json);
    return json;
  },
};
