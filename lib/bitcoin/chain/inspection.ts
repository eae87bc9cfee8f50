/**
 * Examines the chain while it stands still: verifies stored blocks once more, and tries a block that might be the next.
 *
 * @module
 */
import type { Clock, Random } from "../../core/ports.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { BitcoinStore } from "../store.ts";
import type { Block } from "../types/block.ts";
import type { Activation } from "./activate.ts";
import { tryBlock } from "./block-trial.ts";
import { type CoinState, NO_COINS } from "./coins.ts";
import type { ChainCommit } from "./commit.ts";
import type { BlockValidator } from "./validator.ts";
import { type Verification, type VerificationLevel, verifyBlocks } from "./verification.ts";

/** What is needed to look. */
export interface InspectionParts {
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  readonly store: BitcoinStore;
  readonly clock: Clock;
  readonly commit: ChainCommit;
  readonly activation: Activation;
  readonly coins: CoinState | undefined;
  readonly random?: Random;
  /** Memory for coins, in bytes. */
  readonly bytesMax?: number;
}

/** Looks. */
export class Inspection {
  readonly #parts: InspectionParts;

  constructor(parts: InspectionParts) {
    this.#parts = parts;
  }

  /**
   * Verifies the last blocks once more, 0 for all. Undefined when no coins are kept.
   * @throws the signal's reason, or that of the chain's end
   */
  async verify(level: VerificationLevel, blocks: number, signal: AbortSignal): Promise<Verification | undefined> {
    const { activation, coins, store, commit, random, bytesMax } = this.#parts;
    if (coins === undefined || random === undefined || bytesMax === undefined) return undefined;
    return await activation.whileStill((closing) =>
      verifyBlocks(
        {
          ...{ ...this.#parts, random, coins, bytesMax, head: coins.at },
          block: async (row) => commit.rawOf(row) ?? await store.block(row),
          undo: async (row) => commit.undoOf(row) ?? await store.coinUndo(row),
          signal: AbortSignal.any([signal, closing]),
        },
        level,
        blocks,
      )
    );
  }

  /** Why a block could not be the next one; undefined when it could. It needs no proof of work. @throws as {@link verify} does */
  async try(block: Block, signal: AbortSignal): Promise<Refusal | undefined> {
    const { activation, coins = NO_COINS, clock } = this.#parts;
    return await activation.whileStill((closing) =>
      tryBlock({
        ...{ ...this.#parts, coins, head: activation.head, now: Math.floor(clock.now() / 1000) },
        signal: AbortSignal.any([signal, closing]),
      }, block)
    );
  }
}
