/**
 * Writing bytes.
 *
 * @module
 */
import { CodecError } from "./error.ts";

const utf8 = new TextEncoder();
const SHORT_BYTES = 512;
/** A 64-bit integer on its way into a buffer. A view for each buffer would cost more than most messages do. */
const words = new DataView(new ArrayBuffer(8));
const wordBytes = new Uint8Array(words.buffer);

/**
 * A buffer that grows. Integers are big-endian unless the name says `Le`; they are not range-checked here, because the
 * codecs above know the field to blame.
 */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  /** `capacity` is a guess in bytes; a good one saves copies. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  /** Makes room for `extra` bytes, moves the end over them and returns where they start. */
  #claim(extra: number): number {
    const start = this.#length;
    const length = start + extra;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      // For as much as is moved here a view would cost more than the copy.
      if (start < SHORT_BYTES) { for (let i = 0; i < start; i++) grown[i] = this.#bytes[i]!; }
      else grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
    }
    this.#length = length;
    return start;
  }

  u8(value: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.#claim(2);
    const bytes = this.#bytes;
    bytes[at] = value >>> 8;
    bytes[at + 1] = value;
  }

  u32(value: number): void {
    const at = this.#claim(4);
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  u64(value: bigint): void {
    const at = this.#claim(8);
    words.setBigUint64(0, value);
    for (let i = 0; i < 8; i++) this.#bytes[at + i] = wordBytes[i]!;
  }

  u16Le(value: number): void {
    const at = this.#claim(2);
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
  }

  u32Le(value: number): void {
    const at = this.#claim(4);
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  u64Le(value: bigint): void {
    const at = this.#claim(8);
    words.setBigUint64(0, value, true);
    for (let i = 0; i < 8; i++) this.#bytes[at + i] = wordBytes[i]!;
  }

  /** The bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** The UTF-8 form of `text`; a lone surrogate, which has none, is an error of code `value`. */
  static utf8(text: string): Uint8Array {
    if (!text.isWellFormed()) throw new CodecError("value", "text has a lone surrogate");
    return utf8.encode(text);
  }

  /** Begins again, in the same memory, unless {@link Writer.finish} may have given that away. */
  clear(): void {
    if (this.#length === this.#bytes.length) this.#bytes = new Uint8Array(this.#length);
    this.#length = 0;
  }

  /** What was written so far, as a view: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written so far, as a copy of its own. */
  finish(): Uint8Array {
    // What is full is left as it is: a later write makes a larger one.
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#length);
  }
}
