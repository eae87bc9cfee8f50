/**
 * How long is waited for more before it is written.
 *
 * @module
 */
import type { Database } from "../core/ports.ts";

/**
 * A commit on a server waits for its round trips and its disk, whatever is in it, and questions wait for the commit. At the
 * tip of a chain, where blocks are seconds apart, nothing waits for this.
 */
const SERVER_MS = 25;

/** From one commit to the next, in milliseconds; 0 for a file. */
export const gatherMsOf = ({ dialect }: Database): number => (dialect === "sqlite" ? 0 : SERVER_MS);
