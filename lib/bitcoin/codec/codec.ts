/**
 * What every codec of Bitcoin's wire encoding offers.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import type { Reader } from "../../codec/reader.ts";
import type { Writer } from "../../codec/writer.ts";

/** Reads and writes one type of the encoding. Stateless: one instance serves everybody. */
export interface Codec<T> {
  /** The type as documents and tests name it: `u32`, `vector<hash,101>`, `varbytes<520>`, or a struct's name. */
  readonly type: string;
  /** The fewest bytes that a value takes; bounds how many elements a list can have. */
  readonly minSize: number;
  /** The most bytes that a value takes; Infinity when only the message's length bounds it. */
  readonly maxSize: number;
  /** Reads one value. Byte fields of the result share the memory of the input. Throws {@link CodecError}. */
  read(reader: Reader): T;
  /** Writes one value. Throws {@link CodecError} `value` when it does not fit. */
  write(writer: Writer, value: T): void;
}

/** The type of the values of a codec. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** The error for a value that the encoder cannot write. */
export function badValue(type: string, value: unknown): CodecError {
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : String(value);
  return new CodecError("value", `${shown} is not a ${type}`);
}
