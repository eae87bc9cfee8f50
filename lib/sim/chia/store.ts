/**
 * The Chia store on a simulated disk.
 *
 * @module
 */
import { candidateOf } from "../../chia/raw-blocks.ts";
import type { ChainCommit } from "../../chia/store.ts";
import { MemoryChiaStore } from "../../chia/store/memory.ts";
import { toHex } from "../../codec/hex.ts";
import { MemoryEventLog } from "../../storage/event-log.ts";
import type { SimDisk } from "../disk.ts";
import { recordOf, type WorldBlocks } from "./blocks.ts";

/** Events that a node of the world keeps. */
const EVENTS_MAX = 1_000;

/** A store in memory whose steps are kept on the disk, and which begins with those that are there. */
export class SimChiaStore extends MemoryChiaStore {
  readonly #disk: SimDisk;
  readonly #blocks: WorldBlocks;

  private constructor(disk: SimDisk, blocks: WorldBlocks, onEvents: () => void) {
    super(new MemoryEventLog({ onAppend: onEvents, eventsMax: EVENTS_MAX }));
    this.#disk = disk;
    this.#blocks = blocks;
  }

  static async open(disk: SimDisk, blocks: WorldBlocks, onEvents: () => void): Promise<SimChiaStore> {
    const store = new SimChiaStore(disk, blocks, onEvents);
    const { headerHash, raw } = blocks.genesis;
    const main = { fromHeight: 0, hashes: [headerHash] };
    await store.#make({ blocks: [{ record: recordOf(candidateOf(raw)), raw }], main, events: [] });
    for (const step of disk.steps<ChainCommit>()) await store.#make(step);
    return store;
  }

  override async commit(step: ChainCommit): Promise<readonly number[]> {
    // A block is the same bytes in every node: they are kept once.
    const blocks = step.blocks.map(({ record, raw }) => ({
      record,
      raw: this.#blocks.find(toHex(record.headerHash))?.raw ?? raw,
    }));
    const ids = await this.#make({ ...step, blocks });
    // What was told of a step before the crash is not told again.
    this.#disk.append({ ...step, blocks, events: [] } satisfies ChainCommit);
    return ids;
  }

  #make(step: ChainCommit): Promise<readonly number[]> {
    return super.commit(step);
  }
}
