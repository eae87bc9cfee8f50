/**
 * What a node of Bitcoin keeps.
 *
 * @module
 */

/** What is kept and checked. `headers`: headers only; `filters`: and what the watch list matches; `full`: all blocks. */
export type BitcoinMode = "headers" | "filters" | "full";
