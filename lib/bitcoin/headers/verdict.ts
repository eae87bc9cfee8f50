/**
 * What is said of headers and blocks that do not pass: Core's reject reason, and the class by which a peer is judged.
 *
 * @module
 */

/**
 * Who is to blame, in the terms of Core's BlockValidationResult.
 *
 * - `consensus`: the block breaks a rule; its hash is remembered as invalid.
 * - `invalid_header`: the header breaks a rule.
 * - `cached_invalid`: known already to be invalid.
 * - `invalid_prev`: builds on an invalid block.
 * - `missing_prev`: its parent is not known.
 * - `time_future`: too far ahead of our clock; may pass later, and nobody is blamed.
 * - `mutated`: the body is not the one that the header commits to. The hash stays good: another body may fit it.
 * - `checkpoint`: leaves the chain before a checkpoint.
 */
export type BlockResult =
  | "consensus"
  | "invalid_header"
  | "cached_invalid"
  | "invalid_prev"
  | "missing_prev"
  | "time_future"
  | "mutated"
  | "checkpoint";

/** Why a header or a block is refused. */
export interface Refusal {
  readonly ok: false;
  readonly result: BlockResult;
  /** Core's reject reason, as `submitblock` tells it: `bad-diffbits`. */
  readonly reason: string;
  /** A sentence for the log. */
  readonly detail: string;
}

/** Shorthand of a refusal. */
export function refuse(result: BlockResult, reason: string, detail: string): Refusal {
  return { ok: false, result, reason, detail };
}
