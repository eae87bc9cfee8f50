/**
 * A Bloom filter over keys: says of most keys that a run does not hold that it does not.
 *
 * @module
 */

/** Bits a key: one key of a hundred that are not there passes. */
const BITS_PER_KEY = 10;
const HASHES = 7;

/** Bytes of the filter of so many keys. */
export const filterBytes = (keys: number): number => Math.ceil(keys * BITS_PER_KEY / 8) + 1;

/** Puts a key into a filter. */
export function addToFilter(filter: Uint8Array, bytes: Uint8Array, at: number, length: number): void {
  const bits = filter.length * 8;
  let hash = hashOf(bytes, at, length);
  const step = stepOf(hash);
  for (let i = 0; i < HASHES; i++) {
    const bit = placeOf(hash, bits);
    filter[bit >>> 3]! |= 1 << (bit & 7);
    hash = (hash + step) >>> 0;
  }
}

/** Whether a key may be in a filter. */
export function mayHold(filter: Uint8Array, bytes: Uint8Array, at: number, length: number): boolean {
  const bits = filter.length * 8;
  let hash = hashOf(bytes, at, length);
  const step = stepOf(hash);
  for (let i = 0; i < HASHES; i++) {
    const bit = placeOf(hash, bits);
    if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    hash = (hash + step) >>> 0;
  }
  return true;
}

const placeOf = (hash: number, bits: number) => Math.floor(hash / 2 ** 32 * bits);

function hashOf(bytes: Uint8Array, at: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[at + i]!, 0x0100_0193) + (hash >>> 15);
  return mixed(hash);
}

const stepOf = (hash: number) => mixed(hash ^ 0x5bd1_e995) | 1;

function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x7feb_352d);
  mix = Math.imul(mix ^ (mix >>> 15), 0x846c_a68b);
  return (mix ^ (mix >>> 16)) >>> 0;
}
