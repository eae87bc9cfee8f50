/**
 * Where the bytes of blocks are: in files beside the database (`file-blocks.ts`), or in the database itself
 * (`table-blocks.ts`). Both name a block by its row in the header tree, inside the transaction of the commit that it comes
 * with, so that it is there with the rest of its step or not at all.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";
import type { NewBlock } from "../store.ts";

/** Blocks that lie ready for a commit: made by {@link BlockBytes.stage}, for the same {@link BlockBytes}. */
export interface StagedBlocks {
  /** Those that were not stored before, each once. */
  readonly blocks: readonly NewBlock[];
}

/** What {@link BlockBytes.prune} took away, for the same {@link BlockBytes}. */
export interface PrunedBlocks {
  /** The header rows of its blocks. */
  readonly rows: readonly number[];
}

/** A block that was found where bytes are, whether or not anything names it. */
export interface FoundBlock {
  /** The whole block in wire order, or its first 80 bytes. */
  readonly bytes: Uint8Array;
  /** Whether a header row names it. */
  isNamed(): Promise<boolean>;
  /** The next commit of the block in this very memory names it where it lies, and does not write it again. */
  adopt(): void;
}

/** The bytes of all blocks of one store, which makes one call that changes them after another. */
export interface BlockBytes {
  /**
   * Lays blocks ready, durably where they are not part of the transaction; those that are stored are left out. They count
   * from the commit on whose transaction names them; without it the next call takes their room.
   */
  stage(blocks: readonly NewBlock[]): Promise<StagedBlocks>;
  /** Names blocks. Inside the commit's transaction, which may be run again. */
  name(within: Database, staged: StagedBlocks): Promise<void>;
  /** The transaction that named them is committed. */
  named(staged: StagedBlocks): void;
  /**
   * The bytes of a block, held against their checksum; undefined when it is not stored (any more).
   * @throws NodeError `DATABASE_DAMAGED` when they are not those that were stored
   */
  read(row: number): Promise<Uint8Array | undefined>;
  /** The size of a stored block in bytes. */
  size(row: number): Promise<number | undefined>;
  /**
   * Forgets blocks, the lowest first and none at or above `belowHeight`, until at most `bytesMax` bytes are left or no more
   * may go. Inside a transaction.
   */
  prune(within: Database, bytesMax: number, belowHeight: number): Promise<PrunedBlocks>;
  /** The transaction that forgot them is committed: their room may be given back. */
  pruned(gone: PrunedBlocks): Promise<void>;
  /** Whether bytes are there though the database knows no header, as when it was lost and the files were not. */
  isOrphaned(): Promise<boolean>;
  /** No header names any block from now on, and all bytes are kept to be found again. Inside a transaction. */
  setAside(within: Database): Promise<void>;
  /**
   * Takes up what is named. Bytes that nothing names are removed, or kept while blocks are being named anew.
   * @throws NodeError `DATABASE_DAMAGED` when named bytes are missing
   */
  resume(isReindexing: boolean): Promise<void>;
  /**
   * Goes through all blocks that may not be named yet, in the order in which they came. With `block` each is held against its
   * checksum; with `header` only its first 80 bytes are read. `onDamage` hears of each place that has no good block.
   */
  scan(part: "block" | "header", onDamage?: () => void): AsyncIterable<FoundBlock>;
  /** Ends what it holds open. */
  close(): Promise<void>;
}
