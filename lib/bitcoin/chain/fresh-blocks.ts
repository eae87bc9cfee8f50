/**
 * Blocks that have just come and are to be connected next: so that they are not read and decoded once more.
 *
 * @module
 */
import type { Block } from "../types/block.ts";

/** Bytes of blocks that are kept, but for the newest, which is kept whatever it has; the objects that were made of them take several times as much. */
const BYTES_MAX = 64 * 1024;

/** The newest blocks, by their rows. */
export class FreshBlocks {
  readonly #blocks = new Map<number, Block>();
  #bytes = 0;

  /** Keeps a block, and lets go of the oldest ones that there is no room for any more. */
  add(row: number, block: Block): void {
    this.take(row);
    this.#blocks.set(row, block);
    this.#bytes += block.raw.length;
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= BYTES_MAX || oldest === row) return;
      this.take(oldest);
    }
  }

  /** Gives a block away; undefined when it is not there. */
  take(row: number): Block | undefined {
    const block = this.#blocks.get(row);
    if (block === undefined) return undefined;
    this.#blocks.delete(row);
    this.#bytes -= block.raw.length;
    return block;
  }
}
