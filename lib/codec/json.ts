/**
 * JSON values and their text, with integers of any size: what RPC of both chains speaks.
 *
 * @module
 */
import { CodecError } from "./error.ts";

/** A JSON value; integers above 2^53 − 1 are bigint (see {@link stringifyJson}). */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** How {@link stringifyJson} prints. */
export interface JsonOptions {
  /** Puts the keys of every object into code point order, as the reference does. */
  readonly sortKeys?: boolean;
}

/**
 * Compact JSON text; a bigint is printed as a number with all its digits.
 *
 * @example
 * ```ts
 * import { stringifyJson } from "gemel";
 *
 * assert.equal(stringifyJson({ b: 2n ** 64n, a: 1 }, { sortKeys: true }), '{"a":1,"b":18446744073709551616}');
 * ```
 */
export function stringifyJson(value: Json, options: JsonOptions = {}): string {
  const sortKeys = options.sortKeys ?? false;
  const print = (json: Json): string => {
    if (typeof json === "bigint") return json.toString();
    if (typeof json !== "object" || json === null) return JSON.stringify(json);
    if (isArray(json)) return "[" + json.map(print).join(",") + "]";
    const keys = Object.keys(json).filter((key) => json[key] !== undefined);
    if (sortKeys) keys.sort();
    return "{" + keys.map((key) => JSON.stringify(key) + ":" + print(json[key]!)).join(",") + "}";
  };
  return print(value);
}

/** `Array.isArray` does not narrow a readonly array away. */
function isArray(json: readonly Json[] | JsonObject): json is readonly Json[] {
  return Array.isArray(json);
}

/**
 * Parses JSON text; integers beyond 2^53 − 1 become bigint, so that none loses digits. Throws {@link CodecError} `json`
 * when the text is not JSON.
 *
 * @example
 * ```ts
 * import { parseJson } from "gemel";
 *
 * assert.deepEqual(parseJson('{"amount": 18446744073709551615}'), { amount: 18446744073709551615n });
 * ```
 */
export function parseJson(text: string): Json {
  try {
    // Only a run of sixteen digits can be an unsafe integer; most texts have none and skip the slower way.
    return /[0-9]{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text);
  } catch (cause) {
    throw new CodecError("json", "text is not JSON", -1, { cause });
  }
}

/** Takes the digits of an unsafe integer from the source text, which engines hand to the reviver. */
function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  return source !== undefined && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}
