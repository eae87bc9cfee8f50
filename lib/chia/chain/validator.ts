/**
 * The one place where block validation plugs in: three steps, each of which may refuse a block.
 *
 * - `link` is synchronous and needs the ancestors: every hash and all arithmetic that bind a block to them.
 * - `prove` needs nothing but what `link` found: proofs of space, VDFs, signatures. It takes its time, may run on other
 *   threads, in any order and for many blocks at once.
 * - `spend` needs the coins after the parent: generator, conditions, coin set. It runs in the order of the chain, and only
 *   for blocks that are to become the main chain.
 *
 * A refusal is a return value. What is thrown is our own fault, or the reason of the signal.
 *
 * @module
 */
import type { Validation } from "../../core/validation.ts";
import type { CoinChanges, CoinView } from "../coin-set.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { Pace } from "./epochs.ts";
import type { Candidate, Refusal } from "./verdict.ts";
import type { AncestorView } from "./view.ts";

/** A block that was linked, with all that its proofs and its spends are held against beside the coins. */
export interface Frame {
  readonly candidate: Candidate;
  readonly record: BlockRecord;
  /** Undefined for a genesis block. */
  readonly parent: BlockRecord | undefined;
  /** Difficulty and sub-slot iterations that hold for the block. */
  readonly pace: Pace;
}

/** A block that linked. */
export interface Linked {
  readonly ok: true;
  readonly frame: Frame;
}

/** A block whose spends are right, and what it does to the coins. */
export interface Spent {
  readonly ok: true;
  readonly coins: CoinChanges;
}

/** Judges blocks. */
export interface BlockValidator {
  /** How far a block is checked that passed all three steps. One that was not spent counts as `linkage` at most. */
  readonly level: Validation;
  /** Links a block whose parent the view holds (or a genesis block). @throws MissingAncestor when the view is short */
  link(candidate: Candidate, view: AncestorView): Linked | Refusal;
  /** Proves blocks: one answer for each frame, undefined for one that is right. Ends early when `signal` aborts. */
  prove(frames: readonly Frame[], signal: AbortSignal): Promise<readonly (Refusal | undefined)[]>;
  /** Holds a block's spends against the coins after its parent. Ends early when `signal` aborts. */
  spend(frame: Frame, coins: CoinView, signal: AbortSignal): Promise<Spent | Refusal>;
}
