/**
 * The second step of blocks: the branch of most work whose blocks are all there becomes the active chain, one block at a
 * time, at the pace of the validator. A loop of its own: it takes blocks back down to where the better branch begins,
 * connects that branch's blocks, gives up what it is about when a still better branch appears, and goes over to the next
 * best when a block is refused. The tip never moves to a block before the verdict on it, nor to a branch that has no more
 * work than the one it leaves.
 *
 * Where it stands is its {@link Activation.head}. That is behind the tip when stored blocks are connected again: by a
 * validator that checks more than the one that let them in, or because coins were lost or lag behind.
 *
 * @see Bitcoin Core `validation.cpp` (ActivateBestChainStep, ConnectTip, DisconnectTip, InvalidBlockFound)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { toDisplayHex } from "../hash.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { Block } from "../types/block.ts";
import type { ActivationParts } from "./activation-parts.ts";
import type { AheadBlock } from "./ahead.ts";
import { BranchChoice } from "./branch-choice.ts";
import { type CoinState, type CoinView, NO_COINS } from "./coins.ts";
import { raiseLevel } from "./levels.ts";
import { Obstacle } from "./obstacle.ts";
import { Questions } from "./questions.ts";
import { resumedHead } from "./resuming.ts";
import { leftOutEvent } from "./events.ts";
import { Revalidation, type ValidationProgress } from "./revalidation.ts";
import { neededBlock } from "./stored-blocks.ts";
import { type KnownBlock, noteTipMove } from "./tip-move.ts";
import { connectingBlock, type ConnectVerdict } from "./validator.ts";

/** Steps that wait for nothing, between two turns of the runtime's loop. */
const STEPS_MAX = 4_096;

/** After a block of so many bytes others have their turn. */
const LARGE_BYTES = 512 * 1024;

/** Moves the tip. */
export class Activation {
  readonly #parts: ActivationParts;
  #head = 0;
  #connectedBlocks = 0;
  #lead = 0;
  /** The best block that is to be connected. */
  #target = 0;
  /** Whether the target was chosen among all blocks that an earlier run left. */
  #isChosen = true;
  readonly #questions: Questions;
  #busy: Promise<void> | undefined;
  /** How many do something, or wait to, while the loop stands still. */
  #guests = 0;
  readonly #closing = new AbortController();
  readonly #obstacle: Obstacle;
  readonly #again: Revalidation;
  /** Which branch is gone to. */
  readonly choice: BranchChoice;

  constructor(parts: ActivationParts) {
    this.#parts = parts;
    this.#questions = new Questions({
      headers: parts.headers,
      coins: parts.coins ?? NO_COINS,
      needsCoins: parts.coins !== undefined,
      judge: (row, load, coins, signal) => this.judge(row, load, coins, signal),
      load: (row) => neededBlock(parts, row),
    });
    this.#again = new Revalidation({ ...parts, level: parts.validator.level });
    const { headers, isLinked, coins, notice, commit, clock, base } = parts;
    this.#obstacle = new Obstacle(clock, notice);
    this.choice = new BranchChoice({
      ...{ headers, isLinked, needsBlocks: coins !== undefined, base },
      leftOut: (branch, text) => {
        notice("warning", text);
        const context = { headers, network: headers.network.name, time: clock.now() };
        commit.pending.events.push(leftOutEvent(context, branch));
      },
    });
  }

  /** The last block that is connected by the validator as it is now. */
  get head(): number {
    return this.#head;
  }

  /** The judged tip; ahead of the durable one while a commit runs. */
  get lead(): number {
    return this.#lead;
  }

  /** The best block that is to be connected: the head, or above it while blocks wait for their verdicts. */
  get target(): number {
    return this.#target;
  }

  /** What people should know of: why no block is connected, and which branch is left out. */
  get warnings(): readonly string[] {
    return [this.#obstacle.warning, this.choice.warning(this.#lead)].filter((each) => each !== undefined);
  }

  /** How far stored blocks were connected again; undefined when all are. */
  get progress(): ValidationProgress | undefined {
    return this.#again.progress(this.#head, this.#lead);
  }

  /**
   * Stands where an earlier run ended: `tip` is the durable tip. Nothing is connected before {@link run}.
   * @throws NodeError `BLOCK_PRUNED` when blocks that coins are to be made from are not stored any more
   */
  resume(tip: number): void {
    const { headers, validator, coins, notice, headersOnly } = this.#parts;
    this.#lead = this.#target = tip;
    const parts = { headers, level: validator.level, coinsAt: coins?.at, notice };
    // Without blocks there is nothing to connect.
    this.#head = headersOnly ? tip : resumedHead(parts, tip);
    if (headersOnly) return;
    if (this.#isUnderLead() && this.#head !== tip) this.#again.begin(this.#head);
    this.#isChosen = false;
  }

  /** Blocks that were connected since the start. */
  get connectedBlocks(): number {
    return this.#connectedBlocks;
  }

  /** Blocks whose ancestors are all there; the first of them is `block`. */
  offer(rows: readonly number[], block: Block): void {
    for (const row of rows) if (this.choice.isWanted(row, this.#target, this.#head)) this.#target = row;
    this.#withdraw();
    this.#questions.foresee(rows[0]!, block);
    this.#questions.wake();
    this.run();
  }

  /** Which blocks are valid, or which of them is preferred, was changed from outside: chooses anew and goes there. */
  chooseAgain(): void {
    this.#leaveInvalid();
    this.#withdraw();
    this.#questions.wake();
    this.run();
  }

  /**
   * Does something while no block is connected or taken back; others wait for it. Its signal aborts when the chain is closed.
   * @throws what the work throws
   */
  async whileStill<T>(work: (closing: AbortSignal) => Promise<T>): Promise<T> {
    this.#guests += 1;
    while (this.#busy !== undefined) await this.#busy;
    const done = Promise.withResolvers<void>();
    this.#busy = done.promise;
    try {
      return await work(this.#closing.signal);
    } finally {
      this.#busy = undefined;
      this.#guests -= 1;
      done.resolve();
      this.run();
    }
  }

  /** Goes on, as far as it can at once; the rest in the background. */
  run(): void {
    const { commit, clock, sources } = this.#parts;
    if (this.#busy !== undefined || this.#guests > 0) return;
    // Nothing will be connected: a caller that waits for a verdict is told so.
    if (this.#closing.signal.aborted || this.#parts.headersOnly || commit.hasFailed) return sources.atRest();
    this.#obstacle.cancel();
    for (let steps = 0; this.#isOnTheWay(); steps++) {
      try {
        const work = steps < STEPS_MAX ? this.#step() : clock.sleep(0);
        if (work === undefined) continue;
        this.#busy = this.#goOnAfter(work);
        return;
      } catch (thrown) {
        return this.#trouble(thrown);
      }
    }
    sources.atRest();
    this.#parts.rested();
  }

  /** The snapshot is validated: any branch may be taken from now on. */
  free(): void {
    this.choice.free();
    this.#isChosen = false;
    this.run();
  }

  /** Connects nothing more, for another takes its place. */
  retire(): void {
    const reason = new NodeError("stopped", "self", "the chain is closed");
    this.#closing.abort(reason);
    this.#obstacle.cancel();
    this.#questions.keep(() => false, reason);
  }

  /** Whether there is another block to go to. Where an earlier run ended is reached first, then what is better. */
  #isOnTheWay(): boolean {
    if (this.#head === this.#target && !this.#isChosen) {
      this.#isChosen = true;
      this.#target = this.choice.best(this.#lead, this.#head);
    }
    return this.#head !== this.#target && !this.#isHighEnough;
  }

  /** Whether it stands where it is to go no further up. */
  get #isHighEnough(): boolean {
    const { headers, heightMax } = this.#parts;
    return heightMax !== undefined && headers.height(this.#head) >= heightMax &&
      headers.commonAncestor(this.#head, this.#target) === this.#head;
  }

  /** Ends the work and what waits for it; what is judged stays to be committed. */
  async close(): Promise<void> {
    this.retire();
    while (this.#busy !== undefined) await this.#busy;
    await this.#parts.coinFlush?.finish(this.#parts.notice);
    this.#parts.sources.atRest();
  }

  /** Asks the validator for its verdict on a block, given the coins as they are after its parent. */
  judge(
    row: number,
    load: () => Promise<Block>,
    coins: CoinView,
    signal: AbortSignal,
  ): ConnectVerdict | Promise<ConnectVerdict> {
    const { headers, validator, assumeValid } = this.#parts;
    return validator.connect(connectingBlock(headers, row, load, assumeValid), coins, signal);
  }

  /** Makes `tip` the judged tip, with the events of what is left and what is joined. */
  moveTo(tip: number, known?: KnownBlock): void {
    const { headers, commit: { pending }, clock, headersOnly, store: { hasTransactionIndex } } = this.#parts;
    const terms = { time: clock.now(), hasBlocks: !headersOnly, hasTransactionIndex };
    noteTipMove(pending, headers, this.#lead, tip, known, terms);
    this.#lead = tip;
  }

  async #goOnAfter(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (thrown) {
      this.#busy = undefined;
      return this.#trouble(thrown);
    }
    this.#busy = undefined;
    this.run();
  }

  /** One block taken back or connected; a promise when that takes time. */
  #step(): Promise<void> | undefined {
    const { headers, coins, coinFlush, commit, clock, heightMax } = this.#parts;
    // What waits for the disk is bounded, and so the next block waits as well.
    if (coinFlush?.isFull) return coinFlush.room();
    if (coins !== undefined && commit.isCrowded) return commit.room();
    const questions = this.#questions;
    const answer = questions.take();
    if (answer !== undefined) {
      this.#settle(answer);
      return (answer.known?.block.raw.length ?? 0) >= LARGE_BYTES ? clock.sleep(0) : undefined;
    }
    const head = questions.last ?? this.#head;
    const isOnTheWay = head !== this.#target && headers.commonAncestor(head, this.#target) === head;
    const isBelow = heightMax === undefined || headers.height(head) < heightMax;
    if (isOnTheWay && isBelow && questions.isReady) {
      return void questions.ask(headers.ancestor(this.#target, headers.height(head) + 1));
    }
    const { change } = questions;
    if (change !== undefined) return change;
    const parent = headers.parent(head);
    if (coins === undefined) return void this.#stand(parent);
    return this.#takeBack(head, coins, parent);
  }

  async #takeBack(row: number, coins: CoinState, parent: number): Promise<void> {
    const block = await neededBlock(this.#parts, row);
    await coins.undo(block, parent);
    this.#stand(parent);
    this.#parts.onDisconnected?.({ row, block });
  }

  /** Withdraws what goes on for blocks that are not on the way to the target. */
  #withdraw(): void {
    const { headers } = this.#parts;
    const isOnTheWay = (row: number) => headers.commonAncestor(row, this.#target) === row;
    this.#questions.keep(isOnTheWay, new NodeError("withdrawn", "self", "another branch is better"));
  }

  #settle({ row, refusal, changes, known }: AheadBlock): void {
    const { coins, sources, commit, headers, onConnected } = this.#parts;
    if (refusal !== undefined) return this.#refuse(row, refusal);
    if (coins !== undefined) commit.keepUndo(row, coins.apply(row, headers.hash(row), changes, known?.block));
    raiseLevel(this.#parts, row);
    sources.connected(row);
    this.#connectedBlocks += 1;
    this.#stand(row, known);
    if (coins !== undefined) onConnected?.({ row, block: known?.block, changes });
  }

  /** The head is at `row` now. The tip follows when that is better; coins may be committed when they are the tip's or older. */
  #stand(row: number, known?: KnownBlock): void {
    const { headers, commit, coinFlush } = this.#parts;
    this.#head = row;
    this.#obstacle.passed();
    const isBetter = this.choice.isBetter(row, this.#lead) || headers.isInvalid(this.#lead);
    if (isBetter && !headers.isInvalid(row)) this.moveTo(row, known);
    const isUnderLead = this.#isUnderLead();
    coinFlush?.moved(isUnderLead, row === this.#target);
    this.#again.moved(row, this.#lead, row === this.#lead || !isUnderLead);
    commit.soon();
  }

  /** The block breaks a rule: its branch is no candidate any more, and a tip on it moves back. */
  #refuse(row: number, refusal: Refusal): void {
    const { headers, commit, sources, notice } = this.#parts;
    const name = `block ${toDisplayHex(headers.hash(row))} at height ${headers.height(row)}`;
    if (refusal.result === "mutated") {
      throw new NodeError("DATABASE_DAMAGED", "self", `${name} is not what was accepted; start with --reindex`);
    }
    notice("warning", `${name} is refused: ${refusal.reason}, ${refusal.detail}`);
    commit.condemn(row);
    this.#leaveInvalid();
    this.#withdraw();
    sources.refused(row, refusal);
  }

  /** The tip goes back to the head when it is on a branch that is invalid, and the best branch is chosen anew. */
  #leaveInvalid(): void {
    const { headers } = this.#parts;
    if (headers.isInvalid(this.#lead) && !headers.isInvalid(this.#head)) this.#stand(this.#head);
    this.#target = this.choice.best(this.#lead, this.#head);
  }

  /** Whether the head is the tip or one of its ancestors. */
  #isUnderLead(): boolean {
    if (this.#head === this.#lead) return true;
    const { headers } = this.#parts;
    const height = headers.height(this.#head);
    return height < headers.height(this.#lead) && headers.ancestor(this.#lead, height) === this.#head;
  }

  /** What is no verdict passes, or an operator sees to it. */
  #trouble(thrown: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#obstacle.met(thrown, () => this.run());
    // Nobody knows when there will be a verdict.
    this.#parts.sources.failed(thrown);
    this.#questions.keep(() => false, new NodeError("withdrawn", "self", "it is tried again"));
  }
}
