/**
 * Ephemeral dust: an output of little worth may be there for the moment in which a child spends it, and no longer. A child
 * that spends another output of the transaction has to spend the dust as well.
 *
 * @see Bitcoin Core `policy/ephemeral_policy.cpp` (CheckEphemeralSpends)
 * @module
 */
import { toDisplayHex } from "../hash.ts";
import type { PoolEntry } from "./entry.ts";
import { dustOutputs } from "./standard.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/**
 * Why a transaction leaves dust of its parents.
 * @param parents all whose outputs it spends, of the mempool or of its package
 * @param rate by which an output is dust, in satoshi for 1000 virtual bytes
 */
export function dustLeft(
  { transaction, spends }: PoolEntry,
  parents: readonly PoolEntry[],
  rate: number,
): TransactionRefusal | undefined {
  for (const parent of parents) {
    for (const index of dustOutputs(parent.transaction, rate)) {
      if (spends.includes(`${parent.txid}:${index}`)) continue;
      const { txid, wtxid } = transaction;
      const name = `tx ${toDisplayHex(txid)} (wtxid=${toDisplayHex(wtxid)})`;
      const detail = `${name} did not spend parent's ephemeral dust`;
      return refuseTransaction("mempool_policy", "missing-ephemeral-spends", detail);
    }
  }
  return undefined;
}
