/**
 * The beginnings of BIP340's tagged hashes.
 *
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";

/** SHA-256 of the tag, twice: what the message of such a hash begins with. */
export function tagPrefix(tag: string): Uint8Array {
  const once = sha256(new TextEncoder().encode(tag));
  const prefix = new Uint8Array(2 * once.length);
  prefix.set(once);
  prefix.set(once, once.length);
  return prefix;
}
