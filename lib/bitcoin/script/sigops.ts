/**
 * Signature operations as a block counts them: by reading scripts, none is executed.
 *
 * @see BIP16, BIP141; Bitcoin Core `consensus/tx_verify.cpp` (GetTransactionSigOpCost)
 * @module
 */
import { p2shSigOpCount, sigOpCount, witnessSigOpCount } from "../types/script.ts";
import { ScriptFlag } from "./flags.ts";
import type { TxOutput } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";

/** What an operation outside of witnesses costs. Those in witnesses cost 1. */
const LEGACY_COST = 4;

/**
 * What the operations of a transaction cost of the 80,000 that a block has: those of its inputs' and outputs' scripts, by the
 * flag P2SH those of the scripts that its inputs reveal, and by the flag WITNESS those of its witnesses. A coinbase spends
 * nothing, and is not counted here.
 */
export function sigOpCost(
  { inputs, outputs }: Pick<Transaction, "inputs" | "outputs">,
  spent: readonly Pick<TxOutput, "scriptPubKey">[],
  flags: number,
): number {
  let cost = 0;
  for (let i = 0; i < inputs.length; i++) {
    const { scriptSig, witness } = inputs[i]!;
    const { scriptPubKey } = spent[i]!;
    cost += LEGACY_COST * sigOpCount(scriptSig, false);
    if ((flags & ScriptFlag.P2SH) !== 0) cost += LEGACY_COST * p2shSigOpCount(scriptPubKey, scriptSig);
    if ((flags & ScriptFlag.WITNESS) !== 0) cost += witnessSigOpCount(scriptPubKey, scriptSig, witness);
  }
  for (const { scriptPubKey } of outputs) cost += LEGACY_COST * sigOpCount(scriptPubKey, false);
  return cost;
}
