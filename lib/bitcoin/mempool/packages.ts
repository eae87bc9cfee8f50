/**
 * Judges packages: a parent that pays too little by itself may enter with a child that pays for both.
 *
 * @see Bitcoin Core `validation.cpp` (AcceptPackage, AcceptMultipleTransactions, PackageMempoolChecks)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Transaction } from "../types/transaction.ts";
import {
  type Admission,
  type AdmissionTerms,
  maxFeeRateExceeded,
  type Relations,
  tooLargeCluster,
} from "./admission.ts";
import { dustLeft } from "./dust-spends.ts";
import { type PoolEntry, txidOf } from "./entry.ts";
import { rateOf } from "./fee-rate.ts";
import type { ChainFollower } from "./follower.ts";
import { type Candidate, candidateOf, type Judging } from "./judging.ts";
import type { PackageOptions, PackageVerdict, TransactionVerdict } from "./mempool.ts";
import { isChildWithParents, packageFault } from "./package-form.ts";
import type { MempoolPolicy } from "./policy.ts";
import type { Pool } from "./pool.ts";
import { type Exchange, feeFault, improvesDiagram, isWithinClusterLimits, removedBy } from "./replacement.ts";
import { packageTrucFault } from "./truc.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** What packages are judged with. */
export interface PackageParts {
  readonly pool: Pool;
  readonly policy: MempoolPolicy;
  readonly admission: Admission;
  readonly follower: ChainFollower;
  readonly judging: Judging;
  /** Takes transactions in, in the place of others; gives what was replaced. */
  readonly enter: (exchange: Exchange) => readonly PoolEntry[];
  /** Takes out what is too much. */
  readonly enforceLimits: () => void;
  /** Unix seconds. */
  readonly now: () => number;
}

/** What became of transactions that were judged together. */
interface Together {
  readonly refusal?: TransactionRefusal | undefined;
  /** Of those that there is something to say of. */
  readonly verdicts: ReadonlyMap<Transaction, TransactionVerdict>;
}

/** Transactions with what they have to do with the mempool. */
type Related = ReadonlyMap<PoolEntry, Relations>;

const failed = () => refuseTransaction("mempool_policy", "transaction failed");
const RBF_FAILED = "package RBF failed: ";
const refuseReplacement = (why: string, detail = "") =>
  refuseTransaction("mempool_policy", `${RBF_FAILED}${why}`, detail);

/** Judges packages. Nothing else is judged meanwhile. */
export class Packages {
  readonly #parts: PackageParts;

  constructor(parts: PackageParts) {
    this.#parts = parts;
  }

  /** Takes what may be taken of a child with its parents. @throws as `Judging` does */
  async accept(transactions: readonly Transaction[], { feeRateMax }: PackageOptions): Promise<PackageVerdict> {
    const none = transactions.map(() => undefined);
    const fault = packageFault(transactions);
    if (fault !== undefined) return { refusal: fault, verdicts: none };
    if (transactions.length > 1 && !isChildWithParents(transactions)) {
      const refusal = refuseTransaction("mempool_policy", "package-not-child-with-parents");
      return { refusal, verdicts: none };
    }
    const verdicts = new Map<Transaction, TransactionVerdict>();
    const open: Transaction[] = [];
    let refusal: TransactionRefusal | undefined;
    for (const transaction of transactions) {
      const verdict = this.#known(transaction) ?? await this.#single(transaction, { feeRateMax }, true);
      verdicts.set(transaction, verdict);
      if (verdict.ok !== false) continue;
      const mayPass = verdict.result === "reconsiderable" || verdict.result === "missing_inputs";
      if (mayPass && transactions.length > 1) open.push(transaction);
      else refusal = failed();
    }
    if (refusal === undefined && open.length > 0) {
      const together = await this.#together(open, { feeRateMax }, true);
      refusal = together.refusal;
      for (const [transaction, verdict] of together.verdicts) verdicts.set(transaction, verdict);
    }
    this.#parts.enforceLimits();
    for (const [transaction, verdict] of verdicts) {
      if (verdict.ok === false || this.#parts.pool.get(toHex(transaction.txid)) !== undefined) continue;
      verdicts.set(transaction, refuseTransaction("mempool_policy", "mempool full"));
      refusal = failed();
    }
    return { ...(refusal && { refusal }), verdicts: transactions.map((each) => verdicts.get(each)) };
  }

  /** Says what would become of transactions, by themselves or together. @throws as `Judging` does */
  async test(transactions: readonly Transaction[]): Promise<PackageVerdict> {
    const [only] = transactions;
    if (transactions.length === 1) return { verdicts: [await this.#single(only!, {}, false)] };
    const fault = packageFault(transactions);
    if (fault !== undefined) return { refusal: fault, verdicts: transactions.map(() => undefined) };
    const { refusal, verdicts } = await this.#together(transactions, { replacesNothing: true }, false);
    return { ...(refusal && { refusal }), verdicts: transactions.map((each) => verdicts.get(each)) };
  }

  #known(transaction: Transaction): TransactionVerdict | undefined {
    const entry = this.#parts.pool.get(toHex(transaction.txid));
    return entry && { ok: "known", entry };
  }

  async #single(transaction: Transaction, terms: AdmissionTerms, isToEnter: boolean): Promise<TransactionVerdict> {
    const { judging, enter, now } = this.#parts;
    let verdict: TransactionVerdict | undefined;
    await judging.judge([{ transaction, terms, time: now() }], (candidate, exchange) => {
      if (candidate.error !== undefined) throw candidate.error;
      const { entry, refusal } = candidate;
      if (exchange === undefined || entry === undefined) {
        verdict = refusal!;
        return;
      }
      const replaced = isToEnter ? enter(exchange) : [...exchange.removed];
      verdict = acceptedAlone(entry, replaced);
    });
    return verdict!;
  }

  /** Judges transactions together; those that cannot be are judged alone. */
  async #together(
    transactions: readonly Transaction[],
    terms: AdmissionTerms,
    isToEnter: boolean,
  ): Promise<Together> {
    const [only] = transactions;
    if (transactions.length === 1) {
      const verdict = await this.#single(only!, terms, isToEnter);
      return { ...(verdict.ok === false && { refusal: failed() }), verdicts: new Map([[only!, verdict]]) };
    }
    const candidates = transactions.map((transaction) =>
      candidateOf({ transaction, terms: { ...terms, isInPackage: isToEnter }, time: this.#parts.now() })
    );
    let answer: Together | undefined;
    await this.#parts.judging.insist(async () => {
      const { follower, judging } = this.#parts;
      const { moves } = follower;
      if (!await judging.prepare(candidates)) return "moved";
      const fitting = this.#fit(candidates, terms, isToEnter);
      if ("verdicts" in fitting) {
        answer = fitting;
        return "done";
      }
      await judging.verify(candidates);
      if (follower.moves !== moves) return "moved";
      answer = badScript(candidates) ?? this.#enter(candidates, fitting, isToEnter);
      return "done";
    });
    return answer!;
  }

  /** What the transactions take the place of, or why they do not fit in together. */
  #fit(candidates: readonly Candidate[], terms: AdmissionTerms, isByRate: boolean): Exchange | Together {
    const { admission, policy } = this.#parts;
    const related = new Map<PoolEntry, Relations>();
    for (const { entry, refusal, question } of candidates) {
      const found = refusal ?? this.#relate(entry!, question.terms, terms.feeRateMax);
      if ("ok" in found) return refusedFor(question.transaction, found);
      related.set(entry!, found);
    }
    const entries = [...related.keys()];
    for (const [entry, { parents }] of related) {
      const fault = packageTrucFault(entry, entries, parents);
      if (fault !== undefined) return refusedAll(refuseTransaction("mempool_policy", "TRUC-violation", fault.detail));
    }
    const { fee, vsize } = sumOf(entries);
    const tooCheap = isByRate ? admission.tooCheap(fee, vsize) : undefined;
    if (tooCheap !== undefined) return refusedFor(candidates.at(-1)!.question.transaction, tooCheap);
    const exchange = this.#exchange(related);
    if ("ok" in exchange) return refusedAll(exchange);
    if (!isWithinClusterLimits(exchange, policy)) return refusedAll(tooLargeCluster());
    if (!policy.requiresStandard) return exchange;
    for (const { entry, question } of candidates) {
      const fault = dustLeft(entry!, exchange.parents.get(entry!)!, policy.dustRelayFeeRate);
      if (fault !== undefined) return refusedFor(question.transaction, fault, "unspent-dust");
    }
    return exchange;
  }

  #relate(
    entry: PoolEntry,
    terms: AdmissionTerms,
    feeRateMax: number | undefined,
  ): Relations | TransactionRefusal {
    const relations = this.#parts.admission.relate(entry, terms);
    if ("ok" in relations || feeRateMax === undefined) return relations;
    return rateOf(entry.modifiedFee, entry.vsize) > feeRateMax ? maxFeeRateExceeded() : relations;
  }

  #exchange(related: Related): Exchange | TransactionRefusal {
    const entries = [...related.keys()];
    const byTxid = new Map(entries.map((entry) => [entry.txid, entry]));
    const parents = new Map<PoolEntry, readonly PoolEntry[]>();
    for (const [entry, relations] of related) {
      const own = new Set(entry.spends.map((name) => byTxid.get(txidOf(name))).filter((each) => each !== undefined));
      parents.set(entry, [...relations.parents, ...own]);
    }
    const conflicts = new Set([...related.values()].flatMap((relations) => [...relations.conflicts]));
    if (conflicts.size === 0) return { added: entries, parents, removed: conflicts };
    return this.#replace(related, conflicts, parents);
  }

  #replace(
    related: Related,
    conflicts: ReadonlySet<PoolEntry>,
    parents: ReadonlyMap<PoolEntry, readonly PoolEntry[]>,
  ): Exchange | TransactionRefusal {
    const { policy } = this.#parts;
    const added = [...related.keys()];
    const [parent, child] = added;
    if (child === undefined || added.length !== 2 || !parents.get(child)!.includes(parent!)) {
      return refuseReplacement("package must be 1-parent-1-child");
    }
    if ([...related.values()].some((relations) => relations.parents.length > 0)) {
      return refuseReplacement("new transaction cannot have mempool ancestors");
    }
    const removed = removedBy(conflicts, child);
    if (typeof removed === "string") return refuseReplacement("too many potential replacements", removed);
    const { fee, vsize } = sumOf(added);
    const fault = feeFault(fee, vsize, removed, child, policy.incrementalRelayFeeRate);
    if (fault !== undefined) return refuseReplacement("insufficient anti-DoS fees", fault);
    if (fee / vsize <= parent!.modifiedFee / parent!.vsize) {
      const [own, theirs] = [rateText(fee, vsize), rateText(parent!.modifiedFee, parent!.vsize)];
      const detail = `package feerate ${own} <= parent feerate is ${theirs}`;
      return refuseReplacement("package feerate is less than or equal to parent feerate", detail);
    }
    const exchange = { added, parents, removed };
    if (!isWithinClusterLimits(exchange, policy)) return tooLargeCluster();
    if (improvesDiagram(exchange)) return exchange;
    return refuseReplacement("insufficient feerate: does not improve feerate diagram");
  }

  #enter(candidates: readonly Candidate[], exchange: Exchange, isToEnter: boolean): Together {
    const replaced = isToEnter ? this.#parts.enter(exchange) : [...exchange.removed];
    const { fee, vsize } = sumOf(exchange.added);
    const rate = rateOf(fee, vsize);
    const includes = exchange.added.map(({ transaction }) => transaction.wtxid);
    const verdicts = new Map(candidates.map(({ entry, question }, i): [Transaction, TransactionVerdict] => {
      const own = i === 0 ? replaced : [];
      if (!isToEnter) return [question.transaction, acceptedAlone(entry!, own)];
      const together = { effectiveFeeRate: rate, effectiveIncludes: includes };
      return [question.transaction, { ok: true, entry: entry!, replaced: own, ...together }];
    }));
    return { verdicts };
  }
}

/** What is told of a transaction that enters by what it pays itself. */
export function acceptedAlone(entry: PoolEntry, replaced: readonly PoolEntry[]): TransactionVerdict {
  return {
    ok: true,
    entry,
    replaced,
    effectiveFeeRate: rateOf(entry.modifiedFee, entry.vsize),
    effectiveIncludes: [entry.transaction.wtxid],
  };
}

function sumOf(entries: readonly PoolEntry[]): { readonly fee: number; readonly vsize: number } {
  let [fee, vsize] = [0, 0];
  for (const entry of entries) {
    fee += entry.modifiedFee;
    vsize += entry.vsize;
  }
  return { fee, vsize };
}

/** As Core prints a rate: coins for 1000 virtual bytes. */
const rateText = (fee: number, vsize: number) => `${(rateOf(fee, vsize) / 100_000_000).toFixed(8)} BTC/kvB`;

const refusedAll = (refusal: TransactionRefusal): Together => ({ refusal, verdicts: new Map() });

function refusedFor(
  transaction: Transaction,
  refusal: TransactionRefusal,
  whole = "transaction failed",
): Together {
  return { refusal: refuseTransaction("mempool_policy", whole), verdicts: new Map([[transaction, refusal]]) };
}

/** The first transaction whose scripts are not good. @throws the error for which there is no verdict */
function badScript(candidates: readonly Candidate[]): Together | undefined {
  for (const { error, refusal, question } of candidates) {
    if (error !== undefined) throw error;
    if (refusal !== undefined) return refusedFor(question.transaction, refusal);
  }
  return undefined;
}
