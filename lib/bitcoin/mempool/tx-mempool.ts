/**
 * The mempool of a node that keeps coins: what is asked of it, put together from its parts.
 *
 * @see Bitcoin Core `txmempool.h`, `validation.cpp` (MemPoolAccept)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import { givingWay } from "../../core/work/give-way.ts";
import type { ConnectedBlock, KnownBlock } from "../chain/chain.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";
import { Admission } from "./admission.ts";
import type { Cluster, EntryChunk } from "./cluster.ts";
import { outpointName, type PoolEntry, withAncestors, withDescendants } from "./entry.ts";
import { FeeFloor } from "./floor.ts";
import { ChainFollower } from "./follower.ts";
import { type Candidate, Judging, type Question } from "./judging.ts";
import { Limits } from "./limits.ts";
import type {
  Mempool,
  MempoolChunk,
  MempoolEntry,
  MempoolFigures,
  MempoolListener,
  PackageOptions,
  PackageVerdict,
  Relatives,
  TransactionVerdict,
} from "./mempool.ts";
import type { MempoolChain } from "./mempool-chain.ts";
import type { MempoolPolicy } from "./policy.ts";
import { Pool } from "./pool.ts";
import { acceptedAlone, Packages } from "./packages.ts";
import { QuestionQueue } from "./queue.ts";
import type { Exchange } from "./replacement.ts";
import { MempoolStorage, type MempoolStorageParts } from "./storage.ts";
import { type ScriptCheckParts, ScriptChecks } from "./scripts.ts";
import { refuseTransaction, type TransactionRefusal } from "./verdict.ts";

/** Transactions of a block that is taken back that are judged together. */
const TOGETHER = 64;

/** What a mempool is made of. */
export interface TxMempoolParts extends ScriptCheckParts {
  /** What people are told. */
  readonly notice: (level: "error" | "warning" | "info", text: string) => void;
  readonly chain: MempoolChain;
  readonly clock: Clock;
  readonly policy: MempoolPolicy;
  readonly storage: MempoolStorageParts;
}

/** The mempool. */
export class TxMempool implements Mempool {
  readonly policy: MempoolPolicy;
  /** Files that have transactions of this mempool. */
  readonly storage: MempoolStorage;
  readonly #parts: TxMempoolParts;
  readonly #closing = new AbortController();
  readonly #pool = new Pool();
  readonly #floor: FeeFloor;
  readonly #limits: Limits;
  readonly #follower: ChainFollower;
  readonly #judging: Judging;
  readonly #scripts: ScriptChecks;
  readonly #packages: Packages;
  readonly #queue: QuestionQueue<Question, TransactionVerdict>;
  #restoring: Promise<void> | undefined;
  /** What a reorganisation has left is being judged. */
  #isSettling = false;

  constructor(parts: TxMempoolParts) {
    const { chain, clock, policy } = parts;
    const pool = this.#pool;
    this.#parts = parts;
    this.policy = policy;
    const floor = this.#floor = new FeeFloor(clock, policy.incrementalRelayFeeRate);
    this.#limits = new Limits(pool, policy, floor, clock);
    const follower = this.#follower = new ChainFollower({ chain, clock, pool, floor, wake: () => this.#queue.wake() });
    const scripts = this.#scripts = new ScriptChecks(parts);
    const admission = new Admission(pool, policy, () => floor.rate(this.#limits.fill));
    const closing = this.#closing.signal;
    const shared = { chain, clock, pool, policy, admission, follower, scripts, closing };
    this.#judging = new Judging({ ...shared, giveWay: givingWay(clock) });
    this.#packages = new Packages({
      ...{ pool, policy, admission, follower, judging: this.#judging },
      enter: (exchange) => this.#exchange(exchange, false),
      enforceLimits: () => this.#limits.enforce(),
      now: () => this.#now(),
    });
    this.#queue = new QuestionQueue({
      together: (questions, answer, fail) => this.#answer(questions, answer, fail),
      before: () => this.#settle(),
      closing,
    });
    this.storage = new MempoolStorage(parts.storage, {
      ...{ clock, notice: parts.notice, deltas: pool.deltas },
      entries: () => this.byMiningScore(),
      prioritise: (txid, delta) => this.prioritise(txid, delta),
      accept: (transaction, time, signal) => this.#ask(transaction, time, signal),
      isReady: () => this.#unready === undefined,
      oldest: () => this.#now() - policy.expirySeconds,
    });
  }

  get size(): number {
    return this.#pool.size;
  }

  get minimumFeeRate(): number {
    return Math.max(this.#floor.rate(this.#limits.fill), this.policy.minRelayFeeRate);
  }

  get sequence(): number {
    return this.#pool.sequence;
  }

  get(txid: Uint8Array): MempoolEntry | undefined {
    return this.#pool.get(toHex(txid));
  }

  getByWtxid(wtxid: Uint8Array): MempoolEntry | undefined {
    return this.#pool.getByWtxid(toHex(wtxid));
  }

  spenderOf(outpoint: OutPoint): MempoolEntry | undefined {
    return this.#pool.spenderOf(outpointName(outpoint));
  }

  entries(): Iterable<MempoolEntry> {
    return this.#pool.entries();
  }

  byMiningScore(txids?: readonly Uint8Array[]): readonly MempoolEntry[] {
    const wanted = txids === undefined ? undefined : new Set<PoolEntry>();
    for (const txid of txids ?? []) {
      const entry = this.#pool.get(toHex(txid));
      if (entry !== undefined) wanted!.add(entry);
    }
    const clusters = wanted === undefined ? this.#pool.clusters() : new Set([...wanted].map(({ cluster }) => cluster!));
    const all = inOrder(clusters).flatMap(({ items }) => items.map(({ entry }) => entry));
    return wanted === undefined ? all : all.filter((entry) => wanted.has(entry));
  }

  chunks(): readonly MempoolChunk[] {
    return inOrder(this.#pool.clusters()).map(chunkView);
  }

  async settled(signal?: AbortSignal): Promise<void> {
    if (this.#isSettling || !this.#follower.isSettled) await this.#queue.alone(() => Promise.resolve(), signal);
  }

  relativesOf(txid: Uint8Array): Relatives | undefined {
    const entry = this.#pool.get(toHex(txid));
    if (entry === undefined) return undefined;
    const { parents, children } = entry;
    const cluster = entry.cluster!.chunks.map(chunkView);
    const others = (all: Set<PoolEntry>) => [...all].filter((each) => each !== entry);
    return {
      ...{ parents, children, cluster },
      ancestors: others(withAncestors([entry])),
      descendants: others(withDescendants([entry])),
      chunk: cluster.find(({ entries }) => entries.includes(entry))!,
    };
  }

  get figures(): MempoolFigures {
    const { bytes, vsize, fees } = this.#pool;
    return { bytes, vsize, fees };
  }

  get isOptimal(): boolean {
    return this.#pool.isOptimal;
  }

  get deltas(): ReadonlyMap<string, number> {
    return this.#pool.deltas;
  }

  accept(transaction: Transaction, signal?: AbortSignal): Promise<TransactionVerdict> {
    return this.#ask(transaction, this.#now(), signal);
  }

  async #ask(transaction: Transaction, time: number, signal: AbortSignal | undefined): Promise<TransactionVerdict> {
    const entry = this.#pool.get(toHex(transaction.txid));
    if (entry !== undefined) return { ok: "known", entry };
    const refusal = this.#closed;
    if (refusal !== undefined) return refusal;
    return await this.#queue.ask({ transaction, terms: {}, time }, transaction.size, signal);
  }

  async acceptPackage(
    transactions: readonly Transaction[],
    signal?: AbortSignal,
    options: PackageOptions = {},
  ): Promise<PackageVerdict> {
    return await this.#askTogether(() => this.#packages.accept(transactions, options), transactions, signal);
  }

  async test(transactions: readonly Transaction[], signal?: AbortSignal): Promise<PackageVerdict> {
    return await this.#askTogether(() => this.#packages.test(transactions), transactions, signal);
  }

  async #askTogether(
    work: () => Promise<PackageVerdict>,
    transactions: readonly Transaction[],
    signal: AbortSignal | undefined,
  ): Promise<PackageVerdict> {
    const refusal = this.#closed;
    if (refusal !== undefined) return { refusal, verdicts: transactions.map(() => refusal) };
    return await this.#queue.alone(work, signal);
  }

  /** Why nothing can be judged now: the coins are not those of the tip. */
  get #unready(): TransactionRefusal | undefined {
    const { chain } = this.#parts;
    if (chain.states.coins !== undefined && chain.validating === undefined) return undefined;
    return refuseTransaction("no_mempool", "no-mempool", "blocks are being validated");
  }

  /** Why nothing more may wait to be judged. */
  get #closed(): TransactionRefusal | undefined {
    if (!this.#queue.isFull) return this.#unready;
    return refuseTransaction("no_mempool", "mempool-busy", "too many transactions wait");
  }

  listen(listener: MempoolListener): () => void {
    return this.#pool.listen(listener);
  }

  prioritise(txid: Uint8Array, delta: number): void {
    this.#pool.prioritise(toHex(txid), delta);
  }

  /** A block was connected. */
  connected(block: ConnectedBlock): void {
    this.#follower.connected(block);
  }

  /** A block was taken back. */
  disconnected(block: KnownBlock): void {
    this.#follower.disconnected(block);
  }

  /** Reads what the last run left, in the background. */
  start(): void {
    this.#restoring ??= this.storage.restore(this.#closing.signal);
  }

  /** Ends what goes on, and leaves what is here to the next run; nothing is taken any more. */
  async close(): Promise<void> {
    this.#closing.abort(new NodeError("stopped", "self", "the mempool is closed"));
    await this.#queue.rest();
    await this.#restoring;
    await this.storage.leave();
  }

  #now(): number {
    return Math.floor(this.#parts.clock.now() / 1_000);
  }

  async #answer(
    questions: readonly Question[],
    answer: (index: number, verdict: TransactionVerdict) => void,
    fail: (index: number, error: unknown) => void,
  ): Promise<void> {
    const indices = new Map(questions.map((question, i) => [question, i]));
    await this.#judging.judge(questions, (candidate, exchange) => {
      const index = indices.get(candidate.question)!;
      if (candidate.error !== undefined) fail(index, candidate.error);
      else answer(index, this.#enter(candidate, exchange));
    });
  }

  /** Takes a transaction in, if it may be. */
  #enter({ entry, refusal, question }: Candidate, exchange: Exchange | undefined): TransactionVerdict {
    const here = this.#pool.get(toHex(question.transaction.txid));
    if (here !== undefined) return { ok: "known", entry: here };
    if (exchange === undefined || entry === undefined) return refusal ?? refuseTransaction("no_mempool", "no-mempool");
    const { isFromBlock = false } = question.terms;
    const replaced = this.#exchange(exchange, isFromBlock);
    if (!isFromBlock) this.#limits.enforce();
    if (this.#pool.get(entry.txid) !== entry) return refuseTransaction("reconsiderable", "mempool full");
    return acceptedAlone(entry, replaced);
  }

  /** Takes transactions in, in the place of others; gives these. */
  #exchange({ added, removed }: Exchange, isFromBlock: boolean): readonly PoolEntry[] {
    const replaced = [...removed];
    if (replaced.length > 0) this.#pool.remove(replaced, "replaced");
    for (const entry of added) {
      this.#pool.add(entry, isFromBlock);
      this.#scripts.remember(entry.transaction, this.#follower.next.flags);
    }
    return replaced;
  }

  /** Brings the mempool to where the chain is. */
  async #settle(): Promise<void> {
    const { signal } = this.#closing;
    this.#isSettling = true;
    try {
      while (!this.#follower.isSettled) {
        signal.throwIfAborted();
        await this.#follower.rested(signal);
        await this.#follower.settle((transactions) => this.#takeBack(transactions));
        this.#limits.trimClusters();
        this.#limits.enforce();
      }
    } finally {
      this.#isSettling = false;
    }
  }

  /** Takes transactions in again that a block had; those that may not be. */
  async #takeBack(transactions: readonly Transaction[]): Promise<readonly Transaction[]> {
    const time = this.#now();
    const left: Transaction[] = [];
    const questions = transactions.map((transaction) => ({ transaction, terms: { isFromBlock: true }, time }));
    for (let from = 0; from < questions.length; from += TOGETHER) {
      await this.#judging.judge(questions.slice(from, from + TOGETHER), (candidate, exchange) => {
        if (candidate.error !== undefined) throw candidate.error;
        if (this.#enter(candidate, exchange).ok === false) left.push(candidate.question.transaction);
      });
    }
    return left;
  }
}

/** The chunks of clusters, the best first; those of a cluster stay in their order where their feerates are equal. */
function inOrder(clusters: ReadonlySet<Cluster>): EntryChunk[] {
  return [...clusters].flatMap((cluster) => [...cluster.chunks]).sort((a, b) => b.fee / b.weight - a.fee / a.weight);
}

const chunkView = ({ items, fee, weight }: EntryChunk): MempoolChunk => ({
  ...{ fee, weight },
  entries: items.map(({ entry }) => entry),
});
