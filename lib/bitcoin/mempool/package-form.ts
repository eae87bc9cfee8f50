/**
 * What packages look like: transactions that are judged together.
 *
 * @see Bitcoin Core `policy/packages.cpp`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Transaction } from "../types/transaction.ts";
import { outpointName } from "./entry.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** Transactions of a package. */
export const PACKAGE_COUNT_MAX = 25;
/** What they weigh together. */
const PACKAGE_WEIGHT_MAX = 404_000;

const malformed = (reason: string) => refuseTransaction("mempool_policy", reason);

/** Why transactions are no package: too many, one twice, children before parents, or two that spend the same. */
export function packageFault(transactions: readonly Transaction[]): TransactionRefusal | undefined {
  if (transactions.length > PACKAGE_COUNT_MAX) return malformed("package-too-many-transactions");
  const weight = transactions.reduce((sum, each) => sum + each.weight, 0);
  if (transactions.length > 1 && weight > PACKAGE_WEIGHT_MAX) return malformed("package-too-large");
  const later = new Set(transactions.map(({ txid }) => toHex(txid)));
  if (later.size !== transactions.length) return malformed("package-contains-duplicates");
  for (const { txid, inputs } of transactions) {
    if (inputs.some(({ prevout }) => later.has(toHex(prevout.txid)))) return malformed("package-not-sorted");
    later.delete(toHex(txid));
  }
  const spent = new Set<string>();
  for (const { inputs } of transactions) {
    const names = inputs.map(({ prevout }) => outpointName(prevout));
    if (names.length === 0 || names.some((name) => spent.has(name))) return malformed("conflict-in-package");
    for (const name of names) spent.add(name);
  }
  return undefined;
}

/** Whether all but the last are parents of the last. */
export function isChildWithParents(transactions: readonly Transaction[]): boolean {
  const child = transactions.at(-1);
  if (child === undefined || transactions.length < 2) return false;
  const needed = new Set(child.inputs.map(({ prevout }) => toHex(prevout.txid)));
  return transactions.slice(0, -1).every(({ txid }) => needed.has(toHex(txid)));
}
