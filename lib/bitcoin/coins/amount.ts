/**
 * Amounts as Core's coins have them: decimal zeros at the end are counted and not written.
 *
 * @see Bitcoin Core `compressor.cpp` (CompressAmount, DecompressAmount), which takes any u64
 * @module
 */

import type { Writer } from "../../codec/writer.ts";
import { writeVarInt, writeVarInt64 } from "../codec/mod.ts";

/** Zeros that are counted; a larger count would need another digit. */
const ZEROS_MAX = 9;
/** Below this the product below is exact as a number. */
const EXACT = 900_000_000_000_000;

/**
 * The number that stands for an amount in satoshi, 0 … 2^64 − 1: 0 for 0; else, with e zeros at the end and d the digit
 * before them, 1 + (9n + d − 1) × 10 + e, n being what is before d; where e is nine, 1 + (n − 1) × 10 + 9, n being all
 * that is before the zeros.
 */
export function compressAmount(satoshi: bigint): bigint {
  if (satoshi < EXACT) return BigInt(compressed(Number(satoshi)));
  let [rest, zeros] = [satoshi, 0n];
  while (zeros < ZEROS_MAX && rest % 10n === 0n) {
    rest /= 10n;
    zeros += 1n;
  }
  if (zeros === BigInt(ZEROS_MAX)) return u64(1n + (rest - 1n) * 10n + 9n);
  const digit = rest % 10n;
  return u64(1n + ((rest / 10n) * 9n + digit - 1n) * 10n + zeros);
}

function compressed(satoshi: number): number {
  if (satoshi === 0) return 0;
  let [rest, zeros] = [satoshi, 0];
  while (zeros < ZEROS_MAX && rest % 10 === 0) {
    rest /= 10;
    zeros += 1;
  }
  if (zeros === ZEROS_MAX) return 1 + (rest - 1) * 10 + 9;
  const digit = rest % 10;
  return 1 + ((rest - digit) / 10 * 9 + digit - 1) * 10 + zeros;
}

/** Writes the number of an amount as a VARINT. @throws CodecError `value` for an amount below 0 */
export function writeAmount(writer: Writer, satoshi: bigint): void {
  if (satoshi >= 0n && satoshi < EXACT) writeVarInt(writer, compressed(Number(satoshi)));
  else writeVarInt64(writer, satoshi < 0n ? satoshi : compressAmount(satoshi));
}

/** The amount that a number stands for. Where none does, the u64 that Core computes. */
export function decompressAmount(number: bigint): bigint {
  if (number === 0n) return 0n;
  const shifted = number - 1n;
  const zeros = shifted % 10n;
  const rest = shifted / 10n;
  const digits = zeros < ZEROS_MAX ? (rest / 9n) * 10n + (rest % 9n) + 1n : rest + 1n;
  return u64(digits * 10n ** zeros);
}

const u64 = (value: bigint) => BigInt.asUintN(64, value);
