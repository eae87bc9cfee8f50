/**
 * How far the blocks of the active chain were checked. The status of a block says it and is stored with its header, so
 * that a chain that was synced by a program that checked less never passes for one that was checked in full.
 *
 * @module
 */
import { type Validation, ValidationCounts } from "../../core/validation.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";
import type { ChainCommit } from "./commit.ts";
import type { BlockValidator } from "./validator.ts";

/** How far the block of a status was checked. */
export function levelOf(status: number): Validation {
  if ((status & HeaderStatus.full) !== 0) return "full";
  return (status & HeaderStatus.structure) !== 0 ? "structure" : "headers";
}

/** The bits of a block that a validator of this level let through. */
export function bitsOf(level: Validation): number {
  return HeaderStatus.structure | (level === "full" ? HeaderStatus.full : 0);
}

/** The levels of the active chain's blocks, but for genesis, which nobody checks. */
export class ActiveLevels {
  readonly #headers: HeaderChain;
  readonly #counts = new ValidationCounts();

  constructor(headers: HeaderChain) {
    this.#headers = headers;
  }

  /** The least of them; undefined for a chain of genesis alone. */
  get least(): Validation | undefined {
    return this.#counts.least;
  }

  /** A block of the chain that counted as checked so far was checked further. */
  change(before: Validation, after: Validation): void {
    this.#counts.leave(before);
    this.#counts.join(after);
  }

  /** The tip moved from one row to another, and `fork` is the last that both chains have. */
  move(from: number, fork: number, to: number): void {
    const headers = this.#headers;
    for (let row = from; row !== fork; row = headers.parent(row)) this.#counts.leave(levelOf(headers.status(row)));
    for (let row = to; row !== fork; row = headers.parent(row)) this.#counts.join(levelOf(headers.status(row)));
  }
}

/** What {@link raiseLevel} needs. */
export interface RaisingParts {
  readonly headers: HeaderChain;
  readonly validator: Pick<BlockValidator, "level">;
  readonly commit: Pick<ChainCommit, "mark">;
  readonly levels: ActiveLevels;
  /** Whether a row is on the durable active chain. */
  readonly isActive: (row: number) => boolean;
}

/** The block of a row passed: it counts as checked as far as the validator checks, unless it is gone. */
export function raiseLevel({ headers, validator, commit, levels, isActive }: RaisingParts, row: number): void {
  const before = levelOf(headers.status(row));
  const hasData = (headers.status(row) & HeaderStatus.data) !== 0;
  commit.mark(row, HeaderStatus.connected | (hasData ? bitsOf(validator.level) : 0));
  const after = levelOf(headers.status(row));
  if (after !== before && isActive(row)) levels.change(before, after);
}
