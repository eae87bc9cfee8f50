/**
 * Keeps the mempool in step with the chain: which block the coins are after that transactions are judged by, and what became
 * of the transactions of blocks that were connected or taken back.
 *
 * Both are told at once, as the coins change. What a reorganisation leaves to be judged waits for {@link ChainFollower.settle}.
 *
 * @see Bitcoin Core `validation.cpp` (MaybeUpdateMempoolForReorg), `kernel/disconnected_transactions.h`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Clock } from "../../core/ports.ts";
import type { ConnectedBlock, KnownBlock } from "../chain/chain.ts";
import { areThere } from "../chain/connect-checks.ts";
import { isFinal } from "../chain/transaction-checks.ts";
import type { Block } from "../types/block.ts";
import type { Transaction } from "../types/transaction.ts";
import { outpointName, type PoolEntry, withDescendants } from "./entry.ts";
import type { FeeFloor } from "./floor.ts";
import type { MempoolChain } from "./mempool-chain.ts";
import type { Pool } from "./pool.ts";
import { checkInputs, type NextBlock, nextBlock } from "./pre-checks.ts";

/** Bytes of blocks that were taken back whose transactions are kept. */
const DISCONNECTED_BYTES_MAX = 20_000_000;
/** How long a chain that is on its way may stand still before the mempool stops waiting for it. */
const REST_MS = 1_000;
/** Transactions whose coins are asked for together. */
const SWEEP = 256;

/** What the follower needs. */
export interface FollowerParts {
  readonly chain: MempoolChain;
  readonly clock: Clock;
  readonly pool: Pool;
  readonly floor: FeeFloor;
  /** There is something to {@link ChainFollower.settle}. */
  readonly wake: () => void;
}

/** Transactions that are to be judged again. */
interface Disconnected {
  readonly transactions: Map<string, Transaction>;
  /** Bytes of the block that had them. */
  readonly bytes: number;
  /** Whether others that spend their outputs are in the mempool, and are not among them. */
  readonly hasChildren: boolean;
}

/** Takes transactions back in that were in blocks; gives those that were not taken. */
export type TakeBack = (transactions: readonly Transaction[]) => Promise<readonly Transaction[]>;

/** The follower of one chain. */
export class ChainFollower {
  readonly #parts: FollowerParts;
  #at: number;
  #moves = 0;
  #next: NextBlock | undefined;
  /** Those that were taken back, the last first: a block that is lower in the chain comes before those above it. */
  #disconnected: Disconnected[] = [];
  #isSettled = true;
  #moved = Promise.withResolvers<void>();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#at = parts.chain.states.coins?.at ?? parts.chain.connected;
  }

  /** The row that transactions are judged after. */
  get at(): number {
    return this.#at;
  }

  /** How often that row has changed: what was found out before the last move counts for nothing. */
  get moves(): number {
    return this.#moves;
  }

  /** The block that they are judged for. */
  get next(): NextBlock {
    return this.#next ??= nextBlock(this.#parts.chain.headers, this.#at);
  }

  /** Whether nothing is left to be judged again. */
  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** A block was connected, of this chain or of the one behind a snapshot. */
  connected({ row, block }: ConnectedBlock): void {
    const { chain, floor } = this.#parts;
    if (chain.connected !== row) return;
    if (block === undefined || chain.headers.parent(row) !== this.#at) return this.#jump(row);
    this.#moveTo(row);
    floor.blockConnected();
    this.#removeForBlock(row, block);
  }

  /** A block was taken back. */
  disconnected({ row, block }: KnownBlock): void {
    const { chain } = this.#parts;
    if (row !== this.#at) return this.#jump(chain.connected);
    this.#moveTo(chain.connected);
    const transactions = new Map(block.transactions.map((each) => [toHex(each.txid), each]));
    this.#disconnected.unshift({ transactions, bytes: block.raw.length, hasChildren: true });
    this.#unsettle();
    let bytes = this.#disconnected.reduce((sum, each) => sum + each.bytes, 0);
    while (bytes > DISCONNECTED_BYTES_MAX && this.#disconnected.length > 1) {
      const dropped = this.#disconnected.pop()!;
      bytes -= dropped.bytes;
      this.#orphan(dropped.transactions.values());
    }
  }

  /** The coins are after another row than they should be: they were exchanged. All is judged again. */
  catchUp(): void {
    const { at } = this.#parts.chain.states.coins ?? { at: this.#at };
    if (at !== this.#at) this.#jump(at);
  }

  #moveTo(row: number): void {
    this.#at = row;
    this.#moves += 1;
    this.#next = undefined;
    this.#moved.resolve();
    this.#moved = Promise.withResolvers();
  }

  #unsettle(): void {
    this.#isSettled = false;
    this.#parts.wake();
  }

  /** The blocks in between are not known: every transaction is judged anew. */
  #jump(row: number): void {
    const { pool } = this.#parts;
    this.#moveTo(row);
    if (pool.size === 0) return;
    const entries = [...pool.clusters()].flatMap(({ chunks }) => chunks.flatMap(({ items }) => items));
    const transactions = new Map(entries.map(({ entry }) => [entry.txid, entry.transaction]));
    pool.remove(entries.map(({ entry }) => entry), "reorg");
    this.#disconnected.unshift({ transactions, bytes: 0, hasChildren: false });
    this.#unsettle();
  }

  #removeForBlock(row: number, { transactions }: Block): void {
    const { pool } = this.#parts;
    if (pool.size === 0 && this.#disconnected.length === 0 && pool.deltas.size === 0) return;
    const mined = new Set<PoolEntry>();
    const rivals = new Set<PoolEntry>();
    for (const transaction of transactions) {
      const txid = toHex(transaction.txid);
      for (const block of this.#disconnected) block.transactions.delete(txid);
      pool.forgetDelta(txid);
      const entry = pool.get(txid);
      if (entry !== undefined) mined.add(entry);
      if (pool.size === 0) continue;
      for (const name of entry?.spends ?? transaction.inputs.map(({ prevout }) => outpointName(prevout))) {
        const spender = pool.spenderOf(name);
        if (spender !== undefined && spender !== entry) rivals.add(spender);
      }
    }
    if (mined.size > 0) pool.remove(mined, "block", row);
    const lost = [...withDescendants(rivals)].filter((entry) => !mined.has(entry));
    for (const { txid } of rivals) pool.forgetDelta(txid);
    if (lost.length > 0) pool.remove(lost, "conflict", row);
  }

  /** Transactions are gone: what spends their outputs goes as well. */
  #orphan(transactions: Iterable<Transaction>): void {
    const { pool } = this.#parts;
    const children = new Set<PoolEntry>();
    for (const transaction of transactions) {
      const txid = toHex(transaction.txid);
      if (pool.get(txid) !== undefined) continue;
      for (let vout = transaction.outputCount - 1; vout >= 0; vout--) {
        const child = pool.spenderOf(`${txid}:${vout}`);
        if (child !== undefined) children.add(child);
      }
    }
    if (children.size > 0) pool.remove(withDescendants(children), "reorg");
  }

  /** Resolves when the chain is where it is going to, or does not go on. @throws the signal's reason */
  async rested(signal: AbortSignal): Promise<void> {
    const { chain: { states }, clock } = this.#parts;
    while (states.activation.head !== states.activation.target) {
      const end = new AbortController();
      const patience = clock.sleep(REST_MS, AbortSignal.any([signal, end.signal])).then(() => false);
      const hasMoved = await Promise.race([patience, this.#moved.promise.then(() => true)]);
      end.abort();
      patience.catch(() => {});
      signal.throwIfAborted();
      if (!hasMoved) return;
    }
  }

  /**
   * Judges again what a reorganisation has left. There may be more to be done when it is over, if the chain moved meanwhile.
   * @throws what reading coins throws, or what `takeBack` throws
   */
  async settle(takeBack: TakeBack): Promise<void> {
    this.#isSettled = true;
    try {
      for (let [block] = this.#disconnected; block !== undefined; [block] = this.#disconnected) {
        const left = await takeBack([...block.transactions.values()]);
        // Another may have come before it meanwhile, or it may be too much to be kept.
        this.#disconnected = this.#disconnected.filter((each) => each !== block);
        if (block.hasChildren) this.#orphan(left);
      }
      await this.#sweep();
    } catch (thrown) {
      this.#isSettled = false;
      throw thrown;
    }
  }

  /** Takes out what may not be in the next block any more. */
  async #sweep(): Promise<void> {
    const { pool } = this.#parts;
    const { height, place } = this.next;
    const late: PoolEntry[] = [];
    const doubtful: PoolEntry[] = [];
    for (const entry of pool.entries()) {
      // Parts that are asked for of a copy are not kept.
      if (!isFinal(entry.transaction.detach(), height, place.view.parentMedianTimePast)) late.push(entry);
      else if (entry.hasRelativeLock || entry.spendsCoinbase) doubtful.push(entry);
    }
    if (late.length > 0) pool.remove(withDescendants(late), "reorg");
    for (let from = 0; from < doubtful.length; from += SWEEP) {
      if (!await this.#sweepSome(doubtful.slice(from, from + SWEEP))) return;
    }
  }

  /** Takes those out whose coins are gone, or locked; false when the chain has moved, and all is to be done again. */
  async #sweepSome(entries: readonly PoolEntry[]): Promise<boolean> {
    const { pool, chain } = this.#parts;
    const here = entries.filter((entry) => pool.get(entry.txid) === entry);
    const copies = here.map(({ transaction }) => transaction.detach());
    const moves = this.#moves;
    const found = await chain.coins(copies.flatMap(({ inputs }) => inputs.map(({ prevout }) => prevout)));
    if (found?.at !== this.#at || moves !== this.#moves) {
      this.#unsettle();
      return false;
    }
    let next = 0;
    const bad = here.filter((_, i) => {
      const coins = copies[i]!.inputs.map(({ prevout }) => {
        const coin = found.coins[next++];
        const output = pool.get(toHex(prevout.txid))?.transaction.outputs[prevout.vout];
        return output === undefined ? coin : { ...output, height: this.next.height, isCoinbase: false };
      });
      return !areThere(coins) || typeof checkInputs(copies[i]!, coins, this.next) !== "number";
    });
    if (bad.length > 0) pool.remove(withDescendants(bad.filter((entry) => pool.get(entry.txid) === entry)), "reorg");
    return true;
  }
}
