/**
 * The Chia store in memory: for tests, for the demo, and for a node that is to leave no trace.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { ownBytes } from "../../codec/own.ts";
import { NodeError } from "../../core/errors.ts";
import { Validation, ValidationCounts } from "../../core/validation.ts";
import { MemoryEventLog } from "../../storage/event-log.ts";
import { type CoinSet, type CoinView, NO_COINS } from "../coin-set.ts";
import type { ChainCommit, ChiaStore, PlacedBlock, PlacedSummary, StoreCounts } from "../store.ts";
import { BlockRecord } from "../types/mod.ts";
import type { StoreCode } from "./sql.ts";

interface KeptBlock {
  readonly record: Uint8Array;
  readonly raw: Uint8Array;
  readonly height: number;
  validation: Validation;
}

/** {@link ChiaStore} in maps. Its events go to the given log. */
export class MemoryChiaStore implements ChiaStore {
  readonly events: MemoryEventLog;
  /** By hash, in the order of arrival. */
  readonly #blocks = new Map<string, KeptBlock>();
  /** Hash at each height of the main chain. */
  readonly #main: string[] = [];
  /** Hashes of each height, main and not, in the order of arrival. */
  readonly #heights = new Map<number, string[]>();
  /** Of the main chain. */
  readonly #levels = new ValidationCounts();
  readonly #coins: CoinSet;
  #queue: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  /** @param coins the coins, which are part of every commit; none are kept when absent */
  constructor(events: MemoryEventLog = new MemoryEventLog(), coins: CoinSet = NO_COINS) {
    this.events = events;
    this.#coins = coins;
  }

  commit(step: ChainCommit): Promise<readonly number[]> {
    const run = this.#queue.then(() => this.#commit(step));
    this.#queue = run.catch(() => {});
    return run;
  }

  async #commit(step: ChainCommit): Promise<readonly number[]> {
    // Everything that can be refused is refused before anything is changed.
    const heights = new Map(step.blocks.map(({ record }) => [toHex(record.headerHash), record.height]));
    const encoded = step.blocks.map(({ record, raw, validation }) => ({
      record: BlockRecord.encode(record),
      raw: ownBytes(raw),
      height: record.height,
      validation,
    }));
    if (step.main !== undefined) this.#check(step.main, heights);
    this.#checkRemoved(step);
    const coins = step.coins ?? (step.main && { fromHeight: step.main.fromHeight, blocks: [] });
    if (coins !== undefined) await this.#coins.change(coins);
    step.blocks.forEach((block, index) => {
      const key = toHex(block.record.headerHash);
      if (!this.#blocks.has(key)) this.#insert(key, encoded[index]!);
    });
    if (step.main !== undefined) {
      for (const key of this.#main.splice(step.main.fromHeight)) {
        this.#levels.leave(this.#blocks.get(key)!.validation);
      }
      for (const key of step.main.hashes.map(toHex)) {
        this.#main.push(key);
        this.#levels.join(this.#blocks.get(key)!.validation);
      }
    }
    if (step.raised !== undefined) this.#raise(step.raised);
    for (const hash of step.removed ?? []) this.#forget(toHex(hash));
    return await this.events.append(step.events);
  }

  #raise({ hashes, validation }: NonNullable<ChainCommit["raised"]>): void {
    for (const key of hashes.map(toHex)) {
      const block = this.#blocks.get(key);
      if (block === undefined || Validation[block.validation] >= Validation[validation]) continue;
      const isMain = this.#main[block.height] === key;
      if (isMain) this.#levels.leave(block.validation);
      block.validation = validation;
      if (isMain) this.#levels.join(validation);
    }
  }

  #checkRemoved({ removed = [], main }: ChainCommit): void {
    const joining = new Set(main?.hashes.map(toHex));
    for (const key of removed.map(toHex)) {
      const height = this.#blocks.get(key)?.height;
      if (height === undefined) continue;
      const stays = this.#main[height] === key && (main === undefined || height < main.fromHeight);
      if (!stays && !joining.has(key)) continue;
      throw new NodeError<StoreCode>("STORE_BROKEN_CHAIN", "self", `block ${key} is on the main chain`);
    }
  }

  #forget(key: string): void {
    const block = this.#blocks.get(key);
    if (block === undefined) return;
    this.#blocks.delete(key);
    this.#bytes -= block.raw.length;
    const same = this.#heights.get(block.height)?.filter((other) => other !== key) ?? [];
    if (same.length === 0) this.#heights.delete(block.height);
    else this.#heights.set(block.height, same);
  }

  #insert(key: string, block: KeptBlock): void {
    this.#blocks.set(key, block);
    const same = this.#heights.get(block.height);
    if (same === undefined) this.#heights.set(block.height, [key]);
    else same.push(key);
    this.#bytes += block.raw.length;
  }

  #check(main: NonNullable<ChainCommit["main"]>, arriving: ReadonlyMap<string, number>): void {
    if (main.fromHeight > this.#main.length) {
      throw new NodeError<StoreCode>("STORE_BROKEN_CHAIN", "self", `no main block below height ${main.fromHeight}`);
    }
    for (const [index, hash] of main.hashes.entries()) {
      const key = toHex(hash);
      const height = this.#blocks.get(key)?.height ?? arriving.get(key);
      if (height === main.fromHeight + index) continue;
      throw new NodeError<StoreCode>(
        "STORE_UNKNOWN_BLOCK",
        "self",
        `block ${key} of height ${main.fromHeight + index} is not stored`,
      );
    }
  }

  #record(key: string | undefined): BlockRecord | undefined {
    const block = key === undefined ? undefined : this.#blocks.get(key);
    return block && BlockRecord.decode(block.record);
  }

  #mainKeys(from: number, to: number): string[] {
    return this.#main.slice(Math.max(0, from), Math.max(0, to));
  }

  peak(): Promise<BlockRecord | undefined> {
    return Promise.resolve(this.#record(this.#main.at(-1)));
  }

  record(headerHash: Uint8Array): Promise<BlockRecord | undefined> {
    return Promise.resolve(this.#record(toHex(headerHash)));
  }

  storedAmong(headerHashes: readonly Uint8Array[]): Promise<ReadonlySet<string>> {
    return Promise.resolve(new Set(headerHashes.map(toHex).filter((key) => this.#record(key) !== undefined)));
  }

  hashAt(height: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#record(this.#main[height])?.headerHash);
  }

  mainRecords(from: number, to: number): Promise<BlockRecord[]> {
    return Promise.resolve(this.#mainKeys(from, to).map((key) => this.#record(key)!));
  }

  block(headerHash: Uint8Array): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#blocks.get(toHex(headerHash))?.raw);
  }

  mainBlocks(from: number, to: number): Promise<Uint8Array[]> {
    return Promise.resolve(this.#mainKeys(from, to).map((key) => this.#blocks.get(key)!.raw));
  }

  blocksAt(from: number, to: number, limit: number): Promise<PlacedBlock[]> {
    const found: PlacedBlock[] = [];
    for (const height of this.#heightsIn(from, to)) {
      for (const key of this.#heights.get(height) ?? []) {
        if (found.length >= limit) return Promise.resolve(found);
        const { raw, validation } = this.#blocks.get(key)!;
        found.push({ record: this.#record(key)!, raw, validation, main: this.#main[height] === key });
      }
    }
    return Promise.resolve(found);
  }

  /** Heights of blocks in a range, rising. A range may be wider than the chain, which then costs less to go through. */
  #heightsIn(from: number, to: number): readonly number[] {
    if (to - from <= this.#heights.size) return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    return [...this.#heights.keys()].filter((height) => height >= from && height < to).sort((a, b) => a - b);
  }

  isMain(headerHash: Uint8Array): Promise<boolean | undefined> {
    const key = toHex(headerHash);
    const block = this.#blocks.get(key);
    return Promise.resolve(block && this.#main[block.height] === key);
  }

  sideRecords(fromHeight: number, limit: number): Promise<BlockRecord[]> {
    const found: BlockRecord[] = [];
    for (const height of [...this.#heights.keys()].filter((each) => each >= fromHeight).sort((a, b) => a - b)) {
      for (const key of this.#heights.get(height) ?? []) {
        if (found.length >= limit) return Promise.resolve(found);
        if (this.#main[height] !== key) found.push(this.#record(key)!);
      }
    }
    return Promise.resolve(found);
  }

  firstBelow(level: Validation): Promise<number | undefined> {
    const least = this.#levels.least;
    if (least === undefined || Validation[least] >= Validation[level]) return Promise.resolve(undefined);
    const isBelow = (key: string) => Validation[this.#blocks.get(key)!.validation] < Validation[level];
    return Promise.resolve(this.#main.findIndex(isBelow));
  }

  coinsAt(height: number): CoinView {
    return this.#coins.viewAt(height);
  }

  async summaries(): Promise<PlacedSummary[]> {
    const records = await this.mainRecords(0, this.#main.length);
    return records.flatMap(({ height, headerHash, subEpochSummaryIncluded: summary }) =>
      summary === null ? [] : [{ height, headerHash, summary }]
    );
  }

  validation(): Promise<Validation | undefined> {
    return Promise.resolve(this.#levels.least);
  }

  counts(): Promise<StoreCounts> {
    return Promise.resolve({ blocks: this.#blocks.size, mainBlocks: this.#main.length, bytes: this.#bytes });
  }
}
