/**
 * Lengths of CLVM atoms, for the walks over programs.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";

/**
 * The end of an atom with a length prefix of several bytes, whose first byte `first` (c0 … fd) is before `at`. May lie
 * beyond `end`. Not for lengths of one byte.
 */
export function longAtomEnd(bytes: Uint8Array, at: number, end: number, first: number): number {
  const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf8 ? 3 : first < 0xfc ? 4 : 0;
  if (more === 0) throw new CodecError("program", `byte ${first} starts no CLVM node`, at - 1);
  if (at + more > end) throw shortProgram(at + more, end);
  let length = first & (0x3f >> more);
  // Multiplied, not shifted: the longest form has 34 bits.
  for (let i = 0; i < more; i++) length = length * 256 + bytes[at + i]!;
  return at + more + length;
}

/** The error for a program that needs bytes up to `at` where there are only those before `end`. */
export function shortProgram(at: number, end: number): CodecError {
  const missing = Math.max(1, at - end);
  return new CodecError("short", `program is ${missing} ${missing === 1 ? "byte" : "bytes"} short`, end);
}
