/**
 * Keeps block data to a size.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { BitcoinChain } from "./chain.ts";
import type { BitcoinStore } from "../store.ts";

/** Blocks below the tip that pruning leaves (Core's MIN_BLOCKS_TO_KEEP). */
const KEEP_BLOCKS = 288;

/** What pruning needs. */
export interface PruningParts {
  readonly chain: BitcoinChain;
  readonly store: BitcoinStore;
  /** Bytes of block data to keep. */
  readonly bytesMax: number;
  /** The height from which on an index still needs the blocks. */
  readonly neededFrom?: (() => number) | undefined;
  readonly failed: (text: string) => void;
}

/** What has been pruned of a chain, by this node or by another. */
export interface ChainPruning {
  /** Height below which block data is gone; 0 when there is all of it. */
  readonly height: number;
  /** Looks once whether there is too much. Never throws; one run at a time. */
  run(): Promise<void>;
  /** Removes all block data below a height that may go. @throws the error of the store */
  below?(height: number): Promise<void>;
}

/** The pruning of a node, if it prunes: `bytesMax` is absent else. */
export function pruningOf(
  { bytesMax, ...parts }: Omit<PruningParts, "bytesMax"> & { readonly bytesMax: number | undefined },
): ChainPruning | undefined {
  if (parts.chain.following !== undefined) return new FollowedPruning(parts.chain);
  return bytesMax === undefined ? undefined : new Pruning({ ...parts, bytesMax });
}

/** Height below which block data is gone, `from` or above; 0 when there is all of it. */
function prunedHeight(chain: Pick<BitcoinChain, "activeAt" | "hasData">, from = 0): number {
  let lowest = Math.max(1, from);
  while (chain.activeAt(lowest) >= 0 && !chain.hasData(chain.activeAt(lowest))) lowest += 1;
  return lowest > 1 ? lowest : 0;
}

/** What another process has pruned of the chain. */
class FollowedPruning implements ChainPruning {
  readonly #chain: Pick<BitcoinChain, "activeAt" | "hasData">;
  #height = 0;

  constructor(chain: Pick<BitcoinChain, "activeAt" | "hasData">) {
    this.#chain = chain;
  }

  /** Height below which block data is gone; 0 when there is all of it. */
  get height(): number {
    return this.#height = prunedHeight(this.#chain, this.#height);
  }

  /** The other process does. */
  async run(): Promise<void> {}
}

/** Removes old block data when the chain moved. */
export class Pruning implements ChainPruning {
  readonly #parts: PruningParts;
  #running = false;
  #height = 0;

  constructor(parts: PruningParts) {
    this.#parts = parts;
    // What an earlier run removed.
    this.#height = prunedHeight(parts.chain);
  }

  /** Height below which block data is gone. */
  get height(): number {
    return this.#height;
  }

  /** Looks once whether there is too much. Never throws; one run at a time. */
  async run(): Promise<void> {
    if (this.#running) return;
    try {
      await this.#prune(this.#parts.bytesMax, Infinity);
    } catch (thrown) {
      this.#parts.failed(messageOf(thrown));
    }
  }

  /** Removes all block data below a height that may go. @throws the error of the store */
  async below(height: number): Promise<void> {
    await this.#prune(0, height);
  }

  async #prune(bytesMax: number, height: number): Promise<void> {
    const { chain, store, neededFrom = () => Infinity } = this.#parts;
    this.#running = true;
    try {
      // What is still to be validated again stays, and so does what coins are made from after a crash.
      const { headers, tip, connected, base, storedCoins = tip, states: { background } } = chain;
      const heightOf = (stored: number) => headers.height(headers.commonAncestor(stored, tip));
      const needed = Math.min(heightOf(storedCoins), heightOf(background?.stored ?? tip), headers.height(base) + 1);
      const last = Math.min(headers.height(tip), headers.height(connected));
      if (needed < last && (await store.counts()).blockBytes > bytesMax) chain.flushCoins();
      const below = Math.min(height, needed, last - KEEP_BLOCKS, neededFrom());
      if (below <= 0) return;
      const rows = await store.prune(bytesMax, below);
      chain.dropData(rows);
      for (const row of rows) this.#height = Math.max(this.#height, chain.headers.height(row) + 1);
    } finally {
      this.#running = false;
    }
  }
}
