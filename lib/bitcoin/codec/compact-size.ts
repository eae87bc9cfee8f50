/**
 * CompactSize, the variable-length number before every list and byte string of the wire, and VARINT, its cousin on disk.
 *
 * @see Bitcoin Core `serialize.h`, ReadCompactSize, ReadVarInt
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";
import { badValue, type Codec } from "./codec.ts";

/** The largest length or count that a CompactSize may announce (Core's MAX_SIZE). */
export const COMPACT_SIZE_MAX = 0x0200_0000;

const U64_MAX = (1n << 64n) - 1n;

/**
 * A length or a count: below 0xfd one byte, else 0xfd and u16, 0xfe and u32 or 0xff and u64, little-endian.
 * Throws {@link CodecError} `minimal` when a shorter form would do and `count` above {@link COMPACT_SIZE_MAX}.
 */
export function readCompactSize(reader: Reader): number {
  const { offset } = reader;
  const first = reader.u8();
  if (first < 0xfd) return first;
  const value = first === 0xfd ? reader.u16Le() : first === 0xfe ? reader.u32Le() : Number(reader.u64Le());
  const least = first === 0xfd ? 0xfd : first === 0xfe ? 0x1_0000 : 0x1_0000_0000;
  if (value < least) throw new CodecError("minimal", `${value} in a longer form than it needs`, offset);
  // A peer that claims this much is broken, not greedy: Core drops the message as undecodable.
  if (value > COMPACT_SIZE_MAX) throw new CodecError("count", `a length of ${value}`, offset);
  return value;
}

/** Writes a length or a count. Throws {@link CodecError} `value` for what {@link readCompactSize} would refuse. */
export function writeCompactSize(writer: Writer, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > COMPACT_SIZE_MAX) throw badValue("CompactSize", value);
  if (value < 0xfd) {
    writer.u8(value);
  } else if (value <= 0xffff) {
    writer.u8(0xfd);
    writer.u16Le(value);
  } else {
    writer.u8(0xfe);
    writer.u32Le(value);
  }
}

/** How many bytes {@link writeCompactSize} writes. */
export function compactSizeBytes(value: number): number {
  return value < 0xfd ? 1 : value <= 0xffff ? 3 : 5;
}

/** Any u64 as a CompactSize: a plain number, not a length (the services of BIP155). The form must still be minimal. */
export const compactSize64: Codec<bigint> = {
  type: "compact64",
  minSize: 1,
  maxSize: 9,
  read(reader) {
    const { offset } = reader;
    const first = reader.u8();
    if (first < 0xfd) return BigInt(first);
    const value = first === 0xfd ? BigInt(reader.u16Le()) : first === 0xfe ? BigInt(reader.u32Le()) : reader.u64Le();
    const least = first === 0xfd ? 0xfdn : first === 0xfe ? 0x1_0000n : 0x1_0000_0000n;
    if (value < least) throw new CodecError("minimal", `${value} in a longer form than it needs`, offset);
    return value;
  },
  write(writer, value) {
    if (typeof value !== "bigint" || value < 0n || value > U64_MAX) throw badValue("compact64", value);
    if (value <= 0xffff_ffffn) {
      const small = Number(value);
      if (small < 0xfd) return writer.u8(small);
      writer.u8(small <= 0xffff ? 0xfd : 0xfe);
      return small <= 0xffff ? writer.u16Le(small) : writer.u32Le(small);
    }
    writer.u8(0xff);
    writer.u64Le(value);
  },
};

/**
 * Core's VARINT, found in its files and never on the wire: base 128, most significant group first, bit 7 set on all but
 * the last byte, and one subtracted at every continuation so that each number has one form.
 * Throws {@link CodecError} `limit` above 2^53 − 1.
 */
export function readVarInt(reader: Reader): number {
  const start = reader.offset;
  for (let value = 0;;) {
    const byte = reader.u8();
    value = value * 128 + (byte & 0x7f);
    if (byte >= 0x80) value++;
    if (value > Number.MAX_SAFE_INTEGER) throw new CodecError("limit", "a VARINT above 2^53", start);
    if (byte < 0x80) return value;
  }
}

/** Writes what {@link readVarInt} reads. */
export function writeVarInt(writer: Writer, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw badValue("VARINT", value);
  let from = groups.length - 1;
  groups[from] = value % 128;
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest--;
    groups[--from] = (rest % 128) | 0x80;
  }
  for (; from < groups.length; from++) writer.u8(groups[from]!);
}

/** The groups of a VARINT that is being written, from the last one back. */
const groups = new Uint8Array(10);

/** {@link readVarInt} of a u64. Throws {@link CodecError} `limit` above 2^64 − 1. */
export function readVarInt64(reader: Reader): bigint {
  const start = reader.offset;
  // Few need more than a number holds.
  for (let value = 0; value < EXACT_BEFORE_GROUP;) {
    const byte = reader.u8();
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return BigInt(value);
    value++;
  }
  reader.offset = start;
  for (let value = 0n;;) {
    const byte = reader.u8();
    value = value * 128n + BigInt(byte & 0x7f);
    if (byte >= 0x80) value++;
    if (value > U64_MAX) throw new CodecError("limit", "a VARINT above 2^64", start);
    if (byte < 0x80) return value;
  }
}

/** Below this another group still leaves a number exact. */
const EXACT_BEFORE_GROUP = 2 ** 45;

/** Writes what {@link readVarInt64} reads. */
export function writeVarInt64(writer: Writer, value: bigint): void {
  if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) return writeVarInt(writer, Number(value));
  if (value < 0n || value > U64_MAX) throw badValue("VARINT", value);
  let from = groups.length - 1;
  groups[from] = Number(value % 128n);
  for (let rest = value / 128n; rest > 0n; rest /= 128n) {
    rest--;
    groups[--from] = Number(rest % 128n) | 0x80;
  }
  for (; from < groups.length; from++) writer.u8(groups[from]!);
}
