/**
 * Choosing the branch that is to become the main chain: the heaviest of those that a run leads to and that can be spent. A
 * block that cannot be takes with it what is built on it, stored or under way, and the choice begins anew.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import { type Committer, type Move, unspentLevel } from "./commit.ts";
import type { Flight, Step } from "./flight.ts";
import type { Linker } from "./link.ts";
import { ProofRun } from "./prove.ts";
import type { RecentProofs } from "./recent-proofs.ts";
import { heavier, heaviest } from "./settling.ts";
import { spendBranch } from "./spend.ts";
import type { BlockValidator, Frame } from "./validator.ts";
import type { Refusal } from "./verdict.ts";

/** What choosing needs. */
export interface BranchParts {
  readonly store: ChiaStore;
  readonly validator: BlockValidator;
  readonly flight: Flight;
  readonly linker: Linker;
  readonly committer: Committer;
  readonly recent: RecentProofs;
}

/** Where the main chain stands. */
export interface MainChain {
  readonly peak: BlockRecord | undefined;
  /** The first height that is not spent; undefined when all are. */
  readonly owed: number | undefined;
}

/** Records beside the main chain that are read at once. */
const SIDE_AT_ONCE = 1_000;

/** Chooses. */
export class BranchChoice {
  readonly #parts: BranchParts;

  constructor(parts: BranchParts) {
    this.#parts = parts;
  }

  /** The heaviest tip whose branch can be spent, of those that a run gives; undefined when none is heavier than the peak. */
  async bestMove(step: Step, { peak, owed }: MainChain, overtaken: AbortSignal): Promise<Move | undefined> {
    const { store, validator, committer } = this.#parts;
    const signal = AbortSignal.any([step.signal, overtaken]);
    /** Tips of branches that were spent up to there. */
    const spent: BlockRecord[] = [];
    for (;;) {
      const tip = heaviest([...step.known, ...step.frames.map(({ record }) => record), ...spent]);
      if (tip === undefined || !heavier(tip, peak)) return undefined;
      const branch = await committer.branch(tip);
      const forkHeight = branch[0]!.height - 1;
      // What stands on blocks that are not spent cannot be spent.
      if (owed !== undefined && forkHeight >= owed) return { branch, forkHeight, changes: undefined };
      const frames = new Map(step.frames.map((frame) => [toHex(frame.record.headerHash), frame]));
      const { changes, refused } = await spendBranch(branch, {
        validator,
        coins: store.coinsAt(forkHeight),
        frameOf: (record) => frames.get(toHex(record.headerHash)) ?? this.#stored(record, signal),
        signal,
      });
      if (refused === undefined) return { branch, forkHeight, changes };
      if (refused.at > 0) spent.push(branch[refused.at - 1]!);
      await this.#refuseOne(step, branch[refused.at]!, refused.refusal);
    }
  }

  /** A stored block that joins the main chain (again). Where nothing is checked beyond its links, they were checked. */
  #stored(record: BlockRecord, signal: AbortSignal): Promise<Frame | Refusal> | undefined {
    const { level } = this.#parts.validator;
    return unspentLevel(level) === level ? undefined : this.#again(record, signal);
  }

  /** Links a stored block anew, and proves it anew unless this run of the program has proven it. */
  async #again(record: BlockRecord, signal: AbortSignal): Promise<Frame | Refusal> {
    const frame = await this.#parts.linker.relink(record);
    if ("ok" in frame || this.#parts.recent.has(record)) return frame;
    return (await new ProofRun(this.#parts.validator, [frame], signal).verdict())?.refusal ?? frame;
  }

  /** A block of a branch is refused when it is spent: it goes, and all that is built on it, stored or under way. */
  async #refuseOne(step: Step, record: BlockRecord, refusal: Refusal): Promise<void> {
    const own = step.frames.find((frame) => equalBytes(frame.record.headerHash, record.headerHash));
    const giver = own === undefined ? this.#parts.recent.giverOf(record) : step.giverOf(own.candidate);
    step.refuse(record.headerHash, record.height, refusal, giver);
    const gone = new Set([toHex(record.headerHash)]);
    const isGone = ({ headerHash, prevHash }: BlockRecord) => {
      if (gone.has(toHex(prevHash))) gone.add(toHex(headerHash));
      return gone.has(toHex(headerHash));
    };
    if (own === undefined) step.removed.push(record, ...await this.#storedAbove(record, isGone));
    const lost = step.frames.filter((frame) => isGone(frame.record)).map((frame) => frame.record);
    step.frames = step.frames.filter((frame) => !gone.has(toHex(frame.record.headerHash)));
    step.known = step.known.filter(({ headerHash }) => !gone.has(toHex(headerHash)));
    this.#parts.flight.forget(lost);
  }

  /** Stored blocks beside the main chain that are built on one. */
  async #storedAbove({ height }: BlockRecord, isGone: (record: BlockRecord) => boolean): Promise<BlockRecord[]> {
    const found: BlockRecord[] = [];
    for (let from = height + 1;;) {
      const side = await this.#parts.store.sideRecords(from, SIDE_AT_ONCE);
      found.push(...side.filter(isGone));
      const last = side.at(-1);
      if (last === undefined || side.length < SIDE_AT_ONCE) return found;
      // A height whose blocks did not all fit is read once more; one of so many blocks is passed over.
      from = last.height > from ? last.height : from + 1;
    }
  }
}
