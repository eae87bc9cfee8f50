/**
 * SipHash-2-4, the keyed hash of block filters and address tables.
 *
 * @module
 */
import SipHash from "siphash";

/** What is used of the package: a key of four 32-bit words, low word first, and a result in two halves. */
interface SipHashModule {
  hash(key: readonly number[], message: Uint8Array): { readonly h: number; readonly l: number };
}

const { hash } = SipHash as unknown as SipHashModule;

/** SipHash-2-4 of a message under a key of four 32-bit words, low word first. The result is below 2^64. */
export function sipHash24(key: readonly [number, number, number, number], message: Uint8Array): bigint {
  const { h, l } = hash(key, message);
  return (BigInt(h >>> 0) << 32n) | BigInt(l >>> 0);
}
