/**
 * The header as a field of a struct.
 *
 * @module
 */
import type { Codec } from "../codec/mod.ts";
import { type BlockHeader, decodeHeader, encodeHeader, HEADER_BYTES } from "./header.ts";

/** The 80 bytes of a header; see {@link BlockHeader}. */
export const headerCodec: Codec<BlockHeader> = {
  type: "header",
  minSize: HEADER_BYTES,
  maxSize: HEADER_BYTES,
  read: decodeHeader,
  write: encodeHeader,
};
