/**
 * All headers that are known: a tree with one best chain, its forks, and what was found invalid.
 *
 * Pure memory. The store's headers come back with {@link HeaderChain.restore}; time is passed in. Headers are
 * named by rows, small numbers in order of arrival, so that nothing is allocated for one.
 *
 * Ancestors are found through an index of the best chain by height; from a fork one walks down until it is met. Forks
 * are short: longer ones cost as much work as the chain has, and those of little work are held off (presync, checkpoints).
 *
 * @module
 */
import type { Bytes32 } from "../../codec/sized.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { type BlockHeader, headerFromBytes } from "../types/header.ts";
import { batchFault } from "./batch-fault.ts";
import { type HeaderSource, medianTimePast } from "./difficulty.ts";
import { hashWords, HeaderBatch, prevWords } from "./header-batch.ts";
import { HeaderContext } from "./header-rules.ts";
import { HeaderTable } from "./header-table.ts";
import { HeightIndex } from "./height-index.ts";
import { type Refusal, refuse } from "./verdict.ts";

/** Bits of a header's status. Numbers are stored and never change meaning. */
export const HeaderStatus = {
  /** The block itself breaks a rule. */
  failed: 1,
  /** It descends from one that does. */
  failedParent: 2,
  /** Its block is in the store. */
  data: 4,
  /** Its block passed every rule that needs no earlier output. */
  structure: 8,
  /** Its block was part of the active chain once, so it passed every rule that this node checks. */
  connected: 16,
  /** Another header names it as its parent. Set by the chain, not to be stored. */
  hasChild: 32,
  /** Its block passed every rule that the reference checks. What was stored before this bit was there has not it. */
  full: 64,
} as const;

const FAILED = HeaderStatus.failed | HeaderStatus.failedParent;

/** What became of a batch. Headers before the refused one stay. */
export interface AcceptResult {
  /** How many headers were not known before. */
  readonly added: number;
  /** Row of the last header that is known now; −1 when not even the first is. */
  readonly last: number;
  /** Whether the best header is another one now. */
  readonly bestChanged: boolean;
  /** Why the batch was not taken to its end. */
  readonly refusal?: Refusal;
  /** Index in the batch of the refused header. */
  readonly refusedAt?: number;
}

/** The header tree of one network. Starts with the genesis header. */
export class HeaderChain implements HeaderSource {
  readonly network: BitcoinNetwork;
  readonly #table = new HeaderTable();
  readonly #best = new HeightIndex(this);
  /** Height of the highest checkpoint that is in the tree: no new fork starts below it. */
  #lastCheckpoint = -1;
  readonly #checkpoints: ReadonlyMap<number, Bytes32>;

  constructor(network: BitcoinNetwork) {
    this.network = network;
    this.#checkpoints = new Map(network.checkpoints.map(({ height, hash }) => [height, hash]));
    this.#table.append(HeaderBatch.fromBytes(network.genesis.headerBytes), 0, -1, 0);
  }

  /** How many headers there are, on all branches. */
  get length(): number {
    return this.#table.length;
  }

  /** Bytes of memory held. */
  get byteLength(): number {
    return this.#table.byteLength + this.#best.byteLength;
  }

  /** Row of the header with the most work that is not known to be invalid; of equals, the one that came first. */
  get best(): number {
    return this.#best.tip;
  }

  height(row: number): number {
    return this.#table.height(row);
  }

  time(row: number): number {
    return this.#table.time(row);
  }

  bits(row: number): number {
    return this.#table.bits(row);
  }

  version(row: number): number {
    return this.#table.version(row);
  }

  parent(row: number): number {
    return this.#table.parent(row);
  }

  /** Cumulative work up to and with this header. */
  work(row: number): bigint {
    return this.#table.work(row);
  }

  /** Whether `a` has more cumulative work than `b`. Cheaper than comparing {@link work}. */
  hasMoreWork(a: number, b: number): boolean {
    return this.#table.hasMoreWork(a, b);
  }

  /** The hash in wire order: a copy. */
  hash(row: number): Bytes32 {
    return this.#table.hash(row);
  }

  /** The 80 bytes of the header: a copy. */
  headerBytes(row: number): Uint8Array {
    return this.#table.header(row);
  }

  /** The header's fields. */
  header(row: number): BlockHeader {
    return headerFromBytes(this.headerBytes(row));
  }

  /** The median time past up to and with this header. */
  medianTimePast(row: number): number {
    return medianTimePast(this, row);
  }

  /** The row of a hash in wire order; −1 when it is not known. */
  find(hash: Uint8Array): number {
    return this.#table.find(hashWords(hash), 0);
  }

  /** The row of the best chain at `height`; −1 above its end. */
  atHeight(height: number): number {
    return this.#best.at(height);
  }

  /** Whether the header is on the best chain. */
  onBest(row: number): boolean {
    return this.atHeight(this.height(row)) === row;
  }

  /** The row of the ancestor at `height`. @throws RangeError when `height` is above the row's own, or negative */
  ancestor(row: number, height: number): number {
    let at = row;
    let have = this.height(row);
    if (height > have || height < 0) throw new RangeError(`no ancestor at ${height} of a header at ${have}`);
    while (have > height) {
      if (this.#best.at(have) === at) return this.#best.at(height);
      at = this.parent(at);
      have--;
    }
    return at;
  }

  /** The last header that the chains of `a` and `b` share. */
  commonAncestor(a: number, b: number): number {
    const height = Math.min(this.height(a), this.height(b));
    let left = this.ancestor(a, height);
    let right = this.ancestor(b, height);
    while (left !== right) {
      left = this.parent(left);
      right = this.parent(right);
    }
    return left;
  }

  /**
   * Takes a batch in. All of it must carry its own work and be one chain, or nothing is taken; then one header after
   * the other is judged, up to the first that fails. Known ones are skipped by bisection, so a batch that brings nothing
   * new costs one look-up.
   * @param now our clock, in seconds since 1970
   */
  accept(batch: HeaderBatch, now: number): AcceptResult {
    const { length } = batch;
    if (length === 0) return { added: 0, last: -1, bestChanged: false };
    const fault = batchFault(batch, this.network);
    if (fault !== undefined) return { added: 0, last: -1, bestChanged: false, ...fault };

    const known = this.#countKnown(batch);
    let prev: number;
    if (known > 0) {
      prev = this.#table.find(batch.hashes, (known - 1) * 8);
      if (this.isInvalid(prev)) return this.#refuseKnown(batch, known);
      if (known === length) return { added: 0, last: prev, bestChanged: false };
    } else {
      prev = this.#table.find(prevWords(batch, 0), 0);
      if (prev < 0) {
        return this.#refused(0, -1, 0, refuse("missing_prev", "prev-blk-not-found", "the parent is not known"));
      }
      if (this.isInvalid(prev)) {
        return this.#refused(0, -1, 0, refuse("invalid_prev", "bad-prevblk", "builds on an invalid block"));
      }
    }

    const table = this.#table;
    const start = known > 0 ? prev : -1;
    const context = new HeaderContext(this.network, this, prev);
    let refusal: Refusal | undefined;
    let at = known;
    for (; at < length; at++) {
      const bits = batch.bits(at);
      const time = batch.time(at);
      refusal = context.judge(batch.version(at), time, bits, now) ??
        this.#checkpointFault(batch, at, context.height + 1);
      if (refusal !== undefined) break;
      table.setStatus(prev, table.status(prev) | HeaderStatus.hasChild);
      prev = table.append(batch, at, prev, 0);
      context.step(prev, time, bits);
    }
    const added = at - known;
    const bestChanged = added > 0 && this.#offer(prev);
    const last = added > 0 ? prev : start;
    return refusal === undefined ? { added, last, bestChanged } : { added, last, bestChanged, refusal, refusedAt: at };
  }

  #refused(added: number, last: number, refusedAt: number, refusal: Refusal): AcceptResult {
    return { added, last, bestChanged: false, refusal, refusedAt };
  }

  /** How many headers at the front are known: the ancestors of a known header are known too. */
  #countKnown(batch: HeaderBatch): number {
    const isKnown = (index: number) => this.#table.find(batch.hashes, index * 8) >= 0;
    if (isKnown(batch.length - 1)) return batch.length;
    let low = 0;
    let high = batch.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isKnown(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The verdict on a batch whose last known header is invalid. */
  #refuseKnown(batch: HeaderBatch, known: number): AcceptResult {
    let last = -1;
    for (let i = 0; i < known; i++) {
      const row = this.#table.find(batch.hashes, i * 8);
      if (this.isInvalid(row)) {
        return this.#refused(0, last, i, refuse("cached_invalid", "duplicate-invalid", "known to be invalid"));
      }
      last = row;
    }
    return { added: 0, last, bestChanged: false };
  }

  /** Judges a new header at `height` by the checkpoints. */
  #checkpointFault(batch: HeaderBatch, index: number, height: number): Refusal | undefined {
    if (height <= this.#lastCheckpoint) {
      return refuse("checkpoint", "bad-fork-prior-to-checkpoint", `height ${height} is below ${this.#lastCheckpoint}`);
    }
    const expected = this.#checkpoints.get(height);
    if (expected === undefined) return undefined;
    const hash = batch.hash(index);
    if (!expected.every((byte, i) => byte === hash[i])) {
      return refuse("checkpoint", "checkpoint-mismatch", `another block at the checkpoint of height ${height}`);
    }
    this.#lastCheckpoint = height;
    return undefined;
  }

  /** Makes `row` the best header when it has more work. */
  #offer(row: number): boolean {
    if (!this.#table.hasMoreWork(row, this.best)) return false;
    this.#best.setTip(row);
    return true;
  }

  /** The status bits of a header ({@link HeaderStatus}). */
  status(row: number): number {
    return this.#table.status(row);
  }

  /** Sets status bits that tell what is known of the block. Invalidity goes through {@link markInvalid}. */
  addStatus(row: number, bits: number): void {
    this.#table.setStatus(row, this.#table.status(row) | (bits & ~(FAILED | HeaderStatus.hasChild)));
  }

  /** Takes status bits back: data that was pruned. */
  clearStatus(row: number, bits: number): void {
    this.#table.setStatus(row, this.#table.status(row) & ~(bits & ~(FAILED | HeaderStatus.hasChild)));
  }

  /** Whether the block or one of its ancestors breaks a rule. */
  isInvalid(row: number): boolean {
    return (this.#table.status(row) & FAILED) !== 0;
  }

  /** Remembers that the block breaks a rule: it and all its descendants are no longer candidates. Genesis cannot. */
  markInvalid(row: number): void {
    if (row === 0) throw new RangeError("genesis is valid by definition");
    const table = this.#table;
    table.setStatus(row, table.status(row) | HeaderStatus.failed);
    // A child always comes after its parent, so one pass upwards meets every descendant.
    for (let at = row + 1; at < table.length; at++) {
      if (this.isInvalid(table.parent(at))) table.setStatus(at, table.status(at) | HeaderStatus.failedParent);
    }
    if (this.isInvalid(this.best)) this.#chooseBest();
  }

  /** Forgets that the block, its ancestors or its descendants were invalid (`reconsiderblock`). */
  reconsider(row: number): void {
    const table = this.#table;
    for (let at = row; at >= 0; at = table.parent(at)) table.setStatus(at, table.status(at) & ~FAILED);
    const below = this.height(row);
    for (let at = row + 1; at < table.length; at++) {
      if (this.height(at) > below && this.ancestor(at, below) === row) table.setStatus(at, table.status(at) & ~FAILED);
    }
    // What descends from another invalid block, on a branch off one of the ancestors, is as it was.
    for (let at = 1; at < table.length; at++) {
      if ((table.status(at) & HeaderStatus.failed) === 0) {
        const bit = this.isInvalid(table.parent(at)) ? HeaderStatus.failedParent : 0;
        table.setStatus(at, (table.status(at) & ~HeaderStatus.failedParent) | bit);
      }
    }
    this.#chooseBest();
  }

  /** Looks through all headers for the best valid one. */
  #chooseBest(): void {
    let best = 0;
    for (let row = 1; row < this.#table.length; row++) {
      if (!this.isInvalid(row) && this.#table.hasMoreWork(row, best)) best = row;
    }
    if (best !== this.best) this.#best.setTip(best);
  }

  /**
   * Takes in headers that were accepted in an earlier run, parents first, without judging them.
   * @param statusOf the status that each had
   * @throws RangeError when a parent is missing
   */
  restore(batch: HeaderBatch, statusOf: (index: number) => number): void {
    const table = this.#table;
    for (let i = 0; i < batch.length; i++) {
      const status = statusOf(i) & ~HeaderStatus.hasChild;
      const known = table.find(batch.hashes, i * 8);
      if (known >= 0) {
        table.setStatus(known, table.status(known) | status);
        continue;
      }
      const parent = table.find(prevWords(batch, i), 0);
      if (parent < 0) throw new RangeError(`the parent of stored header ${i} is missing`);
      table.setStatus(parent, table.status(parent) | HeaderStatus.hasChild);
      const row = table.append(batch, i, parent, status);
      if (this.#checkpoints.has(this.height(row))) {
        this.#lastCheckpoint = Math.max(this.#lastCheckpoint, this.height(row));
      }
      if (!this.isInvalid(row)) this.#offer(row);
    }
  }

  /**
   * Takes over what another process made of the same tree: headers that are new, parents first, and statuses as they are
   * now, by rows that rise.
   * @param changed hears of each row that had another status before
   * @throws RangeError when a parent is missing
   */
  follow(
    batch: HeaderBatch,
    statuses: Iterable<readonly [row: number, status: number]>,
    changed: (row: number, before: number, after: number) => void,
  ): void {
    const table = this.#table;
    this.restore(batch, () => 0);
    let isOther = false;
    for (const [row, stored] of statuses) {
      const before = table.status(row);
      const after = (before & HeaderStatus.hasChild) | (stored & ~HeaderStatus.hasChild);
      if (after === before) continue;
      table.setStatus(row, after);
      isOther ||= ((before ^ after) & FAILED) !== 0;
      changed(row, before, after);
    }
    if (isOther) this.#chooseBest();
  }
}
