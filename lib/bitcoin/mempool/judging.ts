/**
 * Judges transactions together: their coins are looked up at once, and their scripts verified at once. What comes of it is
 * the same as if each were judged and taken before the next; those whose scripts take long come last, one by one.
 *
 * @see Bitcoin Core `validation.cpp` (AcceptSingleTransaction)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Clock, GiveWay } from "../../core/ports.ts";
import type { Transaction } from "../types/transaction.ts";
import type { Admission, AdmissionTerms } from "./admission.ts";
import { CoinSearch, type SpentCoin } from "./coin-search.ts";
import { outpointName, type PoolEntry, txidOf } from "./entry.ts";
import type { ChainFollower } from "./follower.ts";
import type { MempoolChain } from "./mempool-chain.ts";
import type { MempoolPolicy } from "./policy.ts";
import type { Pool } from "./pool.ts";
import { checkAlone, checkSpends } from "./pre-checks.ts";
import type { Exchange } from "./replacement.ts";
import type { ScriptChecks } from "./scripts.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** What judging needs. */
export interface JudgingParts {
  readonly chain: MempoolChain;
  readonly clock: Clock;
  readonly giveWay: GiveWay;
  readonly pool: Pool;
  readonly policy: MempoolPolicy;
  readonly admission: Admission;
  readonly follower: ChainFollower;
  readonly scripts: ScriptChecks;
  /** Ends what goes on. */
  readonly closing: AbortSignal;
}

/** A transaction that is to be judged. */
export interface Question {
  readonly transaction: Transaction;
  readonly terms: AdmissionTerms;
  /** Unix seconds at which it came. */
  readonly time: number;
}

/** A question, and what was found out so far. */
export interface Candidate {
  readonly question: Question;
  /** Names of what it spends. */
  readonly spends: readonly string[];
  spent: readonly SpentCoin[];
  entry?: PoolEntry | undefined;
  /** The rules of blocks by which its scripts are good, beside those of relay. */
  verified?: number;
  /** What it takes the place of, by how often the pool had changed when that was found out. */
  admitted?: { readonly found: Exchange | TransactionRefusal; readonly changes: number } | undefined;
  refusal?: TransactionRefusal | undefined;
  /** The error for which there is no verdict. */
  error?: unknown;
}

/** A question of which nothing is known. */
export const candidateOf = (question: Question): Candidate => ({
  question,
  spends: question.transaction.inputs.map(({ prevout }) => outpointName(prevout)),
  spent: [],
});

/** Whether scripts of a transaction may take long. */
const isCostly = ({ entry, verified }: Candidate): boolean =>
  entry !== undefined && verified === undefined &&
  entry.sigOpCost * (entry.transaction.strippedSize + OPERATION_BYTES) > COSTLY;

/** Which scripts are verified in one go. */
interface Choice {
  /** Txids of what is refused before its scripts are verified. */
  readonly refused: Set<string>;
  /** What is put off, as it or the first takes long. */
  readonly later: Set<Candidate>;
  /** What the first is like. */
  first: "costly" | "usual" | undefined;
}

/** What decisions of one go have in common. */
interface Deciding {
  readonly choice: Choice;
  /** Txids of those that are asked about again. */
  readonly again: Set<string>;
  /** Those about which nothing is decided. */
  readonly left: Set<Candidate>;
  /** How often the chain had moved when they were judged. */
  readonly moves: number;
}

/** Transactions that are prepared together, while the scripts of those before them are verified. */
const SLICE = 32;
/** Times that the chain may get ahead of a question before it is made to wait. */
const MOVES_MAX = 3;
/**
 * Scripts that cost more than this are verified after all others: what their signature operations cost, times the bytes that
 * each of them may hash. A usual transaction of a hundred inputs has less; it takes some milliseconds.
 */
const COSTLY = 4_000_000;
/** Bytes that a signature operation costs as much as, beside those that it hashes. */
const OPERATION_BYTES = 2_000;

const missing = () => refuseTransaction("missing_inputs", "bad-txns-inputs-missingorspent");

/** Judges. */
export class Judging {
  readonly #parts: JudgingParts;
  readonly #coins: CoinSearch;

  constructor(parts: JudgingParts) {
    this.#parts = parts;
    this.#coins = new CoinSearch(parts);
  }

  /**
   * Asks about transactions until `decide` was told of each, one after the other and with the coins as they are then: at once
   * after the last check, so that it may take the transaction in. The exchange is undefined for a transaction that is not to be
   * taken; the candidate tells why.
   * @throws the error of a disk that fails, or the reason of the end
   */
  async judge(
    questions: readonly Question[],
    decide: (candidate: Candidate, exchange: Exchange | undefined) => void,
  ): Promise<void> {
    let left = questions.map(candidateOf);
    await this.insist(async () => {
      const before = left.length;
      left = await this.#attempt(left, decide);
      return left.length === 0 ? "done" : left.length < before ? "progress" : "moved";
    });
  }

  /**
   * Tries something until it is done. It gets nowhere when the chain moves meanwhile; when that happens again and again, the
   * chain waits.
   * @throws what it throws, or the reason of the end
   */
  async insist(attempt: () => Promise<"done" | "progress" | "moved">): Promise<void> {
    for (let moves = 0;;) {
      this.#parts.closing.throwIfAborted();
      const how = moves < MOVES_MAX ? await attempt() : await this.#parts.chain.states.activation.whileStill(attempt);
      if (how === "done") return;
      moves = how === "progress" ? 0 : moves + 1;
    }
  }

  /**
   * Decides about as many as it can; gives those that are to be asked about again. While the scripts of some are verified, the
   * next are prepared.
   */
  async #attempt(
    candidates: readonly Candidate[],
    decide: (candidate: Candidate, exchange: Exchange | undefined) => void,
  ): Promise<Candidate[]> {
    const { follower } = this.#parts;
    const { moves } = follower;
    const before = new Map<string, Transaction>();
    const choice: Choice = { refused: new Set(), later: new Set(), first: undefined };
    const verifying: { readonly some: readonly Candidate[]; readonly done: Promise<void> }[] = [];
    for (let from = 0; from < candidates.length; from += SLICE) {
      const some = candidates.slice(from, from + SLICE);
      if (!await this.prepare(some, before)) break;
      const done = this.verify(this.#worthVerifying(some, choice));
      // It is waited for below.
      done.catch(() => {});
      verifying.push({ some, done });
    }
    const left = new Set(candidates);
    const again = new Set<string>();
    for (const { some, done } of verifying) {
      await done;
      if (follower.moves === moves) await this.#decide(some, { choice, again, left, moves }, decide);
    }
    return [...left];
  }

  /** Decides about candidates whose scripts were verified, as long as the chain stands still; takes them off what is left. */
  async #decide(
    candidates: readonly Candidate[],
    { choice: { later }, again, left, moves }: Deciding,
    decide: (candidate: Candidate, exchange: Exchange | undefined) => void,
  ): Promise<void> {
    const { follower, giveWay } = this.#parts;
    for (const candidate of candidates) {
      await giveWay();
      if (follower.moves !== moves) return;
      const isPutOff = later.has(candidate) || candidate.spends.some((name) => again.has(txidOf(name)));
      const exchange = isPutOff ? undefined : this.admit(candidate);
      // It was not to be taken when scripts were verified, and may be now that those before it are in.
      if (isPutOff || (exchange !== undefined && candidate.verified === undefined)) {
        again.add(toHex(candidate.question.transaction.txid));
      } else {
        left.delete(candidate);
        decide(candidate, exchange);
      }
    }
  }

  /** The candidates to verify now: of those that would be taken, one that is costly or all that are not. */
  #worthVerifying(candidates: readonly Candidate[], choice: Choice): Candidate[] {
    const now: Candidate[] = [];
    for (const candidate of candidates) {
      if (!this.#wouldEnter(candidate, choice.refused)) {
        const txid = toHex(candidate.question.transaction.txid);
        if (this.#parts.pool.get(txid) === undefined) choice.refused.add(txid);
        continue;
      }
      const { first } = choice;
      if (first !== undefined && (first === "costly" || isCostly(candidate))) choice.later.add(candidate);
      else now.push(candidate);
      choice.first ??= isCostly(candidate) ? "costly" : "usual";
    }
    return now;
  }

  /** Whether it would be taken now, if its parents are that are asked about together with it. */
  #wouldEnter(candidate: Candidate, refused: ReadonlySet<string>): boolean {
    const { entry, refusal, spends, spent } = candidate;
    if (entry === undefined || refusal !== undefined) return false;
    const { pool } = this.#parts;
    const waiting = spends.filter((_, i) => spent[i]!.isUnconfirmed).map(txidOf);
    if (waiting.some((txid) => refused.has(txid))) return false;
    const isOnItsOwn = waiting.every((txid) => pool.get(txid) !== undefined);
    return !isOnItsOwn || !("ok" in this.#admitted(candidate, entry));
  }

  /**
   * Judges all that needs no scripts and no place in the mempool. False when the coins are not those of the block that the mempool
   * is in step with.
   * @param before those that are asked about before these, by txid: they may be parents; these are added
   */
  async prepare(candidates: readonly Candidate[], before: Map<string, Transaction> = new Map()): Promise<boolean> {
    const { pool, policy, admission, follower, giveWay } = this.#parts;
    const { moves, next } = follower;
    for (const candidate of candidates) {
      candidate.entry = candidate.error = candidate.admitted = undefined;
      if (candidate.verified !== next.flags) delete candidate.verified;
      const { transaction, terms } = candidate.question;
      const txid = toHex(transaction.txid);
      candidate.refusal = checkAlone(transaction, next, policy) ??
        admission.known(txid, transaction.hasWitness ? toHex(transaction.wtxid) : txid) ??
        (terms.replacesNothing ? admission.replaces(candidate.spends) : undefined);
      await giveWay();
    }
    const open = candidates.filter(({ refusal }) => refusal === undefined);
    const found = await this.#coins.find(
      open.map(({ spends, question: { transaction } }) => ({ transaction, spends })),
      before,
    );
    if (found === undefined || follower.moves !== moves) return false;
    for (const [i, candidate] of open.entries()) {
      const { transaction, terms: { isFromBlock = false }, time } = candidate.question;
      const spent = found[i]!;
      if (typeof spent === "string") {
        candidate.refusal = spent === "known" ? refuseTransaction("conflict", "txn-already-known") : missing();
        continue;
      }
      candidate.spent = spent;
      const terms = { time, delta: pool.deltaOf(toHex(transaction.txid)), isFromBlock };
      const entry = checkSpends(transaction, candidate.spends, spent, next, policy, terms);
      if ("ok" in entry) candidate.refusal = entry;
      else candidate.entry = entry;
      await giveWay();
    }
    return follower.moves === moves;
  }

  /** Has scripts verified that are not yet. */
  async verify(candidates: readonly Candidate[]): Promise<void> {
    const { scripts, follower, closing } = this.#parts;
    const open = candidates.filter(({ verified }) => verified === undefined);
    const { flags } = follower.next;
    const spendings = open.map(({ question: { transaction }, spent }) => ({ transaction, spent }));
    const verdicts = await scripts.verify(spendings, flags, closing);
    for (const [i, candidate] of open.entries()) {
      const verdict = verdicts[i]!;
      if ("error" in verdict) candidate.error = verdict.error;
      else if (verdict.refusal !== undefined) candidate.refusal = verdict.refusal;
      else candidate.verified = flags;
    }
  }

  /** What it takes the place of; found out anew when the pool has changed. */
  #admitted(candidate: Candidate, entry: PoolEntry): Exchange | TransactionRefusal {
    const { pool: { changes }, admission } = this.#parts;
    if (candidate.admitted?.changes !== changes) {
      candidate.admitted = { found: admission.admit(entry, candidate.question.terms), changes };
    }
    return candidate.admitted.found;
  }

  /** What a candidate takes the place of. Undefined when it is refused, or there is no verdict; the candidate tells why. */
  admit(candidate: Candidate): Exchange | undefined {
    const { pool } = this.#parts;
    const { entry, refusal, error, spends, spent } = candidate;
    if (entry === undefined || refusal !== undefined || error !== undefined) return undefined;
    const hasAll = spent.every((coin, i) => !coin.isUnconfirmed || pool.get(txidOf(spends[i]!)) !== undefined);
    const admitted = hasAll ? this.#admitted(candidate, entry) : missing();
    if (!("ok" in admitted)) return admitted;
    candidate.refusal = admitted;
    return undefined;
  }
}
