/**
 * Linking runs of blocks: each to its ancestors, one run after the other. What is linked is in the window at once, so that
 * the next run can be linked to it while its proofs are still under way.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { Clock } from "../../core/ports.ts";
import type { ChiaNetwork } from "../networks/network.ts";
import type { ChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { Flight, Step } from "./flight.ts";
import { candidateOf } from "./raw-blocks.ts";
import type { BlockValidator, Frame, Linked } from "./validator.ts";
import { type Candidate, type Refusal, refuse } from "./verdict.ts";
import { MissingAncestor } from "./view.ts";
import { lookBack, type RecordWindow } from "./window.ts";

/** What linking needs. */
export interface LinkParts {
  readonly network: ChiaNetwork;
  readonly store: ChiaStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  readonly window: RecordWindow;
  readonly flight: Flight;
}

/** Blocks that are linked before others get their turn on the event loop. */
const YIELD_EVERY = 8;

/** Links. */
export class Linker {
  readonly #parts: LinkParts;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** The record of a block that is known: in the window, or stored. */
  async record(headerHash: Uint8Array): Promise<BlockRecord | undefined> {
    return this.#parts.window.record(headerHash) ?? await this.#parts.store.record(headerHash);
  }

  /** Links a run up to the first block that is refused or has no parent, when it is its turn. Its proofs begin then. */
  async link(step: Step): Promise<void> {
    await step.othersLinked();
    const run = this.#queue.then(async () => {
      step.begin();
      await this.#run(step);
      if (!step.isLost) step.prove(this.#parts.validator);
    });
    this.#queue = run.catch(() => {});
    await run;
  }

  async #run(step: Step): Promise<void> {
    const { clock, flight, store } = this.#parts;
    // Most are new. What becomes durable from here on is in the window.
    const stored = await store.storedAmong(step.candidates.map(({ headerHash }) => headerHash));
    for (const [i, candidate] of step.candidates.entries()) {
      if (i % YIELD_EVERY === YIELD_EVERY - 1) await clock.sleep(0);
      step.signal.throwIfAborted();
      if (step.isLost || await this.#isKnown(step, candidate, stored)) continue;
      if (!await this.#hasParent(step, candidate)) return void (step.parentless = candidate);
      const linked = await this.#link(candidate);
      if (step.isLost) return;
      if (!linked.ok) {
        const { headerHash, block: { rewardChainBlock: { height } } } = candidate;
        return step.refuse(headerHash, height, linked, step.giverOf(candidate));
      }
      flight.enter(step, linked.frame);
    }
  }

  /** Whether a block is here already, durable or under way. */
  async #isKnown(step: Step, { headerHash }: Candidate, stored: ReadonlySet<string>): Promise<boolean> {
    const { flight, window } = this.#parts;
    const holder = flight.holderOf(headerHash);
    if (holder === step) return true;
    const known = stored.has(toHex(headerHash)) ? await this.record(headerHash) : window.record(headerHash);
    if (known === undefined) return false;
    step.standsOn(toHex(headerHash), holder);
    step.known.push(known);
    return true;
  }

  async #hasParent(step: Step, { block }: Candidate): Promise<boolean> {
    const parent = block.foliage.prevBlockHash;
    const holder = this.#parts.flight.holderOf(parent);
    if (holder === step || equalBytes(parent, this.#parts.network.constants.GENESIS_CHALLENGE)) return true;
    step.standsOn(toHex(parent), holder);
    return await this.record(parent) !== undefined;
  }

  /** A stored block as it came in. Refused when it is not one by the rules that hold now. */
  async relink(record: BlockRecord): Promise<Frame | Refusal> {
    const raw = await this.#parts.store.block(record.headerHash);
    if (raw === undefined) return refuse("UNKNOWN", `block ${record.height} is not stored`);
    const linked = await this.#link(candidateOf(raw));
    return linked.ok ? linked.frame : linked;
  }

  async #link(candidate: Candidate): Promise<Linked | Refusal> {
    const { network, validator, window } = this.#parts;
    const parent = candidate.block.foliage.prevBlockHash;
    const genesis = equalBytes(parent, network.constants.GENESIS_CHALLENGE);
    if (!genesis && window.record(parent) === undefined) await this.#loadAncestors(parent);
    try {
      return validator.link(candidate, window);
    } catch (thrown) {
      if (!(thrown instanceof MissingAncestor)) throw thrown;
      await this.#loadAncestors(parent);
      return validator.link(candidate, window);
    }
  }

  /** Brings the ancestors of a branch that left the main chain long ago into the window. */
  async #loadAncestors(headerHash: Uint8Array): Promise<void> {
    const { store, window, network } = this.#parts;
    let record = await this.record(headerHash);
    const lowest = (record?.height ?? 0) - lookBack(network.constants);
    while (record !== undefined && record.height >= lowest) {
      if (await store.isMain(record.headerHash)) {
        for (const below of await store.mainRecords(Math.max(0, lowest), record.height + 1)) window.add(below);
        return;
      }
      window.add(record);
      record = await this.record(record.prevHash);
    }
  }
}
