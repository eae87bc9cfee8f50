/**
 * Integers and booleans. Little-endian but for port numbers; signed ones in two's complement.
 *
 * @module
 */
import { i32Le, i64Le, u16Be, u32Le, u64Le, u8 as byte } from "../../codec/integers.ts";
import { badValue, type Codec } from "./codec.ts";

export { u32LeMax as u32Max } from "../../codec/integers.ts";

/** One byte, 0 … 255. */
export const u8: Codec<number> = byte;
/** Two bytes, big-endian: the one thing on the wire that is, a port. */
export const port: Codec<number> = { ...u16Be, type: "u16be" };
/** Four bytes, 0 … 2^32 − 1. */
export const u32: Codec<number> = u32Le;
/** Four bytes, −2^31 … 2^31 − 1. */
export const i32: Codec<number> = i32Le;
/** Eight bytes, 0 … 2^64 − 1, as bigint. */
export const u64: Codec<bigint> = u64Le;
/** Eight bytes, −2^63 … 2^63 − 1, as bigint: amounts and times. */
export const i64: Codec<bigint> = i64Le;

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
