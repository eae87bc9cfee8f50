/**
 * MuHash3072: a hash of a set, to which elements can be added and taken away in any order. Each element becomes a number
 * of 3,072 bits, and the hash is that of their product.
 *
 * @see Bitcoin Core `crypto/muhash.cpp`
 * @module
 */
import { chacha20 } from "@noble/ciphers/chacha.js";
import { toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";

const BYTES = 384;
const BITS = 3_072n;
/** The modulus is 2^3072 less this. */
const SHORT_BY = 1_103_717n;
const MODULUS = (1n << BITS) - SHORT_BY;
const LOW = (1n << BITS) - 1n;
const NONCE = new Uint8Array(12);

/** A hash of a set; of the empty one at first. */
export class MuHash {
  #numerator = 1n;
  #denominator = 1n;

  /** Adds an element. */
  add(element: Uint8Array): void {
    this.#numerator = times(this.#numerator, numberOf(element));
  }

  /** Takes an element away, whether or not it was added yet. */
  remove(element: Uint8Array): void {
    this.#denominator = times(this.#denominator, numberOf(element));
  }

  /** The hash, in the order of the bytes. Core shows it the other way round. */
  digest(): Bytes32 {
    const value = times(this.#numerator, inverse(this.#denominator)) % MODULUS;
    const bytes = new Uint8Array(BYTES);
    const hex = value.toString(16).padStart(2 * BYTES, "0");
    for (let i = 0; i < BYTES; i++) bytes[i] = parseInt(hex.slice(2 * (BYTES - 1 - i), 2 * (BYTES - i)), 16);
    return sha256(bytes);
  }
}

/** The key stream of ChaCha20 under the element's SHA-256, the lowest byte first. */
function numberOf(element: Uint8Array): bigint {
  return BigInt(`0x${toHex(chacha20(sha256(element), NONCE, new Uint8Array(BYTES)).reverse())}`);
}

/** Below 2^3072, which may be a little more than the modulus. */
function times(a: bigint, b: bigint): bigint {
  let product = a * b;
  while (product > LOW) product = (product & LOW) + (product >> BITS) * SHORT_BY;
  return product;
}

/** By the extended algorithm of Euclid: the modulus is prime. */
function inverse(value: bigint): bigint {
  let [a, b] = [value % MODULUS, MODULUS];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % MODULUS) + MODULUS) % MODULUS;
}
