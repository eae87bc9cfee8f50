/**
 * Comparing secrets.
 *
 * @module
 */
import { sha256 } from "../codec/sha256.ts";

/** Compares in a time that tells nothing: over the hashes, which have one length and cannot be steered. */
export function sameSecret(given: string, wanted: string): boolean {
  const encoder = new TextEncoder();
  const a = sha256(encoder.encode(given));
  const b = sha256(encoder.encode(wanted));
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
