/**
 * The set of BIP158: tells whether a block may concern somebody, never wrongly that it does not.
 *
 * @see BIP158; Bitcoin Core `src/blockfilter.cpp`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { Reader } from "../../codec/reader.ts";
import { equalBytes } from "../../codec/sized.ts";
import { sipHash24Into } from "../../codec/siphash.ts";
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
    const all = [...elements];
    const hashes = hashesOf(key, all);
    const distinct = distinctOf(all, hashes);
    const values = valuesOf(hashes, distinct, distinct.length);
    const writer = new Writer(5 + distinct.length * 3);
    writeCompactSize(writer, distinct.length);
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
    const wanted = valuesOf(hashesOf(this.#key, elements), [...elements.keys()], values.length);
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

/** The hashes of elements, each in two halves: the lower one first. */
function hashesOf(key: SipKey, elements: readonly Uint8Array[]): Uint32Array {
  const hashes = new Uint32Array(elements.length * 2);
  for (const [i, element] of elements.entries()) sipHash24Into(key, element, hashes, i * 2);
  return hashes;
}

/** The places of elements that have no equal before them. Those that are equal have equal hashes. */
function distinctOf(elements: readonly Uint8Array[], hashes: Uint32Array): number[] {
  const byHash = new Map<number, number[]>();
  const distinct: number[] = [];
  for (const [i, element] of elements.entries()) {
    // As many bits as a number has: what shares them is compared.
    const name = hashes[i * 2 + 1]! * 2 ** 21 + (hashes[i * 2]! >>> 11);
    const before = byHash.get(name);
    if (before?.some((each) => equalBytes(elements[each]!, element))) continue;
    if (before === undefined) byHash.set(name, [i]);
    else before.push(i);
    distinct.push(i);
  }
  return distinct;
}

/** The hashes at some places as numbers spread evenly over 0 … count × M − 1, sorted. */
function valuesOf(hashes: Uint32Array, places: readonly number[], count: number): Float64Array {
  const range = count * FILTER_M;
  return Float64Array.from(places, (i) => scaled(hashes[i * 2 + 1]!, hashes[i * 2]!, range)).sort();
}

/** 15 bits: a product of that many and 32 bits is exact as a number, and so is a sum of two. */
const LIMB = 2 ** 15;

/**
 * floor((high × 2^32 + low) × range / 2^64) for a range below 2^45, which holds for the longest filter. Written as a long
 * multiplication by limbs of the range, each carried into the next: big integers would be made for every element.
 */
function scaled(high: number, low: number, range: number): number {
  const r0 = range % LIMB;
  const rest = Math.floor(range / LIMB);
  const r1 = rest % LIMB;
  const r2 = Math.floor(rest / LIMB);
  // In units of 2^15, 2^30, 2^32, 2^47, 2^62.
  let sum = Math.floor((low * r0) / LIMB) + low * r1;
  sum = Math.floor(sum / LIMB) + low * r2;
  sum = Math.floor(sum / 4) + high * r0;
  sum = Math.floor(sum / LIMB) + high * r1;
  sum = Math.floor(sum / LIMB) + high * r2;
  return Math.floor(sum / 4);
}
