/**
 * The blocks that this run of the program has proven, and their givers: a block beside the main chain may be found wrong long
 * after it came, when its branch becomes the heaviest and is spent.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { BlockGiver, Step } from "./flight.ts";
import type { Frame } from "./validator.ts";

/** Blocks that are remembered; the oldest go first. What goes is proven again, and its giver is not charged. */
const BLOCKS_MAX = 4_096;

/** The memory. */
export class RecentProofs {
  readonly #givers = new Map<string, BlockGiver | null>();

  /** Blocks of a run were proven. */
  proven(frames: readonly Frame[], step: Step): void {
    for (const { record, candidate } of frames) this.#givers.set(toHex(record.headerHash), step.giverOf(candidate));
    for (const key of this.#givers.keys()) {
      if (this.#givers.size <= BLOCKS_MAX) break;
      this.#givers.delete(key);
    }
  }

  /** Whether a block was proven by this run of the program. */
  has({ headerHash }: BlockRecord): boolean {
    return this.#givers.has(toHex(headerHash));
  }

  /** The giver of a block; null when it is not known. */
  giverOf({ headerHash }: BlockRecord): BlockGiver | null {
    return this.#givers.get(toHex(headerHash)) ?? null;
  }
}
