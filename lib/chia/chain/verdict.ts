/**
 * Blocks on their way in, and why one of them is refused.
 *
 * @module
 */
import type { ErrName } from "../protocol/err.ts";
import type { FullBlock } from "../types/mod.ts";

/** Why a block is refused: the reference's `Err` name, and which rule of ours found it. */
export interface Refusal {
  readonly ok: false;
  readonly error: ErrName;
  readonly detail: string;
}

/** A block on its way in: decoded once, with its bytes and its header hash. */
export interface Candidate {
  readonly block: FullBlock;
  readonly raw: Uint8Array;
  readonly headerHash: Uint8Array;
}

/** Shorthand of a refusal. */
export function refuse(error: ErrName, detail: string): Refusal {
  return { ok: false, error, detail };
}
