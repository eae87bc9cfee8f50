/**
 * Rules of a single transaction that need nothing but its bytes, a height and a time.
 *
 * @see Bitcoin Core `consensus/tx_check.cpp` (CheckTransaction), `consensus/tx_verify.cpp` (IsFinalTx)
 * @module
 */
import { MAX_MONEY } from "../types/money.ts";
import { toDisplayHex } from "../hash.ts";
import { LOCKTIME_THRESHOLD, SEQUENCE_FINAL } from "../types/lock-times.ts";
import type { Transaction } from "../types/transaction.ts";
import { TransactionWalk } from "./transaction-walk.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";

/** The most weight of a block. */
export const MAX_BLOCK_WEIGHT = 4_000_000;
/** What a byte without witness weighs, and what a legacy signature operation costs. */
export const WITNESS_SCALE_FACTOR = 4;
const COINBASE_SCRIPT_BYTES_MIN = 2;
const COINBASE_SCRIPT_BYTES_MAX = 100;

/** A rule that a transaction breaks. */
export const fault = (reason: string, { txid }: Transaction, what: string): Refusal =>
  refuse("consensus", reason, `transaction ${toDisplayHex(txid)}: ${what}`);

const walk = new TransactionWalk();

/** Judges a transaction by itself. Undefined when it passes. */
export function checkTransaction(transaction: Transaction): Refusal | undefined {
  return checkWalked(transaction, walk.over(transaction));
}

/** {@link checkTransaction} of a transaction that was walked over. */
export function checkWalked(transaction: Transaction, walked: TransactionWalk): Refusal | undefined {
  if (walked.inputCount === 0) return fault("bad-txns-vin-empty", transaction, "no inputs");
  if (walked.outputCount === 0) return fault("bad-txns-vout-empty", transaction, "no outputs");
  if (transaction.strippedSize * WITNESS_SCALE_FACTOR > MAX_BLOCK_WEIGHT) {
    return fault("bad-txns-oversize", transaction, `${transaction.strippedSize} bytes`);
  }
  let total = 0; // never above twice the most, which a double holds exactly
  for (const value of walked.values) {
    if (value < 0) return fault("bad-txns-vout-negative", transaction, `an output of ${value}`);
    if (value > MAX_MONEY) return fault("bad-txns-vout-toolarge", transaction, `an output of ${value}`);
    total += value;
    if (total > MAX_MONEY) return fault("bad-txns-txouttotal-toolarge", transaction, `outputs of ${total}`);
  }
  if (walked.spendsTwice()) return fault("bad-txns-inputs-duplicate", transaction, "spends an output twice");
  if (walked.inputCount === 1 && walked.hasNullPrevout) {
    const length = walked.firstScriptBytes;
    if (length < COINBASE_SCRIPT_BYTES_MIN || length > COINBASE_SCRIPT_BYTES_MAX) {
      return fault("bad-cb-length", transaction, `a coinbase script of ${length} bytes`);
    }
  } else if (walked.hasNullPrevout) {
    return fault("bad-txns-prevout-null", transaction, "spends nothing");
  }
  return undefined;
}

/**
 * Whether the transaction may be in a block of this height.
 * @param time what lock times in seconds are held against: from BIP113 on the parent's median time past
 */
export function isFinal(transaction: Transaction, height: number, time: number): boolean {
  const { lockTime } = transaction;
  if (lockTime === 0 || lockTime < (lockTime < LOCKTIME_THRESHOLD ? height : time)) return true;
  return transaction.inputs.every(({ sequence }) => sequence === SEQUENCE_FINAL);
}

/** Signature operations as they were counted before P2SH: of all scripts in sight, each multisig as twenty. */
export function legacySigOpCount(transaction: Transaction): number {
  return walk.over(transaction).sigOps;
}
