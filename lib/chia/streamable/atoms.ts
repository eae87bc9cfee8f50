/**
 * Lengths of CLVM atoms, for the walks over programs.
 *
 * @module
 */
import { CodecError } from "../../codec/error.ts";

/** Lengths at or above this are refused, in whatever form they are written. */
const ATOM_BYTES_LIMIT = 0x4_0000_0000;

/** How many bytes of length follow the first byte (c0 … ff) of a long atom; more than 5 for a byte that starts none. */
export function lengthBytes(first: number): number {
  return Math.clz32(~(first << 24)) - 1;
}

/**
 * The end of an atom with a length prefix of several bytes, whose first byte `first` (c0 … ff) is before `at`. May lie
 * beyond `end`. The form fc with five more bytes is never needed, since no atom is that long, but the reference reads it.
 */
export function longAtomEnd(bytes: Uint8Array, at: number, end: number, first: number): number {
  const more = lengthBytes(first);
  if (more > 5) throw new CodecError("program", `byte ${first} starts no CLVM atom`, at - 1);
  if (at + more > end) throw shortProgram(at + more, end);
  let length = first & (0x3f >> more);
  // Multiplied, not shifted: the lengths have up to 34 bits.
  for (let i = 0; i < more; i++) length = length * 256 + bytes[at + i]!;
  if (length >= ATOM_BYTES_LIMIT) throw new CodecError("program", `no atom has ${length} bytes`, at - 1);
  return at + more + length;
}

/** The error for a program that needs bytes up to `at` where there are only those before `end`. */
export function shortProgram(at: number, end: number): CodecError {
  const missing = Math.max(1, at - end);
  return new CodecError("short", `program is ${missing} ${missing === 1 ? "byte" : "bytes"} short`, end);
}
