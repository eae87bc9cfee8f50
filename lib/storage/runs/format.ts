/**
 * How a run lies in its file: blocks of whole pages with the entries, then what finds them, then its end.
 *
 * ```
 * block   entries ‖ zeros ‖ length of the entries u32 LE ‖ checksum of all before it u32 LE; whole pages
 * entry   bytes shared with the key before it u8 ‖ further bytes of the key u8 ‖ length of the value + 1, or 0 for a key
 *         that is gone, LEB128 ‖ further bytes of the key ‖ value; the first key of a block shares nothing
 * index   for each block: the first 8 bytes of its first key ‖ its first page u32 LE
 * filter  bits of a Bloom filter, or nothing
 * end     pages of all blocks u32 LE ‖ blocks u32 LE ‖ entries u32 LE, low and high ‖ bytes of the filter u32 LE ‖
 *         checksum of index, filter and these 20 bytes u32 LE
 * ```
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";

/** A page. The reading of a key reads one. */
export const PAGE_BYTES = 4_096;
/** Behind the entries of a block. */
export const BLOCK_TAIL_BYTES = 8;
/** A block's line of the index. */
export const INDEX_LINE_BYTES = 12;
/** The end of a file. */
export const END_BYTES = 24;

const [P1, P2] = [0x9e37_79b1, 0x85eb_ca77];
const [P3, P4] = [0xc2b2_ae3d, 0x27d4_eb2f];

/** A checksum against damage, not against strangers: four lanes of multiplications over the words, as in xxHash. */
export function checksum(bytes: Uint8Array, length = bytes.length): number {
  let [a, b, c, d] = [P1, P2, P3, P4];
  const lane = (state: number, word: number) => {
    const sum = (state + Math.imul(word, P2)) | 0;
    return Math.imul((sum << 13) | (sum >>> 19), P1);
  };
  let i = 0;
  if (bytes.byteOffset % 4 === 0 && isLittleEndian) {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, length >>> 2);
    const whole = words.length & ~3;
    for (let w = 0; w < whole; w += 4) {
      a = lane(a, words[w]!);
      b = lane(b, words[w + 1]!);
      c = lane(c, words[w + 2]!);
      d = lane(d, words[w + 3]!);
    }
    i = whole * 4;
  } else {
    const word = (at: number) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    for (; i + 16 <= length; i += 16) {
      a = lane(a, word(i));
      b = lane(b, word(i + 4));
      c = lane(c, word(i + 8));
      d = lane(d, word(i + 12));
    }
  }
  for (; i < length; i++) a = lane(a, bytes[i]!);
  let sum = a ^ ((b << 7) | (b >>> 25)) ^ ((c << 12) | (c >>> 20)) ^ ((d << 18) | (d >>> 14)) ^ length;
  sum = Math.imul(sum ^ (sum >>> 15), P2);
  sum = Math.imul(sum ^ (sum >>> 13), P3);
  return (sum ^ (sum >>> 16)) >>> 0;
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** What is said of a run that is not as it was written. */
export function damagedRun(name: string, why: string): NodeError<"DATABASE_DAMAGED"> {
  const text = `${name} is damaged: ${why}; start with --reindex to make it anew`;
  return new NodeError("DATABASE_DAMAGED", "self", text, { data: { file: name } });
}
