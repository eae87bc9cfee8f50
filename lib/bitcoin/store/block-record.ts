/**
 * How a block lies in a block file, so that a file can be read without an index and damage is seen.
 *
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import type { Sized } from "../../codec/sized.ts";

/** Bytes before the block: the network's magic 4 ‖ length u32 LE ‖ the first 4 bytes of the block's SHA-256. */
export const RECORD_HEAD_BYTES = 12;
/** No block is longer: its weight is at most 4,000,000, and a byte weighs at least one. */
export const BLOCK_BYTES_MAX = 4_000_000;

/** What the head of a record says. */
export interface RecordHead {
  /** Bytes of the block. */
  readonly length: number;
  readonly checksum: number;
}

/** The head of the record of `raw`. */
export function recordHead(magic: Sized<4>, raw: Uint8Array): Uint8Array {
  const head = new Uint8Array(RECORD_HEAD_BYTES);
  const view = new DataView(head.buffer);
  head.set(magic);
  view.setUint32(4, raw.length, true);
  view.setUint32(8, checksumOf(raw), true);
  return head;
}

/** The head that `bytes` begins with; undefined when it is none, or of a block that is too long. */
export function readRecordHead(magic: Sized<4>, bytes: Uint8Array): RecordHead | undefined {
  if (bytes.length < RECORD_HEAD_BYTES || magic.some((byte, i) => bytes[i] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, RECORD_HEAD_BYTES);
  const length = view.getUint32(4, true);
  return length > BLOCK_BYTES_MAX ? undefined : { length, checksum: view.getUint32(8, true) };
}

/** The first 4 bytes of SHA-256, little-endian. */
export function checksumOf(raw: Uint8Array): number {
  const digest = sha256(raw);
  return new DataView(digest.buffer, digest.byteOffset, 4).getUint32(0, true);
}
