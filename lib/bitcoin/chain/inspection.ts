/**
 * Blocks that are verified while the chain stands still: stored ones once more, and one that might be the next.
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

/** By what blocks are verified. */
export interface InspectionParts {
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  readonly store: BitcoinStore;
  readonly clock: Clock;
  readonly commit: ChainCommit;
  readonly activation: Activation;
  readonly coins: CoinState | undefined;
  /** The block of a snapshot that is not validated. */
  readonly base: number | undefined;
  readonly random?: Random;
  /** Memory for coins, in bytes. */
  readonly bytesMax?: number;
  readonly notice: (level: "warning" | "info", text: string) => void;
}

/** Verifies blocks. */
export class Inspection {
  readonly #parts: InspectionParts;

  constructor(parts: InspectionParts) {
    this.#parts = parts;
  }

  /**
   * Verifies the last blocks once more, 0 for all, and tells the log what was found. Undefined when no coins are kept.
   * @throws the signal's reason, or that of the chain's end
   */
  async verify(level: VerificationLevel, blocks: number, signal: AbortSignal): Promise<Verification | undefined> {
    const { activation, coins, store, commit, random, bytesMax, notice } = this.#parts;
    if (coins === undefined || random === undefined || bytesMax === undefined) return undefined;
    const block = async (row: number) => commit.rawOf(row) ?? await store.block(row, true);
    const undo = async (row: number) => commit.undoOf(row) ?? await store.coinUndo(row);
    const found = await activation.whileStill((closing) => {
      const parts = { ...this.#parts, random, coins, bytesMax, block, undo, head: coins.at };
      return verifyBlocks({ ...parts, signal: AbortSignal.any([signal, closing]) }, level, blocks);
    });
    const { isRight, problem = "all is right" } = found;
    notice(isRight ? "info" : "warning", `${found.blocks} blocks were verified: ${problem}`);
    return found;
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
