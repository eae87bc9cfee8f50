/**
 * Where the coins of a set are: in sorted runs beside the database (`coin-runs.ts`), or in a table of it
 * (`table-coins.ts`). Of which block they are is `coin-set.ts`'s to know.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { CoinReading, StagedCoins } from "../store.ts";

/** Of which block a set of coins is. */
export type CoinMoment = Pick<CoinReading, "at" | "transactions">;

/** The coins of one set, by keys of up to 255 bytes. */
export interface CoinBytes {
  /**
   * The coins of keys, in the order of the question; undefined where there is none. Waits for no step that is being
   * committed, where that can be.
   * @throws NodeError `DATABASE_DAMAGED`
   */
  get(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Bytes that all of them take on disk. */
  bytes(): Promise<number>;
  /** Reads all of one moment, which `momentOf` finds in the database, as often as `use` likes. */
  read<T>(
    momentOf: (database: Database) => Promise<CoinMoment>,
    use: (reading: CoinReading) => Promise<T>,
  ): Promise<T>;
  /** Lays changes ready that count from the step on that names them. */
  stage(changes: SortedEntries): Promise<StagedCoins>;
  /**
   * Lays all coins of a set ready in which no step has named any, however many they are. Coins that an earlier call left
   * there are gone.
   */
  load(coins: SortedEntries): Promise<StagedCoins>;
  /** Names what lies ready, inside the step's transaction, which may be run again. */
  name(within: Database, staged: StagedCoins): Promise<void>;
  /** The step is committed: what it named counts. */
  named(staged: StagedCoins): Promise<void>;
  /** Resolves when nothing is left that is done in the background. */
  rest(): Promise<void>;
  /** Ends what goes on by itself: from now on steps alone change it. */
  halt(): Promise<void>;
  /** Removes what no step has named. */
  clean(): Promise<void>;
  /** Ends what goes on by itself, and what is open. */
  close(): Promise<void>;
}
