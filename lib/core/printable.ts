/**
 * Text that a peer chose, made fit for logs and RPC.
 *
 * @module
 */

/** The longest that either network's handshake allows its name of a program to be. */
const LENGTH_MAX = 256;

/** Peer text without control and format characters, and short. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}]/gu, "").slice(0, LENGTH_MAX);
}
