/**
 * Byte strings and text.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Sized } from "../../codec/sized.ts";
import type { Writer } from "../../codec/writer.ts";
import { badValue, type Codec } from "./codec.ts";
import { COMPACT_SIZE_MAX, compactSizeBytes, readCompactSize, writeCompactSize } from "./compact-size.ts";

/** Exactly `size` bytes. */
export function fixedBytes<const N extends number>(size: N, type = `bytes<${size}>`): Codec<Sized<N>> {
  return {
    type,
    minSize: size,
    maxSize: size,
    read: (reader) => reader.take(size),
    write(writer, value) {
      if (!(value instanceof Uint8Array) || value.length !== size) throw badValue(type, value);
      writer.raw(value);
    },
  };
}

/** 32 bytes in wire order: a block's, a transaction's or a filter's hash. */
export const hash: Codec<Sized<32>> = fixedBytes(32, "hash");

/** A CompactSize and as many bytes, `max` at most; more is {@link CodecError} `limit`. */
export function varBytes(max: number = COMPACT_SIZE_MAX): Codec<Uint8Array> {
  const type = max === COMPACT_SIZE_MAX ? "varbytes" : `varbytes<${max}>`;
  return {
    type,
    minSize: 1,
    maxSize: max === COMPACT_SIZE_MAX ? Infinity : compactSizeBytes(max) + max,
    read(reader) {
      const start = reader.offset;
      const length = readCompactSize(reader);
      // Short bytes are a broken message; only a sound one can break the limit.
      const bytes = reader.take(length);
      if (length > max) throw new CodecError("limit", `${length} bytes where ${max} are the most`, start);
      return bytes;
    },
    write(writer, value) {
      if (!(value instanceof Uint8Array) || value.length > max) throw badValue(type, value);
      writeCompactSize(writer, value.length);
      writer.raw(value);
    },
  };
}

/**
 * A CompactSize and as many bytes of text, `min` … `max`. Each byte is one character (Latin-1), so that any bytes come
 * back as they were; what it is shown as is for the printer to sanitise.
 */
export function varString(max: number, min = 0): Codec<string> {
  const type = min === 0 ? `varstr<${max}>` : `varstr<${max},${min}>`;
  return {
    type,
    minSize: 1 + min,
    maxSize: compactSizeBytes(max) + max,
    read(reader) {
      const start = reader.offset;
      const length = readCompactSize(reader);
      if (length > max) throw new CodecError("limit", `${length} characters where ${max} are the most`, start);
      if (length < min) throw new CodecError("limit", `${length} characters where ${min} are the fewest`, start);
      return String.fromCharCode(...reader.take(length));
    },
    write(writer, value) {
      if (typeof value !== "string" || value.length > max || value.length < min) throw badValue(type, value);
      const bytes = Uint8Array.from(value, (char) => {
        const code = char.charCodeAt(0);
        if (code > 0xff) throw badValue(type, value);
        return code;
      });
      writeCompactSize(writer, bytes.length);
      writer.raw(bytes);
    },
  };
}

/** All bytes that are left, for the end of a message that says nothing about them. */
export const restBytes: Codec<Uint8Array> = {
  type: "rest",
  minSize: 0,
  maxSize: Infinity,
  read: (reader) => reader.take(reader.left),
  write(writer: Writer, value) {
    if (!(value instanceof Uint8Array)) throw badValue("rest", value);
    writer.raw(value);
  },
};
