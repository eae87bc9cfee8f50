/**
 * What every Streamable codec offers.
 *
 * @module
 */
import type { Codec as BaseCodec } from "../../codec/codec.ts";
import { CodecError } from "../../codec/error.ts";
import type { Json } from "../../codec/json.ts";

export { badValue, type Infer } from "../../codec/codec.ts";

/**
 * Reads and writes one type of Chia's Streamable encoding. Its name is in the grammar of the wire table, such as
 * `opt<list<bytes32>>`, or a struct's.
 */
export interface Codec<T> extends BaseCodec<T> {
  /** The value as the reference prints it: snake_case names, `0x` hex, null for an absent optional. */
  toJson(value: T): Json;
  /** The inverse of {@link Codec.toJson}. Throws {@link CodecError} `json`. */
  fromJson(json: Json): T;
}

/** The error for JSON of another shape. */
export function badJson(type: string, json: unknown): CodecError {
  const shown = json === null ? "null" : Array.isArray(json) ? "an array" : `a ${typeof json}`;
  return new CodecError("json", `${shown} where ${type} was expected`);
}
