/**
 * What a codec of either chain's encoding offers.
 *
 * @module
 */
import { CodecError } from "./error.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Reads and writes one type of an encoding. Stateless: one instance serves everybody. */
export interface Codec<T> {
  /** The type as documents and tests name it. */
  readonly type: string;
  /** The fewest bytes that a value takes; bounds how many elements a list can have. */
  readonly minSize: number;
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
