/**
 * The set of BIP158: tells whether a block may concern somebody, never wrongly that it does not.
 *
 * @see BIP158; Bitcoin Core `src/blockfilter.cpp`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { toHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { sipHash24 } from "../../codec/siphash.ts";
import { Writer } from "../../codec/writer.ts";
import { readCompactSize, writeCompactSize } from "../codec/mod.ts";
import { decodeGolomb, encodeGolomb } from "./golomb.ts";

/** Bits of each difference that are written as they are (BIP158, P of the basic filter). */
export const FILTER_P = 19;
/** One in so many strange elements matches all the same (BIP158, M of the basic filter). */
export const FILTER_M = 784_931;
/**
 * The longest filter that is read, in bytes: none can be longer, for it has to fit into a `cfilter` message. A block
 * has about two bytes of filter for every hundred of its own.
 */
export const FILTER_BYTES_MAX = 4_000_000;

type SipKey = readonly [number, number, number, number];

/** A filter, and the block hash without which it means nothing. */
export class GcsFilter {
  /** The filter as it is sent and hashed: the number of elements as CompactSize, then the coded set. */
  readonly bytes: Uint8Array;
  readonly #key: SipKey;
  readonly #values: Float64Array;

  private constructor(bytes: Uint8Array, key: SipKey, values: Float64Array) {
    this.bytes = bytes;
    this.#key = key;
    this.#values = values;
  }

  /** The filter of some elements; one that comes twice counts once. `blockHash` is in wire order. */
  static build(blockHash: Uint8Array, elements: Iterable<Uint8Array>): GcsFilter {
    const key = sipKey(blockHash);
    const distinct = new Map<string, Uint8Array>();
    for (const element of elements) distinct.set(toHex(element), element);
    const values = hashed(key, [...distinct.values()], distinct.size);
    const writer = new Writer(5 + distinct.size * 3);
    writeCompactSize(writer, distinct.size);
    writer.raw(encodeGolomb(values, FILTER_P));
    return new GcsFilter(writer.finish(), key, values);
  }

  /**
   * Reads a filter. Throws {@link CodecError}: `limit` above {@link FILTER_BYTES_MAX}, `count` or `short` when the
   * elements are not there, `trailing` when bytes follow them.
   */
  static decode(blockHash: Uint8Array, bytes: Uint8Array): GcsFilter {
    if (bytes.length > FILTER_BYTES_MAX) throw new CodecError("limit", `a filter of ${bytes.length} bytes`, 0);
    const reader = new Reader(bytes);
    const count = readCompactSize(reader);
    const values = decodeGolomb(reader, count, FILTER_P);
    reader.finish();
    return new GcsFilter(reader.bytes, sipKey(blockHash), values);
  }

  /** How many elements are in the set. */
  get count(): number {
    return this.#values.length;
  }

  /** Whether `element` may be in the set. False is certain. */
  matches(element: Uint8Array): boolean {
    return this.matchesAny([element]);
  }

  /** Whether any of the elements may be in the set. False is certain. */
  matchesAny(elements: readonly Uint8Array[]): boolean {
    const values = this.#values;
    if (values.length === 0) return false;
    const wanted = hashed(this.#key, elements, values.length);
    for (let i = 0, j = 0; i < wanted.length && j < values.length;) {
      if (wanted[i] === values[j]) return true;
      if (wanted[i]! < values[j]!) i++;
      else j++;
    }
    return false;
  }
}

/** The first 16 bytes of the block hash as four words, little-endian. */
function sipKey(blockHash: Uint8Array): SipKey {
  const reader = new Reader(blockHash);
  return [reader.u32Le(), reader.u32Le(), reader.u32Le(), reader.u32Le()];
}

/** Elements as numbers spread evenly over 0 … count × M − 1, sorted. */
function hashed(key: SipKey, elements: readonly Uint8Array[], count: number): Float64Array {
  // The range is below 2^45 for the longest filter, so the products' upper halves are exact as numbers.
  const range = BigInt(count) * BigInt(FILTER_M);
  const values = new Float64Array(elements.length);
  for (const [i, element] of elements.entries()) values[i] = Number((sipHash24(key, element) * range) >> 64n);
  return values.sort();
}
