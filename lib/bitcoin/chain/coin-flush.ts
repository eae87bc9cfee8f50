/**
 * When changed coins go to disk: when the memory for them is used up, once an hour, and at the end; and soon, at the tip,
 * where other processes read them. They are laid ready beside the set first, which takes as long as it takes while blocks
 * are connected, and count from one small commit on.
 *
 * After a crash the coins are those of the last flush. Blocks since then are connected again from our own disk; if they
 * were another branch's, that branch is taken back first. So a flush may be of any block whose bytes and undo data are
 * durable: they are in the same commit at the latest.
 *
 * @see Bitcoin Core `validation.cpp` (FlushStateToDisk)
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { BitcoinStore } from "../store.ts";
import type { CoinState } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import { PatientCommit, type StorageNotice } from "./patient-commit.ts";

/**
 * Changes are written when they take this share of it. As much again may come while they are, and the rest is for the
 * growth of a table and for the writing.
 */
const SHARE = 0.42;
const EVERY_MS = 60 * 60_000;

/** What flushes need. */
export interface CoinFlushParts {
  readonly coins: CoinState;
  readonly store: Pick<BitcoinStore, "stageCoins">;
  readonly commit: ChainCommit;
  readonly clock: Clock;
  /** Which coins they are, of those that a step may change. */
  readonly name: "coins" | "otherCoins";
  /** Memory for coins that changed. */
  readonly bytesMax: () => number;
  /** How soon what changes at the tip goes to disk; absent: with the rest. */
  readonly atTipMs?: number | undefined;
  readonly onStorage?: StorageNotice | undefined;
  readonly trouble?: DiskTrouble | undefined;
  /** Hears of each flush that is durable. */
  readonly onFlush?: ((flushed: FlushedCoins) => void) | undefined;
}

/** A flush that is durable. */
export interface FlushedCoins {
  /** The row after whose block the coins on disk are so. */
  readonly at: number;
  /** How many coins changed. */
  readonly coins: number;
  readonly ms: number;
}

/** The flushes of one chain's coins. */
export class CoinFlush {
  readonly #parts: CoinFlushParts;
  readonly #patience: PatientCommit;
  /** The row of the last flush that is durable. */
  #durable: number;
  #last: number;
  #running: Promise<void> | undefined;
  /** Ends the wait for the flush at the tip. */
  #cancel: (() => void) | undefined;
  /** All flushes since the start. */
  readonly totals = { flushes: 0, flushedCoins: 0, flushMs: 0 };

  constructor(parts: CoinFlushParts) {
    this.#parts = parts;
    this.#patience = new PatientCommit(parts.clock, parts.onStorage, parts.trouble);
    this.#durable = parts.coins.at;
    this.#last = parts.clock.monotonic();
  }

  /** The row after whose block the coins on disk are so. */
  get durable(): number {
    return this.#durable;
  }

  /** Whether the next block has to wait: the memory is used up, and what was in it is not on disk yet. */
  get isFull(): boolean {
    return this.#running !== undefined && this.#isDue;
  }

  get #isDue(): boolean {
    const { coins, bytesMax } = this.#parts;
    return !coins.isClean && coins.bytes >= bytesMax() * SHARE;
  }

  /** Resolves when there is room. @throws the error of a flush that cannot succeed */
  async room(): Promise<void> {
    await this.#running;
  }

  /**
   * After each block. `isUnderTip`: whether the coins are those of the tip or of a block before it; `isAtTip`: whether no
   * further block is on its way.
   */
  moved(isUnderTip: boolean, isAtTip = false): void {
    const { coins, clock } = this.#parts;
    const isTime = isUnderTip && !coins.isClean && clock.monotonic() - this.#last >= EVERY_MS;
    if (this.#isDue || isTime) this.begin();
    else if (isAtTip) this.#beginAtTip();
  }

  #beginAtTip(): void {
    const { clock, atTipMs } = this.#parts;
    if (atTipMs === undefined || this.#cancel !== undefined) return;
    const waitMs = Math.max(0, this.#last + atTipMs - clock.monotonic());
    this.#cancel = clock.after(waitMs, () => {
      this.#cancel = undefined;
      // One that runs may have begun before the last block. What fails is told by the commit.
      this.settle().catch(() => {});
    });
  }

  /** Begins a flush unless one runs or there is nothing to write. */
  begin(): void {
    const { coins, commit } = this.#parts;
    if (this.#running !== undefined || coins.isClean || commit.hasFailed) return;
    const running = this.#running = this.#run().finally(() => (this.#running = undefined));
    // What came meanwhile may be too much again.
    running.then(() => this.#isDue && this.begin(), () => {});
  }

  /** Resolves when all that changed until now is on disk. @throws the error of a flush or a commit that failed */
  async settle(): Promise<void> {
    await this.#running;
    this.begin();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { coins, store, commit, clock, name, onFlush } = this.#parts;
    const began = clock.monotonic();
    const { at, transactions, changed } = coins.freeze();
    const count = changed.size;
    try {
      await this.#patience.run(async () => {
        const staged = await store.stageCoins(withPauses(changed, clock));
        // What waits for a commit now is not what did when the staging began.
        commit.pending[name] = { at, staged, transactions };
      });
    } catch (thrown) {
      // What is in memory can no longer get to the disk.
      commit.giveUp(thrown);
      throw thrown;
    }
    await commit.soon();
    coins.flushed();
    this.#durable = at;
    this.#last = clock.monotonic();
    const ms = this.#last - began;
    this.totals.flushes += 1;
    this.totals.flushedCoins += count;
    this.totals.flushMs += ms;
    onFlush?.({ at, coins: count, ms });
  }

  /** Lays ready all that changed, for the last commit. What cannot be written now is connected again at the next start. */
  async finish(notice: (level: "warning", text: string) => void): Promise<void> {
    const { coins, store, commit, clock, name } = this.#parts;
    const end = this.#patience.hurry();
    this.#cancel?.();
    try {
      // The commit that it waits for may be waiting for room on the disk.
      if (this.#running !== undefined) await Promise.all([this.#running, commit.flush()]);
      if (coins.isClean || commit.hasFailed) return;
      const { at, transactions, changed } = coins.freeze();
      const staged = await store.stageCoins(withPauses(changed, clock));
      commit.pending[name] = { at, staged, transactions };
    } catch (thrown) {
      notice("warning", `the newest coins are not stored: ${messageOf(thrown)}; they are made again at the next start`);
    } finally {
      end();
    }
  }
}

/** The same entries, with a turn for all others at each pause. */
function withPauses(entries: SortedEntries, clock: Clock): SortedEntries {
  return {
    size: entries.size,
    async *drain(take) {
      for await (const _ of entries.drain(take)) {
        yield;
        await clock.sleep(0);
      }
    },
  };
}
