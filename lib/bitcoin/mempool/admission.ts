/**
 * Whether transactions fit in with those that are in the mempool: rules that need nothing but it, and take no time.
 *
 * @see Bitcoin Core `validation.cpp` (MemPoolAccept)
 * @module
 */
import { toDisplayHex } from "../hash.ts";
import { dustLeft } from "./dust-spends.ts";
import { type PoolEntry, withAncestors } from "./entry.ts";
import { feeAt, rateOf } from "./fee-rate.ts";
import type { MempoolPolicy } from "./policy.ts";
import type { Pool } from "./pool.ts";
import { type Exchange, feeFault, improvesDiagram, isWithinClusterLimits, removedBy } from "./replacement.ts";
import { trucFault } from "./truc.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** How a transaction is admitted where it is not as usual. */
export interface AdmissionTerms {
  /** It was in a block that was taken back: fees, and limits of memory, do not matter. */
  readonly isFromBlock?: boolean;
  /** What it and others of its package pay together is judged later. */
  readonly isInPackage?: boolean;
  /** It must conflict with nothing. */
  readonly replacesNothing?: boolean;
  /** It is refused when it pays more than this, in satoshi for 1000 virtual bytes. */
  readonly feeRateMax?: number | undefined;
}

/** What a transaction has to do with the mempool. */
export interface Relations {
  readonly parents: readonly PoolEntry[];
  /** What spends the same, and a sibling that makes room. */
  readonly conflicts: ReadonlySet<PoolEntry>;
  readonly evictsSibling: boolean;
}

/** The rules of one mempool. */
export class Admission {
  readonly #pool: Pool;
  readonly #policy: MempoolPolicy;
  /** What the mempool asks for because it was full. */
  readonly #floor: () => number;

  constructor(pool: Pool, policy: MempoolPolicy, floor: () => number) {
    this.#pool = pool;
    this.#policy = policy;
    this.#floor = floor;
  }

  /** Why a transaction that is here already, as it is or with another witness, is refused. */
  known(txid: string, wtxid: string): TransactionRefusal | undefined {
    if (this.#pool.getByWtxid(wtxid) !== undefined) return refuseTransaction("conflict", "txn-already-in-mempool");
    if (this.#pool.get(txid) === undefined) return undefined;
    return refuseTransaction("conflict", "txn-same-nonwitness-data-in-mempool");
  }

  /** Why a transaction that spends these outpoints is refused where nothing may be replaced. */
  replaces(spends: readonly string[]): TransactionRefusal | undefined {
    if (spends.every((name) => this.#pool.spenderOf(name) === undefined)) return undefined;
    return refuseTransaction("mempool_policy", "bip125-replacement-disallowed");
  }

  /** Why a fee is too small for so many virtual bytes. */
  tooCheap(fee: number, vsize: number): TransactionRefusal | undefined {
    const floor = feeAt(this.#floor(), vsize);
    if (floor > 0 && fee < floor) {
      return refuseTransaction("reconsiderable", "mempool min fee not met", `${fee} < ${floor}`);
    }
    const least = feeAt(this.#policy.minRelayFeeRate, vsize);
    if (fee >= least) return undefined;
    return refuseTransaction("reconsiderable", "min relay fee not met", `${fee} < ${least}`);
  }

  /** What a transaction has to do with the mempool, or why it does not fit in. */
  relate(entry: PoolEntry, terms: AdmissionTerms): Relations | TransactionRefusal {
    const { isFromBlock, isInPackage, replacesNothing } = terms;
    const fault = this.known(entry.txid, entry.wtxid) ?? (replacesNothing ? this.replaces(entry.spends) : undefined) ??
      (isFromBlock || isInPackage ? undefined : this.tooCheap(entry.modifiedFee, entry.vsize));
    if (fault !== undefined) return fault;
    const conflicts = new Set<PoolEntry>();
    for (const name of entry.spends) {
      const other = this.#pool.spenderOf(name);
      if (other !== undefined) conflicts.add(other);
    }
    const parents = this.#pool.parentsOf(entry.spends);
    const truc = isFromBlock ? undefined : trucFault(entry, parents, conflicts);
    if (truc === undefined) return { parents, conflicts, evictsSibling: false };
    const evictsSibling = truc.sibling !== undefined && !isInPackage && !replacesNothing;
    if (!evictsSibling) return refuseTransaction("mempool_policy", "TRUC-violation", truc.detail);
    conflicts.add(truc.sibling!);
    return { parents, conflicts, evictsSibling };
  }

  /** What a single transaction takes the place of, or why it does not fit in. */
  admit(entry: PoolEntry, terms: AdmissionTerms = {}): Exchange | TransactionRefusal {
    const relations = this.relate(entry, terms);
    if ("ok" in relations) return relations;
    const { parents, conflicts } = relations;
    const exchange = conflicts.size === 0 ? this.#join(entry, parents, terms) : this.#replace(entry, relations);
    if ("ok" in exchange) return exchange;
    const paradox = conflicts.size > 0 && this.#spendsReplaced(entry, relations);
    if (paradox) return paradox;
    if (terms.feeRateMax !== undefined && rateOf(entry.modifiedFee, entry.vsize) > terms.feeRateMax) {
      return maxFeeRateExceeded();
    }
    const { requiresStandard, dustRelayFeeRate } = this.#policy;
    return (requiresStandard ? dustLeft(entry, parents, dustRelayFeeRate) : undefined) ?? exchange;
  }

  #join(
    entry: PoolEntry,
    parents: readonly PoolEntry[],
    { isFromBlock }: AdmissionTerms,
  ): Exchange | TransactionRefusal {
    const exchange: Exchange = { added: [entry], parents: new Map([[entry, parents]]), removed: new Set() };
    return isFromBlock || isWithinClusterLimits(exchange, this.#policy) ? exchange : tooLargeCluster();
  }

  #replace(entry: PoolEntry, { parents, conflicts, evictsSibling }: Relations): Exchange | TransactionRefusal {
    const suffix = evictsSibling ? " (including sibling eviction)" : "";
    const removed = removedBy(conflicts, entry);
    if (typeof removed === "string") {
      return refuseTransaction("mempool_policy", `too many potential replacements${suffix}`, removed);
    }
    const { modifiedFee, vsize } = entry;
    const fault = feeFault(modifiedFee, vsize, removed, entry, this.#policy.incrementalRelayFeeRate);
    if (fault !== undefined) return refuseTransaction("reconsiderable", `insufficient fee${suffix}`, fault);
    const kept = parents.filter((parent) => !removed.has(parent));
    const exchange = { added: [entry], parents: new Map([[entry, kept]]), removed };
    if (!isWithinClusterLimits(exchange, this.#policy)) return tooLargeCluster();
    if (improvesDiagram(exchange)) return exchange;
    const detail = "insufficient feerate: does not improve feerate diagram";
    return refuseTransaction("reconsiderable", "replacement-failed", detail);
  }

  #spendsReplaced(entry: PoolEntry, { parents, conflicts }: Relations): TransactionRefusal | undefined {
    const spent = [...withAncestors(parents)].find((each) => conflicts.has(each));
    if (spent === undefined) return undefined;
    const [name, other] = [entry, spent].map(({ transaction }) => toDisplayHex(transaction.txid));
    const detail = `${name} spends conflicting transaction ${other}`;
    return refuseTransaction("consensus", "bad-txns-spends-conflicting-tx", detail);
  }
}

/** A cluster would be too large. */
export const tooLargeCluster = (): TransactionRefusal => refuseTransaction("mempool_policy", "too-large-cluster");

/** It pays more than its sender meant to pay. */
export const maxFeeRateExceeded = (): TransactionRefusal => refuseTransaction("mempool_policy", "max feerate exceeded");
