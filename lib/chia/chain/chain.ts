/**
 * The chain: links, proves and spends blocks, chooses the heaviest branch and makes each step durable. The only writer of
 * the store.
 *
 * A run of blocks is linked at once and proven in parallel, while the next one is linked to it already. When the runs below
 * it have their results and its proofs are there it settles: in its turn its branch is spent, block after block, and blocks,
 * coins and events become durable together. What is refused, however late, takes with it what was built on it, and no more.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Followed } from "../../core/following.ts";
import type { Clock } from "../../core/ports.ts";
import type { Validation } from "../../core/validation.ts";
import type { ChiaNetwork } from "../networks/network.ts";
import type { ChiaStore, FollowedChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import { BranchChoice } from "./branch-choice.ts";
import { Committer, unspentLevel } from "./commit.ts";
import { nextPace, type Pace } from "./epochs.ts";
import { type AddOptions, type BlockGiver, Flight, type Refused, Step } from "./flight.ts";
import { foundChain } from "./following.ts";
import { Linker } from "./link.ts";
import { RecentProofs } from "./recent-proofs.ts";
import {
  type RevalidatedChain,
  Revalidation,
  type ValidationListener,
  type ValidationProgress,
} from "./revalidation.ts";
import { heaviest, Settling } from "./settling.ts";
import type { BlockValidator } from "./validator.ts";
import type { Candidate, Refusal } from "./verdict.ts";
import { lookBack, RecordWindow } from "./window.ts";

/** What became of a run of blocks. */
export interface AddResult {
  /** Records of the blocks that were new and right. */
  readonly added: readonly BlockRecord[];
  /** What was refused: the first of the run, and blocks of its branch that came earlier and were not spent then. */
  readonly refusals: readonly Refused[];
  /** The first block whose parent is not known; those after it were not judged. */
  readonly parentless?: Candidate;
  /** Whether the peak is another one now, and the last height that both chains share. */
  readonly peakMoved: boolean;
  readonly forkHeight: number;
}

/** What the chain needs. */
export interface ChainParts {
  readonly network: ChiaNetwork;
  readonly store: ChiaStore;
  /** The same store, where another process writes it: this one takes over what is committed, and adds nothing. */
  readonly followed?: FollowedChiaStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  /** Hears of each durable step: a hint that the log has grown. */
  readonly onCommit?: (eventIds: readonly number[]) => void;
}

const closed = () => new NodeError("stopped", "self", "the chain is closed");

/** The chain of one network. */
export class ChiaChain {
  readonly network: ChiaNetwork;
  readonly validator: BlockValidator;
  readonly #parts: ChainParts;
  readonly #window: RecordWindow;
  readonly #flight: Flight;
  readonly #linker: Linker;
  readonly #committer: Committer;
  readonly #settling = new Settling();
  readonly #recent = new RecentProofs();
  readonly #choice: BranchChoice;
  #peak: BlockRecord | undefined;
  #validation: Validation | undefined;
  #owed: number | undefined;
  #revalidation: Revalidation | undefined;
  #isClosed = false;

  private constructor(parts: ChainParts) {
    this.network = parts.network;
    this.validator = parts.validator;
    this.#parts = parts;
    this.#window = new RecordWindow(2 * lookBack(parts.network.constants));
    this.#flight = new Flight(this.#window);
    this.#linker = new Linker({ ...parts, window: this.#window, flight: this.#flight });
    const topHeight = () => this.#peak?.height ?? -1;
    this.#committer = new Committer({ ...parts, window: this.#window, linker: this.#linker, topHeight });
    const [flight, linker, committer] = [this.#flight, this.#linker, this.#committer];
    this.#choice = new BranchChoice({ ...parts, flight, linker, committer, recent: this.#recent });
  }

  /** Opens the chain where the store stands. */
  static async load(parts: ChainParts): Promise<ChiaChain> {
    const chain = new ChiaChain(parts);
    if (parts.followed !== undefined) {
      await chain.#follow(parts.followed);
      return chain;
    }
    await chain.#read();
    if (chain.#peak !== undefined) {
      const from = Math.max(0, chain.#peak.height - lookBack(parts.network.constants));
      chain.#window.setMain(from, await parts.store.mainRecords(from, chain.#peak.height + 1));
    }
    return chain;
  }

  async #read(): Promise<void> {
    const { store, validator } = this.#parts;
    this.#peak = await store.peak();
    this.#validation = await store.validation();
    this.#owed = await store.firstBelow(validator.level);
  }

  /** Takes over what another process commits, where that is the one that writes. */
  get following(): Followed | undefined {
    const { followed } = this.#parts;
    return followed && { commits: () => followed.commits(), follow: () => this.#follow(followed) };
  }

  async #follow(followed: FollowedChiaStore): Promise<number> {
    const parts = { lookBack: lookBack(this.network.constants), level: this.validator.level };
    const found = await foundChain(followed, { peak: this.#peak, window: this.#window, ...parts });
    this.#window.setMain(found.fork + 1, []);
    this.#window.setMain(found.from, found.records);
    this.#peak = found.peak;
    this.#validation = found.validation;
    this.#owed = found.owed;
    return found.commit;
  }

  get peak(): BlockRecord | undefined {
    return this.#peak;
  }

  /** How far every block of the main chain was checked, whatever checks them now. Before the first block: will be. */
  get validation(): Validation {
    return this.#validation ?? this.validator.level;
  }

  /**
   * The first height of the main chain that was checked less far than the validator would; undefined when there is none.
   * From there on the coins are not known: what joins the chain above is proven and not spent.
   */
  get owed(): number | undefined {
    return this.#owed;
  }

  /** Time of the newest block that has one, in seconds since 1970; two blocks of three have none. */
  get tipTime(): number | undefined {
    const peak = this.#peak;
    const timed = peak?.timestamp === null ? this.#window.mainAt(peak.prevTransactionBlockHeight) : peak;
    return timed?.timestamp == null ? undefined : Number(timed.timestamp);
  }

  /** Difficulty and sub-slot iterations for a block right after the peak in the same sub-slot. */
  pace(): Pace {
    return nextPace(this.network.constants, this.#window, this.#peak, false);
  }

  /** The record of a block that is known, on whatever branch. */
  async record(headerHash: Uint8Array): Promise<BlockRecord | undefined> {
    return this.#flight.holderOf(headerHash) === undefined ? await this.#linker.record(headerHash) : undefined;
  }

  /** Whether a block is linked and waits for its verdict. */
  isPending(headerHash: Uint8Array): boolean {
    return this.#flight.holderOf(headerHash) !== undefined;
  }

  /** The header hash at a height of the main chain. */
  hashAt(height: number): Promise<Uint8Array | undefined> {
    return this.#committer.hashAt(height);
  }

  /**
   * Adds blocks, parents before children. Those that are right are stored in one transaction; when the heaviest of them is
   * heavier than the peak it becomes the peak in the same step.
   *
   * @param source the giver of the run; null for blocks that come from no peer
   * @throws NodeError `stopped`, the reason of the options' signal, or our own failure; nothing of the run is kept then
   */
  async add(
    candidates: readonly Candidate[],
    source: BlockGiver | null,
    options: AddOptions = {},
  ): Promise<AddResult> {
    if (this.#isClosed || this.#parts.followed !== undefined) throw closed();
    const step = new Step(candidates, source, options);
    const { signal } = options;
    const abort = () => step.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    this.#flight.begin(step);
    try {
      for (;;) {
        await this.#linker.link(step);
        const result = await this.#settle(step);
        if (result !== undefined) return result;
      }
    } catch (thrown) {
      // What is not stored must not count as known.
      this.#flight.withdraw(step);
      throw thrown;
    } finally {
      this.#flight.end(step);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** How far stored blocks were validated again; undefined when that is not under way. */
  get validating(): ValidationProgress | undefined {
    return this.#revalidation?.progress;
  }

  /**
   * Validates again, from our own disk, what was checked less far than the validator would: until nothing is owed. Ends early
   * when the signal aborts; what was validated until then stays so.
   */
  async revalidate(signal: AbortSignal, listener: ValidationListener): Promise<void> {
    if (this.#owed === undefined) return;
    const run = this.#revalidation ??= new Revalidation({
      ...this.#parts,
      settling: this.#settling,
      chain: this.#revalidated(),
    });
    await run.run(signal, listener);
    this.#revalidation = undefined;
  }

  #revalidated(): RevalidatedChain {
    const owed = () => this.#owed;
    const peak = () => this.#peak;
    return {
      get owed() {
        return owed();
      },
      get peak() {
        return peak();
      },
      raised: async (height) => {
        this.#owed = height;
        this.#validation = await this.#parts.store.validation();
      },
      cut: async (record, removed) => {
        this.#peak = record;
        this.#window.setMain((record?.height ?? -1) + 1, []);
        this.#flight.forget(removed);
        this.#owed = await this.#parts.store.firstBelow(this.validator.level);
        this.#validation = await this.#parts.store.validation();
      },
      adopt: async (tip) => {
        const step = new Step([], null, {});
        step.known.push(tip);
        await this.#conclude(step, new AbortController().signal);
      },
    };
  }

  /** Withdraws what is under way, and resolves when nothing is any more. Nothing can be added afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const steps = [...this.#flight.steps];
    for (const step of steps) step.abort(closed());
    await Promise.all(steps.map(({ ended }) => ended.promise));
  }

  /** The result of a run that is linked; undefined when it lost its ground meanwhile. */
  async #settle(step: Step): Promise<AddResult | undefined> {
    try {
      const failed = await step.proofs?.verdict();
      if (failed !== undefined && !step.isLost) this.#refuseFrom(step, failed.at, failed.refusal);
    } catch (thrown) {
      if (!step.isLost) throw thrown;
    }
    await step.grounded();
    if (step.isLost) return undefined;
    const { frames, known, refusals, parentless } = step;
    if (frames.length === 0 && known.length === 0) {
      return { added: [], refusals, ...(parentless && { parentless }), peakMoved: false, forkHeight: -1 };
    }
    const tip = heaviest([...step.known, ...step.frames.map(({ record }) => record)]);
    return await this.#settling.run(tip, (overtaken) => this.#conclude(step, overtaken));
  }

  /** A block of a run is refused: those after it in the run are not judged, as when it did not link. */
  #refuseFrom(step: Step, at: number, refusal: Refusal): void {
    const { record, candidate } = step.frames[at]!;
    step.parentless = undefined;
    // What was refused when the run was linked came later in it.
    step.refusals = [];
    step.refuse(record.headerHash, record.height, refusal, step.giverOf(candidate));
    this.#flight.withdraw(step, at);
  }

  /** Spends what is to become the main chain, and makes the step durable. */
  async #conclude(step: Step, overtaken: AbortSignal): Promise<AddResult | undefined> {
    step.signal.throwIfAborted();
    if (step.isLost) return undefined;
    const main = { peak: this.#peak, owed: this.#owed };
    const move = await this.#choice.bestMove(step, main, overtaken);
    step.signal.throwIfAborted();
    const { frames, removed, source, parentless } = step;
    const level = this.validator.level;
    const added = frames.map(({ record }) => record);
    await this.#committer.commit({ frames, removed, move, previous: this.#peak, level, source: source?.name ?? null });
    this.#flight.forget(removed);
    if (unspentLevel(level) !== level) this.#recent.proven(frames, step);
    const result = { added, refusals: step.refusals, ...(parentless && { parentless }) };
    if (move === undefined) return { ...result, peakMoved: false, forkHeight: -1 };
    this.#peak = move.branch.at(-1);
    if (move.changes !== undefined) this.#owed = undefined;
    this.#validation = await this.#parts.store.validation();
    return { ...result, peakMoved: true, forkHeight: move.forkHeight };
  }
}
