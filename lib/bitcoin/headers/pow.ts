/**
 * Proof of work: targets in their compact form, what a hash must satisfy, and how much work a block stands for.
 *
 * @see Bitcoin Core `arith_uint256.cpp` (SetCompact, GetCompact), `pow.cpp`, `chain.cpp` (GetBlockProof)
 * @module
 */
import type { PowParams } from "../networks/network.ts";

const BITS_256 = (1n << 256n) - 1n;
/** The sign bit of the compact form's mantissa. */
const SIGN = 0x0080_0000;

/** What a compact form says. */
export interface CompactTarget {
  /** Below 2^256, whatever the flags say. */
  readonly target: bigint;
  /** The sign bit is set on a mantissa that is not zero. */
  readonly negative: boolean;
  /** The number does not fit 256 bits; {@link target} has lost its upper bits. */
  readonly overflow: boolean;
}

/** Reads `bits`: the upper byte is a length in bytes, the lower three are the number's first ones. Total: takes any u32. */
export function compactToTarget(bits: number): CompactTarget {
  const size = bits >>> 24;
  let word = bits & 0x007f_ffff;
  let target: bigint;
  if (size <= 3) {
    word >>>= 8 * (3 - size);
    target = BigInt(word);
  } else {
    target = (BigInt(word) << BigInt(8 * (size - 3))) & BITS_256;
  }
  return {
    target,
    negative: word !== 0 && (bits & SIGN) !== 0,
    overflow: word !== 0 && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32)),
  };
}

/** Writes `target` (0 up to 2^256 − 1) in compact form, dropping all but its first three bytes. */
export function targetToCompact(target: bigint, negative = false): number {
  let size = Math.ceil(bitLength(target) / 8);
  let word = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if ((word & SIGN) !== 0) { // that bit is the sign's
    word >>>= 8;
    size++;
  }
  return ((word | (size << 24) | (negative && (word & 0x007f_ffff) !== 0 ? SIGN : 0)) >>> 0);
}

function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** The target of `bits`; undefined when it is negative, zero, too large for 256 bits or above `limit`. */
export function targetOf(bits: number, limit: bigint): bigint | undefined {
  const { target, negative, overflow } = compactToTarget(bits);
  return negative || overflow || target === 0n || target > limit ? undefined : target;
}

/** The expected number of hashes for a block of these bits: 2^256 / (target + 1). Zero when they say nothing sensible. */
export function blockWork(bits: number): bigint {
  const { target, negative, overflow } = compactToTarget(bits);
  return negative || overflow || target === 0n ? 0n : (BITS_256 - target) / (target + 1n) + 1n;
}

/** How much harder `bits` is than the main network's easiest target, as `getdifficulty` tells it. */
export function difficultyOf(bits: number): number {
  const mantissa = bits & 0x00ff_ffff;
  return mantissa === 0 ? 0 : (0xffff / mantissa) * 256 ** (0x1d - (bits >>> 24));
}

/**
 * A target as eight 32-bit words, the lowest first, the way a hash lies in memory: so that one is compared with the other
 * without a bigint.
 */
export type TargetWords = Uint32Array;

function toWords(target: bigint): TargetWords {
  const words = new Uint32Array(8);
  for (let i = 0; i < 8; i++) words[i] = Number((target >> BigInt(32 * i)) & 0xffff_ffffn);
  return words;
}

/** How many bits are remembered; a peer may send a different one with each header. */
const CACHE_MAX = 1_024;

/** Targets by their bits, remembered: along a chain the same come again and again. */
export class TargetCache {
  readonly #limit: bigint;
  readonly #words = new Map<number, TargetWords | undefined>();

  constructor(pow: PowParams) {
    this.#limit = pow.limit;
  }

  /** The words of the target of `bits`; undefined when no hash can satisfy them ({@link targetOf}). */
  get(bits: number): TargetWords | undefined {
    const known = this.#words.get(bits);
    if (known !== undefined || this.#words.has(bits)) return known;
    const target = targetOf(bits, this.#limit);
    const words = target === undefined ? undefined : toWords(target);
    if (this.#words.size >= CACHE_MAX) this.#words.clear();
    this.#words.set(bits, words);
    return words;
  }
}

/** Whether the hash whose words start at `at` is at most the target. Words are little-endian numbers, lowest first. */
export function wordsMeet(hash: Uint32Array, at: number, target: TargetWords): boolean {
  for (let i = 7; i >= 0; i--) {
    const have = hash[at + i]!;
    const most = target[i]!;
    if (have !== most) return have < most;
  }
  return true;
}

/** Whether `hash` (32 bytes in wire order) satisfies `bits` in a network of these rules. */
export function checkProofOfWork(hash: Uint8Array, bits: number, pow: PowParams): boolean {
  const target = targetOf(bits, pow.limit);
  if (target === undefined) return false;
  let value = 0n;
  for (let i = 31; i >= 0; i--) value = (value << 8n) | BigInt(hash[i]!);
  return value <= target;
}
