/**
 * Integers and booleans. Little-endian but for port numbers; signed ones in two's complement.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import { badValue, type Codec } from "./codec.ts";

interface Width<T> {
  readonly type: string;
  readonly size: number;
  readonly min: T;
  readonly max: T;
  readonly read: (reader: Reader) => T;
  readonly write: (writer: Writer, value: T) => void;
}

function small({ type, size, min, max, read, write }: Width<number>): Codec<number> {
  return {
    type,
    minSize: size,
    maxSize: size,
    read,
    write(writer, value) {
      if (!Number.isInteger(value) || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
  };
}

function wide({ type, size, min, max, read, write }: Width<bigint>): Codec<bigint> {
  return {
    type,
    minSize: size,
    maxSize: size,
    read,
    write(writer, value) {
      if (typeof value !== "bigint" || value < min || value > max) throw badValue(type, value);
      write(writer, value);
    },
  };
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

/** Two bytes, big-endian: the one thing on the wire that is, a port. */
export const port: Codec<number> = small({
  type: "u16be",
  size: 2,
  min: 0,
  max: 0xffff,
  read: (reader) => reader.u16(),
  write: (writer, value) => writer.u16(value),
});

/** Four bytes, 0 … 2^32 − 1. */
export const u32: Codec<number> = u32Max(0xffff_ffff);

/** Four bytes, 0 … `max`; more is {@link CodecError} `limit`. */
export function u32Max(max: number): Codec<number> {
  const type = max === 0xffff_ffff ? "u32" : `u32<${max}>`;
  return small({
    type,
    size: 4,
    min: 0,
    max,
    read(reader) {
      const value = reader.u32Le();
      if (value > max) throw new CodecError("limit", `${value} where ${max} is the most`, reader.offset - 4);
      return value;
    },
    write: (writer, value) => writer.u32Le(value),
  });
}

/** Four bytes, −2^31 … 2^31 − 1. */
export const i32: Codec<number> = small({
  type: "i32",
  size: 4,
  min: -0x8000_0000,
  max: 0x7fff_ffff,
  read: (reader) => reader.u32Le() | 0,
  write: (writer, value) => writer.u32Le(value >>> 0),
});

/** Eight bytes, 0 … 2^64 − 1, as bigint. */
export const u64: Codec<bigint> = wide({
  type: "u64",
  size: 8,
  min: 0n,
  max: (1n << 64n) - 1n,
  read: (reader) => reader.u64Le(),
  write: (writer, value) => writer.u64Le(value),
});

/** Eight bytes, −2^63 … 2^63 − 1, as bigint: amounts and times. */
export const i64: Codec<bigint> = wide({
  type: "i64",
  size: 8,
  min: -(1n << 63n),
  max: (1n << 63n) - 1n,
  read: (reader) => BigInt.asIntN(64, reader.u64Le()),
  write: (writer, value) => writer.u64Le(BigInt.asUintN(64, value)),
});

/** One byte; anything but 00 is true. */
export const bool: Codec<boolean> = {
  type: "bool",
  minSize: 1,
  maxSize: 1,
  read: (reader) => reader.u8() !== 0,
  write(writer, value) {
    if (typeof value !== "boolean") throw badValue("bool", value);
    writer.u8(value ? 1 : 0);
  },
};
