/**
 * The Bitcoin store on a SQL database, with block bytes and coins in files beside it or in tables of it. One commit is one
 * transaction, events included; what goes to files is on disk before its transaction begins.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { Database, FileFolder } from "../../core/ports.ts";
import { insertEvents } from "../../storage/event-log.ts";
import { gatherMsOf } from "../../storage/gathering.ts";
import { ByteCache } from "../../storage/lru.ts";
import { type DatabaseIdentity, migrate } from "../../storage/migrate.ts";
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
import type { BlockBytes } from "./block-bytes.ts";
import type { BlockFiles } from "./block-files.ts";
import { countBlocks } from "./block-index.ts";
import { FileBlocks } from "./file-blocks.ts";
import { appendHeaders, changeStatuses, countHeaders, readHeaders } from "./header-pages.ts";
import { activePlace, type CoinPlace, CoinSet, otherPlace } from "./coin-set.ts";
import { forgetUndo, keepUndo, readUndo } from "./coin-undo.ts";
import { BITCOIN_MIGRATIONS, CHAIN_TABLES } from "./schema.ts";
import { readState, settleWhere, useTransactionIndex, writeState, writeStates } from "./state.ts";
import { changeSnapshot, forgetCoins, hasSpare, noteSpare, readSnapshot } from "./snapshot-row.ts";
import { checkStep } from "./step.ts";
import { TableBlocks } from "./table-blocks.ts";
import { emptyCoins } from "./table-coins.ts";
import { indexedOf, moveTransactions, transactionCandidates } from "./transaction-index.ts";

/** What a SQL store is told. */
export interface SqlBitcoinStoreOptions {
  /** The network's name and the hash of its first block; a database of another one is refused. */
  readonly network: { readonly name: string; readonly genesis: { readonly hash: Uint8Array } };
  /** Where block bytes are; the store closes them. Without it they are in the database, and so are coins. */
  readonly blocks?: BlockFiles;
  /**
   * Makes or opens the folder of a place for coins, beside `blocks`; not called for a chain that keeps none. With `blocks`
   * and without it none can be kept.
   */
  readonly openCoins?: (place: CoinPlace) => Promise<FileFolder>;
  /** Keep an index of transactions by txid. It must be there from the first block on. */
  readonly transactionIndex?: boolean;
  /** Forget headers and index, to build them anew from the bytes of blocks; see `reindex.ts`. */
  readonly reindex?: boolean;
  /** Forget the coins, to make them anew from the blocks. */
  readonly reindexCoins?: boolean;
  /** Bound of the cache of raw blocks, of which it keeps those up to a quarter of it; 0 switches it off. */
  readonly cacheBytesMax?: number;
  /** Told the newest id after a commit that appended events. Must not throw. */
  readonly onEvents?: (newest: number) => void;
}

/**
 * Opens the store: brings the schema up to date or refuses (see {@link migrate}), and block files to what the
 * database knows. Block files without a database are left as they are, and the store is {@link SqlBitcoinStore.reindexing}.
 * The caller closes the store, then the database.
 * @throws NodeError `DATABASE_DAMAGED` for block files that lack indexed bytes, `STORE_NO_INDEX` when the transaction
 * index is wanted and blocks were stored without it, `SNAPSHOT_UNVALIDATED` when coins are to be made anew behind a
 * snapshot, `STORE_ELSEWHERE` when blocks are in files and no files are given, or the other way round
 */
export async function openSqlBitcoinStore(
  database: Database,
  options: SqlBitcoinStoreOptions,
): Promise<SqlBitcoinStore> {
  const { network, blocks, openCoins, reindex = false, reindexCoins = false, transactionIndex = false } = options;
  const isInDatabase = blocks === undefined;
  const identity = identityOf(network);
  if (isInDatabase && openCoins !== undefined) throw new TypeError("coins in files need block files beside them");
  await migrate(database, BITCOIN_MIGRATIONS, identity);
  await settleWhere(database, isInDatabase, await countHeaders(database) === 0);
  const bytes = isInDatabase ? new TableBlocks(database) : new FileBlocks(database, blocks);
  if (reindex) {
    await database.transaction(async (within) => {
      for (const table of CHAIN_TABLES) await within.run(`DELETE FROM ${table}`);
      for (const place of [0, 1] as const) await emptyCoins(within, place);
      await bytes.setAside(within);
      await writeState(within, "in_database", Number(isInDatabase));
      await writeState(within, "reindexing", 1);
      // The coins of a snapshot may have been there.
      await writeState(within, "coins_spare", 1);
    });
  }
  const headers = await countHeaders(database);
  if (headers === 0 && await bytes.isOrphaned()) await writeState(database, "reindexing", 1);
  const reindexing = (await readState(database, "reindexing")) === 1;
  await useTransactionIndex(database, transactionIndex);
  await bytes.resume(reindexing);
  const place = await activePlace(database);
  const commits = (await readState(database, "commits")) ?? 0;
  if (reindexCoins) await forgetCoins(database, place);
  const store = new SqlBitcoinStore(database, options, { bytes, headers, reindexing, place, commits });
  if (await hasSpare(database)) await store.dropSnapshot();
  return store;
}

/** Whose a database is. */
export function identityOf({ name, genesis }: SqlBitcoinStoreOptions["network"]): DatabaseIdentity {
  return { chain: "bitcoin", network: name, genesis: toHex(genesis.hash) };
}

/** What a database has when it is opened. */
export interface Stored {
  readonly bytes: BlockBytes;
  readonly headers: number;
  readonly reindexing: boolean;
  /** The number of the last commit. */
  readonly commits: number;
  /** Where the active chain's coins are. */
  readonly place: CoinPlace;
}

/** {@link BitcoinStore} over a {@link Database} whose schema is up to date; made by {@link openSqlBitcoinStore}. */
export class SqlBitcoinStore implements BitcoinStore {
  readonly hasTransactionIndex: boolean;
  readonly gatherMs: number;
  readonly blockBytes: BlockBytes;
  readonly #sets: readonly [CoinSet, CoinSet];
  readonly #database: Database;
  readonly #isInDatabase: boolean;
  readonly #cache: ByteCache;
  readonly #onEvents: (newest: number) => void;
  /** Where the active chain's coins are. */
  #active: CoinPlace;
  #headers: number;
  #commits: number;
  #reindexing: boolean;
  /** Settles, never rejects, when coins that nobody needs are gone. */
  #cleaning: Promise<unknown> = Promise.resolve();
  /** Settles, never rejects, when the last writer that was asked for has ended. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(database: Database, options: SqlBitcoinStoreOptions, stored: Stored) {
    this.hasTransactionIndex = options.transactionIndex ?? false;
    this.gatherMs = gatherMsOf(database);
    this.blockBytes = stored.bytes;
    this.#isInDatabase = options.blocks === undefined;
    this.#database = database;
    const exclusive = <T>(work: () => Promise<T>) => this.#exclusive(work);
    const openFolder = this.#isInDatabase ? "database" as const : options.openCoins;
    const parts = { database, openFolder, exclusive };
    this.#sets = [new CoinSet({ ...parts, place: 0 }), new CoinSet({ ...parts, place: 1 })];
    this.#active = stored.place;
    this.#cache = new ByteCache(options.cacheBytesMax ?? 0);
    this.#onEvents = options.onEvents ?? (() => {});
    this.#headers = stored.headers;
    this.#commits = stored.commits;
    this.#reindexing = stored.reindexing;
  }

  /** Whether bytes of blocks are there that are not all indexed; `reindexBlocks` does that. Survives a restart. */
  get reindexing(): boolean {
    return this.#reindexing;
  }

  /** Writers one after another: a file is appended to outside the transaction, which alone would keep them in order. */
  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  headers(): AsyncIterable<HeaderPage> {
    return readHeaders(this.#database, this.#headers);
  }

  tip(): Promise<number | undefined> {
    return readState(this.#database, "tip");
  }

  /** Another process has made the store what it is now: so many headers, the coins there, the data of these rows gone. */
  protected followed(headers: number, place: CoinPlace, gone: readonly number[]): void {
    this.#headers = headers;
    this.#active = place;
    for (const row of gone) this.#cache.delete(String(row));
  }

  get #coins(): CoinSet {
    return this.#sets[this.#active];
  }

  get otherCoins(): CoinSet {
    return this.#sets[otherPlace(this.#active)];
  }

  snapshot(): Promise<StoredSnapshot | undefined> {
    return readSnapshot(this.#database);
  }

  coinsAt(): Promise<number | undefined> {
    return this.#coins.coinsAt();
  }

  coinTransactions(): Promise<number | undefined> {
    return this.#coins.coinTransactions();
  }

  coinBytes(): Promise<number> {
    return this.#coins.coinBytes();
  }

  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#coins.coins(keys);
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

  async stageSnapshot(coins: SortedEntries): Promise<StagedCoins> {
    await this.#cleaning;
    await this.#exclusive(() => noteSpare(this.#database, true));
    return await this.otherCoins.loadCoins(coins);
  }

  async dropSnapshot(): Promise<void> {
    // Files may go only when no loss of power can bring back the list that names them. Else the next start removes them.
    const mayGo = this.#isInDatabase || await this.#exclusive(() => this.#database.checkpoint());
    if (!mayGo) return;
    await this.otherCoins.clean();
    await this.#exclusive(() => noteSpare(this.#database, false));
  }

  /** Resolves when no coins are left to be moved together in the background. */
  coinsAtRest(): Promise<void> {
    return this.#coins.rest();
  }

  coinUndo(row: number): Promise<Uint8Array | undefined> {
    return readUndo(this.#database, row);
  }

  async commit(step: BitcoinStep): Promise<readonly number[]> {
    const { snapshot } = step;
    // What merges its runs waits for its turn to write, as this step does.
    if (typeof snapshot === "string") await (snapshot === "validated" ? this.otherCoins : this.#coins).halt();
    return await this.#exclusive(async () => {
      const count = checkStep(step, this.#headers);
      const number = this.#commits + 1;
      const blocks = await this.blockBytes.stage(step.blocks ?? []);
      const index = this.hasTransactionIndex ? await indexedOf(step, (row) => this.block(row)) : undefined;
      const ids = await this.#database.transaction(async (within) => {
        if (step.headers !== undefined) await appendHeaders(within, step.headers.firstRow, step.headers.bytes);
        const statuses = step.statuses ?? new Map<number, number>();
        await changeStatuses(within, statuses.keys(), (row) => statuses.get(row)!, this.#headers, count, number);
        await this.blockBytes.name(within, blocks);
        if (index !== undefined) await moveTransactions(within, index.left, index.joined);
        await writeStates(within, [
          ["commits", number],
          ...(step.tip === undefined ? [] : [["tip", step.tip] as const]),
        ]);
        if (step.undo !== undefined) await keepUndo(within, step.undo);
        if (step.coins !== undefined) await this.#coins.change(within, step.coins);
        if (step.otherCoins !== undefined) await this.otherCoins.change(within, step.otherCoins);
        if (step.snapshot !== undefined) await changeSnapshot(within, step.snapshot, this.#sets, this.#active);
        return await insertEvents(within, step.events ?? []);
      });
      this.#headers = count;
      this.#commits = number;
      if (step.coins !== undefined) await this.#coins.changed(step.coins);
      if (step.otherCoins !== undefined) await this.otherCoins.changed(step.otherCoins);
      if (step.snapshot !== undefined) this.#snapshotChanged(step.snapshot);
      this.blockBytes.named(blocks);
      // At the tip there is one, which peers ask for now. Of a long run nobody asks for most of them again.
      const last = blocks.blocks.at(-1);
      if (last !== undefined) this.#cache.set(String(last.row), last.raw);
      const newest = ids.at(-1);
      if (newest !== undefined) this.#onEvents(newest);
      return ids;
    });
  }

  #snapshotChanged(snapshot: NonNullable<BitcoinStep["snapshot"]>): void {
    if (snapshot !== "validated") this.#active = otherPlace(this.#active);
    if (typeof snapshot !== "string") return;
    this.otherCoins.forgotten();
    // Beside everything else, for there may be many files. What cannot be removed now is at the next start.
    this.#cleaning = this.dropSnapshot().catch(() => {});
  }

  /** @throws NodeError `DATABASE_DAMAGED` when the bytes are not those that were stored */
  async block(row: number, once = false): Promise<Uint8Array | undefined> {
    const cached = this.#cache.get(String(row));
    if (cached !== undefined) return cached;
    const raw = await this.blockBytes.read(row);
    if (raw !== undefined && !once) this.#cache.set(String(row), raw);
    return raw;
  }

  /** Reads and checks the whole block: only that tells whether the part is good. */
  async blockPart(row: number, offset: number, length: number): Promise<Uint8Array | undefined> {
    const raw = await this.block(row);
    return raw?.subarray(offset, offset + length);
  }

  blockSize(row: number): Promise<number | undefined> {
    return this.blockBytes.size(row);
  }

  async transaction(txid: Uint8Array): Promise<TransactionPlace | undefined> {
    if (!this.hasTransactionIndex) return undefined;
    for (const place of await transactionCandidates(this.#database, txid)) {
      const raw = await this.block(place.row);
      const found = raw && Block.decode(raw).transactions[place.index];
      if (found !== undefined && equalBytes(found.txid, txid)) return place;
    }
    return undefined;
  }

  prune(bytesMax: number, belowHeight: number): Promise<readonly number[]> {
    return this.#exclusive(async () => {
      const number = this.#commits + 1;
      const gone = await this.#database.transaction(async (within) => {
        const forgotten = await this.blockBytes.prune(within, bytesMax, belowHeight);
        const clear = (_row: number, status: number) => status & ~HeaderStatus.data;
        await changeStatuses(within, forgotten.rows, clear, this.#headers, this.#headers, number);
        await writeState(within, "commits", number);
        await forgetUndo(within, forgotten.rows);
        return forgotten;
      });
      this.#commits = number;
      for (const row of gone.rows) this.#cache.delete(String(row));
      await this.blockBytes.pruned(gone);
      return gone.rows;
    });
  }

  async counts(): Promise<BitcoinStoreCounts> {
    return { headers: this.#headers, ...await countBlocks(this.#database) };
  }

  /** The index is whole: bytes that it does not name are removed. For `reindexBlocks`. */
  finishReindex(): Promise<void> {
    return this.#exclusive(async () => {
      await writeState(this.#database, "reindexing", 0);
      await this.blockBytes.resume(false);
      this.#reindexing = false;
    });
  }

  /** Waits for what is being written and closes its files. */
  async close(): Promise<void> {
    await this.#cleaning;
    for (const set of this.#sets) await set.close();
    await this.#tail;
    await this.blockBytes.close();
  }
}
