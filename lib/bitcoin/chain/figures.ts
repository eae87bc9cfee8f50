/**
 * What validation has done since the start, and what its coins take up: for metrics and progress.
 *
 * @module
 */
import type { ChainstateManager } from "./chainstates.ts";
import type { BlockValidator } from "./validator.ts";

/** Counts since the start, and memory now. */
export interface ValidationFigures {
  /** Blocks that were connected. */
  readonly connectedBlocks: number;
  /** Inputs whose scripts were verified, and those that were known to be good. */
  readonly verifiedInputs: number;
  readonly cachedInputs: number;
  /** Bytes that changed coins take up in memory, and may. */
  readonly coinBytes: number;
  readonly coinBytesMax: number;
  /** Coins that were asked for, and those of them that memory knew. */
  readonly coinsAsked: number;
  readonly coinsFromMemory: number;
  /** Times that changed coins were written, how many they were, and how long it took in milliseconds. */
  readonly flushes: number;
  readonly flushedCoins: number;
  readonly flushMs: number;
}

/** The figures of the active chain; undefined where no coins are kept. */
export function validationFigures(
  states: ChainstateManager,
  validator: BlockValidator,
): ValidationFigures | undefined {
  const { coins, flush, activation, coinBytesMax } = states;
  if (coins === undefined || flush === undefined) return undefined;
  const { verifiedInputs = 0, cachedInputs = 0 } = validator.counts ?? {};
  return {
    connectedBlocks: activation.connectedBlocks,
    verifiedInputs,
    cachedInputs,
    coinBytes: coins.bytesHeld,
    coinBytesMax,
    coinsAsked: coins.reads.asked,
    coinsFromMemory: coins.reads.fromMemory,
    ...flush.totals,
  };
}
