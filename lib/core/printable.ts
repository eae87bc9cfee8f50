/**
 * Text that a peer chose, made fit for logs and RPC.
 *
 * @module
 */

/** The longest that either network's handshake allows its name of a program to be. */
const LENGTH_MAX = 256;

/**
 * Peer text with only the characters that mean nothing to any reader of it (a terminal, a page, a shell), and short.
 *
 * @see Bitcoin Core `util/strencodings.cpp` SanitizeString, SAFE_CHARS_DEFAULT
 */
export function printable(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9 .,;\-_/:?@()]/g, "").slice(0, LENGTH_MAX);
}
