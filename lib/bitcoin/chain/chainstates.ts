/**
 * The coins of the active chain with what connects its blocks, and beside it, while a snapshot is not validated, the chain
 * behind it. Both have the same headers, blocks, undo data and commits; each has coins of its own.
 *
 * A snapshot that is taken makes the active chain begin anew at the snapshot's block, in one commit; the coins that were the
 * active chain's so far are the background's then. When they come to what the snapshot has, they go. When they do not, the
 * snapshot goes, and they are the active chain's again.
 *
 * @see Bitcoin Core `validation.cpp` (ActivateSnapshot, MaybeValidateSnapshot, ValidatedSnapshotCleanup)
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import { TABLE_SECRET_BYTES } from "../../storage/byte-table.ts";
import { refused } from "../coins/snapshot-reader.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import { toDisplayHex } from "../hash.ts";
import type { BitcoinStore, CoinReading, CoinStep, StoredSnapshot } from "../store.ts";
import { Activation } from "./activate.ts";
import type { ActivationParts } from "./activation-parts.ts";
import { BackgroundChain, type SnapshotVerdict } from "./background.ts";
import type { CoinParts } from "./chain-parts.ts";
import { CoinFlush, type FlushedCoins } from "./coin-flush.ts";
import { CoinState, type StoredCoins, storedCoins } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import type { DiskTrouble } from "./disk-trouble.ts";
import { snapshotEvent } from "./events.ts";
import type { StorageNotice } from "./patient-commit.ts";
import { rolledBack } from "./rollback.ts";
import { noteTipMove } from "./tip-move.ts";

/** The memory for coins is shared by the active chain and the one behind a snapshot, while there is one. */
const SHARED = 2;

/** What both chains need. */
export interface ChainstateParts extends Omit<ActivationParts, "coins" | "coinFlush" | "base" | "rested"> {
  readonly store: BitcoinStore;
  readonly headers: HeaderChain;
  readonly commit: ChainCommit;
  readonly clock: Clock;
  /** For a validator that needs coins. */
  readonly coins: CoinParts | undefined;
  /** Another process connects the blocks. */
  readonly follows: boolean;
  /** The blocks up to a snapshot's are taken as there. */
  readonly assume: (row: number) => void;
  readonly onStorage?: StorageNotice | undefined;
  readonly onFlush?: ((flushed: FlushedCoins) => void) | undefined;
  readonly trouble: DiskTrouble;
}

/** What a store has when the chain is opened. */
export interface StoredChainstates {
  readonly active: StoredCoins;
  readonly background: (StoredCoins & { readonly snapshot: StoredSnapshot }) | undefined;
}

/** Reads how far the coins of a store are. */
export async function storedChainstates(store: BitcoinStore): Promise<StoredChainstates> {
  const snapshot = await store.snapshot();
  return {
    active: await storedCoins(store),
    background: snapshot && { ...await storedCoins(store.otherCoins), snapshot },
  };
}

interface Chainstates {
  readonly activation: Activation;
  readonly coins: CoinState | undefined;
  readonly flush: CoinFlush | undefined;
  readonly background: BackgroundChain | undefined;
}

/** The chainstates of one chain. */
export class ChainstateManager {
  readonly #parts: ChainstateParts;
  #now: Chainstates;
  #settling: Promise<void> | undefined;
  #taking: Promise<void> | undefined;
  /** Why a snapshot was set aside in this run. */
  #refusal: string | undefined;
  #isClosed = false;

  constructor(parts: ChainstateParts, stored: StoredChainstates) {
    this.#parts = parts;
    this.#now = this.#open(stored);
  }

  /** What connects the blocks of the active chain. */
  get activation(): Activation {
    return this.#now.activation;
  }

  /** The active chain's coins. */
  get coins(): CoinState | undefined {
    return this.#now.coins;
  }

  /** What brings them to disk. */
  get flush(): CoinFlush | undefined {
    return this.#now.flush;
  }

  /** The chain behind a snapshot that is not validated. */
  get background(): BackgroundChain | undefined {
    return this.#now.background;
  }

  /** The last block of the active chain up to which every block was there and is connected. */
  get complete(): number {
    const { activation, background } = this.#now;
    if (background === undefined) return activation.head;
    return this.#parts.headers.commonAncestor(background.head, background.snapshot.base);
  }

  /** What people should know of: coins that stand on a snapshot's word, or did. */
  get warnings(): readonly string[] {
    const { background } = this.#now;
    if (background === undefined) return this.#refusal === undefined ? [] : [this.#refusal];
    const { headers } = this.#parts;
    const { snapshot: { base } } = background;
    const from = headers.height(base);
    const told = `the chain stands on a snapshot at height ${from} that is not validated: the blocks up to height ${
      headers.height(this.complete)
    } are`;
    if (headers.commonAncestor(base, headers.best) === base) return [told];
    const barred =
      `a better branch, up to height ${headers.height(headers.best)}, does not have the snapshot's block and ` +
      "cannot be taken before the snapshot is validated; only --reindex drops it";
    return [told, barred];
  }

  /** Memory for coins that each chain may use, in bytes. */
  get coinBytesMax(): number {
    return (this.#parts.coins?.bytesMax ?? 0) / (this.#now.background === undefined ? 1 : SHARED);
  }

  /** Another process has moved the tip here, and has this snapshot that is not validated. */
  async follow(tip: number, snapshot: StoredSnapshot | undefined): Promise<void> {
    if (snapshot !== undefined || this.#now.background !== undefined) {
      this.#now = this.#open(await storedChainstates(this.#parts.store));
    }
    this.#now.activation.resume(tip);
  }

  /** Coins as they were after an earlier block of the active chain; see `rolledBack`. */
  rolledBack(reading: CoinReading, target: number, signal: AbortSignal): Promise<CoinReading> {
    const { coins } = this.#parts;
    if (coins === undefined) throw new TypeError("there are no coins");
    const base = this.#now.background?.snapshot.base;
    return rolledBack({ ...this.#parts, ...coins, base }, reading, target, signal);
  }

  /** Begins to connect what is there. */
  run(): void {
    if (this.#parts.follows) return;
    this.#now.activation.run();
    this.#now.background?.run();
  }

  /**
   * The coins that were laid ready for a snapshot become the active chain's, and its block the tip.
   * @throws NodeError `SNAPSHOT_REFUSED` when the tip has as much work, or the error of what could not be stored
   */
  async take(snapshot: StoredSnapshot, coins: CoinStep): Promise<void> {
    if (this.#taking !== undefined || this.#now.background !== undefined) throw takenBefore();
    this.#taking = this.#take(snapshot, coins).finally(() => (this.#taking = undefined));
    await this.#taking;
  }

  async #take(snapshot: StoredSnapshot, coins: CoinStep): Promise<void> {
    const { headers, commit } = this.#parts;
    const { activation, flush } = this.#now;
    await activation.whileStill(async (closing) => {
      closing.throwIfAborted();
      // Its coins took their time to read.
      checkBase(headers, snapshot.base);
      checkWork(headers, snapshot.base, activation.lead);
      await flush?.settle();
      this.#note("loaded", snapshot, snapshot.base);
      commit.pending.otherCoins = coins;
      commit.pending.snapshot = snapshot;
      await commit.soon();
      activation.retire();
    });
    await this.#reopen(snapshot.base);
  }

  /** Connects nothing more, and lays ready what changed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#taking?.catch(() => {});
    await this.#settling;
    await this.#now.activation.close();
    await this.#now.background?.close();
  }

  #open({ active, background }: StoredChainstates): Chainstates {
    const { store, validator, headersOnly, commit, clock, onStorage, onFlush, trouble } = this.#parts;
    const stands = headersOnly || this.#parts.follows;
    const shared = { ...this.#parts, headersOnly: stands, rested: () => this.#now.background?.run() };
    if (background !== undefined) this.#parts.assume(background.snapshot.base);
    if (!validator.needsCoins || headersOnly) {
      const activation = new Activation({ ...shared, coins: undefined, coinFlush: undefined, base: undefined });
      return { activation, coins: undefined, flush: undefined, background: undefined };
    }
    const bytesMax = () => this.coinBytesMax;
    const coins = this.#coinState(active, store);
    const flush = new CoinFlush({
      ...{ coins, store, commit, clock, onStorage, onFlush, trouble, name: "coins", bytesMax },
      atTipMs: this.#parts.coins?.atTipMs,
    });
    const activation = new Activation({ ...shared, coins, coinFlush: flush, base: background?.snapshot.base });
    if (background === undefined) return { activation, coins, flush, background };
    const { otherCoins } = store;
    const behind = this.#coinState(background, otherCoins);
    return {
      ...{ activation, coins, flush },
      background: new BackgroundChain({
        ...this.#parts,
        coins: behind,
        flush: new CoinFlush({
          coins: behind,
          store: otherCoins,
          commit,
          clock,
          onStorage,
          name: "otherCoins",
          bytesMax,
        }),
        snapshot: background.snapshot,
        isBusy: () => activation.head !== activation.target,
        done: (verdict) => void (this.#settling = this.#settle(verdict)),
      }),
    };
  }

  #coinState({ at, transactions }: StoredCoins, set: Pick<BitcoinStore, "coins">): CoinState {
    const { store, commit, coins: parts } = this.#parts;
    if (parts === undefined) throw new TypeError("a validator that needs coins needs parts for them");
    const secret = parts.random.bytes(TABLE_SECRET_BYTES);
    const stored = {
      coins: (keys: readonly Uint8Array[]) => set.coins(keys),
      coinUndo: (row: number) => store.coinUndo(row),
    };
    return new CoinState(at, { store: stored, secret, transactions, waitingUndo: (row) => commit.undoOf(row) });
  }

  async #reopen(tip: number): Promise<void> {
    this.#now = this.#open(await storedChainstates(this.#parts.store));
    this.#now.activation.resume(tip);
    if (!this.#isClosed) this.run();
  }

  /** The tip moves to a block in one step, without what lies between, and all are told. */
  #note(state: "loaded" | "validated" | "refused", { base }: StoredSnapshot, tip: number): void {
    const { headers, commit: { pending }, clock, store: { hasTransactionIndex } } = this.#parts;
    const { lead } = this.#now.activation;
    const time = clock.now();
    const fork = headers.commonAncestor(lead, tip);
    // Blocks that join come with the chain behind the snapshot, or are connected again.
    noteTipMove(pending, headers, lead, fork, undefined, { time, hasBlocks: true, hasTransactionIndex });
    pending.tip = tip;
    pending.events.push(snapshotEvent({ headers, network: headers.network.name, time }, base, state));
  }

  /** What the chain behind the snapshot came to. Never rejects. */
  async #settle(verdict: SnapshotVerdict): Promise<void> {
    const { notice } = this.#parts;
    try {
      await (verdict.isValid ? this.#validated() : this.#refused(verdict.why));
    } catch (thrown) {
      notice("error", `what became of the snapshot cannot be stored: ${messageOf(thrown)}`);
    }
  }

  async #validated(): Promise<void> {
    const { commit, notice, headers } = this.#parts;
    const { activation, background } = this.#now;
    const { snapshot } = background!;
    const { pending } = commit;
    pending.snapshot = "validated";
    const context = { headers, network: headers.network.name, time: this.#parts.clock.now() };
    pending.events.push(snapshotEvent(context, snapshot.base, "validated"));
    await commit.soon();
    await background!.halt();
    this.#now = { ...this.#now, background: undefined };
    notice(
      "info",
      `the snapshot at height ${headers.height(snapshot.base)} is validated: all blocks before it were checked`,
    );
    activation.free();
  }

  /** Falls back to the chain behind the snapshot, as far as it came. */
  async #refused(why: string): Promise<void> {
    const { commit, notice, headers } = this.#parts;
    const { activation, flush, background } = this.#now;
    const { snapshot, head } = background!;
    const name = `${toDisplayHex(headers.hash(snapshot.base))} at height ${headers.height(snapshot.base)}`;
    this.#refusal =
      `the snapshot of block ${name} is NOT VALID and is set aside: ${why}. The chain goes on at height ` +
      `${headers.height(head)}; do not trust where the snapshot came from.`;
    notice("error", this.#refusal);
    await activation.whileStill(async () => {
      await background!.halt();
      await flush!.settle();
      await background!.settle();
      this.#note("refused", snapshot, head);
      commit.pending.snapshot = "refused";
      await commit.soon();
      activation.retire();
    });
    await this.#reopen(head);
  }
}

/** Whether a snapshot may begin at a block. @throws NodeError `SNAPSHOT_REFUSED` when it is invalid, or not on the best chain of headers */
export function checkBase(headers: HeaderChain, base: number): void {
  if (headers.isInvalid(base)) {
    throw refused(`The base block header (${toDisplayHex(headers.hash(base))}) is part of an invalid chain`);
  }
  if (headers.commonAncestor(base, headers.best) !== base) {
    throw refused(
      "A forked headers-chain with more work than the chain with the snapshot base block header exists. Please proceed " +
        "to sync without AssumeUtxo.",
    );
  }
}

/** @throws NodeError `SNAPSHOT_REFUSED` when the block of `base` has no more work than the tip */
export function checkWork(headers: HeaderChain, base: number, tip: number): void {
  if (!headers.hasMoreWork(base, tip)) throw refused("Population failed: Work does not exceed active chainstate");
}

/** There is a snapshot, or one is being taken. */
export const takenBefore = () => refused("Can't activate a snapshot-based chainstate more than once");
