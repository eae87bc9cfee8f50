/**
 * Whether a transaction may spend what it spends.
 *
 * @module
 */
import type { Secp256k1 } from "../../engine/secp256k1/mod.ts";
import type { Transaction } from "../types/transaction.ts";
import type { TxOutput } from "../types/transaction-parts.ts";
import { type InputFailure, ScriptBatch } from "./batch.ts";
import { SpendingTransaction } from "./spending-transaction.ts";

/**
 * Verifies the scripts of all inputs; the first that fails, or undefined.
 *
 * @param spent what the inputs spend, in their order; values are not negative
 * @param flags the rules, as in `ScriptFlag`
 * @throws RangeError when there are not as many outputs as inputs, and for rules that cannot be without others
 */
export function verifyTransaction(
  transaction: Transaction,
  spent: readonly TxOutput[],
  flags: number,
  secp256k1: Secp256k1,
): Pick<InputFailure, "input" | "error"> | undefined {
  const batch = new ScriptBatch(secp256k1, flags);
  batch.add(new SpendingTransaction(transaction, spent));
  const failure = batch.finish();
  return failure && { input: failure.input, error: failure.error };
}
