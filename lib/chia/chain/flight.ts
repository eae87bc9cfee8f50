/**
 * Runs of blocks that are under way: linked, in the window, and in no commit yet. Whatever is refused takes with it what
 * was built on it, in whichever run that is.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import type { BlockRecord } from "../types/mod.ts";
import { ProofRun } from "./prove.ts";
import type { BlockValidator, Frame } from "./validator.ts";
import type { Candidate, Refusal } from "./verdict.ts";
import type { RecordWindow } from "./window.ts";

/** The giver of a block, which answers for it however late it is refused. Must hold nothing of a connection. */
export interface BlockGiver {
  /** What events call it. */
  readonly name: string;
  /** Hears that a block which it gave was refused. Must not throw. */
  refused(refused: Refused): void;
}

/** A block that was refused. */
export interface Refused {
  readonly headerHash: Uint8Array;
  readonly height: number;
  readonly refusal: Refusal;
  /** Its giver; null for one that came from no peer, or whose giver is not known any more. */
  readonly giver: BlockGiver | null;
}

/** What is told with a run of blocks. */
export interface AddOptions {
  /** Givers of blocks, where that is another than the run's source. */
  readonly givers?: ReadonlyMap<Candidate, BlockGiver>;
  /** Withdraws the run when it aborts, as far as it is not durable. */
  readonly signal?: AbortSignal;
}

/** The reason with which what lost its ground is aborted. */
const lost = () => new NodeError("withdrawn", "self", "a block below was refused");

/** One run of blocks, from the moment it is handed over to its result. */
export class Step {
  readonly candidates: readonly Candidate[];
  readonly source: BlockGiver | null;
  /** Linked and not refused, parents before children. */
  frames: Frame[] = [];
  /** Blocks of the run that were known before, stored or in another run. */
  known: BlockRecord[] = [];
  refusals: Refused[] = [];
  /** Stored blocks that were refused when their branch was to become the main chain. */
  removed: BlockRecord[] = [];
  parentless: Candidate | undefined;
  proofs: ProofRun | undefined;
  /** The runs that hold what this one builds on. */
  readonly needs = new Set<Step>();
  /** What was linked was withdrawn: it has to be linked anew. */
  isLost = false;
  /** Resolves when the run has its result. */
  readonly ended = Promise.withResolvers<void>();
  readonly #givers: AddOptions["givers"];
  readonly #over = new AbortController();
  /** Hashes outside the run that it builds on. */
  readonly #grounds = new Set<string>();
  #linked = Promise.withResolvers<void>();
  #lost = Promise.withResolvers<void>();

  constructor(candidates: readonly Candidate[], source: BlockGiver | null, { givers }: AddOptions) {
    this.candidates = candidates;
    this.source = source;
    this.#givers = givers;
  }

  /** Aborts when the run is withdrawn as a whole. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Withdraws the run. */
  abort(reason: unknown): void {
    this.#over.abort(reason);
    this.proofs?.abort(reason);
    this.#lost.resolve();
  }

  giverOf(candidate: Candidate): BlockGiver | null {
    return this.#givers?.get(candidate) ?? this.source;
  }

  /** A block is refused. Its giver hears of it at once: what else becomes of the run changes nothing of that. */
  refuse(headerHash: Uint8Array, height: number, refusal: Refusal, giver: BlockGiver | null): void {
    const refused = { headerHash, height, refusal, giver };
    this.refusals.push(refused);
    giver?.refused(refused);
  }

  buildsOn(key: string): boolean {
    return this.#grounds.has(key);
  }

  /** It builds on a block outside; on one of another run when `holder` is given. */
  standsOn(key: string, holder: Step | undefined): void {
    this.#grounds.add(key);
    if (holder !== undefined && holder !== this) this.needs.add(holder);
  }

  /**
   * Before it is linked anew: until the runs that it built on are, which may have to be linked anew as well. Must not be
   * waited for in the line in which those stand.
   */
  async othersLinked(): Promise<void> {
    await Promise.all([...this.needs].map((step) => Promise.race([step.#linked.promise, step.ended.promise])));
  }

  /** It is linked now, or linked anew. */
  begin(): void {
    this.proofs = undefined;
    this.frames = [];
    this.known = [];
    this.refusals = [];
    this.removed = [];
    this.parentless = undefined;
    this.needs.clear();
    this.#grounds.clear();
    this.isLost = false;
    this.#lost = Promise.withResolvers();
  }

  /** It is linked: its proofs begin. */
  prove(validator: BlockValidator): void {
    this.proofs = new ProofRun(validator, this.frames);
    this.#linked.resolve();
  }

  /** What it was linked to is gone. */
  lose(): void {
    this.isLost = true;
    this.proofs?.abort(lost());
    this.#linked = Promise.withResolvers();
    this.#lost.resolve();
  }

  /** Until the runs that it builds on have their results, or it is lost or withdrawn. */
  async grounded(): Promise<void> {
    await Promise.race([this.#lost.promise, Promise.all([...this.needs].map(({ ended }) => ended.promise))]);
    this.signal.throwIfAborted();
  }
}

/** All runs that are under way. */
export class Flight {
  readonly #window: RecordWindow;
  readonly #steps = new Set<Step>();
  readonly #holders = new Map<string, Step>();

  constructor(window: RecordWindow) {
    this.#window = window;
  }

  get steps(): Iterable<Step> {
    return this.#steps;
  }

  /** The run that holds a block which is in no commit yet. */
  holderOf(headerHash: Uint8Array): Step | undefined {
    return this.#holders.size === 0 ? undefined : this.#holders.get(toHex(headerHash));
  }

  /** A run begins. */
  begin(step: Step): void {
    this.#steps.add(step);
  }

  /** A block of a run is linked: others may build on it. */
  enter(step: Step, frame: Frame): void {
    // The record stays for thousands of blocks; it must not keep the block's bytes alive with it.
    const record = this.#window.add(frame.record);
    step.frames.push({ ...frame, record });
    this.#holders.set(toHex(record.headerHash), step);
  }

  /** Takes out the blocks of a run from `from` on, and whatever builds on them. */
  withdraw(step: Step, from = 0): void {
    const gone = step.frames.splice(from);
    this.forget(gone.map(({ record }) => record));
  }

  /** These blocks are not to be built on any more: they are none, or not here yet. The runs that do so are lost. */
  forget(records: readonly BlockRecord[]): void {
    for (const record of records) {
      const key = toHex(record.headerHash);
      this.#window.remove(record);
      this.#holders.delete(key);
      for (const step of this.#steps) if (!step.isLost && step.buildsOn(key)) this.#lose(step);
    }
  }

  #lose(step: Step): void {
    step.lose();
    this.withdraw(step);
  }

  /** A run has its result: what is left of its blocks is durable. */
  end(step: Step): void {
    for (const { record } of step.frames) this.#holders.delete(toHex(record.headerHash));
    this.#steps.delete(step);
    // Or each run would keep alive all that came before it.
    step.needs.clear();
    step.ended.resolve();
  }
}
