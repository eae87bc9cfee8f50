/**
 * The chain: judges blocks, chooses the heaviest branch and makes each step durable. The only writer of the store.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { Clock } from "../../core/ports.ts";
import type { Validation } from "../../core/validation.ts";
import type { NewEvent } from "../../storage/events.ts";
import type { ChiaNetwork } from "../networks/network.ts";
import type { ChiaStore, StoredBlock } from "../store.ts";
import { BlockRecord } from "../types/mod.ts";
import { blockEvent, peakEvent, reorgEvent } from "./events.ts";
import { nextPace, type Pace } from "./epochs.ts";
import type { BlockValidator, Candidate, Refusal, Verdict } from "./verdict.ts";
import { isTransactionBlock, MissingAncestor } from "./view.ts";
import { lookBack, RecordWindow } from "./window.ts";

/** What became of a run of blocks. */
export interface AddResult {
  /** Records of the blocks that were new and right. */
  readonly added: readonly BlockRecord[];
  /** The first block that was refused; those after it were not judged. */
  readonly refused?: { readonly candidate: Candidate; readonly refusal: Refusal };
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
  readonly validator: BlockValidator;
  readonly clock: Clock;
  /** Hears of each durable step: a hint that the log has grown. */
  readonly onCommit?: (eventIds: readonly number[]) => void;
}

/** Blocks that are judged before others get their turn on the event loop. */
const YIELD_EVERY = 8;

function heavier(record: BlockRecord, than: BlockRecord | undefined): boolean {
  if (than === undefined || record.weight > than.weight) return true;
  return record.weight === than.weight && record.totalIters < than.totalIters;
}

/** The chain of one network. */
export class ChiaChain {
  readonly network: ChiaNetwork;
  readonly validator: BlockValidator;
  readonly #parts: ChainParts;
  readonly #window: RecordWindow;
  #peak: BlockRecord | undefined;
  #validation: Validation | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(parts: ChainParts) {
    this.network = parts.network;
    this.validator = parts.validator;
    this.#parts = parts;
    this.#window = new RecordWindow(2 * lookBack(parts.network.constants));
  }

  /** Opens the chain where the store stands. */
  static async load(parts: ChainParts): Promise<ChiaChain> {
    const chain = new ChiaChain(parts);
    chain.#peak = await parts.store.peak();
    chain.#validation = await parts.store.validation();
    if (chain.#peak !== undefined) {
      const from = Math.max(0, chain.#peak.height - lookBack(parts.network.constants));
      chain.#window.setMain(from, await parts.store.mainRecords(from, chain.#peak.height + 1));
    }
    return chain;
  }

  get peak(): BlockRecord | undefined {
    return this.#peak;
  }

  /** How far every block of the main chain was checked, whatever checks them now. Before the first block: will be. */
  get validation(): Validation {
    return this.#validation ?? this.validator.level;
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
    return this.#window.record(headerHash) ?? await this.#parts.store.record(headerHash);
  }

  /** The header hash at a height of the main chain. */
  async hashAt(height: number): Promise<Uint8Array | undefined> {
    return this.#window.mainAt(height)?.headerHash ?? await this.#parts.store.hashAt(height);
  }

  /**
   * Adds blocks, parents before children. Those that are right are stored in one transaction; when the heaviest of them is
   * heavier than the peak it becomes the peak in the same step.
   */
  add(candidates: readonly Candidate[], source: string | null): Promise<AddResult> {
    const run = this.#queue.then(() => this.#add(candidates, source));
    this.#queue = run.catch(() => {});
    return run;
  }

  async #add(candidates: readonly Candidate[], source: string | null): Promise<AddResult> {
    const blocks: StoredBlock[] = [];
    try {
      const { tip, ...outcome } = await this.#judgeAll(candidates, blocks);
      const step = await this.#commit(blocks, tip, source);
      return { added: blocks.map(({ record }) => record), ...outcome, ...step };
    } catch (thrown) {
      // What is not stored must not count as known.
      for (const { record } of blocks) this.#window.remove(record);
      throw thrown;
    }
  }

  /** Judges blocks up to the first that is not right, and puts the new ones into `blocks`; `tip` is the heaviest. */
  async #judgeAll(candidates: readonly Candidate[], blocks: StoredBlock[]) {
    let tip: BlockRecord | undefined;
    for (const [i, candidate] of candidates.entries()) {
      if (i % YIELD_EVERY === YIELD_EVERY - 1) await this.#parts.clock.sleep(0);
      const known = await this.record(candidate.headerHash);
      if (known !== undefined) {
        if (heavier(known, tip)) tip = known;
        continue;
      }
      if (!await this.#hasParent(candidate)) return { tip, parentless: candidate };
      const verdict = await this.#judge(candidate);
      if (!verdict.ok) return { tip, refused: { candidate, refusal: verdict } };
      // The record stays for thousands of blocks; it must not keep the block's bytes alive with it.
      const record = BlockRecord.decode(BlockRecord.encode(verdict.record));
      this.#window.add(record);
      blocks.push({ record, raw: candidate.raw, validation: this.validator.level });
      if (heavier(record, tip)) tip = record;
    }
    return { tip };
  }

  async #hasParent({ block }: Candidate): Promise<boolean> {
    const parent = block.foliage.prevBlockHash;
    return equalBytes(parent, this.network.constants.GENESIS_CHALLENGE) || await this.record(parent) !== undefined;
  }

  async #judge(candidate: Candidate): Promise<Verdict> {
    const parent = candidate.block.foliage.prevBlockHash;
    const genesis = equalBytes(parent, this.network.constants.GENESIS_CHALLENGE);
    if (!genesis && this.#window.record(parent) === undefined) await this.#loadAncestors(parent);
    try {
      return this.validator.judge(candidate, this.#window);
    } catch (thrown) {
      if (!(thrown instanceof MissingAncestor)) throw thrown;
      await this.#loadAncestors(parent);
      return this.validator.judge(candidate, this.#window);
    }
  }

  /** Brings the ancestors of a branch that left the main chain long ago into the window. */
  async #loadAncestors(headerHash: Uint8Array): Promise<void> {
    let record = await this.#parts.store.record(headerHash);
    const lowest = (record?.height ?? 0) - lookBack(this.network.constants);
    while (record !== undefined && record.height >= lowest) {
      if (await this.#parts.store.isMain(record.headerHash)) {
        for (const below of await this.#parts.store.mainRecords(Math.max(0, lowest), record.height + 1)) {
          this.#window.add(below);
        }
        return;
      }
      this.#window.add(record);
      record = await this.#parts.store.record(record.prevHash);
    }
  }

  async #commit(blocks: readonly StoredBlock[], tip: BlockRecord | undefined, source: string | null) {
    const { store, onCommit } = this.#parts;
    const previous = this.#peak;
    if (tip === undefined || !heavier(tip, previous)) {
      if (blocks.length > 0) await store.commit({ blocks, events: [] });
      return { peakMoved: false, forkHeight: -1 };
    }
    const fresh = new Map(blocks.map(({ record }) => [toHex(record.headerHash), record]));
    const branch = await this.#branch(tip, fresh);
    const fromHeight = branch[0]?.height ?? tip.height;
    const events = await this.#eventsOf(branch, previous, source);
    const hashes = branch.map((record) => record.headerHash);
    const ids = await store.commit({ blocks, main: { fromHeight, hashes }, events });
    this.#window.setMain(fromHeight, branch);
    this.#peak = tip;
    onCommit?.(ids);
    this.#validation = await store.validation();
    return { peakMoved: true, forkHeight: fromHeight - 1 };
  }

  /** The records from the main chain (exclusive) up to `tip`, rising. */
  async #branch(tip: BlockRecord, fresh: ReadonlyMap<string, BlockRecord>): Promise<BlockRecord[]> {
    const branch: BlockRecord[] = [];
    let current: BlockRecord | undefined = tip;
    while (current !== undefined) {
      const main = await this.hashAt(current.height);
      if (main !== undefined && equalBytes(main, current.headerHash)) break;
      branch.push(current);
      current = fresh.get(toHex(current.prevHash)) ?? await this.record(current.prevHash);
    }
    return branch.reverse();
  }

  async #eventsOf(
    branch: readonly BlockRecord[],
    previous: BlockRecord | undefined,
    source: string | null,
  ): Promise<NewEvent[]> {
    const context = { network: this.network.name, time: this.#parts.clock.now(), source };
    const fromHeight = branch[0]?.height ?? 0;
    const depth = previous === undefined ? 0 : Math.max(0, previous.height - fromHeight + 1);
    const events: NewEvent[] = [];
    if (depth > 0 && previous !== undefined) {
      const undone = await this.#parts.store.mainRecords(fromHeight, previous.height + 1);
      events.push(reorgEvent(context, fromHeight - 1, undone, branch));
    }
    for (const record of branch) events.push(blockEvent(context, record, isTransactionBlock(record), depth > 0));
    const tip = branch.at(-1);
    if (tip !== undefined) events.push(peakEvent(context, tip, isTransactionBlock(tip), depth));
    return events;
  }
}
