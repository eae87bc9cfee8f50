/**
 * How far the blocks of the active chain were checked. The status of a block says it and is stored with its header, so
 * that a chain that was synced by a program that checked less never passes for one that was checked in full.
 *
 * @module
 */
import { type Validation, ValidationCounts } from "../../core/validation.ts";
import { type HeaderChain, HeaderStatus } from "../headers/header-chain.ts";

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
