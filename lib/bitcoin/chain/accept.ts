/**
 * The first step of a block: judged when it arrives, without coins and at once, kept, and given a place in the tree of
 * blocks that are there. A block whose ancestors are all there is a candidate for the active chain.
 *
 * @see Bitcoin Core `validation.cpp` (AcceptBlock, ReceivedBlockTransactions)
 * @module
 */
import { ownBytes } from "../../codec/own.ts";
import type { Validation } from "../../core/validation.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import { type Refusal, refuse } from "../headers/verdict.ts";
import type { Block } from "../types/block.ts";
import type { ChainCommit } from "./commit.ts";
import { levelOf } from "./levels.ts";
import type { BlockGiver, BlockSources } from "./sources.ts";
import { type BlockValidator, blockView } from "./validator.ts";

/** What became of a block. */
export interface BlockResult {
  readonly refusal?: Refusal;
  /** It was there already. */
  readonly duplicate: boolean;
  /** Resolves when what followed from the block is durable; rejects when it could not be stored. */
  readonly stored: Promise<void>;
}

/** What accepting needs. */
export interface AcceptanceParts {
  readonly headers: HeaderChain;
  readonly validator: BlockValidator;
  readonly commit: ChainCommit;
  readonly sources: BlockSources;
  /** A block counts as checked further than before. */
  readonly leveled: (row: number, before: Validation, after: Validation) => void;
  /** Hears of blocks whose ancestors are all there, the first of them with what it is. */
  readonly complete: (rows: readonly number[], block: Block) => void;
}

/** Takes blocks in. */
export class Acceptance {
  readonly #parts: AcceptanceParts;
  /** Blocks that are there and whose parent's chain is not complete, by the parent's row. */
  readonly #waiting = new Map<number, number[]>();
  /** Rows whose block and all blocks before it are or were there. */
  #linked = new Uint8Array(1_024);

  constructor(parts: AcceptanceParts) {
    this.#parts = parts;
  }

  /** Whether the block of a row and all blocks before it are or were there. */
  isLinked(row: number): boolean {
    return this.#linked[row] === 1;
  }

  /** The blocks up to a snapshot's are taken as there: what is built on it may be connected. */
  assume(row: number): void {
    if (!this.isLinked(row)) this.#reach(row);
  }

  /** Finds out which stored blocks have all their ancestors; at start. */
  resume(): void {
    const { headers } = this.#parts;
    for (let row = 0; row < headers.length; row++) {
      if ((headers.status(row) & HeaderStatus.structure) === 0) continue;
      const parent = headers.parent(row);
      if (parent < 0 || this.isLinked(parent)) this.#setLinked(row);
      else this.#wait(parent, row);
    }
  }

  /** Keeps the genesis block, which nobody judges. */
  begin(raw: Uint8Array): void {
    const { commit, headers } = this.#parts;
    commit.mark(0, HeaderStatus.data | HeaderStatus.structure | HeaderStatus.connected);
    commit.pending.blocks.push({ row: 0, height: 0, hash: headers.hash(0), raw });
    this.#setLinked(0);
  }

  /** See {@link BitcoinChain.addBlock}. */
  add(row: number, block: Block, giver: BlockGiver | undefined): BlockResult {
    const { headers, validator, commit, sources, leveled } = this.#parts;
    const stored = Promise.resolve();
    if (commit.hasFailed) return { duplicate: false, stored: commit.failed() };
    const status = headers.status(row);
    if ((status & HeaderStatus.data) !== 0) return { duplicate: true, stored };
    if (headers.isInvalid(row)) {
      return { duplicate: true, stored, refusal: refuse("cached_invalid", "duplicate-invalid", "known to be invalid") };
    }
    const height = headers.height(row);
    const verdict = validator.check(block, blockView(headers, row));
    if (!verdict.ok) {
      if (verdict.result === "consensus") commit.condemn(row);
      return { refusal: verdict, duplicate: false, stored };
    }
    commit.mark(row, HeaderStatus.data | HeaderStatus.structure);
    leveled(row, levelOf(status), levelOf(headers.status(row)));
    const { pending } = commit;
    pending.blocks.push({ row, height, hash: headers.hash(row), raw: ownBytes(block.raw) });
    pending.bytes += block.raw.length;
    // One that was connected before, and pruned, is not judged again.
    if (giver !== undefined && (status & HeaderStatus.connected) === 0) sources.add(row, giver);
    this.#link(row, block);
    return { duplicate: false, stored: commit.soon() };
  }

  /** Completes the chain up to a row, if its parent's is, and whatever waited for that. */
  #link(row: number, block: Block): void {
    const parent = this.#parts.headers.parent(row);
    if (!this.isLinked(parent)) return this.#wait(parent, row);
    this.#parts.complete(this.#reach(row), block);
  }

  /** A row and what waited for it have all their ancestors now. */
  #reach(row: number): readonly number[] {
    const reached = [row];
    this.#setLinked(row);
    for (let i = 0; i < reached.length; i++) {
      const children = this.#waiting.get(reached[i]!) ?? [];
      this.#waiting.delete(reached[i]!);
      for (const child of children) {
        this.#setLinked(child);
        reached.push(child);
      }
    }
    return reached;
  }

  #wait(parent: number, row: number): void {
    const waiting = this.#waiting.get(parent);
    if (waiting === undefined) this.#waiting.set(parent, [row]);
    else waiting.push(row);
  }

  #setLinked(row: number): void {
    if (row >= this.#linked.length) {
      const grown = new Uint8Array(Math.max(row + 1, this.#linked.length * 2));
      grown.set(this.#linked);
      this.#linked = grown;
    }
    this.#linked[row] = 1;
  }
}
