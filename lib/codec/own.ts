/**
 * Bytes that are kept for long.
 *
 * @module
 */

/** Memory beside the bytes that is not worth a copy: the head of a record, the tag of a packet. */
const SLACK_BYTES = 64;

/**
 * The bytes, in memory of their own: a view into something larger is copied, because it would keep all of that alive, and
 * who counts the bytes would not see it.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer.byteLength - bytes.length <= SLACK_BYTES ? bytes : bytes.slice();
}
