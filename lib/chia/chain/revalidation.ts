/**
 * Validating again, from our own disk, what was stored by a validator that checks less: from the first such block of the
 * main chain upwards, a batch at a time, beside everything else. Each batch is durable, so that the next start goes on where
 * this one ended. A block that fails is taken off the main chain with all that is built on it.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { Clock } from "../../core/ports.ts";
import type { Validation } from "../../core/validation.ts";
import type { CoinChanges } from "../coin-set.ts";
import type { ChiaNetwork } from "../networks/network.ts";
import type { ChiaStore } from "../store.ts";
import type { BlockRecord } from "../types/mod.ts";
import { peakEvent, reorgEvent } from "./events.ts";
import { Flight } from "./flight.ts";
import { Linker } from "./link.ts";
import { ProofRun } from "./prove.ts";
import { heavier, heaviest, type Settling } from "./settling.ts";
import { spendBranch } from "./spend.ts";
import type { BlockValidator, Frame } from "./validator.ts";
import type { Refusal } from "./verdict.ts";
import { isTransactionBlock } from "./view.ts";
import { lookBack, RecordWindow } from "./window.ts";

/** How far stored blocks were validated again. */
export interface ValidationProgress {
  /** Height of the last block that did not need it; −1 when all do. */
  readonly from: number;
  readonly height: number;
  /** The peak's height. */
  readonly to: number;
  /** The validator's. */
  readonly level: Validation;
}

/** Who hears of validating again. */
export interface ValidationListener {
  /** Once a minute, and at the end. */
  readonly progress: (progress: ValidationProgress) => void;
  /** A block of the main chain failed, and is gone with what was built on it. */
  readonly failed: (height: number, refusal: Refusal) => void;
}

/** What of the chain it changes, in its turn. */
export interface RevalidatedChain {
  readonly owed: number | undefined;
  readonly peak: BlockRecord | undefined;
  /** Main blocks up to below this height are checked now; all of them when undefined. */
  raised(owed: number | undefined): Promise<void>;
  /** These blocks are gone, and the main chain ends at `peak`. */
  cut(peak: BlockRecord | undefined, removed: readonly BlockRecord[]): Promise<void>;
  /** Goes over to a stored tip, if its branch can be spent. */
  adopt(tip: BlockRecord): Promise<void>;
}

/** What it needs. */
export interface RevalidationParts {
  readonly network: ChiaNetwork;
  readonly store: ChiaStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  readonly settling: Settling;
  readonly chain: RevalidatedChain;
}

/** Blocks that are validated at once: they are proven in parallel, and are one commit. */
const BATCH = 32;
/** Fewer when they are large: nobody's memory budget knows of them. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Blocks that are taken off the main chain in one commit. */
const CUT = 500;
const TELL_EVERY_MS = 60_000;

/** A run over the stored blocks. */
export class Revalidation {
  readonly #parts: RevalidationParts;
  readonly #from: number;

  constructor(parts: RevalidationParts) {
    this.#parts = parts;
    this.#from = (parts.chain.owed ?? 0) - 1;
  }

  /** How far it is; undefined when it is done. */
  get progress(): ValidationProgress | undefined {
    const { chain: { owed, peak }, validator: { level } } = this.#parts;
    if (owed === undefined) return undefined;
    return { from: this.#from, height: owed - 1, to: peak?.height ?? -1, level };
  }

  /** Runs until nothing is owed. @throws the signal's reason, or our own failure; to be begun anew then */
  async run(signal: AbortSignal, { progress, failed }: ValidationListener): Promise<void> {
    const { chain, clock } = this.#parts;
    const { network: { constants } } = this.#parts;
    const window = new RecordWindow(lookBack(constants) + 2 * BATCH);
    const linker = new Linker({ ...this.#parts, window, flight: new Flight(window) });
    let toldAt = clock.monotonic();
    for (let start = chain.owed; start !== undefined; start = chain.owed) {
      signal.throwIfAborted();
      const { frames, refusal } = await this.#judge(start, linker, window, signal);
      const isPassed = await this.#pass(start, frames);
      if (isPassed && refusal !== undefined) {
        const height = start + frames.length;
        await this.#parts.settling.run(undefined, () => this.#cut(height));
        failed(height, refusal);
      }
      const now = this.progress;
      if (now === undefined || clock.monotonic() - toldAt < TELL_EVERY_MS) continue;
      toldAt = clock.monotonic();
      progress(now);
    }
    const { peak } = chain;
    const to = peak?.height ?? -1;
    progress({ from: this.#from, height: to, to, level: this.#parts.validator.level });
  }

  /** Judges the main blocks from `start` on; those before the first that is refused. */
  async #judge(
    start: number,
    linker: Linker,
    window: RecordWindow,
    signal: AbortSignal,
  ): Promise<{ readonly frames: readonly (Frame & { readonly changes: CoinChanges })[]; readonly refusal?: Refusal }> {
    const { store, validator, clock } = this.#parts;
    const records = await store.mainRecords(start, start + BATCH);
    const linked: Frame[] = [];
    let refusal: Refusal | undefined;
    let bytes = 0;
    for (const record of records) {
      if (linked.length % 8 === 7) await clock.sleep(0);
      signal.throwIfAborted();
      const frame = await linker.relink(record);
      if ("ok" in frame) {
        refusal = frame;
        break;
      }
      window.setMain(record.height, [frame.record]);
      linked.push(frame);
      bytes += frame.candidate.raw.length;
      if (bytes >= BATCH_BYTES) break;
    }
    const first = await new ProofRun(validator, linked, signal).verdict();
    if (first !== undefined) {
      refusal = first.refusal;
      linked.splice(first.at);
    }
    const { changes, refused } = await spendBranch(linked.map(({ record }) => record), {
      validator,
      coins: store.coinsAt(start - 1),
      frameOf: ({ height }) => linked[height - start]!,
      signal,
    });
    return {
      frames: changes.map((change, i) => ({ ...linked[i]!, changes: change })),
      ...((refused?.refusal ?? refusal) && { refusal: refused?.refusal ?? refusal! }),
    };
  }

  /** Notes that blocks passed. False when the main chain has changed meanwhile: then nothing was found out about it. */
  #pass(start: number, frames: readonly (Frame & { readonly changes: CoinChanges })[]): Promise<boolean> {
    const { store, settling, chain, validator: { level } } = this.#parts;
    return settling.run(undefined, async () => {
      const last = frames.at(-1)?.record;
      const isMain = last === undefined || equalBytes(await store.hashAt(last.height) ?? NONE, last.headerHash);
      if (!isMain || chain.owed !== start) return false;
      if (last === undefined) return true;
      const hashes = frames.map(({ record: { headerHash } }) => headerHash);
      const coins = { fromHeight: start, blocks: frames.map(({ changes }) => changes) };
      await store.commit({ blocks: [], raised: { hashes, validation: level }, coins, events: [] });
      await chain.raised(last.height < chain.peak!.height ? last.height + 1 : undefined);
      return true;
    });
  }

  /** Takes the main chain back to below `height`, the highest blocks first: whenever that is cut short, a chain is left. */
  async #cut(height: number): Promise<void> {
    const { store, chain, network, clock } = this.#parts;
    const side = await this.#sideAbove(height);
    while (chain.peak !== undefined && chain.peak.height >= height) {
      const from = Math.max(height, chain.peak.height - CUT + 1);
      const undone = await store.mainRecords(from, chain.peak.height + 1);
      const removed = [...undone, ...side.splice(0)];
      const [peak] = await store.mainRecords(from - 1, from);
      const context = { network: network.name, time: clock.now(), source: null };
      await store.commit({
        blocks: [],
        main: { fromHeight: from, hashes: [] },
        removed: removed.map(({ headerHash }) => headerHash),
        events: [
          reorgEvent(context, from - 1, undone, []),
          ...(peak === undefined ? [] : [peakEvent(context, peak, isTransactionBlock(peak), undone.length)]),
        ],
      });
      await chain.cut(peak, removed);
    }
    // Beside the chain that is left a better one may be stored. One that is no better on a closer look is gone then.
    for (;;) {
      const better = heaviest(await this.#sideRecords(0));
      if (better === undefined || !heavier(better, chain.peak)) return;
      await chain.adopt(better);
    }
  }

  /** Blocks beside the main chain that are built on its blocks from a height on. */
  async #sideAbove(height: number): Promise<BlockRecord[]> {
    const gone = new Set<string>();
    const found: BlockRecord[] = [];
    for (const record of await this.#sideRecords(height + 1)) {
      const below = await this.#parts.store.hashAt(record.height - 1);
      const isAbove = gone.has(toHex(record.prevHash)) || (below !== undefined && equalBytes(below, record.prevHash));
      if (!isAbove) continue;
      gone.add(toHex(record.headerHash));
      found.push(record);
    }
    return found;
  }

  async #sideRecords(fromHeight: number): Promise<BlockRecord[]> {
    return await this.#parts.store.sideRecords(fromHeight, SIDE_MAX);
  }
}

/** Blocks beside the main chain that are gone through. A network has a few hundred of them a year. */
const SIDE_MAX = 100_000;
const NONE = new Uint8Array(0);
