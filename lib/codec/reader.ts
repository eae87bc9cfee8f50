/**
 * Reading from bytes.
 *
 * @module
 */
import { CodecError } from "./error.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A view of a short array costs several times its copy, on Bun at least: the array's memory moves out of the heap for it.
 * What is shorter than this is read without.
 */
const SHORT_BYTES = 512;

/** Eight bytes as one number, big endian from two halves. */
function joined(high: number, low: number): bigint {
  return high < 2 ** 21 ? BigInt(high * 2 ** 32 + low) : (BigInt(high) << 32n) | BigInt(low);
}

/**
 * A cursor over bytes that cannot leave its bounds. Integers are big-endian unless the name says `Le`.
 * Every method throws {@link CodecError} `short` when the bytes do not suffice, and moves the cursor only when it
 * succeeds.
 */
export class Reader {
  /** The bytes that are read, as a plain Uint8Array over the caller's memory. */
  readonly bytes: Uint8Array;
  /** One past the last byte that may be read. */
  readonly end: number;
  /** Position of the next byte. */
  offset: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    if (offset < 0 || end > bytes.length || offset > end) throw new RangeError(`no range ${offset}…${end}`);
    // A Buffer would make every slice a Buffer, which is slow and surprises deepEqual.
    this.bytes = bytes.constructor === Uint8Array
      ? bytes
      : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = offset;
    this.end = end;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.end - this.offset;
  }

  /** Throws `short` unless `length` more bytes are there. */
  need(length: number): void {
    const missing = this.offset + length - this.end;
    if (missing > 0) throw this.short(missing);
  }

  /** The error for `missing` bytes at the end of the input. */
  short(missing: number): CodecError {
    return new CodecError("short", `${missing} ${missing === 1 ? "byte" : "bytes"} short`, this.offset);
  }

  /** Moves the cursor over `length` bytes. */
  skip(length: number): void {
    this.need(length);
    this.offset += length;
  }

  /** The next `length` bytes; of a long input without a copy: the result shares its memory then. */
  take(length: number): Uint8Array {
    const from = this.offset;
    const to = from + length;
    if (to > this.end) throw this.short(to - this.end);
    this.offset = to;
    return this.bytes.length < SHORT_BYTES ? this.bytes.slice(from, to) : this.bytes.subarray(from, to);
  }

  u8(): number {
    if (this.offset >= this.end) throw this.short(1);
    return this.bytes[this.offset++]!;
  }

  u16(): number {
    this.need(2);
    const { bytes, offset } = this;
    this.offset = offset + 2;
    return (bytes[offset]! << 8) | bytes[offset + 1]!;
  }

  u32(): number {
    this.need(4);
    const { bytes, offset } = this;
    this.offset = offset + 4;
    return (
      ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0
    );
  }

  u64(): bigint {
    if (this.bytes.length < SHORT_BYTES) {
      this.need(8);
      const high = this.u32();
      return joined(high, this.u32());
    }
    this.need(8);
    const value = this.view().getBigUint64(this.offset);
    this.offset += 8;
    return value;
  }

  u16Le(): number {
    this.need(2);
    const { bytes, offset } = this;
    this.offset = offset + 2;
    return bytes[offset]! | (bytes[offset + 1]! << 8);
  }

  u32Le(): number {
    this.need(4);
    const { bytes, offset } = this;
    this.offset = offset + 4;
    return (
      (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) >>> 0
    );
  }

  u64Le(): bigint {
    if (this.bytes.length < SHORT_BYTES) {
      this.need(8);
      const low = this.u32Le();
      return joined(this.u32Le(), low);
    }
    this.need(8);
    const value = this.view().getBigUint64(this.offset, true);
    this.offset += 8;
    return value;
  }

  /** `length` bytes of UTF-8; throws `utf8` when they are not. A byte order mark is kept. */
  text(length: number): string {
    const start = this.offset;
    const bytes = this.take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      this.offset = start;
      throw new CodecError("utf8", "text is not UTF-8", start);
    }
  }

  /** Throws `trailing` unless every byte was read. */
  finish(): void {
    if (this.offset === this.end) return;
    const left = this.left;
    throw new CodecError("trailing", `${left} ${left === 1 ? "byte" : "bytes"} left over`, this.offset);
  }

  /** A view of the same bytes, made once. */
  view(): DataView {
    const { bytes } = this;
    return (this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
}
