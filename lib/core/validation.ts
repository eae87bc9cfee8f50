/**
 * How far a chain was checked. Rising order; nothing is ever reported above what was checked.
 * Numbers are stored in the database and never change meaning.
 *
 * - `headers`: proof of work or header hashes only.
 * - `linkage`: Chia: every hash that binds a block to its parent and its body, and the arithmetic between them.
 * - `structure`: Bitcoin: every block rule that needs no earlier output.
 * - `full`: everything the reference node checks.
 */
export const Validation = { headers: 1, linkage: 2, structure: 3, full: 4 } as const;
/** The name of a level, as RPC and CLI print it. */
export type Validation = keyof typeof Validation;
