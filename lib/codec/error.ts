/**
 * The one error of the codecs.
 *
 * @module
 */

/**
 * What was wrong.
 *
 * - `short`: the bytes end before the value does.
 * - `trailing`: bytes are left after the value.
 * - `bool`, `option`, `version`, `enum`: a byte that may only have a few values has another.
 * - `utf8`: text that is not UTF-8.
 * - `count`: a count or a length that cannot be: of more elements than the bytes left can hold, or not of its kind.
 * - `limit`: more elements or bytes, or a higher number, than the protocol allows, in bytes that are otherwise sound.
 * - `minimal`: a length or a number in a longer form than it needs.
 * - `witness`: a transaction's flags announce what it does not have, or what nobody knows.
 * - `program`: not a CLVM serialisation, or one whose back-reference leads nowhere.
 * - `point`: not a compressed BLS12-381 point.
 * - `value`: a value handed to the encoder does not fit its field (the caller's mistake).
 * - `json`: a JSON value does not have the shape of the struct.
 * - `hash`: the value has no hash that can be computed from its bytes.
 */
export type CodecErrorCode =
  | "short"
  | "trailing"
  | "bool"
  | "option"
  | "version"
  | "enum"
  | "utf8"
  | "count"
  | "limit"
  | "minimal"
  | "witness"
  | "program"
  | "point"
  | "value"
  | "json"
  | "hash";

/**
 * Bytes that are not what they should be, or a value that cannot be written. The message names the struct, the field
 * and the offset: `FullBlock.foliage.prev_block_hash: 12 bytes short at offset 4711`.
 *
 * The path is not known where the error arises. Every struct and list on the way out adds its own part with
 * {@link CodecError.within}, so decoding that succeeds pays nothing for it.
 *
 * @example
 * ```ts
 * import { CodecError, fromHex } from "gemel";
 *
 * assert.throws(() => fromHex("0"), CodecError);
 * ```
 */
export class CodecError extends Error {
  override readonly name = "CodecError";
  readonly code: CodecErrorCode;
  /** Bytes from the start of the input; -1 when there is no input (encoding, JSON). */
  readonly offset: number;
  /** What is wrong, without the place. */
  readonly detail: string;
  #path = "";

  constructor(code: CodecErrorCode, detail: string, offset = -1, options?: { readonly cause?: unknown }) {
    super(place("", detail, offset), options);
    this.code = code;
    this.detail = detail;
    this.offset = offset;
  }

  /** Struct and fields from the outermost to the innermost, as `RespondBlocks.blocks[3].foliage`. */
  get path(): string {
    return this.#path;
  }

  /** Puts `part` before the path: a field's or struct's name, or an index in brackets. Returns this error. */
  within(part: string): this {
    const glue = this.#path === "" || this.#path.startsWith("[") ? "" : ".";
    this.#path = part + glue + this.#path;
    this.message = place(this.#path, this.detail, this.offset);
    return this;
  }
}

function place(path: string, detail: string, offset: number): string {
  const text = path === "" ? detail : `${path}: ${detail}`;
  return offset < 0 ? text : `${text} at offset ${offset}`;
}

/** Adds `part` to the path of a {@link CodecError} on its way out; any other thrown value passes unchanged. */
export function within(part: string, thrown: unknown): unknown {
  return thrown instanceof CodecError ? thrown.within(part) : thrown;
}
