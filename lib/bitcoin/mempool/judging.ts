/**
 * Judges transactions together: their coins are looked up at once, and their scripts verified at once. What comes of it is
 * the same as if each were judged and taken before the next; those whose scripts take long come last, one by one.
 *
 * @see Bitcoin Core `validation.cpp` (AcceptSingleTransaction)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Clock, GiveWay } from "../../core/ports.ts";
import { areThere } from "../chain/connect-checks.ts";
import type { Coin } from "../coins/coin.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import type { Admission, AdmissionTerms } from "./admission.ts";
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

/** A coin that is spent, and whether a transaction of the mempool makes it. */
export interface SpentCoin extends Coin {
  readonly isUnconfirmed?: true;
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
  refusal?: TransactionRefusal | undefined;
  /** Why nobody can say. */
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

/** Outputs that are asked for, to tell a transaction that a block has from one whose parents are not known. */
const OWN_OUTPUTS_MAX = 8;
/** Times that the chain may get ahead of a question before it is made to wait. */
const MOVES_MAX = 3;
/**
 * Scripts that cost more than this are verified after all others: what their signature operations cost, times the bytes that
 * each of them may hash. A usual transaction of a hundred inputs has less; it takes some milliseconds.
 */
const COSTLY = 4_000_000;
/** Bytes that a signature operation costs as much as, beside those that it hashes. */
const OPERATION_BYTES = 2_000;

/** Inputs whose coins are asked for before those of the others. */
const FIRST_INPUTS = 16;

/** The first outputs of a transaction. */
const ownOutpoints = ({ txid, outputCount }: Transaction): OutPoint[] =>
  Array.from({ length: Math.min(OWN_OUTPUTS_MAX, outputCount) }, (_, vout) => ({ txid, vout }));

const missing = () => refuseTransaction("missing_inputs", "bad-txns-inputs-missingorspent");

/** Judges. */
export class Judging {
  readonly #parts: JudgingParts;

  constructor(parts: JudgingParts) {
    this.#parts = parts;
  }

  /**
   * Asks about transactions until `decide` was told of each, one after the other and with the coins as they are then: at once
   * after the last check, so that it may take the transaction in. The exchange is undefined where that may not be: then the
   * candidate says why.
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

  /** Decides about as many as it can; gives those that are to be asked about again. */
  async #attempt(
    candidates: readonly Candidate[],
    decide: (candidate: Candidate, exchange: Exchange | undefined) => void,
  ): Promise<Candidate[]> {
    const { follower, giveWay } = this.#parts;
    const { moves } = follower;
    if (!await this.prepare(candidates)) return [...candidates];
    const { now, later } = this.#worthVerifying(candidates);
    await this.verify(now);
    const again = new Set<string>();
    const left: Candidate[] = [];
    for (const [i, candidate] of candidates.entries()) {
      await giveWay();
      if (follower.moves !== moves) return [...left, ...candidates.slice(i)];
      const isPutOff = later.has(candidate) || candidate.spends.some((name) => again.has(txidOf(name)));
      const exchange = isPutOff ? undefined : this.admit(candidate);
      // It was not to be taken when scripts were verified, and may be now that those before it are in.
      if (isPutOff || (exchange !== undefined && candidate.verified === undefined)) {
        again.add(toHex(candidate.question.transaction.txid));
        left.push(candidate);
      } else {
        decide(candidate, exchange);
      }
    }
    return left;
  }

  /** Whose scripts are to be verified now: of those that would be taken, one that is costly or all that are not. */
  #worthVerifying(candidates: readonly Candidate[]): { readonly now: Candidate[]; readonly later: Set<Candidate> } {
    const now: Candidate[] = [];
    const later = new Set<Candidate>();
    const refused = new Set<string>();
    for (const candidate of candidates) {
      if (!this.#wouldEnter(candidate, refused)) {
        const txid = toHex(candidate.question.transaction.txid);
        if (this.#parts.pool.get(txid) === undefined) refused.add(txid);
        continue;
      }
      const isAlone = isCostly(candidate) || (now[0] !== undefined && isCostly(now[0]));
      if (isAlone && now.length > 0) later.add(candidate);
      else now.push(candidate);
    }
    return { now, later };
  }

  /** Whether it would be taken now, if its parents are that are asked about together with it. */
  #wouldEnter({ entry, refusal, question, spends, spent }: Candidate, refused: ReadonlySet<string>): boolean {
    if (entry === undefined || refusal !== undefined) return false;
    const { pool, admission } = this.#parts;
    if (spends.some((name) => refused.has(txidOf(name)))) return false;
    const isOnItsOwn = spent.every((coin, i) => !coin.isUnconfirmed || pool.get(txidOf(spends[i]!)));
    return !isOnItsOwn || !("ok" in admission.admit(entry, question.terms));
  }

  /**
   * Judges all that needs no scripts and no place in the mempool. False when the coins are not those of the block that the mempool
   * is in step with.
   */
  async prepare(candidates: readonly Candidate[]): Promise<boolean> {
    const { pool, policy, admission, follower, giveWay } = this.#parts;
    const { moves, next } = follower;
    for (const candidate of candidates) {
      candidate.entry = candidate.error = undefined;
      if (candidate.verified !== next.flags) delete candidate.verified;
      const { transaction, terms } = candidate.question;
      const txid = toHex(transaction.txid);
      candidate.refusal = checkAlone(transaction, next, policy) ??
        admission.known(txid, transaction.hasWitness ? toHex(transaction.wtxid) : txid) ??
        (terms.replacesNothing ? admission.replaces(candidate.spends) : undefined);
      await giveWay();
    }
    const found = await this.#coinsOf(candidates.filter(({ refusal }) => refusal === undefined));
    if (found === undefined || follower.moves !== moves) return false;
    for (const candidate of candidates) {
      if (candidate.refusal !== undefined) continue;
      const { transaction, terms: { isFromBlock = false }, time } = candidate.question;
      const spent = found.get(candidate)!;
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

  /**
   * The coins of each; `missing` where one is not there, `known` where an output of the transaction itself is there. Undefined
   * when the coins are of another block than the mempool.
   */
  async #coinsOf(
    candidates: readonly Candidate[],
  ): Promise<Map<Candidate, readonly SpentCoin[] | "missing" | "known"> | undefined> {
    const coins = this.#unconfirmed(candidates);
    // Of a transaction with many inputs the others are not asked for when one of the first is not there.
    for (const [from, to] of [[0, FIRST_INPUTS], [FIRST_INPUTS, Infinity]] as const) {
      const asked = [...coins].filter(([, own]) => own.slice(0, from).every((coin) => coin !== undefined))
        .flatMap(([candidate, own]) =>
          candidate.question.transaction.inputs.slice(from, to).map(({ prevout }, i) => ({ prevout, own, i: from + i }))
        ).filter(({ own, i }) => own[i] === undefined);
      const found = await this.#look(asked.map(({ prevout }) => prevout));
      if (found === undefined) return undefined;
      for (const [at, { own, i }] of asked.entries()) own[i] = found[at];
    }
    const all = new Map<Candidate, readonly SpentCoin[] | "missing" | "known">();
    for (const [candidate, own] of coins) all.set(candidate, areThere(own) ? own : "missing");
    const strays = candidates.filter((candidate) => all.get(candidate) === "missing");
    const outputs = strays.flatMap((stray) =>
      ownOutpoints(stray.question.transaction).map((prevout) => ({ stray, prevout }))
    );
    const there = await this.#look(outputs.map(({ prevout }) => prevout));
    if (there === undefined) return undefined;
    for (const [i, { stray }] of outputs.entries()) if (there[i] !== undefined) all.set(stray, "known");
    return all;
  }

  /** The coins of each that transactions of the mempool make, or those that are asked about before it. */
  #unconfirmed(candidates: readonly Candidate[]): Map<Candidate, (SpentCoin | undefined)[]> {
    const { pool, follower: { next: { height } } } = this.#parts;
    const before = new Map<string, Transaction>();
    const coins = new Map<Candidate, (SpentCoin | undefined)[]>();
    for (const candidate of candidates) {
      const { spends, question: { transaction } } = candidate;
      const own = transaction.inputs.map(({ prevout: { vout } }, i): SpentCoin | undefined => {
        const txid = txidOf(spends[i]!);
        const output = (pool.get(txid)?.transaction ?? before.get(txid))?.outputs[vout];
        return output && { ...output, height, isCoinbase: false, isUnconfirmed: true };
      });
      coins.set(candidate, own);
      before.set(toHex(transaction.txid), transaction);
    }
    return coins;
  }

  async #look(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[] | undefined> {
    const { chain, clock, follower } = this.#parts;
    if (outpoints.length === 0) return [];
    const { moves } = follower;
    const found = await chain.coins(outpoints);
    if (found?.at === follower.at && follower.moves === moves) return found.coins;
    // The mempool hears of the move in a moment. If it does not, the coins were exchanged.
    await clock.sleep(1);
    follower.catchUp();
    return undefined;
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

  /** What a candidate takes the place of; undefined when it is refused, or nobody can say, as it says itself then. */
  admit(candidate: Candidate): Exchange | undefined {
    const { pool, admission } = this.#parts;
    const { entry, refusal, error, question, spends, spent } = candidate;
    if (entry === undefined || refusal !== undefined || error !== undefined) return undefined;
    const hasAll = spent.every((coin, i) => !coin.isUnconfirmed || pool.get(txidOf(spends[i]!)) !== undefined);
    const admitted = hasAll ? admission.admit(entry, question.terms) : missing();
    if (!("ok" in admitted)) return admitted;
    candidate.refusal = admitted;
    return undefined;
  }
}
