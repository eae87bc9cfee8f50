/**
 * What every codec of Bitcoin's wire encoding offers.
 *
 * @module
 */
import type { Codec as BaseCodec } from "../../codec/codec.ts";

export { badValue, type Infer } from "../../codec/codec.ts";

/**
 * Reads and writes one type of the encoding, which documents and tests name `u32`, `vector<hash,101>`, `varbytes<520>`, or
 * as the struct.
 */
export interface Codec<T> extends BaseCodec<T> {
  /** The most bytes that a value takes; Infinity when only the message's length bounds it. */
  readonly maxSize: number;
}
