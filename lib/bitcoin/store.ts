/**
 * What the Bitcoin chain service asks of a store. One contract suite holds every implementation to it; nothing here knows
 * SQL or files. Headers and blocks go by their row in the header tree: a small number that is given in the order in which
 * headers were accepted, starts at 0 with genesis, and never changes.
 *
 * @module
 */
import type { NewEvent } from "../storage/events.ts";
import type { SortedEntries } from "../storage/runs/entries.ts";
import type { MergedEntry } from "../storage/runs/merging.ts";

/** Rows of the header tree, without gaps. */
export interface HeaderPage {
  /** Row of the first. */
  readonly firstRow: number;
  /** 80 bytes each, rising by row. */
  readonly headers: Uint8Array;
  /** The status bits of each (`HeaderStatus`), as they were last stored. */
  readonly statuses: Uint8Array;
}

/** Statuses of stored headers, rising by row. */
export interface StatusRun {
  /** Row of the first. */
  readonly firstRow: number;
  /** The status bits of each. */
  readonly bits: Uint8Array;
}

/** What another process has committed since it was last asked for. */
export interface StoreNews {
  /** The number of the last commit that is in it. */
  readonly commit: number;
  /** Headers that are new, one behind another. */
  readonly headers: Uint8Array;
  /** Where statuses have changed, those of the new headers included. */
  readonly statuses: readonly StatusRun[];
  readonly tip: number | undefined;
  readonly snapshot: StoredSnapshot | undefined;
}

/** A store that another process writes. Nothing is ever committed to it here. */
export interface FollowedStore extends BitcoinStore {
  /** The number of the last commit: a small question. */
  commits(): Promise<number>;
  /**
   * What came since the last call, as of one moment; the first call gives what came since the store was opened.
   * @throws NodeError `STORE_REPLACED` when the store was begun anew
   */
  news(): Promise<StoreNews>;
}

/** A block to be kept. */
export interface NewBlock {
  readonly row: number;
  readonly height: number;
  /** In wire order. */
  readonly hash: Uint8Array;
  /** As received, with witnesses. */
  readonly raw: Uint8Array;
}

/** Where a transaction is: in the block of `row`, as the `index`-th. */
export interface TransactionPlace {
  readonly row: number;
  readonly index: number;
}

/** All coins of one moment. */
export interface CoinReading {
  /** The row after whose block they are so; undefined when none were ever stored. */
  readonly at: number | undefined;
  /** Transactions of all blocks up to that one, where that is known. */
  readonly transactions: number | undefined;
  /** Goes through them; see {@link BitcoinStore.allCoins}. */
  all(take: (entry: MergedEntry) => Promise<void> | undefined, signal?: AbortSignal): Promise<void>;
}

/** Changes of coins that lie ready beside the set: made by a store's `stageCoins`, for that store. */
export interface StagedCoins {
  /** How many coins changed. */
  readonly count: number;
}

/** How the coins change: a part of a {@link BitcoinStep}, so that they are as they were after one block. */
export interface CoinStep {
  /** The row after whose block the coins are so. */
  readonly at: number;
  readonly staged: StagedCoins;
  /** Transactions of all blocks up to that one, where that is known. */
  readonly transactions?: number | undefined;
}

/** The coins of a set that are not the active chain's; see {@link BitcoinStore.otherCoins}. */
export type OtherCoins = Pick<
  BitcoinStore,
  "coinsAt" | "coinTransactions" | "coins" | "coinBytes" | "readCoins" | "stageCoins"
>;

/** A snapshot whose coins are the active chain's, while it is not validated. */
export interface StoredSnapshot {
  /** Row of the block that it is of. */
  readonly base: number;
  /** `hash_serialized_3` of its coins, in the order of the bytes. */
  readonly hash: Uint8Array;
}

/** One atomic step of the chain: all of it is there after a crash, or none. */
export interface BitcoinStep {
  /** Headers that are new; the first follows the last stored row. */
  readonly headers?: { readonly firstRow: number; readonly bytes: Uint8Array };
  /** Status bits that changed, by row; also of rows that this step adds. */
  readonly statuses?: ReadonlyMap<number, number>;
  /** Blocks to keep. One that is already stored is left as it is. */
  readonly blocks?: readonly NewBlock[];
  /** The row of the active chain's tip, when it moved. */
  readonly tip?: number;
  /** The coins, for a chain whose validator needs them. */
  readonly coins?: CoinStep;
  /** The coins of {@link BitcoinStore.otherCoins}. */
  readonly otherCoins?: CoinStep;
  /**
   * The other coins become the active chain's, and the active chain's are the others from then on: those of a snapshot
   * that is taken. When it is `validated`, the others go; when it is `refused`, its coins go and the others become the active
   * chain's. `coins` and `otherCoins` of the same step are as they were before.
   */
  readonly snapshot?: StoredSnapshot | "validated" | "refused";
  /** What takes blocks back, by row: the same for a block whenever it is connected. */
  readonly undo?: ReadonlyMap<number, Uint8Array>;
  /**
   * Transaction index (`--txindex`): the transactions of blocks that joined the active chain, by txid, and the blocks that
   * left it. Blocks that left are taken out first.
   */
  readonly transactions?: {
    readonly joined: readonly { readonly row: number; readonly txids: readonly Uint8Array[] }[];
    readonly left: readonly { readonly row: number; readonly txids: readonly Uint8Array[] }[];
  };
  /** Events that become visible together with the rest. */
  readonly events?: readonly NewEvent[];
}

/** How much of the store is used. */
export interface BitcoinStoreCounts {
  readonly headers: number;
  readonly blocks: number;
  /** Bytes of block data on disk. */
  readonly blockBytes: number;
}

/** The store of one network. */
export interface BitcoinStore {
  /** All headers in row order, page by page; at start. */
  headers(): AsyncIterable<HeaderPage>;
  /** The row of the active chain's tip; undefined in an empty store. */
  tip(): Promise<number | undefined>;
  /** The row after whose block the stored coins are so. It may lag behind the tip, or be on another branch. */
  coinsAt(): Promise<number | undefined>;
  /** Transactions of all blocks up to {@link BitcoinStore.coinsAt}; undefined where that is not known. */
  coinTransactions(): Promise<number | undefined>;
  /** The coins of these keys, in the order of the question; undefined where there is none. */
  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Bytes that the coins take on disk. */
  coinBytes(): Promise<number>;
  /**
   * Goes through all coins in the order of their keys, as they are now, whatever is committed meanwhile. The bytes of an
   * entry are good until `take` has ended. Resolves with the row after whose block they are so.
   */
  allCoins(
    take: (entry: MergedEntry) => Promise<void> | undefined,
    signal?: AbortSignal,
  ): Promise<number | undefined>;
  /** Reads all coins as they are now as often as `use` likes, whatever is committed meanwhile. */
  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T>;
  /**
   * Lays changes ready, on disk: they count from the commit on that names them, and a crash before it takes them away.
   * Others have their turn meanwhile.
   */
  stageCoins(changes: SortedEntries): Promise<StagedCoins>;
  /**
   * Coins that are not the active chain's: of a snapshot that is being loaded, or, once it is, of the blocks before it that
   * are being validated.
   */
  readonly otherCoins: OtherCoins;
  /** The snapshot that is not validated; undefined when there is none. */
  snapshot(): Promise<StoredSnapshot | undefined>;
  /** Lays all coins of a snapshot ready, on disk: in {@link BitcoinStore.otherCoins}, when the step names them. */
  stageSnapshot(coins: SortedEntries): Promise<StagedCoins>;
  /** Takes away what was laid ready for a snapshot that is not taken. */
  dropSnapshot(): Promise<void>;
  /** What takes the block of a row back; undefined when it was not connected with coins, or was pruned. */
  coinUndo(row: number): Promise<Uint8Array | undefined>;
  /** Makes one step durable, or rejects and changes nothing. Returns the ids given to the events, in order. */
  commit(step: BitcoinStep): Promise<readonly number[]>;
  /**
   * The raw bytes of a block; undefined when it is not stored (any more). `once`: nobody will ask for it again soon, as for a
   * block that is connected long before the tip, and no memory is spent on it.
   */
  block(row: number, once?: boolean): Promise<Uint8Array | undefined>;
  /** `length` bytes of a block from `offset` on; undefined when it is not stored. */
  blockPart(row: number, offset: number, length: number): Promise<Uint8Array | undefined>;
  /** The size of a stored block in bytes. */
  blockSize(row: number): Promise<number | undefined>;
  /** Where a transaction of the active chain is, when there is an index. */
  transaction(txid: Uint8Array): Promise<TransactionPlace | undefined>;
  /**
   * From one commit to the next, in milliseconds, where a commit takes its time whatever is in it: what comes meanwhile goes
   * together. Absent where it does not.
   */
  readonly gatherMs?: number;
  /** Whether the transaction index is kept. */
  readonly hasTransactionIndex: boolean;
  /**
   * Removes block data, lowest blocks first and none at or above `belowHeight`, until at most `bytesMax` bytes are left
   * or no more may go. A store that keeps many blocks in a file removes whole files: somewhat more or less goes then.
   * Returns the rows whose data is gone; their status is stored without the data bit in the same step.
   */
  prune(bytesMax: number, belowHeight: number): Promise<readonly number[]>;
  counts(): Promise<BitcoinStoreCounts>;
}
