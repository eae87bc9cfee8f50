/**
 * What signatures before segwit sign: a copy of the transaction with parts of it blanked. The copy is never made; its parts
 * are hashed where they are, so that many inputs cost no more than hashing.
 *
 * @see Bitcoin Core `script/interpreter.cpp` (SignatureHash, CTransactionSignatureSerializer)
 * @module
 */
import { sha256, type Sha256Stream } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { Writer } from "../../codec/writer.ts";
import { writeCompactSize } from "../codec/mod.ts";
import { withoutSeparators } from "./script-code.ts";
import {
  BLANK_INPUT_BYTES,
  NO_OUTPUT_BYTES,
  OUTPOINT_BYTES,
  type SpendingTransaction,
} from "./spending-transaction.ts";

/** The last byte of a signature says what it signs: all outputs, unless the low five bits are one of these. */
export const SIGHASH_NONE = 2;
export const SIGHASH_SINGLE = 3;
export const SIGHASH_OUTPUT_MASK = 0x1f;
/** Only the input that is signed, and no others. */
export const SIGHASH_ANYONECANPAY = 0x80;

/** From so many bytes that an input has in common with the one before it on, they are hashed once for both. */
const BEGUN_BYTES_MIN = 2_048;

/** What is signed when there is no output to the input: the number 1, little-endian. Signed once, it is good for ever. */
const ONE: Bytes32 = Uint8Array.of(1, ...new Uint8Array(31));

/**
 * The digest that a signature before segwit signs.
 * @param code the script from its last separator on, without the signature
 * @param hashType 32 bits, of which signatures have the lowest eight
 */
export function legacyDigest(
  transaction: SpendingTransaction,
  input: number,
  code: Uint8Array,
  hashType: number,
): Bytes32 {
  const kind = hashType & SIGHASH_OUTPUT_MASK;
  if (kind === SIGHASH_SINGLE && input >= transaction.outputCount) return ONE;
  const parts: Uint8Array[] = [];
  let begun: Sha256Stream | undefined;
  const { length, pieces } = withoutSeparators(code);
  const { bytes, outputs } = transaction;
  const at = transaction.outpoints[input]!;
  const head = new Writer(64);
  let after: Uint8Array | undefined;
  if ((hashType & SIGHASH_ANYONECANPAY) !== 0) {
    head.u32Le(transaction.version);
    head.u8(1);
    head.raw(bytes.subarray(at, at + OUTPOINT_BYTES));
  } else {
    const isOpen = kind === SIGHASH_NONE || kind === SIGHASH_SINGLE;
    const blanked = isOpen ? transaction.blankedWithoutSequences() : transaction.blanked();
    const own = blanked.length - BLANK_INPUT_BYTES * (transaction.inputCount - input);
    const end = own + OUTPOINT_BYTES;
    if (end < BEGUN_BYTES_MIN) parts.push(blanked.subarray(0, end));
    else begun = transaction.begun(!isOpen, end);
    after = blanked.subarray(own + BLANK_INPUT_BYTES);
  }
  writeCompactSize(head, length);
  parts.push(head.finish(), ...pieces);
  const sequence = transaction.sequences[input]!;
  parts.push(bytes.subarray(sequence, sequence + 4));
  if (after !== undefined && after.length > 0) parts.push(after);
  const tail = new Writer(24);
  if (kind === SIGHASH_NONE) {
    tail.u8(0);
  } else if (kind === SIGHASH_SINGLE) {
    const count = new Writer(9);
    writeCompactSize(count, input + 1);
    parts.push(count.finish(), transaction.noOutputs().subarray(0, NO_OUTPUT_BYTES * input));
    parts.push(bytes.subarray(outputs[input], outputs[input + 1]));
  } else {
    parts.push(bytes.subarray(transaction.outputsAt, outputs.at(-1)));
  }
  tail.u32Le(transaction.lockTime);
  tail.u32Le(hashType);
  parts.push(tail.finish());
  if (begun === undefined) return sha256(sha256(...parts));
  for (const part of parts) begun.update(part);
  return sha256(begun.digest());
}
