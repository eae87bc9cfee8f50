/**
 * Transactions of version 3 keep to a small form so that others cannot pin them down: one parent, one child, and few bytes.
 *
 * @see BIP431; Bitcoin Core `policy/truc_policy.cpp`
 * @module
 */
import { toDisplayHex } from "../hash.ts";
import type { Transaction } from "../types/transaction.ts";
import { type PoolEntry, txidOf, withAncestors, withDescendants } from "./entry.ts";
import { TRUC_VERSION } from "./standard.ts";

const [VBYTES_MAX, CHILD_VBYTES_MAX] = [10_000, 1_000];
/** A transaction with its parent, or with its child. */
const RELATIVES_MAX = 2;

/** What is wrong, and a sibling that could make room. */
export interface TrucFault {
  readonly detail: string;
  /** The only other child of the parent. */
  readonly sibling?: PoolEntry | undefined;
}

const nameOf = ({ txid, wtxid }: Transaction) => `${toDisplayHex(txid)} (wtxid=${toDisplayHex(wtxid)})`;

const isTruc = ({ version }: Transaction) => version === TRUC_VERSION;

function heritageFault(child: Transaction, parent: Transaction): TrucFault | undefined {
  if (isTruc(child) === isTruc(parent)) return undefined;
  const [own, other] = isTruc(child) ? ["version=3", "non-version=3"] : ["non-version=3", "version=3"];
  return { detail: `${own} tx ${nameOf(child)} cannot spend from ${other} tx ${nameOf(parent)}` };
}

function sizeFault(entry: PoolEntry, hasParent: boolean): TrucFault | undefined {
  const max = hasParent ? CHILD_VBYTES_MAX : VBYTES_MAX;
  if (entry.vsize <= max) return undefined;
  const what = hasParent ? "version=3 child tx" : "version=3 tx";
  return { detail: `${what} ${nameOf(entry.transaction)} is too big: ${entry.vsize} > ${max} virtual bytes` };
}

const tooManyAncestors = ({ transaction }: PoolEntry): TrucFault => ({
  detail: `tx ${nameOf(transaction)} would have too many ancestors`,
});

const tooManyDescendants = ({ transaction }: PoolEntry, sibling?: PoolEntry): TrucFault => ({
  detail: `tx ${nameOf(transaction)} would exceed descendant count limit`,
  sibling,
});

/**
 * What is wrong with a transaction that spends outputs of these transactions of the mempool.
 * @param conflicts what it would replace in any case
 */
export function trucFault(
  entry: PoolEntry,
  parents: readonly PoolEntry[],
  conflicts: ReadonlySet<PoolEntry>,
): TrucFault | undefined {
  for (const { transaction } of parents) {
    const fault = heritageFault(entry.transaction, transaction);
    if (fault !== undefined) return fault;
  }
  if (!isTruc(entry.transaction)) return undefined;
  const tooBig = sizeFault(entry, false);
  if (tooBig !== undefined) return tooBig;
  const [parent] = parents;
  if (parents.length + 1 > RELATIVES_MAX) return tooManyAncestors(entry);
  if (parent === undefined) return undefined;
  if (withAncestors([parent]).size + 1 > RELATIVES_MAX) return tooManyAncestors(entry);
  const childTooBig = sizeFault(entry, true);
  if (childTooBig !== undefined) return childTooBig;
  const descendants = withDescendants([parent]);
  descendants.delete(parent);
  if (descendants.size === 0 || [...descendants].some((each) => conflicts.has(each))) return undefined;
  const [sibling] = descendants;
  // After a reorganisation there may be more of them, or more above them.
  const isAlone = descendants.size === 1 && withAncestors([sibling!]).size === RELATIVES_MAX;
  return tooManyDescendants(parent, isAlone ? sibling : undefined);
}

/**
 * What is wrong with a transaction among others of its package, each with its parents in the mempool.
 * @param all the package, parents before children
 */
export function packageTrucFault(
  entry: PoolEntry,
  all: readonly PoolEntry[],
  mempoolParents: readonly PoolEntry[],
): TrucFault | undefined {
  const spent = new Set(entry.spends.map(txidOf));
  const own = all.slice(0, all.indexOf(entry)).filter(({ txid }) => spent.has(txid));
  if (!isTruc(entry.transaction)) {
    for (const parent of [...mempoolParents, ...own]) {
      const fault = heritageFault(entry.transaction, parent.transaction);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }
  const tooBig = sizeFault(entry, false);
  if (tooBig !== undefined) return tooBig;
  const [inPool] = mempoolParents;
  const parent = inPool ?? own[0];
  if (mempoolParents.length + own.length + 1 > RELATIVES_MAX) return tooManyAncestors(entry);
  if (inPool !== undefined && withAncestors([inPool]).size + 1 > RELATIVES_MAX) return tooManyAncestors(entry);
  if (parent === undefined) return undefined;
  const fault = sizeFault(entry, true) ?? heritageFault(entry.transaction, parent.transaction);
  if (fault !== undefined) return fault;
  for (const other of all) {
    if (other === entry) continue;
    for (const name of other.spends) {
      const txid = txidOf(name);
      if (txid === parent.txid) return tooManyDescendants(parent);
      if (txid === entry.txid) return tooManyAncestors(other);
    }
  }
  return inPool !== undefined && withDescendants([inPool]).size > 1 ? tooManyDescendants(inPool) : undefined;
}
