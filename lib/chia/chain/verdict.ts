/**
 * What a validator says of a block. A block is judged with its raw bytes and a view of its ancestors; the answer is a
 * verdict, never an exception, so that full validation can take the place of linkage behind the same shape.
 *
 * @module
 */
import type { Validation } from "../../core/validation.ts";
import type { ErrName } from "../protocol/err.ts";
import type { BlockRecord, FullBlock } from "../types/mod.ts";
import type { AncestorView } from "./view.ts";

/** Why a block is refused: the reference's `Err` name, and which rule of ours found it. */
export interface Refusal {
  readonly ok: false;
  readonly error: ErrName;
  readonly detail: string;
}

/** A block that passed, with the record that follows from it. */
export interface Acceptance {
  readonly ok: true;
  readonly record: BlockRecord;
}

/** The outcome of judging one block. */
export type Verdict = Acceptance | Refusal;

/** A block on its way in: decoded once, with its bytes and its header hash. */
export interface Candidate {
  readonly block: FullBlock;
  readonly raw: Uint8Array;
  readonly headerHash: Uint8Array;
}

/** The one seam where validation plugs in. */
export interface BlockValidator {
  /** How far this validator checks. */
  readonly level: Validation;
  /** Judges a block whose parent the view holds (or a genesis block). @throws MissingAncestor when the view is short */
  judge(candidate: Candidate, view: AncestorView): Verdict;
}

/** Shorthand of a refusal. */
export function refuse(error: ErrName, detail: string): Refusal {
  return { ok: false, error, detail };
}
