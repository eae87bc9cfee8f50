/**
 * Signature operations as a block counts them: by reading scripts, none is executed.
 *
 * @see BIP16, BIP141; Bitcoin Core `consensus/tx_verify.cpp` (GetTransactionSigOpCost)
 * @module
 */
import { p2shSigOpCount, sigOpCount, witnessSigOpCount } from "../types/script.ts";
import { ScriptFlag } from "./flags.ts";
import type { SpendingTransaction } from "./spending-transaction.ts";

/** What an operation outside of witnesses costs. Those in witnesses cost 1. */
const LEGACY_COST = 4;
/** Bytes of a value. */
const VALUE_BYTES = 8;

/**
 * What the operations of a transaction cost of the 80,000 that a block has: those of its inputs' and outputs' scripts, by the
 * flag P2SH those of the scripts that its inputs reveal, and by the flag WITNESS those of its witnesses. A coinbase spends
 * nothing, and is not counted here.
 */
export function sigOpCost(transaction: SpendingTransaction, flags: number): number {
  const { bytes, spent, outputs } = transaction;
  let cost = 0;
  for (const [input, { scriptPubKey }] of spent.entries()) {
    const scriptSig = transaction.scriptSig(input);
    cost += LEGACY_COST * sigOpCount(scriptSig, false);
    if ((flags & ScriptFlag.P2SH) !== 0) cost += LEGACY_COST * p2shSigOpCount(scriptPubKey, scriptSig);
    if ((flags & ScriptFlag.WITNESS) !== 0) {
      cost += witnessSigOpCount(scriptPubKey, scriptSig, transaction.witness(input));
    }
  }
  for (let i = 0; i < transaction.outputCount; i++) {
    const first = bytes[outputs[i]! + VALUE_BYTES]!;
    const sizeBytes = first < 0xfd ? 1 : first === 0xfd ? 3 : 5;
    cost += LEGACY_COST * sigOpCount(bytes.subarray(outputs[i]! + VALUE_BYTES + sizeBytes, outputs[i + 1]), false);
  }
  return cost;
}
