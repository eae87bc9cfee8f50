/**
 * What the bytes on the stack mean: numbers, and whether they are true.
 *
 * @see Bitcoin Core `script/script.h` (CScriptNum), `script/interpreter.cpp` (CastToBool)
 * @module
 */
import { scriptNumber } from "../types/script.ts";

/** Bytes of a number that an opcode computes with. Results may be longer, and are no numbers for the next opcode then. */
export const NUMBER_BYTES = 4;
/** Bytes of a lock time, which has to go beyond 2038. */
export const LOCK_TIME_BYTES = 5;

/**
 * The number that bytes are; NaN when they are more than `bytesMax`, or when `isMinimal` is asked for and one byte less would
 * do.
 */
export function readNumber(bytes: Uint8Array, isMinimal: boolean, bytesMax = NUMBER_BYTES): number {
  const { length } = bytes;
  if (length > bytesMax) return NaN;
  if (length === 0) return 0;
  const last = bytes[length - 1]!;
  if (isMinimal && (last & 0x7f) === 0 && (length === 1 || (bytes[length - 2]! & 0x80) === 0)) return NaN;
  let value = last & 0x7f;
  for (let i = length - 2; i >= 0; i--) value = value * 256 + bytes[i]!;
  // No negative zero: it would be another number for `Object.is`, and for nobody else.
  return last >= 0x80 && value !== 0 ? -value : value;
}

/** False: no bytes. */
export const FALSE: Uint8Array = new Uint8Array(0);
/** True as opcodes push it. */
export const TRUE: Uint8Array = Uint8Array.of(1);

const SMALL_MIN = -1;
const SMALL_MAX = 16;
/** What most opcodes push. Elements are never written to, so that all stacks share these. */
const small = Array.from({ length: SMALL_MAX - SMALL_MIN + 1 }, (_, i) => scriptNumber(i + SMALL_MIN));

/** A number as bytes, in its only minimal form. */
export function writeNumber(value: number): Uint8Array {
  return value >= SMALL_MIN && value <= SMALL_MAX ? small[value - SMALL_MIN]! : scriptNumber(value);
}

/** Whether bytes are true: any that is not 0, except the sign of a negative zero. */
export function isTrue(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  for (let i = 0; i <= last; i++) {
    if (bytes[i] !== 0) return i !== last || bytes[i] !== 0x80;
  }
  return false;
}
