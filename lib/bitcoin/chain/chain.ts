/**
 * The chain: headers and blocks, judged as they come, and the branch of most work whose blocks are all there. The only
 * writer of the store. What is judged waits for its commit; commits follow one another, each with all that came
 * meanwhile, so that a slow disk makes them larger and not more.
 *
 * @see spec sections d.3, e, f.4; Bitcoin Core `validation.cpp` (AcceptBlock, ActivateBestChain)
 * @module
 */
import { ownBytes } from "../../codec/own.ts";
import type { Clock } from "../../core/ports.ts";
import type { Validation } from "../../core/validation.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { BitcoinStep, BitcoinStore } from "../store.ts";
import type { Block } from "../types/block.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { blockEvent, reorgEvent } from "./events.ts";
import { HeaderBatch } from "../headers/header-batch.ts";
import { type AcceptResult, HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { ActiveLevels, bitsOf } from "./levels.ts";
import { hasAny, newPending, type Pending } from "./pending.ts";
import { PatientCommit, type StorageNotice } from "./patient-commit.ts";
import { type BlockValidator, blockView } from "./validator.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";

/** What became of a block. */
export interface BlockResult {
  readonly refusal?: Refusal;
  /** It was there already. */
  readonly duplicate: boolean;
  /** Resolves when what followed from the block is durable; rejects when it could not be stored. */
  readonly stored: Promise<void>;
}

/** How the active chain moved, once it is durable. */
export interface TipMove {
  readonly tip: number;
  /** Last row that the old and the new active chain share. */
  readonly fork: number;
}

/** What the chain needs. */
export interface BitcoinChainParts {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  /** Without blocks the active chain is the best header's. */
  readonly headersOnly: boolean;
  /** Hears of each durable step that moved the tip. */
  readonly onMove?: (move: TipMove) => void;
  /** Hears of trouble with the disk. */
  readonly onStorage?: StorageNotice;
}

/** The bits of a status that are stored. */
const STORED = 0xff & ~HeaderStatus.hasChild;
/** Bytes of blocks that may wait for their commit before the next one has to wait. */
const PENDING_BYTES_MAX = 32 * 1024 * 1024;
/** The chain of one network. */
export class BitcoinChain {
  readonly network: BitcoinNetwork;
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  readonly #parts: BitcoinChainParts;
  /** Blocks that are there and whose parent's chain is not complete, by the parent's row. */
  readonly #waiting = new Map<number, number[]>();
  /** Rows whose block and all blocks before it are or were there. */
  #linked = new Uint8Array(1_024);
  /** Judged tip; ahead of the durable one while a commit runs. */
  #head = 0;
  #tip = 0;
  /** The active chain by height up to the durable tip. */
  #active = new Int32Array(1_024).fill(-1);
  #activeTop = 0;
  readonly #levels: ActiveLevels;
  #storedHeaders = 0;
  #pending = newPending();
  #underWay: Pending | undefined;
  #writing: Promise<void> | undefined;
  #failure: unknown;
  readonly #commits: PatientCommit;

  private constructor(parts: BitcoinChainParts) {
    this.network = parts.network;
    this.validator = parts.validator;
    this.headers = new HeaderChain(parts.network);
    this.#levels = new ActiveLevels(this.headers);
    this.#parts = parts;
    this.#commits = new PatientCommit(parts.clock, parts.onStorage);
  }

  /** Opens the chain where the store stands. An empty store gets the genesis block. */
  static async load(parts: BitcoinChainParts): Promise<BitcoinChain> {
    const chain = new BitcoinChain(parts);
    for await (const { headers, statuses } of parts.store.headers()) {
      chain.headers.restore(HeaderBatch.fromBytes(headers), (index) => statuses[index] ?? 0);
      chain.#storedHeaders += headers.length / HEADER_BYTES;
    }
    const tip = await parts.store.tip();
    if (tip === undefined) await chain.#begin();
    else chain.#resume(tip);
    return chain;
  }

  /** Row of the active chain's tip, durable. */
  get tip(): number {
    return this.#tip;
  }

  /** How far every block of the active chain was checked, whatever checks them now. Before the first: will be. */
  get validation(): Validation {
    return this.#levels.least ?? (this.#parts.headersOnly ? "headers" : this.validator.level);
  }

  /** Row at a height of the active chain; −1 above its tip. */
  activeAt(height: number): number {
    return height >= 0 && height <= this.#activeTop ? this.#active[height]! : -1;
  }

  /** Whether a row is on the active chain. */
  isActive(row: number): boolean {
    return this.activeAt(this.headers.height(row)) === row;
  }

  /** Whether the block of a row is stored or waits to be. */
  hasData(row: number): boolean {
    return (this.headers.status(row) & HeaderStatus.data) !== 0;
  }

  /** Whether the block of a row was there once, pruned or not. */
  wasJudged(row: number): boolean {
    return (this.headers.status(row) & HeaderStatus.structure) !== 0;
  }

  /** Bytes of blocks that wait for their commit. */
  get pendingBytes(): number {
    return this.#pending.bytes + (this.#underWay?.bytes ?? 0);
  }

  /** Resolves when there is room for more blocks. A caller that adds without waiting grows the memory. */
  async room(): Promise<void> {
    while (this.pendingBytes > PENDING_BYTES_MAX) await (this.#underWay ?? this.#pending).done.promise;
  }

  /** Takes headers in, see {@link HeaderChain.accept}. They become durable with the next commit. */
  acceptHeaders(batch: HeaderBatch): AcceptResult {
    const result = this.headers.accept(batch, Math.floor(this.#parts.clock.now() / 1000));
    if (result.added > 0) {
      if (this.#parts.headersOnly && result.bestChanged) this.#moveTo(this.headers.best, undefined);
      this.#commitSoon();
    }
    return result;
  }

  /**
   * Judges a block whose header is known, and stores it. A block that breaks a rule is remembered as invalid, with all its
   * descendants, unless it is only mutated: the hash stays good then.
   */
  addBlock(row: number, block: Block): BlockResult {
    const { headers } = this;
    const stored = Promise.resolve();
    if (this.#failure !== undefined) return { duplicate: false, stored: this.#failed() };
    if (this.hasData(row)) return { duplicate: true, stored };
    if (headers.isInvalid(row)) {
      return { duplicate: true, stored, refusal: refuse("cached_invalid", "duplicate-invalid", "known to be invalid") };
    }
    const height = headers.height(row);
    const verdict = this.validator.check(block, blockView(headers, row));
    if (!verdict.ok) {
      if (verdict.result === "consensus") this.#condemn(row);
      return { refusal: verdict, duplicate: false, stored };
    }
    // A pruned block that comes again keeps the level that it was counted with.
    this.#setStatus(row, HeaderStatus.data | (this.wasJudged(row) ? 0 : bitsOf(this.validator.level)));
    this.#pending.blocks.push({ row, height, hash: headers.hash(row), raw: ownBytes(block.raw) });
    this.#pending.bytes += block.raw.length;
    this.#link(row, block);
    return { duplicate: false, stored: this.#commitSoon() };
  }

  /** Remembers that a block breaks a rule: for chains without blocks, whose reader finds out. The tip moves off it. */
  condemn(row: number): void {
    this.#condemn(row);
    if (this.#parts.headersOnly && this.headers.isInvalid(this.#head)) this.#moveTo(this.headers.best, undefined);
  }

  /** Forgets block data of these rows, which the store has removed. */
  dropData(rows: readonly number[]): void {
    for (const row of rows) this.headers.clearStatus(row, HeaderStatus.data);
  }

  /** The end of whatever came after a commit that failed for good. Handled, for callers that do not wait for it. */
  #failed(): Promise<void> {
    const failed = Promise.reject(this.#failure);
    failed.catch(() => {});
    return failed;
  }

  /**
   * Resolves when everything that was judged so far is durable. The chain takes nothing more when that fails: for the
   * end, and for callers that cannot go on without.
   * @throws the error of a commit that failed
   */
  async flush(): Promise<void> {
    const end = this.#commits.hurry();
    this.#commitSoon();
    while (this.#writing !== undefined) await this.#writing;
    end();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #begin(): Promise<void> {
    this.#setStatus(0, HeaderStatus.data | HeaderStatus.structure | HeaderStatus.connected);
    this.#pending.blocks.push({ row: 0, height: 0, hash: this.headers.hash(0), raw: this.network.genesis.blockBytes });
    this.#setLinked(0);
    this.#pending.tip = 0;
    this.#setActive(0);
    await this.flush();
  }

  #resume(tip: number): void {
    const { headers } = this;
    for (let row = 0; row < headers.length; row++) {
      if (!this.wasJudged(row)) continue;
      const parent = headers.parent(row);
      if (parent < 0 || this.#isLinked(parent)) this.#setLinked(row);
      else this.#wait(parent, row);
    }
    this.#head = this.#tip = tip;
    this.#levels.move(0, 0, tip);
    this.#setActive(tip);
  }

  /** Completes the chain up to a row, if its parent's is, and whatever waited for that; then goes over to the best. */
  #link(row: number, block: Block): void {
    const parent = this.headers.parent(row);
    if (!this.#isLinked(parent)) return this.#wait(parent, row);
    const reached = [row];
    this.#setLinked(row);
    for (let i = 0; i < reached.length; i++) {
      const children = this.#waiting.get(reached[i]!) ?? [];
      this.#waiting.delete(reached[i]!);
      for (const child of children) {
        this.#setLinked(child);
        reached.push(child);
      }
    }
    // On equal work the one that was complete first stays.
    const best = reached.filter((each) => !this.headers.isInvalid(each))
      .reduce((most, each) => (this.headers.hasMoreWork(each, most) ? each : most), this.#head);
    if (best !== this.#head) this.#moveTo(best, block);
  }

  #wait(parent: number, row: number): void {
    const waiting = this.#waiting.get(parent);
    if (waiting === undefined) this.#waiting.set(parent, [row]);
    else waiting.push(row);
  }

  /** Makes `tip` the judged tip, with the events of what is left and what is joined. `last` is the block that did it. */
  #moveTo(tip: number, last: Block | undefined): void {
    const { headers } = this;
    const fork = headers.commonAncestor(this.#head, tip);
    const left = this.#between(fork, this.#head);
    const joined = this.#between(fork, tip);
    const time = this.#parts.clock.now();
    const context = { headers, network: this.network.name, time };
    const pending = this.#pending;
    if (left.length > 0) pending.events.push(reorgEvent(context, fork, left, joined));
    if (!this.#parts.headersOnly) {
      for (const row of joined) {
        this.#setStatus(row, HeaderStatus.connected);
        pending.events.push(blockEvent(context, row, left.length > 0));
      }
      if (this.#parts.store.hasTransactionIndex) this.#index(joined, left, last);
    }
    this.#head = tip;
    pending.tip = tip;
  }

  /** Notes which transactions joined and left, for the index. Their ids are computed from the stored block where needed. */
  #index(joined: readonly number[], left: readonly number[], last: Block | undefined): void {
    for (const row of left) this.#pending.left.push({ row, txids: [] });
    for (const row of joined) {
      const isLast = last !== undefined && row === this.#pending.blocks.at(-1)?.row;
      this.#pending.joined.push({ row, txids: isLast ? last.txids() : [] });
    }
  }

  /** Rows after `from` up to `to`, rising. */
  #between(from: number, to: number): number[] {
    const rows: number[] = [];
    for (let row = to; row !== from; row = this.headers.parent(row)) rows.push(row);
    return rows.reverse();
  }

  /** Remembers that a block breaks a rule. */
  #condemn(row: number): void {
    const before = new Map<number, number>();
    for (let at = row; at < this.headers.length; at++) before.set(at, this.headers.status(at));
    this.headers.markInvalid(row);
    for (const [at, status] of before) {
      const now = this.headers.status(at);
      if (now !== status) this.#pending.statuses.set(at, now & STORED);
    }
    this.#commitSoon();
  }

  #setStatus(row: number, bits: number): void {
    this.headers.addStatus(row, bits);
    this.#pending.statuses.set(row, this.headers.status(row) & STORED);
  }

  #isLinked(row: number): boolean {
    return this.#linked[row] === 1;
  }

  #setLinked(row: number): void {
    if (row >= this.#linked.length) {
      const grown = new Uint8Array(Math.max(row + 1, this.#linked.length * 2));
      grown.set(this.#linked);
      this.#linked = grown;
    }
    this.#linked[row] = 1;
  }

  /** Lays the active chain's rows down to the one that is there already. */
  #setActive(tip: number): void {
    const height = this.headers.height(tip);
    if (height >= this.#active.length) {
      const grown = new Int32Array(Math.max(height + 1, this.#active.length * 2)).fill(-1);
      grown.set(this.#active);
      this.#active = grown;
    }
    let row = tip;
    for (let h = height; h >= 0 && (h > this.#activeTop || this.#active[h] !== row); h--) {
      this.#active[h] = row;
      row = this.headers.parent(row);
    }
    this.#activeTop = height;
  }

  /** Starts a commit of all that waits unless one runs, which then is followed by another. */
  #commitSoon(): Promise<void> {
    const { promise } = this.#pending.done;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return promise;
  }

  async #write(): Promise<void> {
    // All that comes in the same moment belongs into one commit.
    await this.#parts.clock.sleep(1);
    while (this.#failure === undefined && (hasAny(this.#pending) || this.headers.length > this.#storedHeaders)) {
      const pending = this.#underWay = this.#pending;
      this.#pending = newPending();
      try {
        await this.#commits.run(() => this.#commit(pending));
        pending.done.resolve();
      } catch (thrown) {
        // What is in memory is ahead of the disk now and for good: nothing may be added to it.
        this.#failure = thrown;
        pending.done.reject(thrown);
        this.#pending.done.reject(thrown);
      } finally {
        this.#underWay = undefined;
      }
    }
    this.#pending.done.resolve();
    this.#pending = newPending();
  }

  async #commit(pending: Pending): Promise<void> {
    const { store, onMove } = this.#parts;
    const firstRow = this.#storedHeaders;
    const lastRow = this.headers.length;
    const bytes = new Uint8Array((lastRow - firstRow) * HEADER_BYTES);
    for (let row = firstRow; row < lastRow; row++) {
      bytes.set(this.headers.headerBytes(row), (row - firstRow) * HEADER_BYTES);
    }
    const { blocks, statuses, events, tip, joined, left } = pending;
    const step: BitcoinStep = {
      ...(lastRow > firstRow && { headers: { firstRow, bytes } }),
      ...(store.hasTransactionIndex && { transactions: { joined, left } }),
      ...(tip !== undefined && { tip }),
      statuses,
      blocks,
      events,
    };
    await store.commit(step);
    this.#storedHeaders = lastRow;
    if (tip === undefined) return;
    const fork = this.headers.commonAncestor(this.#tip, tip);
    this.#levels.move(this.#tip, fork, tip);
    this.#setActive(tip);
    this.#tip = tip;
    onMove?.({ tip, fork });
  }
}
