/**
 * What a chain is made of, and what it tells.
 *
 * @module
 */
import type { Clock, Random } from "../../core/ports.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { BitcoinStore, FollowedStore } from "../store.ts";
import type { Block } from "../types/block.ts";
import type { AssumeValid } from "./assume-valid.ts";
import type { StorageNotice } from "./patient-commit.ts";
import type { ValidationProgress } from "./revalidation.ts";
import type { FlushedCoins } from "./coin-flush.ts";
import type { ConnectedBlock, KnownBlock, TipMove } from "./tip-move.ts";
import type { BlockValidator } from "./validator.ts";

/** What coins are kept with. */
export interface CoinParts {
  readonly random: Random;
  /** Memory for coins that changed and are not on disk, in bytes. */
  readonly bytesMax: number;
  /**
   * How soon coins that changed at the tip go to disk, for others that read them there; they wait for an hour or for full
   * memory when absent.
   */
  readonly atTipMs?: number;
}

/** What the chain needs. */
export interface BitcoinChainParts {
  readonly network: BitcoinNetwork;
  readonly store: BitcoinStore;
  /** The same store, where another process writes it: this one connects nothing, and takes over what is committed. */
  readonly followed?: FollowedStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  /** Without blocks the active chain is the best header's. */
  readonly headersOnly: boolean;
  /** For a validator that needs coins. */
  readonly coins?: CoinParts;
  /** Whose scripts need not be verified; nobody's when absent. */
  readonly assumeValid?: AssumeValid;
  /** No block above this height is connected. */
  readonly heightMax?: number;
  /** Hears of each block that passed what it is judged by as it comes, and builds on the tip: it is not connected yet. */
  readonly onExtending?: (row: number, block: Block) => void;
  /** Hears of each durable step that moved the tip. */
  readonly onMove?: (move: TipMove) => void;
  /** Hears once a minute, and at the end, how far stored blocks were validated again. */
  readonly onValidation?: (progress: ValidationProgress) => void;
  /** Hears when changed coins were written. */
  readonly onFlush?: (flushed: FlushedCoins) => void;
  /** Hears of trouble with the disk. */
  readonly onStorage?: StorageNotice;
  /** Hears of each block that was connected with its coins, at once: it is not durable yet. */
  readonly onConnected?: (connected: ConnectedBlock) => void;
  /** Hears of each block that was taken back, at once; its parent is the last that is connected then. */
  readonly onDisconnected?: (disconnected: KnownBlock) => void;
  /** Hears of blocks that are refused late, or cannot be connected. */
  readonly onActivation?: (level: "error" | "warning" | "info", text: string) => void;
}
