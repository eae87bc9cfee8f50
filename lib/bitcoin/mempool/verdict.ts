/**
 * What is said of a transaction that does not enter the mempool: Core's reject reason, and the class by which it is
 * remembered and its giver judged.
 *
 * @see Bitcoin Core `consensus/validation.h` (TxValidationResult)
 * @module
 */

/**
 * Why it does not enter, in the terms of Core's TxValidationResult.
 *
 * - `consensus`: it breaks a rule of every block.
 * - `inputs_not_standard`: an output that it spends, or how, is not standard. Its witness has no part in it.
 * - `not_standard`: another rule of policy that no other witness would change the verdict of.
 * - `missing_inputs`: an output that it spends is not known: its parent may come, or is spent.
 * - `premature_spend`: a coinbase or a lock is not ripe yet.
 * - `witness_mutated`: its witness breaks a rule; the same transaction may come with another.
 * - `witness_stripped`: its witness was taken off on the way. Neither id says anything of it.
 * - `conflict`: it is in the mempool or in a block, or another that spends the same is.
 * - `mempool_policy`: the mempool's limits: too small a fee for a replacement, a cluster that is too large.
 * - `reconsiderable`: it pays too little by itself; with a child that pays for it, it may pass.
 * - `no_mempool`: nothing is taken now.
 */
export type TransactionResult =
  | "consensus"
  | "inputs_not_standard"
  | "not_standard"
  | "missing_inputs"
  | "premature_spend"
  | "witness_mutated"
  | "witness_stripped"
  | "conflict"
  | "mempool_policy"
  | "reconsiderable"
  | "no_mempool";

/** Why a transaction does not enter the mempool. */
export interface TransactionRefusal {
  readonly ok: false;
  readonly result: TransactionResult;
  /** Core's reject reason, as `testmempoolaccept` tells it: `min relay fee not met`. */
  readonly reason: string;
  /** What Core tells after it, for people: `0 < 110`. May be empty. */
  readonly detail: string;
}

/** Shorthand of a refusal. */
export function refuseTransaction(result: TransactionResult, reason: string, detail = ""): TransactionRefusal {
  return { ok: false, result, reason, detail };
}
