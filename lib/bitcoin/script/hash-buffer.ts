/**
 * What is hashed, put together in memory that is used again.
 *
 * @module
 */
import { sha256Into } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";

const DIGEST_BYTES = 32;
/** Up to so many bytes a loop is quicker than a view and a copy. */
const SHORT_BYTES = 80;

/** Bytes to hash. Everything is little-endian. */
export class HashBuffer {
  #bytes: Uint8Array;
  #length: number;
  /** The view that was hashed last: most messages of a kind have the same length. */
  #view: Uint8Array;
  readonly #prefixLength: number;
  readonly #first = new Uint8Array(DIGEST_BYTES);

  /** @param prefix what every message begins with */
  constructor(prefix: Uint8Array = new Uint8Array(0)) {
    this.#bytes = new Uint8Array(512);
    this.#bytes.set(prefix);
    this.#view = this.#bytes.subarray(0, 0);
    this.#length = this.#prefixLength = prefix.length;
  }

  #claim(extra: number): number {
    const start = this.#length;
    const length = start + extra;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, start));
      this.#bytes = grown;
      this.#view = grown.subarray(0, 0);
    }
    this.#length = length;
    return start;
  }

  u8(value: number): void {
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  /** The lowest 32 bits. */
  u32(value: number): void {
    const at = this.#claim(4);
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }

  i64(value: bigint): void {
    const number = Number(value);
    // Any value that there can be; others come from tests alone.
    const isExact = Number.isSafeInteger(number);
    this.u32(isExact ? number % 2 ** 32 : Number(BigInt.asUintN(32, value)));
    this.u32(isExact ? Math.floor(number / 2 ** 32) : Number(BigInt.asUintN(32, value >> 32n)));
  }

  /** A count or length as Bitcoin writes it, below 2^32. */
  compactSize(value: number): void {
    if (value < 0xfd) return this.u8(value);
    if (value <= 0xffff) {
      this.u8(0xfd);
      this.u8(value);
      return this.u8(value >> 8);
    }
    this.u8(0xfe);
    this.u32(value);
  }

  /** The bytes from `from` to `to`. */
  copy(source: Uint8Array, from = 0, to: number = source.length): void {
    const at = this.#claim(to - from);
    const bytes = this.#bytes;
    if (to - from > SHORT_BYTES) bytes.set(source.subarray(from, to), at);
    else for (let i = from; i < to; i++) bytes[at + i - from] = source[i]!;
  }

  /** 32 zero bytes. */
  zeros(): void {
    const at = this.#claim(DIGEST_BYTES);
    this.#bytes.fill(0, at, at + DIGEST_BYTES);
  }

  #take(): Uint8Array {
    if (this.#view.length !== this.#length) this.#view = this.#bytes.subarray(0, this.#length);
    this.#length = this.#prefixLength;
    return this.#view;
  }

  /** SHA-256 of what was written, which is forgotten then. */
  sha256(): Bytes32 {
    const digest = new Uint8Array(DIGEST_BYTES);
    sha256Into(this.#take(), digest);
    return digest;
  }

  /** SHA-256 of SHA-256 of it. */
  sha256d(): Bytes32 {
    sha256Into(this.#take(), this.#first);
    const digest = new Uint8Array(DIGEST_BYTES);
    sha256Into(this.#first, digest);
    return digest;
  }
}
