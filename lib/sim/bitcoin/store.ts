/**
 * The Bitcoin store on a simulated disk.
 *
 * @module
 */
import type { BitcoinStep } from "../../bitcoin/store.ts";
import { MemoryBitcoinStore } from "../../bitcoin/store/memory.ts";
import { MemoryEventLog } from "../../storage/event-log.ts";
import type { SimDisk } from "../disk.ts";

/** Events that a node of the world keeps. */
const EVENTS_MAX = 1_000;

/** A store in memory whose steps are kept on the disk, and which begins with those that are there. */
export class SimBitcoinStore extends MemoryBitcoinStore {
  readonly #disk: SimDisk;

  private constructor(disk: SimDisk, onEvents: () => void) {
    super({ events: new MemoryEventLog({ onAppend: onEvents, eventsMax: EVENTS_MAX }) });
    this.#disk = disk;
  }

  static async open(disk: SimDisk, onEvents: () => void): Promise<SimBitcoinStore> {
    const store = new SimBitcoinStore(disk, onEvents);
    for (const step of disk.steps<BitcoinStep>()) await store.#make(step);
    return store;
  }

  override async commit(step: BitcoinStep): Promise<readonly number[]> {
    const ids = await this.#make(step);
    // What was told of a step before the crash is not told again.
    this.#disk.append({ ...step, events: [] } satisfies BitcoinStep);
    return ids;
  }

  #make(step: BitcoinStep): Promise<readonly number[]> {
    return super.commit(step);
  }
}
