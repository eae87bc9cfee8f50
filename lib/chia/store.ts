/**
 * What the Chia chain service asks of a store. One contract suite holds every implementation to it; nothing here knows
 * SQL. Hashes are 32 bytes in wire order, blocks are kept byte for byte as the peer sent them.
 *
 * @module
 */
import type { Validation } from "../core/validation.ts";
import type { NewEvent } from "../storage/events.ts";
import type { CoinChanges, CoinView } from "./coin-set.ts";
import type { BlockRecord, SubEpochSummary } from "./types/mod.ts";

/** A block as it is stored: the raw FullBlock and the record that was derived from it. */
export interface StoredBlock {
  readonly record: BlockRecord;
  /** Streamable FullBlock, exactly as received. */
  readonly raw: Uint8Array;
  /** How far the block was checked before it was stored. */
  readonly validation: Validation;
}

/** A stored block with its place: on the main chain, or left behind by a reorganisation. */
export interface PlacedBlock extends StoredBlock {
  readonly main: boolean;
}

/** One atomic step of the chain: all of it is there after a crash, or none. */
export interface ChainCommit {
  /** Blocks to keep. A block that is already stored is left as it is. */
  readonly blocks: readonly StoredBlock[];
  /**
   * The new main chain from `fromHeight` on: `hashes[i]` at height `fromHeight + i`. Whatever stood at `fromHeight` or
   * above is off the main chain afterwards (its blocks stay stored). Absent when the peak does not move.
   */
  readonly main?: { readonly fromHeight: number; readonly hashes: readonly Uint8Array[] };
  /** Stored blocks that were checked further than before. */
  readonly raised?: { readonly hashes: readonly Uint8Array[]; readonly validation: Validation };
  /** Stored blocks that turned out to be invalid, none of them on the main chain after this step: they are forgotten. */
  readonly removed?: readonly Uint8Array[];
  /**
   * What main blocks do to the coins, from a height on: `blocks[i]` at `fromHeight + i`. When `main` moves and this is
   * absent, what the blocks from `main.fromHeight` on did is undone, and no more.
   */
  readonly coins?: { readonly fromHeight: number; readonly blocks: readonly CoinChanges[] };
  /** Events that become visible together with the blocks. */
  readonly events: readonly NewEvent[];
}

/** A sub-epoch summary of the main chain and the block that included it. */
export interface PlacedSummary {
  readonly height: number;
  readonly headerHash: Uint8Array;
  readonly summary: SubEpochSummary;
}

/** How much of the store is used, for `db info` and metrics. */
export interface StoreCounts {
  readonly blocks: number;
  readonly mainBlocks: number;
  readonly bytes: number;
}

/** The chain's store. */
export interface ChiaStore {
  /** Makes one step durable, or rejects and changes nothing. Returns the ids given to the events, in order. */
  commit(step: ChainCommit): Promise<readonly number[]>;
  /** The record of the highest block of the main chain. */
  peak(): Promise<BlockRecord | undefined>;
  /** The record of any stored block. */
  record(headerHash: Uint8Array): Promise<BlockRecord | undefined>;
  /** Which of these blocks are stored, in hex. */
  storedAmong(headerHashes: readonly Uint8Array[]): Promise<ReadonlySet<string>>;
  /** The hash at a height of the main chain. */
  hashAt(height: number): Promise<Uint8Array | undefined>;
  /** Records of the main chain, `from` inclusive to `to` exclusive, rising. Heights that are not there are left out. */
  mainRecords(from: number, to: number): Promise<BlockRecord[]>;
  /** Raw FullBlock bytes of any stored block. */
  block(headerHash: Uint8Array): Promise<Uint8Array | undefined>;
  /** Raw blocks of the main chain, `from` inclusive to `to` exclusive, rising. */
  mainBlocks(from: number, to: number): Promise<Uint8Array[]>;
  /** Every stored block of these heights, by height, main and not. At most `limit` rows. */
  blocksAt(from: number, to: number, limit: number): Promise<PlacedBlock[]>;
  /** Whether a block is on the main chain; undefined when it is not stored. */
  isMain(headerHash: Uint8Array): Promise<boolean | undefined>;
  /** Records of blocks that are not on the main chain, from a height up, by height. At most `limit`. */
  sideRecords(fromHeight: number, limit: number): Promise<BlockRecord[]>;
  /** The least height of a main block that was checked less far than `level`; undefined when there is none. */
  firstBelow(level: Validation): Promise<number | undefined>;
  /** The coins as they were after the main block of a height; before any block at −1. */
  coinsAt(height: number): CoinView;
  /** All summaries of the main chain, rising by height. */
  summaries(): Promise<PlacedSummary[]>;
  /** How far every block of the main chain was checked: the least of them. Undefined when it has none. */
  validation(): Promise<Validation | undefined>;
  counts(): Promise<StoreCounts>;
}

/** A store that another process writes. Nothing is ever committed to it here. */
export interface FollowedChiaStore extends ChiaStore {
  /** The number of the last commit: a small question. */
  commits(): Promise<number>;
  /** Asks as of one moment, whatever is committed meanwhile; `commit` is the number of the last commit then. */
  moment<T>(ask: (store: ChiaStore, commit: number) => Promise<T>): Promise<T>;
}
