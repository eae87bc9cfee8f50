/**
 * The Bitcoin store in memory: for tests, for the demo, and for a node that is to leave no trace.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import { MemoryEventLog } from "../../storage/event-log.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { MergedEntry } from "../../storage/runs/merging.ts";
import { HeaderStatus } from "../headers/header-chain.ts";
import type {
  BitcoinStep,
  BitcoinStore,
  BitcoinStoreCounts,
  CoinReading,
  HeaderPage,
  StagedCoins,
  StoredSnapshot,
  TransactionPlace,
} from "../store.ts";
import { Block } from "../types/block.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { MemoryCoins } from "./memory-coins.ts";
import { checkStep, unknownBlock } from "./step.ts";
import type { IndexedBlock } from "./transaction-index.ts";

/** What a store in memory is told. */
export interface MemoryBitcoinStoreOptions {
  readonly events?: MemoryEventLog;
  /** Keep an index of transactions by txid. */
  readonly transactionIndex?: boolean;
}

/** {@link BitcoinStore} in maps. Its events go to the given log. */
export class MemoryBitcoinStore implements BitcoinStore {
  readonly events: MemoryEventLog;
  readonly hasTransactionIndex: boolean;
  readonly #headers = new Writer(HEADER_BYTES);
  readonly #statuses: number[] = [];
  readonly #blocks = new Map<number, { readonly raw: Uint8Array; readonly height: number }>();
  /** By txid, the oldest place first: two transactions of the early chain are there twice. */
  readonly #transactions = new Map<string, TransactionPlace[]>();
  #coins = new MemoryCoins();
  otherCoins = new MemoryCoins();
  #snapshot: StoredSnapshot | undefined;
  readonly #coinUndo = new Map<number, Uint8Array>();
  #tip: number | undefined;
  #blockBytes = 0;

  constructor(options: MemoryBitcoinStoreOptions = {}) {
    this.events = options.events ?? new MemoryEventLog();
    this.hasTransactionIndex = options.transactionIndex ?? false;
  }

  async *headers(): AsyncGenerator<HeaderPage> {
    if (this.#statuses.length === 0) return;
    yield { firstRow: 0, headers: this.#headers.finish(), statuses: Uint8Array.from(this.#statuses) };
  }

  tip(): Promise<number | undefined> {
    return Promise.resolve(this.#tip);
  }

  commit(step: BitcoinStep): Promise<readonly number[]> {
    try {
      // Everything that can be refused is refused before anything is changed.
      const count = checkStep(step, this.#statuses.length);
      const index = this.hasTransactionIndex ? this.#indexed(step) : undefined;
      if (step.headers !== undefined) this.#headers.raw(step.headers.bytes);
      while (this.#statuses.length < count) this.#statuses.push(0);
      for (const [row, status] of step.statuses ?? []) this.#statuses[row] = status & 0xff;
      for (const { row, height, raw } of step.blocks ?? []) {
        if (this.#blocks.has(row)) continue;
        this.#blocks.set(row, { raw: raw.slice(), height });
        this.#blockBytes += raw.length;
      }
      for (const block of index?.left ?? []) this.#leave(block);
      for (const block of index?.joined ?? []) this.#join(block);
      if (step.tip !== undefined) this.#tip = step.tip;
      for (const [row, spent] of step.undo ?? []) this.#coinUndo.set(row, spent);
      if (step.coins !== undefined) this.#coins.change(step.coins);
      if (step.otherCoins !== undefined) this.otherCoins.change(step.otherCoins);
      if (step.snapshot !== undefined) this.#changeSnapshot(step.snapshot);
      return this.events.append(step.events ?? []);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #changeSnapshot(snapshot: NonNullable<BitcoinStep["snapshot"]>): void {
    if (snapshot !== "validated") [this.#coins, this.otherCoins] = [this.otherCoins, this.#coins];
    if (typeof snapshot === "string") this.otherCoins = new MemoryCoins();
    this.#snapshot = typeof snapshot === "string" ? undefined : snapshot;
  }

  snapshot(): Promise<StoredSnapshot | undefined> {
    return Promise.resolve(this.#snapshot);
  }

  stageSnapshot(coins: SortedEntries): Promise<StagedCoins> {
    return this.otherCoins.stageCoins(coins);
  }

  dropSnapshot(): Promise<void> {
    return Promise.resolve();
  }

  coinsAt(): Promise<number | undefined> {
    return this.#coins.coinsAt();
  }

  coinTransactions(): Promise<number | undefined> {
    return this.#coins.coinTransactions();
  }

  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#coins.coins(keys);
  }

  coinBytes(): Promise<number> {
    return this.#coins.coinBytes();
  }

  allCoins(
    take: (entry: MergedEntry) => Promise<void> | undefined,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    return this.readCoins(async ({ at, all }) => {
      await all(take, signal);
      return at;
    });
  }

  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T> {
    return this.#coins.readCoins(use);
  }

  stageCoins(changes: SortedEntries): Promise<StagedCoins> {
    return this.#coins.stageCoins(changes);
  }

  coinUndo(row: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#coinUndo.get(row));
  }

  /** The transactions of a step, ids computed from the block where the step has none. */
  #indexed({ transactions, blocks = [] }: BitcoinStep) {
    const complete = ({ row, txids }: IndexedBlock): IndexedBlock => {
      if (txids.length > 0) return { row, txids };
      const raw = blocks.find((block) => block.row === row)?.raw ?? this.#blocks.get(row)?.raw;
      if (raw === undefined) throw unknownBlock(row);
      return { row, txids: Block.decode(raw).txids() };
    };
    return { left: (transactions?.left ?? []).map(complete), joined: (transactions?.joined ?? []).map(complete) };
  }

  #leave({ row, txids }: IndexedBlock): void {
    for (const key of txids.map(toHex)) {
      const places = (this.#transactions.get(key) ?? []).filter((place) => place.row !== row);
      if (places.length > 0) this.#transactions.set(key, places);
      else this.#transactions.delete(key);
    }
  }

  #join({ row, txids }: IndexedBlock): void {
    this.#leave({ row, txids });
    for (const [index, key] of txids.map(toHex).entries()) {
      this.#transactions.set(key, [...this.#transactions.get(key) ?? [], { row, index }]);
    }
  }

  block(row: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#blocks.get(row)?.raw);
  }

  blockPart(row: number, offset: number, length: number): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.#blocks.get(row)?.raw.subarray(offset, offset + length));
  }

  blockSize(row: number): Promise<number | undefined> {
    return Promise.resolve(this.#blocks.get(row)?.raw.length);
  }

  transaction(txid: Uint8Array): Promise<TransactionPlace | undefined> {
    const places = this.#transactions.get(toHex(txid)) ?? [];
    return Promise.resolve(places.findLast(({ row }) => this.#blocks.has(row)));
  }

  prune(bytesMax: number, belowHeight: number): Promise<readonly number[]> {
    const rows: number[] = [];
    if (this.#blockBytes <= bytesMax) return Promise.resolve(rows);
    const byHeight = [...this.#blocks].sort(([, a], [, b]) => a.height - b.height);
    for (const [row, { raw, height }] of byHeight) {
      if (this.#blockBytes <= bytesMax || height >= belowHeight) break;
      this.#blockBytes -= raw.length;
      rows.push(row);
      this.#blocks.delete(row);
      this.#coinUndo.delete(row);
      this.#statuses[row]! &= ~HeaderStatus.data;
    }
    return Promise.resolve(rows);
  }

  counts(): Promise<BitcoinStoreCounts> {
    const { length: headers } = this.#statuses;
    return Promise.resolve({ headers, blocks: this.#blocks.size, blockBytes: this.#blockBytes });
  }
}
