/**
 * Integers and booleans. All integers are big-endian, signed ones two's complement.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { i16Be, i32Be, i64Be, type IntegerCodec, u128Be, u16Be, u32Be, u64Be } from "../../codec/integers.ts";
import * as integers from "../../codec/integers.ts";
import type { Json } from "../../codec/json.ts";
import { badJson, badValue, type Codec } from "./codec.ts";

/** An integer of at most 32 bits with its JSON. */
function small(codec: IntegerCodec<number>): Codec<number> {
  const { type, minSize, min, max, read, write } = codec;
  return {
    ...{ type, minSize, read, write },
    toJson: (value) => value,
    fromJson(json) {
      const value = Number(integerOf(type, json));
      if (value < min || value > max) throw badJson(type, json);
      return value;
    },
  };
}

/** An integer of more than 32 bits with its JSON. */
function wide(codec: IntegerCodec<bigint>): Codec<bigint> {
  const { type, minSize, min, max, read, write } = codec;
  return {
    ...{ type, minSize, read, write },
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
export const u8: Codec<number> = small(integers.u8);
/** Two bytes, 0 … 65535. */
export const u16: Codec<number> = small(u16Be);
/** Four bytes, 0 … 2^32 − 1. */
export const u32: Codec<number> = small(u32Be);
/** Eight bytes, 0 … 2^64 − 1, as bigint. */
export const u64: Codec<bigint> = wide(u64Be);
/** Sixteen bytes, 0 … 2^128 − 1, as bigint. */
export const u128: Codec<bigint> = wide(u128Be);
/** One byte, −128 … 127. */
export const i8: Codec<number> = small(integers.i8);
/** Two bytes, −32768 … 32767. */
export const i16: Codec<number> = small(i16Be);
/** Four bytes, −2^31 … 2^31 − 1. */
export const i32: Codec<number> = small(i32Be);
/** Eight bytes, −2^63 … 2^63 − 1, as bigint. */
export const i64: Codec<bigint> = wide(i64Be);

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
