/**
 * The transactions of a mempool: by their ids, by what they spend, and in clusters. It judges nothing.
 *
 * @see Bitcoin Core `txmempool.cpp`
 * @module
 */
import { Cluster, componentsOf } from "./cluster.ts";
import { NO_ENTRIES, type PoolEntry, txidOf } from "./entry.ts";
import type { MempoolListener, RemovalReason } from "./mempool.ts";
import { MAX_MONEY } from "../types/money.ts";
import { WorstChunks } from "./worst-chunks.ts";

/** No transaction counts as having paid more than that, or less: so much changes every order, and sums stay exact. */
const DELTA_MAX = Number(MAX_MONEY);

/** The pool. */
export class Pool {
  /** In the order in which they came. */
  readonly #byTxid = new Map<string, PoolEntry>();
  readonly #byWtxid = new Map<string, PoolEntry>();
  /** By the name of an outpoint, what spends it. */
  readonly #spenders = new Map<string, PoolEntry>();
  readonly #listeners = new Set<MempoolListener>();
  readonly #worst = new WorstChunks(() => this.clusters());
  /** What `prioritisetransaction` added, by txid, also of transactions that are not here. */
  readonly #deltas = new Map<string, number>();
  #bytes = 0;
  #vsize = 0;
  #fees = 0;
  #sequence = 1;
  #changes = 0;

  /** How many transactions. */
  get size(): number {
    return this.#byTxid.size;
  }

  /** Memory that they count as, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Their virtual bytes together. */
  get vsize(): number {
    return this.#vsize;
  }

  /** Their fees together, in satoshi. */
  get fees(): number {
    return this.#fees;
  }

  /** The number that the next change gets. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Grows with everything that changes: what was found out of the pool before counts no more. */
  get changes(): number {
    return this.#changes;
  }

  /** Entries in the order in which they came. */
  entries(): Iterable<PoolEntry> {
    return this.#byTxid.values();
  }

  /** Every cluster. */
  clusters(): Set<Cluster> {
    const clusters = new Set<Cluster>();
    for (const { cluster } of this.#byTxid.values()) clusters.add(cluster!);
    return clusters;
  }

  /** Whether every cluster is known to be in an order than which none is better. */
  get isOptimal(): boolean {
    return this.#byTxid.values().every(({ cluster }) => cluster!.isOptimal);
  }

  get(txid: string): PoolEntry | undefined {
    return this.#byTxid.get(txid);
  }

  getByWtxid(wtxid: string): PoolEntry | undefined {
    return this.#byWtxid.get(wtxid);
  }

  /** What spends an outpoint, by its name. */
  spenderOf(outpoint: string): PoolEntry | undefined {
    return this.#spenders.get(outpoint);
  }

  /** Entries whose outputs are spent, each once. @param spends names of outpoints */
  parentsOf(spends: readonly string[]): readonly PoolEntry[] {
    const parents = new Set<PoolEntry>();
    for (const name of spends) {
      const parent = this.#byTxid.get(txidOf(name));
      if (parent !== undefined) parents.add(parent);
    }
    return parents.size === 0 ? NO_ENTRIES : [...parents];
  }

  /** Hears what happens until the listener is taken off by what this gives. */
  listen(listener: MempoolListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** What was added to the fee of a transaction, here or not, in satoshi. */
  deltaOf(txid: string): number {
    return this.#deltas.get(txid) ?? 0;
  }

  /** All that was added, by txid. */
  get deltas(): ReadonlyMap<string, number> {
    return this.#deltas;
  }

  /** Adds to what a transaction counts as having paid, up to all the money that there is. 0 as the sum is none. */
  prioritise(txid: string, delta: number): void {
    const sum = Math.max(-DELTA_MAX, Math.min(DELTA_MAX, this.deltaOf(txid) + delta));
    if (sum === 0) this.#deltas.delete(txid);
    else this.#deltas.set(txid, sum);
    const entry = this.#byTxid.get(txid);
    if (entry === undefined) return;
    entry.modifiedFee = entry.fee + sum;
    this.#changes += 1;
    entry.cluster!.changed();
    this.#worst.changed(entry.cluster!);
  }

  /** Forgets what was added to the fee of a transaction. */
  forgetDelta(txid: string): void {
    this.#deltas.delete(txid);
  }

  /** Takes an entry in: nothing here spends what it spends. What here spends its outputs becomes its child. */
  add(entry: PoolEntry, isFromBlock = false): void {
    const sequence = this.#sequence++;
    entry.sequence = isFromBlock ? 0 : sequence;
    this.#changes += 1;
    this.#byTxid.set(entry.txid, entry);
    this.#byWtxid.set(entry.wtxid, entry);
    for (const name of entry.spends) this.#spenders.set(name, entry);
    this.#bytes += entry.bytes;
    this.#vsize += entry.vsize;
    this.#fees += entry.fee;
    entry.parents = this.parentsOf(entry.spends);
    for (const parent of entry.parents) parent.children = [...parent.children, entry];
    entry.children = this.#childrenOf(entry);
    for (const child of entry.children) child.parents = [...child.parents, entry];
    this.#join(entry);
    for (const listener of this.#listeners) listener.added?.(entry, sequence);
  }

  #childrenOf(entry: PoolEntry): readonly PoolEntry[] {
    const children = new Set<PoolEntry>();
    for (let i = entry.transaction.outputCount - 1; i >= 0; i--) {
      const child = this.#spenders.get(`${entry.txid}:${i}`);
      if (child !== undefined) children.add(child);
    }
    return children.size === 0 ? NO_ENTRIES : [...children];
  }

  /** Puts an entry into the cluster of its relatives, which are one from then on. */
  #join(entry: PoolEntry): void {
    const clusters = new Set([...entry.parents, ...entry.children].map(({ cluster }) => cluster!));
    const [first = new Cluster([]), ...others] = [...clusters].sort((a, b) => b.entries.length - a.entries.length);
    for (const other of others) {
      for (const each of other.entries) {
        first.add(each);
        each.cluster = first;
      }
      other.version = -1;
    }
    first.add(entry);
    entry.cluster = first;
    this.#worst.changed(first);
  }

  /**
   * Takes entries out. Those that spend their outputs are among them, unless a block has what is taken out.
   * @param blockRow the block that is the reason
   */
  remove(entries: Iterable<PoolEntry>, reason: RemovalReason, blockRow?: number): void {
    const gone = new Set(entries);
    this.#changes += 1;
    const broken = new Set<Cluster>();
    for (const entry of gone) {
      this.#byTxid.delete(entry.txid);
      this.#byWtxid.delete(entry.wtxid);
      for (const name of entry.spends) if (this.#spenders.get(name) === entry) this.#spenders.delete(name);
      this.#bytes -= entry.bytes;
      this.#vsize -= entry.vsize;
      this.#fees -= entry.fee;
      for (const parent of entry.parents) parent.children = parent.children.filter((each) => each !== entry);
      for (const child of entry.children) child.parents = child.parents.filter((each) => each !== entry);
      broken.add(entry.cluster!);
      entry.cluster = undefined;
    }
    for (const cluster of broken) this.#mend(cluster, gone);
    for (const entry of gone) {
      const sequence = this.#sequence++;
      for (const listener of this.#listeners) listener.removed?.(entry, reason, blockRow, sequence);
    }
  }

  /** What is left of a cluster may be several. */
  #mend(cluster: Cluster, gone: ReadonlySet<PoolEntry>): void {
    cluster.version = -1;
    for (const part of componentsOf(cluster.entries.filter((entry) => !gone.has(entry)))) {
      const left = new Cluster(part);
      for (const entry of part) entry.cluster = left;
      this.#worst.changed(left);
    }
  }

  /** The chunk that a block would have last. Undefined when there is none. */
  worstChunk(): ReturnType<WorstChunks["peek"]> {
    return this.#worst.peek();
  }
}
