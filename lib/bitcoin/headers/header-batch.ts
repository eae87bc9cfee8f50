/**
 * A run of headers as a peer sent them: unpacked once, hashed once, judged by every later step from the same words.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { prefersMany, sha256dMany, sha256Into } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { readCompactSize } from "../codec/compact-size.ts";
import type { PowParams } from "../networks/network.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { TargetCache, wordsMeet } from "./pow.ts";

/** The most headers that one message carries (Core's MAX_HEADERS_RESULTS). */
export const HEADERS_MAX = 2_000;

/** Where a field of a header starts, in bytes. */
export const FIELD = { version: 0, prev: 4, merkleRoot: 36, time: 68, bits: 72, nonce: 76 } as const;

// Hashes are kept as eight words each, the lowest first. The words are the platform's, and every platform that runs this
// is little-endian like the wire, so the same memory serves as bytes. Where headers are hashed one by one, each is laid
// out here: no view of the message is made for it.
const scratch = new Uint32Array(HEADER_BYTES / 4);
const scratchBytes = new Uint8Array(scratch.buffer);
const middle = new Uint8Array(32);
const digest = new Uint32Array(8);
const digestBytes = new Uint8Array(digest.buffer);

/**
 * Headers in the order of a message, with their hashes. The headers stay where they came from: the batch keeps those
 * bytes alive, and they must not change.
 */
export class HeaderBatch {
  /** How many headers there are. */
  readonly length: number;
  /** Eight words a hash, the lowest first. */
  readonly hashes: Uint32Array;
  /** The bytes that the headers lie in. */
  readonly view: DataView;
  readonly #start: number;
  readonly #stride: number;

  private constructor(bytes: Uint8Array, start: number, stride: number, length: number) {
    this.length = length;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#start = start;
    this.#stride = stride;
    this.hashes = new Uint32Array(length * 8);
    if (prefersMany()) this.#hashTogether(bytes);
    else this.#hashEach();
  }

  /**
   * The headers of a `headers` message's payload: a CompactSize count, then each header with a count of transactions
   * behind it, which is read and ignored. Bytes after the last one are ignored, as Core does.
   * @throws CodecError `limit` above {@link HEADERS_MAX} headers, `short`, `minimal`, `count`
   */
  static fromPayload(payload: Uint8Array): HeaderBatch {
    const reader = new Reader(payload);
    const count = readCompactSize(reader);
    if (count > HEADERS_MAX) throw new CodecError("limit", `${count} headers, at most ${HEADERS_MAX}`, 0);
    const stride = HEADER_BYTES + 1;
    if (count * stride > reader.left) throw reader.short(count * stride - reader.left);
    const start = reader.offset;
    for (let i = 0, at = start + HEADER_BYTES; i < count; i++, at += stride) {
      if (payload[at]! >= 0xfd) return HeaderBatch.fromBytes(withoutCounts(reader, count));
    }
    return new HeaderBatch(payload, start, stride, count);
  }

  /** The headers of `bytes`, whose length is a multiple of 80. @throws RangeError when it is not */
  static fromBytes(bytes: Uint8Array): HeaderBatch {
    if (bytes.length % HEADER_BYTES !== 0) throw new RangeError(`${bytes.length} bytes are not whole headers`);
    return new HeaderBatch(bytes, 0, HEADER_BYTES, bytes.length / HEADER_BYTES);
  }

  #hashTogether(bytes: Uint8Array): void {
    const one = (_: unknown, i: number) => [bytes.subarray(this.at(i), this.at(i) + HEADER_BYTES)];
    const out = new Uint8Array(this.hashes.buffer);
    sha256dMany(Array.from({ length: this.length }, one)).forEach((hash, i) => out.set(hash, i * 32));
  }

  #hashEach(): void {
    const { length, hashes, view } = this;
    for (let i = 0; i < length; i++) {
      const from = this.at(i);
      for (let k = 0; k < scratch.length; k++) scratch[k] = view.getUint32(from + 4 * k, true);
      sha256Into(scratchBytes, middle);
      sha256Into(middle, digestBytes);
      for (let k = 0, to = i * 8; k < 8; k++) hashes[to + k] = digest[k]!;
    }
  }

  /** Where one header starts in {@link view}. */
  at(index: number): number {
    return this.#start + index * this.#stride;
  }

  /** Signed, as the version rules compare it. */
  version(index: number): number {
    return this.view.getInt32(this.at(index) + FIELD.version, true);
  }

  time(index: number): number {
    return this.view.getUint32(this.at(index) + FIELD.time, true);
  }

  bits(index: number): number {
    return this.view.getUint32(this.at(index) + FIELD.bits, true);
  }

  /** The hash of one header, in wire order: a copy. */
  hash(index: number): Bytes32 {
    return wordBytes(this.hashes, index * 8, 8);
  }

  /** The hash that one header names as its parent's, in wire order: a copy. */
  parentHash(index = 0): Bytes32 {
    return this.#copy(this.at(index) + FIELD.prev, 32);
  }

  /** The 80 bytes of one header: a copy. */
  bytes(index: number): Uint8Array {
    return this.#copy(this.at(index), HEADER_BYTES);
  }

  #copy(from: number, length: number): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset + from, length).slice();
  }

  /** The first header whose hash does not satisfy its own bits; −1 when all do. */
  firstWithoutWork(pow: PowParams): number {
    const targets = new TargetCache(pow);
    let bits = -1;
    let target: Uint32Array | undefined;
    for (let i = 0; i < this.length; i++) {
      const its = this.bits(i);
      if (its !== bits) target = targets.get(bits = its);
      if (target === undefined || !wordsMeet(this.hashes, i * 8, target)) return i;
    }
    return -1;
  }

  /** The first header that is not a child of the one before it; −1 when they are one chain. */
  firstGap(): number {
    const { length, hashes, view } = this;
    for (let i = 1; i < length; i++) {
      const prev = this.at(i) + FIELD.prev;
      const parent = (i - 1) * 8;
      for (let k = 0; k < 8; k++) if (view.getUint32(prev + 4 * k, true) !== hashes[parent + k]) return i;
    }
    return -1;
  }
}

/** The headers alone, where the counts behind them are not of one byte each. The reader is behind the first count. */
function withoutCounts(reader: Reader, count: number): Uint8Array {
  const bytes = new Uint8Array(count * HEADER_BYTES);
  for (let i = 0; i < count; i++) {
    bytes.set(reader.take(HEADER_BYTES), i * HEADER_BYTES);
    readCompactSize(reader);
  }
  return bytes;
}

/** `count` words from `at`, as bytes of their own. */
export function wordBytes(words: Uint32Array, at: number, count: number): Uint8Array {
  const bytes = new Uint8Array(4 * count);
  for (let i = 0; i < count; i++) putWord(bytes, 4 * i, words[at + i]!);
  return bytes;
}

/** Writes a word, little-endian. By hand: a view of so few bytes would cost more than all of them. */
export function putWord(bytes: Uint8Array, at: number, word: number): void {
  bytes[at] = word;
  bytes[at + 1] = word >>> 8;
  bytes[at + 2] = word >>> 16;
  bytes[at + 3] = word >>> 24;
}

const aligned = new Uint32Array(8);
const alignedBytes = new Uint8Array(aligned.buffer);

/** The words of a hash's 32 bytes. The result is valid until the next call of this or of {@link prevWords}. */
export function hashWords(hash: Uint8Array): Uint32Array {
  if (hash.length !== 32) throw new RangeError("a hash has 32 bytes");
  alignedBytes.set(hash);
  return aligned;
}

/** The words of the hash that a header names as its parent's. Valid as {@link hashWords}'s are. */
export function prevWords(batch: HeaderBatch, index: number): Uint32Array {
  const from = batch.at(index) + FIELD.prev;
  for (let k = 0; k < 8; k++) aligned[k] = batch.view.getUint32(from + 4 * k, true);
  return aligned;
}
