/**
 * Writing bytes.
 *
 * @module
 */
import { CodecError } from "./error.ts";

const utf8 = new TextEncoder();

/**
 * A buffer that grows. Integers are big-endian unless the name says `Le`; they are not range-checked here, because the
 * codecs above know the field to blame.
 */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** `capacity` is a guess in bytes; a good one saves copies. */
  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
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
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
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
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#claim(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint): void {
    const at = this.#claim(8);
    this.#view.setBigUint64(at, value);
  }

  u16Le(value: number): void {
    const at = this.#claim(2);
    this.#view.setUint16(at, value, true);
  }

  u32Le(value: number): void {
    const at = this.#claim(4);
    this.#view.setUint32(at, value, true);
  }

  u64Le(value: bigint): void {
    const at = this.#claim(8);
    this.#view.setBigUint64(at, value, true);
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

  /** What was written so far, as a view: valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** What was written so far, as a copy of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}
