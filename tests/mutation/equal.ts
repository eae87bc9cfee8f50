/**
 * Mutants that nobody can notice, each with the argument. Found again by content: the line as it is and as it would
 * become, with single spaces.
 *
 * @module
 */

/** One mutant that behaves as the source does. */
export interface Equal {
  readonly file: string;
  readonly was: string;
  readonly becomes: string;
  readonly why: string;
}

/** The list. */
export const EQUAL: readonly Equal[] = [];
