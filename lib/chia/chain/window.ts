/**
 * The records that the rules look back on, in memory: the last stretch of the main chain and the tips of its forks.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaConstants } from "../networks/network.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { AncestorView } from "./view.ts";

/** How far back the epoch rule may look from a block, with room for a reorganisation. */
export function lookBack(constants: ChiaConstants): number {
  return 2 * constants.EPOCH_BLOCKS + 4 * constants.MAX_SUB_SLOT_BLOCKS + 2 * constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK;
}

/** Records by hash, and hashes of the main chain by height. Holds at most `recordsMax` records; the lowest go first. */
export class RecordWindow implements AncestorView {
  readonly #records = new Map<string, BlockRecord>();
  readonly #byHeight = new Map<number, BlockRecord[]>();
  readonly #main = new Map<number, BlockRecord>();
  readonly #recordsMax: number;
  #lowest = Infinity;

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax;
  }

  get size(): number {
    return this.#records.size;
  }

  record(headerHash: Uint8Array): BlockRecord | undefined {
    return this.#records.get(toHex(headerHash));
  }

  /** The record of the main chain at a height, if it is in the window. */
  mainAt(height: number): BlockRecord | undefined {
    return this.#main.get(height);
  }

  ancestorAt(descendant: BlockRecord, height: number): BlockRecord | undefined {
    let current: BlockRecord | undefined = descendant;
    while (current !== undefined && current.height > height) {
      const onMain: BlockRecord | undefined = this.#main.get(current.height);
      // From the first ancestor on the main chain down, the main chain is the ancestry.
      if (onMain !== undefined && equalBytes(onMain.headerHash, current.headerHash)) return this.#main.get(height);
      current = this.record(current.prevHash);
    }
    return current?.height === height ? current : undefined;
  }

  /** Adds a record that is not (yet) on the main chain. */
  add(record: BlockRecord): void {
    const key = toHex(record.headerHash);
    if (this.#records.has(key)) return;
    this.#records.set(key, record);
    const level = this.#byHeight.get(record.height);
    if (level === undefined) this.#byHeight.set(record.height, [record]);
    else level.push(record);
    this.#lowest = Math.min(this.#lowest, record.height);
  }

  /** Takes out a record that {@link add} put in and that did not become durable. */
  remove(record: BlockRecord): void {
    if (!this.#records.delete(toHex(record.headerHash))) return;
    const level = this.#byHeight.get(record.height)?.filter((other) =>
      !equalBytes(other.headerHash, record.headerHash)
    );
    if (level === undefined || level.length === 0) this.#byHeight.delete(record.height);
    else this.#byHeight.set(record.height, level);
  }

  /** Makes `records` (rising) the main chain from their first height on. */
  setMain(fromHeight: number, records: readonly BlockRecord[]): void {
    for (let height = fromHeight; this.#main.delete(height); height++);
    for (const record of records) {
      this.add(record);
      this.#main.set(record.height, record);
    }
    this.#trim();
  }

  #trim(): void {
    while (this.#records.size > this.#recordsMax) {
      for (const record of this.#byHeight.get(this.#lowest) ?? []) this.#records.delete(toHex(record.headerHash));
      this.#byHeight.delete(this.#lowest);
      this.#main.delete(this.#lowest);
      this.#lowest += 1;
    }
  }
}
