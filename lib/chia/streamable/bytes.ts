/**
 * Bytes of fixed and of counted length, text, and compressed curve points.
 *
 * Decoded bytes are views of the input, not copies: code that keeps one for long keeps the whole message alive, and
 * copies it with `slice()` when that is too much.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import type { Bytes100, Bytes32, Bytes48, Bytes96, Sized } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { badJson, badValue, type Codec } from "./codec.ts";

/** Exactly `length` raw bytes without a prefix. */
function sized<N extends number>(length: N, type = `bytes${length}`): Codec<Sized<N>> {
  return {
    type,
    minSize: length,
    read: (reader) => reader.take(length),
    write(writer, value) {
      if (!(value instanceof Uint8Array) || value.length !== length) throw badValue(type, value);
      writer.raw(value);
    },
    toJson: (value) => "0x" + toHex(value),
    fromJson(json) {
      if (typeof json !== "string") throw badJson(type, json);
      const bytes = fromHex(json);
      if (bytes.length !== length) throw new CodecError("json", `${bytes.length} bytes where ${type} was expected`);
      return bytes;
    },
  };
}

/**
 * A compressed point. The flag bits of the first byte are checked when reading, as every node does first; whether the
 * point is on the curve and in its subgroup is for the code that verifies signatures, because it costs a thousand times more
 * than the rest of a block.
 */
function point<N extends number>(length: N, type: string): Codec<Sized<N>> {
  const plain = sized(length, type);
  return {
    ...plain,
    read(reader) {
      const start = reader.offset;
      const bytes = reader.take(length);
      const first = bytes[0]!;
      // Top bits: compressed, infinity, sign. Infinity and a zero x have one and no encoding respectively.
      const plausible = first > 0x80 && first < 0xc0 || (first === 0x80 || first === 0xc0) &&
          (first === 0xc0) === tailIsZero(bytes);
      if (!plausible) throw new CodecError("point", `not a compressed ${type} point`, start);
      return bytes;
    },
  };
}

function tailIsZero(bytes: Uint8Array): boolean {
  for (let i = 1; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** 32 raw bytes: a hash or an id. */
export const bytes32: Codec<Bytes32> = sized(32);
/** 100 raw bytes: a class group element. */
export const bytes100: Codec<Bytes100> = sized(100);
/** A compressed BLS12-381 G1 point (public key), 48 bytes. */
export const g1: Codec<Bytes48> = point(48, "G1");
/** A compressed BLS12-381 G2 point (signature), 96 bytes. */
export const g2: Codec<Bytes96> = point(96, "G2");

/** A u32 length, then that many bytes. Printed as `0x…`, and as an empty text when there are none (as chia_rs does). */
export const bytes: Codec<Uint8Array> = {
  type: "bytes",
  minSize: 4,
  read: (reader) => reader.take(reader.u32()),
  write(writer, value) {
    if (!(value instanceof Uint8Array)) throw badValue("bytes", value);
    writer.u32(value.length);
    writer.raw(value);
  },
  toJson: (value) => value.length === 0 ? "" : "0x" + toHex(value),
  fromJson(json) {
    if (typeof json !== "string") throw badJson("bytes", json);
    return fromHex(json);
  },
};

/** A u32 length in bytes, then that much UTF-8. */
export const str: Codec<string> = {
  type: "str",
  minSize: 4,
  read: (reader) => reader.text(reader.u32()),
  write(writer, value) {
    if (typeof value !== "string") throw badValue("str", value);
    const encoded = Writer.utf8(value);
    writer.u32(encoded.length);
    writer.raw(encoded);
  },
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json !== "string") throw badJson("str", json);
    if (!json.isWellFormed()) throw new CodecError("json", "text has a lone surrogate");
    return json;
  },
};
