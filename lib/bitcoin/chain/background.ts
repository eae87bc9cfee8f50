/**
 * The chain behind a snapshot: the blocks from the first up to the snapshot's are connected one after another, to coins of
 * their own, whenever the active chain has nothing to connect. What they come to is held against the snapshot.
 *
 * The tip is not its business: all of it is below the tip already. It goes one way, to one block; only where the active
 * chain was on another branch when the snapshot came, the blocks of that are taken back first.
 *
 * @see Bitcoin Core `validation.cpp` (MaybeValidateSnapshot), `doc/design/assumeutxo.md`
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import { unlessAborted } from "../../core/work/abortable.ts";
import { coinStatistics } from "../coins/statistics.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import type { Refusal } from "../headers/verdict.ts";
import { toDisplayHex } from "../hash.ts";
import type { BitcoinStore, StoredSnapshot } from "../store.ts";
import type { AssumeValid } from "./assume-valid.ts";
import type { CoinFlush } from "./coin-flush.ts";
import { type CoinState, NO_CHANGES } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import { raiseLevel, type RaisingParts } from "./levels.ts";
import type { BlockSources } from "./sources.ts";
import { Obstacle } from "./obstacle.ts";
import { neededBlock } from "./stored-blocks.ts";
import type { ConnectedBlock } from "./tip-move.ts";
import { type BlockValidator, connectingBlock } from "./validator.ts";
import { withScripts } from "./verdicts.ts";

/** What came of it: the snapshot's coins are what the blocks come to; or why it is not to be relied on. */
export type SnapshotVerdict = { readonly isValid: true } | { readonly isValid: false; readonly why: string };

/** What the chain behind a snapshot needs. */
export interface BackgroundParts extends RaisingParts {
  readonly headers: HeaderChain;
  readonly store: Pick<BitcoinStore, "block" | "otherCoins" | "hasTransactionIndex">;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  readonly commit: ChainCommit;
  readonly sources: BlockSources;
  /** The coins after its last block. */
  readonly coins: CoinState;
  readonly flush: CoinFlush;
  readonly assumeValid: AssumeValid | undefined;
  readonly snapshot: StoredSnapshot;
  /** Hears of each block that was connected. */
  readonly onConnected?: ((connected: ConnectedBlock) => void) | undefined;
  /** Whether the active chain has blocks to connect: it comes first. */
  readonly isBusy: () => boolean;
  /** Hears what came of it, once. */
  readonly done: (verdict: SnapshotVerdict) => void;
  readonly notice: (level: "error" | "warning" | "info", text: string) => void;
}

const TELL_EVERY_MS = 60_000;

/** Connects the blocks up to a snapshot's. */
export class BackgroundChain {
  readonly #parts: BackgroundParts;
  readonly #abort = new AbortController();
  #question: AbortController | undefined;
  #busy: Promise<void> | undefined;
  #isWoken = false;
  #isDone = false;
  #toldAt: number;
  readonly #obstacle: Obstacle;

  constructor(parts: BackgroundParts) {
    this.#parts = parts;
    this.#toldAt = parts.clock.monotonic();
    this.#obstacle = new Obstacle(parts.clock, parts.notice, "blocks before the snapshot");
  }

  /** The last block that is connected. */
  get head(): number {
    return this.#parts.coins.at;
  }

  /** The block after which its coins on disk are so. */
  get stored(): number {
    return this.#parts.flush.durable;
  }

  /** The snapshot that it is to come to. */
  get snapshot(): StoredSnapshot {
    return this.#parts.snapshot;
  }

  /** Goes on, in the background, as far as there are blocks. */
  run(): void {
    this.#isWoken = true;
    if (this.#busy !== undefined || this.#isDone || this.#abort.signal.aborted) return;
    this.#obstacle.cancel();
    this.#busy = this.#goOn().catch((thrown) => this.#trouble(thrown)).finally(() => {
      this.#busy = undefined;
      if (this.#isWoken) this.run();
    });
  }

  /** Connects nothing more. */
  async halt(): Promise<void> {
    this.#obstacle.cancel();
    const reason = new NodeError("stopped", "self", "the chain is closed");
    this.#abort.abort(reason);
    this.#question?.abort(reason);
    await this.#busy;
  }

  /** Begins to bring its coins to disk. */
  beginFlush(): void {
    this.#parts.flush.begin();
  }

  /** Resolves when all that changed is on disk. @throws the error of a flush or a commit that failed */
  settle(): Promise<void> {
    return this.#parts.flush.settle();
  }

  /** Connects nothing more, and lays ready what changed. */
  async close(): Promise<void> {
    await this.halt();
    await this.#parts.flush.finish(this.#parts.notice);
  }

  async #goOn(): Promise<void> {
    const { headers, coins, flush, commit, clock, snapshot: { base }, isBusy } = this.#parts;
    const { signal } = this.#abort;
    while (!signal.aborted && !this.#isDone && !isBusy() && !commit.hasFailed) {
      this.#isWoken = false;
      if (flush.isFull) await flush.room();
      else if (commit.isCrowded) await commit.room();
      else if (coins.at === base) await this.#compare();
      else {
        const common = headers.commonAncestor(coins.at, base);
        if (coins.at !== common) await this.#takeBack(coins.at);
        else {
          const next = headers.ancestor(base, headers.height(common) + 1);
          if ((headers.status(next) & HeaderStatus.data) === 0) return;
          await this.#connect(next);
        }
        flush.moved(true);
        commit.soon();
        this.#tell();
        // One block, and then the others' turn.
        await clock.sleep(0);
      }
    }
    // It is woken when the active chain has come to rest.
    this.#isWoken = false;
  }

  async #takeBack(row: number): Promise<void> {
    const { headers, coins } = this.#parts;
    await coins.undo(await neededBlock(this.#parts, row), headers.parent(row));
  }

  async #connect(row: number): Promise<void> {
    const { headers, coins, commit, validator, assumeValid, sources, store, onConnected } = this.#parts;
    const block = await neededBlock(this.#parts, row);
    const connecting = connectingBlock(headers, row, () => Promise.resolve(block), assumeValid);
    // One for each block: what waits for the signal is forgotten with it.
    this.#question = new AbortController();
    const { signal } = this.#question;
    const verdict = await unlessAborted(withScripts(validator.connect(connecting, coins, signal)), signal);
    if (!verdict.ok) return this.#refuse(row, verdict);
    const { changes = NO_CHANGES } = verdict;
    commit.keepUndo(row, coins.apply(row, headers.hash(row), changes, block));
    if (store.hasTransactionIndex) commit.pending.joined.push({ row, txids: block.txids() });
    this.#obstacle.passed();
    raiseLevel(this.#parts, row);
    sources.connected(row);
    onConnected?.({ row, block, changes });
  }

  /** A block before the snapshot's breaks a rule: so does everything after it. */
  #refuse(row: number, refusal: Refusal): void {
    const { headers, commit, sources } = this.#parts;
    const name = `block ${toDisplayHex(headers.hash(row))} at height ${headers.height(row)}`;
    if (refusal.result === "mutated") {
      throw new NodeError("DATABASE_DAMAGED", "self", `${name} is not what was accepted; start with --reindex`);
    }
    commit.condemn(row);
    sources.refused(row, refusal);
    this.#end({
      isValid: false,
      why: `${name}, on which it is built, is refused: ${refusal.reason}, ${refusal.detail}`,
    });
  }

  /** All blocks are connected: whether their coins are the snapshot's. */
  async #compare(): Promise<void> {
    const { flush, store, clock, snapshot: { hash }, notice, headers, coins } = this.#parts;
    notice(
      "info",
      `the blocks up to the snapshot's height ${headers.height(coins.at)} are validated; their coins are hashed`,
    );
    await flush.settle();
    const { signal } = this.#abort;
    const found = await store.otherCoins.readCoins(({ all }) =>
      coinStatistics(all, "hash_serialized_3", () => clock.sleep(0), signal)
    );
    if (equalBytes(found.hash!, hash)) return this.#end({ isValid: true });
    const told = `its coins hash to ${toDisplayHex(hash)}, those of the validated blocks to ${
      toDisplayHex(found.hash!)
    }`;
    this.#end({ isValid: false, why: told });
  }

  #end(verdict: SnapshotVerdict): void {
    this.#isDone = true;
    this.#parts.done(verdict);
  }

  #tell(): void {
    const { clock, headers, coins, snapshot: { base }, notice } = this.#parts;
    if (clock.monotonic() - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = clock.monotonic();
    const heights = `height ${headers.height(coins.at)} of ${headers.height(base)}`;
    notice("info", `the blocks before the snapshot are validated: ${heights}`);
  }

  /** What is no verdict passes, or an operator sees to it. */
  #trouble(thrown: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#isWoken = false;
    this.#obstacle.met(thrown, () => this.run());
  }
}
