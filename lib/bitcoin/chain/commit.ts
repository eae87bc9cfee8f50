/**
 * What makes the chain's steps durable: headers, blocks, statuses, tip, coins and events of one step in one transaction.
 * What was judged waits for its commit; commits follow one another, each with all that came meanwhile, so that a slow
 * disk makes them larger and not more.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import type { BitcoinStep, BitcoinStore } from "../store.ts";
import { HEADER_BYTES } from "../types/header.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import { PatientCommit, type StorageNotice } from "./patient-commit.ts";
import { hasAny, newPending, type Pending } from "./pending.ts";

/** What commits need. */
export interface ChainCommitParts {
  readonly headers: HeaderChain;
  readonly store: BitcoinStore;
  readonly clock: Clock;
  /** Hears of each durable step that moved the tip. */
  readonly moved: (tip: number) => void;
  /** Hears of trouble with the disk. */
  readonly onStorage?: StorageNotice | undefined;
  readonly trouble?: DiskTrouble | undefined;
}

/** The bits of a status that are stored. */
const STORED = 0xff & ~HeaderStatus.hasChild;
/** Bytes of blocks that may wait for their commit before the next one has to wait. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;

/** The commits of one chain. */
export class ChainCommit {
  readonly #parts: ChainCommitParts;
  readonly #commits: PatientCommit;
  #storedHeaders = 0;
  #pending = newPending();
  #underWay: Pending | undefined;
  #writing: Promise<void> | undefined;
  /** When the last commit began; monotonic milliseconds. */
  #begun = -Infinity;
  #failure: unknown;

  constructor(parts: ChainCommitParts) {
    this.#parts = parts;
    this.#commits = new PatientCommit(parts.clock, parts.onStorage, parts.trouble);
  }

  /** What the next commit will take. */
  get pending(): Pending {
    return this.#pending;
  }

  /** What waits and what is being written, the newest first. */
  get waiting(): readonly Pending[] {
    return this.#underWay === undefined ? [this.#pending] : [this.#pending, this.#underWay];
  }

  /** Remembers what takes a block back. */
  keepUndo(row: number, bytes: Uint8Array): void {
    this.#pending.bytes += bytes.length - (this.#pending.undo.get(row)?.length ?? 0);
    this.#pending.undo.set(row, bytes);
  }

  /** What takes a block back and is not on disk yet. */
  undoOf(row: number): Uint8Array | undefined {
    return this.waiting.find(({ undo }) => undo.has(row))?.undo.get(row);
  }

  /** Whether nothing can be stored any more: what is in memory is ahead of the disk for good. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Bytes of blocks, and of what takes them back, that wait for their commit. */
  get pendingBytes(): number {
    return this.#pending.bytes + (this.#underWay?.bytes ?? 0);
  }

  /** So many headers are stored. */
  restored(headers: number): void {
    this.#storedHeaders += headers;
  }

  /** Whether {@link ChainCommit.room} would wait. */
  get isCrowded(): boolean {
    return this.pendingBytes > PENDING_BYTES_MAX;
  }

  /** Resolves when there is room for more blocks. A caller that adds without waiting grows the memory. */
  async room(): Promise<void> {
    while (this.isCrowded) await (this.#underWay ?? this.#pending).done.promise;
  }

  /** The bytes of a block that waits for its commit or is being written. */
  rawOf(row: number): Uint8Array | undefined {
    return this.waiting.flatMap(({ blocks }) => blocks).find((block) => block.row === row)?.raw;
  }

  /** Sets bits of a block's status. */
  mark(row: number, bits: number): void {
    const { headers } = this.#parts;
    headers.addStatus(row, bits);
    this.#pending.statuses.set(row, headers.status(row) & STORED);
  }

  /** Remembers that a block breaks a rule: it and all that descends from it. */
  condemn(row: number): void {
    this.#changeStatuses(row, (headers) => headers.markInvalid(row));
  }

  /** Forgets that a block, its ancestors and its descendants break a rule. */
  reconsider(row: number): void {
    this.#changeStatuses(0, (headers) => headers.reconsider(row));
  }

  /** What changes of rows from `first` on is stored with the next commit. */
  #changeStatuses(first: number, change: (headers: HeaderChain) => void): void {
    const { headers } = this.#parts;
    const before = new Uint8Array(headers.length - first);
    for (let row = first; row < headers.length; row++) before[row - first] = headers.status(row) & STORED;
    change(headers);
    for (let row = first; row < headers.length; row++) {
      const now = headers.status(row) & STORED;
      if (now !== before[row - first]) this.#pending.statuses.set(row, now);
    }
    this.soon();
  }

  /** Something that belongs into a commit cannot be stored: there is no commit any more. */
  giveUp(thrown: unknown): void {
    this.#failure ??= thrown;
    // A caller that waits for the next commit is told as well.
    this.#pending.done.reject(thrown);
  }

  /** The end of what came after a commit that failed for good. Handled, for callers that do not wait for it. */
  failed(): Promise<void> {
    const failed = Promise.reject(this.#failure);
    failed.catch(() => {});
    return failed;
  }

  /** Starts a commit of all that waits unless one runs, which then is followed by another. Resolves when it is durable. */
  soon(): Promise<void> {
    const { promise } = this.#pending.done;
    this.#writing ??= this.#write();
    return promise;
  }

  /**
   * Resolves when everything that was judged so far is durable. The chain takes nothing more when that fails: for the
   * end, and for callers that cannot go on without.
   * @throws the error of a commit that failed
   */
  async flush(): Promise<void> {
    const end = this.#commits.hurry();
    this.soon();
    while (this.#writing !== undefined) await this.#writing;
    end();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #write(): Promise<void> {
    // All that comes in the same moment belongs into one commit.
    await this.#parts.clock.sleep(1);
    const { clock, store: { gatherMs = 0 } } = this.#parts;
    while (this.#failure === undefined && (hasAny(this.#pending) || this.#parts.headers.length > this.#storedHeaders)) {
      const restMs = this.#begun + gatherMs - clock.monotonic();
      if (restMs > 0 && !this.isCrowded) await clock.sleep(restMs);
      this.#begun = clock.monotonic();
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
    // At once: what is added in the next moment needs another writing.
    this.#writing = undefined;
  }

  async #commit(pending: Pending): Promise<void> {
    const { headers, store, moved } = this.#parts;
    const firstRow = this.#storedHeaders;
    const lastRow = headers.length;
    const bytes = new Uint8Array((lastRow - firstRow) * HEADER_BYTES);
    for (let row = firstRow; row < lastRow; row++) {
      bytes.set(headers.headerBytes(row), (row - firstRow) * HEADER_BYTES);
    }
    const { blocks, statuses, events, tip, coins, otherCoins, snapshot, undo, joined, left } = pending;
    const step: BitcoinStep = {
      ...(lastRow > firstRow && { headers: { firstRow, bytes } }),
      ...(store.hasTransactionIndex && { transactions: { joined, left } }),
      ...(tip !== undefined && { tip }),
      ...(coins !== undefined && { coins }),
      ...(otherCoins !== undefined && { otherCoins }),
      ...(snapshot !== undefined && { snapshot }),
      ...(undo.size > 0 && { undo }),
      statuses,
      blocks,
      events,
    };
    await store.commit(step);
    this.#storedHeaders = lastRow;
    if (tip !== undefined) moved(tip);
  }
}
