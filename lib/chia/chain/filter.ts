/**
 * The transactions filter of a block: a Golomb-coded set in the manner of BIP158, with P = 20, M = 2^20 and key zero.
 *
 * @see chia-blockchain 2.7.5 `PyBIP158`, spec of BIP158 for the coding
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { sipHash24 } from "../../codec/siphash.ts";

const P = 20n;
const NO_KEY = [0, 0, 0, 0] as const;

/** Appends bits, most significant first. */
class BitWriter {
  readonly #bytes: number[] = [];
  #free = 0;

  bit(value: number): void {
    if (this.#free === 0) {
      this.#bytes.push(0);
      this.#free = 8;
    }
    this.#free -= 1;
    const last = this.#bytes.length - 1;
    if (value !== 0) this.#bytes[last] = (this.#bytes[last] ?? 0) | (1 << this.#free);
  }

  golombRice(value: bigint): void {
    for (let quotient = value >> P; quotient > 0n; quotient--) this.bit(1);
    this.bit(0);
    for (let i = P - 1n; i >= 0n; i--) this.bit(Number((value >> i) & 1n));
  }

  bytes(): number[] {
    return this.#bytes;
  }
}

/** Bitcoin's CompactSize. */
function compactSize(value: number): number[] {
  if (value < 0xfd) return [value];
  if (value <= 0xffff) return [0xfd, value & 0xff, value >> 8];
  return [0xfe, value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
}

/** Encodes the filter over a set of elements; equal elements count once. The empty set is the one byte 00. */
export function encodeFilter(elements: readonly Uint8Array[]): Uint8Array {
  const distinct = new Map(elements.map((element) => [toHex(element), element]));
  const count = BigInt(distinct.size);
  const range = count << P;
  const values = BigUint64Array.from(distinct.values(), (element) => (sipHash24(NO_KEY, element) * range) >> 64n)
    .sort();
  const bits = new BitWriter();
  let last = 0n;
  for (const value of values) {
    bits.golombRice(value - last);
    last = value;
  }
  return Uint8Array.from([...compactSize(distinct.size), ...bits.bytes()]);
}
