/**
 * What the loop that moves the tip is made of.
 *
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { BitcoinStore } from "../store.ts";
import type { AssumeValid } from "./assume-valid.ts";
import type { CoinFlush } from "./coin-flush.ts";
import type { CoinState } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import type { ActiveLevels } from "./levels.ts";
import type { ValidationProgress } from "./revalidation.ts";
import type { BlockSources } from "./sources.ts";
import type { ConnectedBlock, KnownBlock } from "./tip-move.ts";
import type { BlockValidator } from "./validator.ts";

/** What activation needs. */
export interface ActivationParts {
  readonly headers: HeaderChain;
  readonly store: BitcoinStore;
  readonly validator: BlockValidator;
  readonly clock: Clock;
  readonly commit: ChainCommit;
  readonly sources: BlockSources;
  readonly levels: ActiveLevels;
  /** The coins, for a validator that needs them. */
  readonly coins: CoinState | undefined;
  /** What brings them to disk. */
  readonly coinFlush: CoinFlush | undefined;
  /** Whose scripts need not be verified. */
  readonly assumeValid: AssumeValid | undefined;
  /** Without blocks the active chain is the best header's, and nothing is connected. */
  readonly headersOnly: boolean;
  /** Whether a block and all before it are or were there. */
  readonly isLinked: (row: number) => boolean;
  /** Whether a row is on the durable active chain. */
  readonly isActive: (row: number) => boolean;
  /** The block of a snapshot that is not validated: nothing before it can be taken back, and so no other branch is taken. */
  readonly base: number | undefined;
  /** No block above this height is connected. */
  readonly heightMax?: number | undefined;
  /** Hears when nothing is left to be connected for now. */
  readonly rested: () => void;
  /** Hears of each block that was connected with its coins. */
  readonly onConnected?: ((connected: ConnectedBlock) => void) | undefined;
  /** Hears of each block that was taken back with its coins. */
  readonly onDisconnected?: ((disconnected: KnownBlock) => void) | undefined;
  /** Hears once a minute, and at the end, how far stored blocks were connected again. */
  readonly onValidation?: ((progress: ValidationProgress) => void) | undefined;
  readonly notice: (level: "error" | "warning" | "info", text: string) => void;
}
