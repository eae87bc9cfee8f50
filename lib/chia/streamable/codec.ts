/**
 * What every Streamable codec offers, and the JSON values it speaks.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";

/** A JSON value; integers above 2^53 − 1 are bigint (see `stringifyJson`). */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Reads and writes one type of Chia's Streamable encoding. Stateless: one instance serves everybody. */
export interface Codec<T> {
  /** The type in the grammar of the wire table, such as `opt<list<bytes32>>` or a struct's name. */
  readonly type: string;
  /** The fewest bytes that a value takes; bounds how many elements a list can have. */
  readonly minSize: number;
  /** Reads one value. Byte fields of the result share the memory of the input. Throws {@link CodecError}. */
  read(reader: Reader): T;
  /** Writes one value. Throws {@link CodecError} `value` when it does not fit. */
  write(writer: Writer, value: T): void;
  /** The value as the reference prints it: snake_case names, `0x` hex, null for an absent optional. */
  toJson(value: T): Json;
  /** The inverse of {@link Codec.toJson}. Throws {@link CodecError} `json`. */
  fromJson(json: Json): T;
}

/** The type of the values of a codec. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** The error for a value that the encoder cannot write. */
export function badValue(type: string, value: unknown): CodecError {
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : String(value);
  return new CodecError("value", `${shown} is not a ${type}`);
}

/** The error for JSON of another shape. */
export function badJson(type: string, json: unknown): CodecError {
  const shown = json === null ? "null" : Array.isArray(json) ? "an array" : `a ${typeof json}`;
  return new CodecError("json", `${shown} where ${type} was expected`);
}
