/**
 * The records that the rules look back on, in memory: the last stretch of the main chain and the tips of its forks.
 *
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import type { BlockRecord } from "../types/mod.ts";
import { RecordTable } from "./record-table.ts";
import type { AncestorView } from "./view.ts";

/** How far back the epoch rule may look from a block, with room for a reorganisation. */
export function lookBack(constants: ChiaConstants): number {
  return 2 * constants.EPOCH_BLOCKS + 4 * constants.MAX_SUB_SLOT_BLOCKS + 2 * constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK;
}

/** Records by hash, and those of the main chain by height. Holds at most `recordsMax` records; the lowest go first. */
export class RecordWindow implements AncestorView {
  readonly #table = new RecordTable();
  readonly #recordsMax: number;
  #lowest = Infinity;

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
  }

  get size(): number {
    return this.#table.size;
  }

  /** Bytes that the records take, but for the few that are kept as objects. */
  get byteLength(): number {
    return this.#table.byteLength;
  }

  record(headerHash: Uint8Array): BlockRecord | undefined {
    return this.#recordOf(this.#table.find(headerHash));
  }

  /** The record of the main chain at a height, if it is in the window. */
  mainAt(height: number): BlockRecord | undefined {
    return this.#recordOf(this.#table.mainRow(height));
  }

  ancestorAt(descendant: BlockRecord, height: number): BlockRecord | undefined {
    const table = this.#table;
    let row = table.find(descendant.headerHash);
    // The descendant itself may not be in the window.
    if (row < 0 && descendant.height > height) row = table.find(descendant.prevHash);
    else if (row < 0) return descendant.height === height ? descendant : undefined;
    while (row >= 0 && table.height(row) > height) {
      // From the first ancestor on the main chain down, the main chain is the ancestry.
      if (table.isMain(row)) return this.mainAt(height);
      row = table.parent(row);
    }
    return row >= 0 && table.height(row) === height ? table.record(row) : undefined;
  }

  /** Adds a record that is not (yet) on the main chain. Gives the one that is kept, which has memory of its own. */
  add(record: BlockRecord): BlockRecord {
    return this.#table.record(this.#rowOf(record));
  }

  /** Takes out a record that {@link add} put in and that did not become durable. */
  remove({ headerHash }: BlockRecord): void {
    const row = this.#table.find(headerHash);
    if (row >= 0) this.#table.remove(row);
  }

  /** Makes `records` (rising) the main chain from their first height on. */
  setMain(fromHeight: number, records: readonly BlockRecord[]): void {
    const table = this.#table;
    for (let height = fromHeight;; height++) {
      const row = table.mainRow(height);
      if (row < 0) break;
      table.setMain(row, false);
    }
    for (const record of records) table.setMain(this.#rowOf(record), true);
    this.#trim();
  }

  #recordOf(row: number): BlockRecord | undefined {
    return row < 0 ? undefined : this.#table.record(row);
  }

  /** The row of a record, which is added when it is not there. */
  #rowOf(record: BlockRecord): number {
    const row = this.#table.find(record.headerHash);
    if (row >= 0) return row;
    this.#lowest = Math.min(this.#lowest, record.height);
    return this.#table.add(record);
  }

  #trim(): void {
    while (this.#table.size > this.#recordsMax) {
      for (const row of this.#table.rowsAt(this.#lowest)) this.#table.remove(row);
      this.#lowest += 1;
    }
  }
}
