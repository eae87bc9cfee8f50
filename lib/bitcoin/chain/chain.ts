/**
 * The chain as the node sees it: headers and blocks go in, and the tip is the branch of most work whose blocks are all
 * there and passed. The only writer of the store.
 *
 * What comes is judged in two steps. `accept.ts` judges a block by itself, at once, and keeps it; `activate.ts` connects
 * kept blocks one after another, which may take time, and moves the tip; `commit.ts` makes all of it durable.
 *
 * @see spec sections d.3, e, f.4; Bitcoin Core `validation.cpp` (AcceptBlock, ActivateBestChain)
 * @module
 */
import { unlessAborted } from "../../core/work/abortable.ts";
import type { Validation } from "../../core/validation.ts";
import { type CoinHash, type CoinStatistics, coinStatistics } from "../coins/statistics.ts";
import { HeaderBatch } from "../headers/header-batch.ts";
import { type AcceptResult, HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { HeightIndex } from "../headers/height-index.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { CoinReading } from "../store.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { Acceptance, type BlockResult } from "./accept.ts";
import type { BitcoinChainParts } from "./chain-parts.ts";
import { BranchOrders } from "./branch-orders.ts";
import { ChainstateManager, type StoredChainstates, storedChainstates } from "./chainstates.ts";
import type { FoundCoins } from "./coins.ts";
import { ChainCommit } from "./commit.ts";
import { DiskTrouble } from "./disk-trouble.ts";
import { ChainFollowing, takeHeaders } from "./following.ts";
import { type ValidationFigures, validationFigures } from "./figures.ts";
import { Inspection } from "./inspection.ts";
import { ActiveLevels } from "./levels.ts";
import type { ValidationProgress } from "./revalidation.ts";
import { type BlockGiver, BlockSources } from "./sources.ts";
import { StoredBlocks } from "./stored-blocks.ts";
import type { BlockValidator } from "./validator.ts";

export type { BlockResult } from "./accept.ts";
export type { FoundCoins } from "./coins.ts";
export type { BitcoinChainParts, CoinParts } from "./chain-parts.ts";
export type { ConnectedBlock, KnownBlock } from "./tip-move.ts";
export type { ValidationProgress } from "./revalidation.ts";
export type { BlockGiver } from "./sources.ts";
export type { TipMove } from "./tip-move.ts";

/** The chain of one network. */
export class BitcoinChain {
  readonly network: BitcoinNetwork;
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  /** Blocks of our own, and what they spent. */
  readonly blocks: StoredBlocks;
  /** The coins and what connects blocks, and the chain behind a snapshot. */
  readonly states: ChainstateManager;
  /** What the operator decides about branches. */
  readonly orders: BranchOrders;
  /** Verifies blocks while the chain stands still. */
  readonly inspection: Inspection;
  /** Takes over what another process commits, where that is the one that writes. */
  readonly following: ChainFollowing | undefined;
  readonly #parts: BitcoinChainParts;
  /** The durable active chain by height. */
  readonly #active: HeightIndex;
  readonly #levels: ActiveLevels;
  readonly #sources: BlockSources;
  readonly #commit: ChainCommit;
  readonly #acceptance: Acceptance;
  readonly #trouble = new DiskTrouble();

  private constructor(parts: BitcoinChainParts, headers: HeaderChain, stored: StoredChainstates) {
    const { network, validator, store, clock, onStorage, onValidation, onExtending, onActivation = () => {} } = parts;
    this.network = network;
    this.validator = validator;
    this.headers = headers;
    this.#parts = parts;
    this.#active = new HeightIndex(headers);
    const levels = this.#levels = new ActiveLevels(headers);
    const sources = this.#sources = new BlockSources(headers);
    const commit = this.#commit = new ChainCommit({
      ...{ headers, store, clock, onStorage, trouble: this.#trouble },
      moved: (tip) => this.#moved(tip),
    });
    const acceptance = this.#acceptance = new Acceptance({
      ...{ headers, validator, commit, sources },
      // Blocks before a snapshot's are on the active chain before they come.
      leveled: (row, before, after) => void (before !== after && this.isActive(row) && levels.change(before, after)),
      complete: (rows, block) => {
        if (headers.parent(rows[0]!) === this.states.activation.lead) onExtending?.(rows[0]!, block);
        this.states.activation.offer(rows, block);
        this.states.background?.run();
      },
    });
    const { headersOnly, coins, assumeValid, onFlush, heightMax } = parts;
    const shared = { headers, commit, headersOnly, sources, trouble: this.#trouble, notice: onActivation };
    const states = this.states = new ChainstateManager({
      ...{
        ...shared,
        follows: parts.followed !== undefined,
        store,
        validator,
        clock,
        levels,
        onValidation,
        onConnected: parts.onConnected,
        onDisconnected: parts.onDisconnected,
        onStorage,
        onFlush,
        heightMax,
        assumeValid,
        coins,
      },
      isLinked: (row) => acceptance.isLinked(row),
      assume: (row) => acceptance.assume(row),
      isActive: (row) => this.isActive(row),
    }, stored);
    this.following = parts.followed && new ChainFollowing({
      ...{ headers, levels, states, store: parts.followed },
      isActive: (row) => this.isActive(row),
      ...{ tip: () => this.tip, restored: (rows: number) => commit.restored(rows) },
      moved: (tip) => this.#moved(tip),
    });
    this.blocks = new StoredBlocks({
      ...{ headers, commit, store },
      get coins() {
        return states.coins;
      },
    });
    this.orders = new BranchOrders({
      ...shared,
      get activation() {
        return states.activation;
      },
    });
    this.inspection = new Inspection({
      ...{ ...shared, ...coins, validator, store, clock },
      get activation() {
        return states.activation;
      },
      get coins() {
        return states.coins;
      },
      get base() {
        return states.background?.snapshot.base;
      },
    });
  }

  /**
   * Opens the chain where the store stands. An empty store gets the genesis block.
   * @throws NodeError `BLOCK_PRUNED` when the validator needs blocks that are not stored any more
   */
  static async load(parts: BitcoinChainParts): Promise<BitcoinChain> {
    const { store, network } = parts;
    const headers = new HeaderChain(network);
    let stored = 0;
    for await (const page of store.headers()) {
      headers.restore(HeaderBatch.fromBytes(page.headers), (index) => page.statuses[index] ?? 0);
      stored += page.headers.length / HEADER_BYTES;
    }
    const news = await parts.followed?.news();
    if (news !== undefined) takeHeaders(headers, news);
    const chain = new BitcoinChain(parts, headers, await storedChainstates(store));
    chain.#commit.restored(news === undefined ? stored : headers.length);
    const tip = news === undefined ? await store.tip() : news.tip;
    if (tip === undefined) await chain.#begin();
    else chain.#resume(tip);
    return chain;
  }

  /** Row of the active chain's tip, durable. */
  get tip(): number {
    return this.#active.tip;
  }

  /** Row of the last block that the validator let through: the tip, or behind it while stored blocks are validated again. */
  get connected(): number {
    return this.states.activation.head;
  }

  /** Row of the last block that stays on the way from where the chain stands to where it goes. Blocks from there on are needed. */
  get base(): number {
    return this.headers.commonAncestor(this.states.activation.head, this.states.activation.target);
  }

  /** Row after whose block the coins on disk are so; undefined when none are kept. Blocks from there on are needed. */
  get storedCoins(): number | undefined {
    return this.states.flush?.durable;
  }

  /**
   * The coins of outpoints, after the block of the row that they come with: the last that was connected. A coin is undefined
   * where there is none, the whole where no coins are kept.
   */
  async coins(outpoints: readonly OutPoint[]): Promise<FoundCoins | undefined> {
    if (this.following !== undefined) return await this.following.coins(outpoints);
    if (this.states.coins === undefined) return undefined;
    const { at } = this.states.coins;
    return { at, coins: await this.states.coins.getMany(outpoints) };
  }

  /**
   * Counts and hashes the coins, and tells their bytes on disk, after the block of the row that it resolves with: the last
   * that was connected, or a later one. Undefined when none are kept.
   * @throws NodeError `DATABASE_DAMAGED`, the error of what could not be stored, or the signal's reason
   */
  async coinStatistics(
    kind: CoinHash,
    signal?: AbortSignal,
  ): Promise<CoinStatistics & { readonly at: number; readonly bytes: number } | undefined> {
    const { store, clock } = this.#parts;
    const found = await this.readCoins(async ({ at = 0, all }) => {
      return { at, ...await coinStatistics(all, kind, () => clock.sleep(0), signal) };
    });
    return found && { ...found, bytes: await store.coinBytes() };
  }

  /**
   * Reads all coins as they are after the last block that was connected, or after a later one; see `BitcoinStore.readCoins`.
   * Undefined when none are kept.
   * @throws the error of what could not be stored, or that of `use`
   */
  async readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T | undefined> {
    if (this.states.flush === undefined) return undefined;
    if (this.following !== undefined) return await this.following.readCoins(use);
    await this.states.flush.settle();
    return await this.#parts.store.readCoins(use);
  }

  /** Begins to bring the coins to disk as they are now, so that fewer blocks are needed. */
  flushCoins(): void {
    this.states.flush?.begin();
    this.states.background?.beginFlush();
  }

  /**
   * The last block of a branch that is connected, when blocks of it wait to be connected; undefined when none do: all
   * are connected, or the branch is not complete up to where it would be better than the tip.
   */
  connectedOf(tip: number): number | undefined {
    const { head, target } = this.states.activation;
    if (head === target || this.headers.commonAncestor(target, tip) !== target) return undefined;
    return this.headers.commonAncestor(head, tip);
  }

  /** How far stored blocks were validated again; undefined when none has to be. */
  get validating(): ValidationProgress | undefined {
    return this.states.activation.progress;
  }

  /** How far every block of the active chain was checked, whatever checks them now. Before the first: will be. */
  get validation(): Validation {
    return this.#levels.least ?? (this.#parts.headersOnly ? "headers" : this.validator.level);
  }

  /** What people should know of: a full disk, a block that cannot be connected, a branch left out, a snapshot not validated. */
  get warnings(): readonly string[] {
    return [...this.#trouble.warnings, ...this.states.activation.warnings, ...this.states.warnings];
  }

  /** What validation has done since the start; undefined where no coins are kept. */
  get figures(): ValidationFigures | undefined {
    return validationFigures(this.states, this.validator);
  }

  /** Row at a height of the active chain; −1 above its tip. */
  activeAt(height: number): number {
    return this.#active.at(height);
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
    return this.#commit.pendingBytes;
  }

  /** Resolves when there is room for more blocks. A caller that adds without waiting grows the memory. */
  room(): Promise<void> {
    return this.#commit.room();
  }

  /** Connects what an earlier run left to be connected, in the background. What comes by {@link addBlock} needs no start. */
  start(): void {
    this.states.run();
  }

  /** Takes headers in, see {@link HeaderChain.accept}. They become durable with the next commit. */
  acceptHeaders(batch: HeaderBatch): AcceptResult {
    const result = this.headers.accept(batch, Math.floor(this.#parts.clock.now() / 1000));
    if (result.added > 0) {
      if (this.#parts.headersOnly && result.bestChanged) this.states.activation.moveTo(this.headers.best);
      this.#commit.soon();
    }
    return result;
  }

  /**
   * Judges a block whose header is known, by itself, and stores it. A block that breaks a rule is remembered as invalid,
   * with all its descendants, unless it is only mutated: the hash stays good then. A block that passes may still be refused
   * when it is connected; `giver` hears of that.
   */
  addBlock(row: number, block: Block, giver?: BlockGiver): BlockResult {
    return this.#acceptance.add(row, block, giver);
  }

  /**
   * Adds a block, waits until it is connected, refused, or known not to be on the best branch, and until that is durable.
   * Resolves with why it was refused, by the first step or the second. The signal ends the wait, not what is waited for.
   * @throws the error of what cannot be stored, at once and though it is tried again, or the signal's reason
   */
  async submit(row: number, block: Block, signal?: AbortSignal): Promise<Refusal | undefined> {
    this.#trouble.check();
    return await this.#trouble.unlessRefused(this.#submit(row, block, signal));
  }

  /**
   * Resolves when a block is not, or no longer, on its way to be connected: at once for most. Nothing of it need be durable.
   * @throws as `submit` does
   */
  async settled(row: number, signal: AbortSignal): Promise<void> {
    const { headers, states: { activation: { head, target } } } = this;
    const isUnderWay = headers.commonAncestor(target, row) === row && headers.commonAncestor(head, row) !== row;
    if (isUnderWay) await this.#sources.verdict(row, signal);
  }

  async #submit(row: number, block: Block, signal: AbortSignal | undefined): Promise<Refusal | undefined> {
    const judged = this.#sources.verdict(row, signal);
    const { refusal } = this.addBlock(row, block);
    if (refusal !== undefined) this.#sources.answer(row, refusal);
    // Answers at once when nothing is left to be connected.
    else this.states.activation.run();
    const verdict = await judged;
    const durable = this.#commit.hasFailed ? this.#commit.failed() : this.#commit.soon();
    await (signal === undefined ? durable : unlessAborted(durable, signal));
    return verdict;
  }

  /** Remembers that a block breaks a rule: for chains without blocks, whose reader finds out. The tip moves off it. */
  condemn(row: number): void {
    this.#commit.condemn(row);
    if (this.#parts.headersOnly && this.headers.isInvalid(this.states.activation.lead)) {
      this.states.activation.moveTo(this.headers.best);
    }
  }

  /** Forgets block data of these rows, which the store has removed. */
  dropData(rows: readonly number[]): void {
    for (const row of rows) this.headers.clearStatus(row, HeaderStatus.data);
  }

  /**
   * Resolves when everything that was judged so far is durable. The chain takes nothing more when that fails: for the
   * end, and for callers that cannot go on without.
   * @throws the error of a commit that failed
   */
  flush(): Promise<void> {
    return this.#commit.flush();
  }

  /** Connects nothing more, and makes durable what was judged. @throws the error of a commit that failed */
  async close(): Promise<void> {
    await this.states.close();
    await this.flush();
  }

  async #begin(): Promise<void> {
    this.#acceptance.begin(this.network.genesis.blockBytes);
    this.#commit.pending.tip = 0;
    await this.flush();
  }

  #resume(tip: number): void {
    this.#acceptance.resume();
    this.#levels.move(0, 0, tip);
    this.#active.setTip(tip);
    this.states.activation.resume(tip);
  }

  #moved(tip: number): void {
    const from = this.tip;
    const fork = this.headers.commonAncestor(from, tip);
    this.#levels.move(from, fork, tip);
    this.#active.setTip(tip);
    this.#parts.onMove?.({ tip, fork });
  }
}
