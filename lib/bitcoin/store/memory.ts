/**
 * The Bitcoin store in memory: for tests, for the demo, and for a node that is to leave no trace.
 *
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import type { StoredPeer } from "../../core/ports.ts";
import { MemoryEventLog } from "../../storage/event-log.ts";
import { MemoryPeers } from "../../storage/peer-table.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { MergedEntry } from "../../storage/runs/merging.ts";
import { HeaderStatus } from "../headers/header-chain.ts";
import type {
  BitcoinStep,
  BitcoinStore,
  BitcoinStoreCounts,
  CoinReading,
  CoinStep,
  HeaderPage,
  StagedCoins,
  TransactionPlace,
} from "../store.ts";
import { Block } from "../types/block.ts";
import { HEADER_BYTES } from "../types/header.ts";
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
  readonly #peers = new MemoryPeers();
  readonly #coins = new Map<string, Uint8Array>();
  readonly #coinUndo = new Map<number, Uint8Array>();
  #tip: number | undefined;
  #coinsAt: number | undefined;
  #coinTransactions: number | undefined;
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
      if (step.coins !== undefined) this.#changeCoins(step.coins);
      return this.events.append(step.events ?? []);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #changeCoins({ at, staged, transactions }: CoinStep): void {
    if (!(staged instanceof StagedMap)) throw new TypeError("these coins were staged elsewhere");
    this.#coinsAt = at;
    this.#coinTransactions = transactions;
    for (const [key, coin] of staged.changed) {
      if (coin === undefined) this.#coins.delete(key);
      else this.#coins.set(key, coin);
    }
  }

  coinsAt(): Promise<number | undefined> {
    return Promise.resolve(this.#coinsAt);
  }

  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#coins.get(toHex(key))));
  }

  coinTransactions(): Promise<number | undefined> {
    return Promise.resolve(this.#coinTransactions);
  }

  coinBytes(): Promise<number> {
    let bytes = 0;
    for (const [key, coin] of this.#coins) bytes += key.length / 2 + coin.length;
    return Promise.resolve(bytes);
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
    const coins = [...this.#coins].sort(([a], [b]) => (a < b ? -1 : 1));
    const all: CoinReading["all"] = async (take, signal) => {
      for (const [name, bytes] of coins) {
        signal?.throwIfAborted();
        const key: Uint8Array = fromHex(name);
        await take({ key, keyLength: key.length, bytes, valueAt: 0, valueLength: bytes.length });
      }
    };
    return use({ at: this.#coinsAt, transactions: this.#coinTransactions, all });
  }

  async stageCoins(changes: SortedEntries): Promise<StagedCoins> {
    const staged = new StagedMap();
    for await (const _ of changes.drain((...entry) => staged.take(...entry)));
    return staged;
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

  peers(): Promise<StoredPeer[]> {
    return this.#peers.peers();
  }

  savePeers(peers: readonly StoredPeer[]): Promise<void> {
    return this.#peers.savePeers(peers);
  }
}

/** Changes that no step has named yet. */
class StagedMap implements StagedCoins {
  readonly changed = new Map<string, Uint8Array | undefined>();

  get count(): number {
    return this.changed.size;
  }

  take: Parameters<SortedEntries["drain"]>[0] = (key, keyAt, keyLength, value, valueAt, valueLength) => {
    const coin = valueLength < 0 ? undefined : value.slice(valueAt, valueAt + valueLength);
    this.changed.set(toHex(key.subarray(keyAt, keyAt + keyLength)), coin);
  };
}
