/**
 * What signatures of witness programs sign: hashes that all inputs share, and what is the input's own.
 *
 * @see BIP143, BIP341, BIP342
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import type { Bytes32 } from "../../codec/sized.ts";
import { HashBuffer } from "./hash-buffer.ts";
import { SIGHASH_ANYONECANPAY, SIGHASH_NONE, SIGHASH_OUTPUT_MASK, SIGHASH_SINGLE } from "./sighash-legacy.ts";
import { OUTPOINT_BYTES, type SpendingTransaction } from "./spending-transaction.ts";
import { tagPrefix } from "../hash.ts";

const version0 = new HashBuffer();
const taproot = new HashBuffer(tagPrefix("TapSighash"));

/** BIP143's digest. @param code the witness script from its last separator on, or what a key hash stands for */
export function witnessV0Digest(
  transaction: SpendingTransaction,
  input: number,
  code: Uint8Array,
  hashType: number,
): Bytes32 {
  const kind = hashType & SIGHASH_OUTPUT_MASK;
  const isAlone = (hashType & SIGHASH_ANYONECANPAY) !== 0;
  const isOpen = kind === SIGHASH_NONE || kind === SIGHASH_SINGLE;
  const { bytes, outpoints, sequences } = transaction;
  const to = version0;
  to.u32(transaction.version);
  if (isAlone) to.zeros();
  else to.copy(transaction.prevoutsHash2());
  if (isAlone || isOpen) to.zeros();
  else to.copy(transaction.sequencesHash2());
  to.copy(bytes, outpoints[input]!, outpoints[input]! + OUTPOINT_BYTES);
  to.compactSize(code.length);
  to.copy(code);
  to.i64(transaction.spent[input]!.value);
  to.copy(bytes, sequences[input]!, sequences[input]! + 4);
  if (!isOpen) to.copy(transaction.outputsHash2());
  else if (kind === SIGHASH_SINGLE && input < transaction.outputCount) to.copy(sha256(transaction.outputHash(input)));
  else to.zeros();
  to.u32(transaction.lockTime);
  to.u32(hashType);
  return to.sha256d();
}

/** What a taproot signature signs beside the transaction. */
export interface TaprootExtra {
  /** SHA-256 of the annex with its length, when there is one. */
  readonly annexHash: Uint8Array | undefined;
  /** The leaf that is executed; undefined for a spend by key. */
  readonly leafHash: Uint8Array | undefined;
  /** Which opcode was the last separator, or 2^32 − 1. */
  readonly separatorAt: number;
}

/** BIP341's digest, with BIP342's extension for a leaf; undefined for a hash type that is not defined, or has no output. */
export function taprootDigest(
  transaction: SpendingTransaction,
  input: number,
  hashType: number,
  { annexHash, leafHash, separatorAt }: TaprootExtra,
): Bytes32 | undefined {
  const kind = hashType & 3;
  const isAlone = (hashType & SIGHASH_ANYONECANPAY) !== 0;
  if (hashType > 3 && (hashType < 0x81 || hashType > 0x83)) return undefined;
  if (kind === SIGHASH_SINGLE && input >= transaction.outputCount) return undefined;
  const { bytes, outpoints, sequences } = transaction;
  const to = taproot;
  to.u8(0); // epoch
  to.u8(hashType);
  to.u32(transaction.version);
  to.u32(transaction.lockTime);
  if (!isAlone) {
    to.copy(transaction.prevoutsHash());
    to.copy(transaction.amountsHash());
    to.copy(transaction.spentScriptsHash());
    to.copy(transaction.sequencesHash());
  }
  // 0 stands for all outputs as 1 does.
  if (kind < SIGHASH_NONE) to.copy(transaction.outputsHash());
  to.u8((leafHash === undefined ? 0 : 2) + (annexHash === undefined ? 0 : 1));
  if (isAlone) {
    const { value, scriptPubKey } = transaction.spent[input]!;
    to.copy(bytes, outpoints[input]!, outpoints[input]! + OUTPOINT_BYTES);
    to.i64(value);
    to.compactSize(scriptPubKey.length);
    to.copy(scriptPubKey);
    to.copy(bytes, sequences[input]!, sequences[input]! + 4);
  } else {
    to.u32(input);
  }
  if (annexHash !== undefined) to.copy(annexHash);
  if (kind === SIGHASH_SINGLE) to.copy(transaction.outputHash(input));
  if (leafHash !== undefined) {
    to.copy(leafHash);
    to.u8(0); // version of the key
    to.u32(separatorAt);
  }
  return to.sha256();
}
