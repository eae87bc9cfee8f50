/**
 * The hashes of Bitcoin, and the two orders in which they are written.
 *
 * @module
 */
import { ripemd160 } from "@noble/hashes/legacy.js";
import { fromHex, toHex } from "../codec/hex.ts";
import { sha256 } from "../codec/sha256.ts";
import type { Bytes32, Sized } from "../codec/sized.ts";

/** SHA-256 of SHA-256 of the concatenation of `parts`: block hashes, txids, Merkle nodes, checksums. */
export function sha256d(...parts: Uint8Array[]): Bytes32 {
  return sha256(sha256(...parts));
}

/** RIPEMD-160 of SHA-256: 20 bytes, what P2PKH, P2SH and P2WPKH outputs commit to. */
export function hash160(bytes: Uint8Array): Sized<20> {
  return ripemd160(sha256(bytes));
}

const tags = new Map<string, Uint8Array>();

/** SHA-256 of the tag, twice: what the message of a tagged hash begins with. Not to be written to. */
export function tagPrefix(tag: string): Uint8Array {
  let prefix = tags.get(tag);
  if (prefix === undefined) {
    const once = sha256(new TextEncoder().encode(tag));
    prefix = new Uint8Array(64);
    prefix.set(once);
    prefix.set(once, 32);
    tags.set(tag, prefix);
  }
  return prefix;
}

/** SHA-256(SHA-256(tag) ‖ SHA-256(tag) ‖ parts), the tagged hash of BIP340. `tag` is one of the few that BIPs name. */
export function taggedHash(tag: string, ...parts: Uint8Array[]): Bytes32 {
  return sha256(tagPrefix(tag), ...parts);
}

/** 32 zero bytes: the parent of a genesis block, the outpoint of a coinbase. Not to be written to. */
export const ZERO_HASH: Bytes32 = new Uint8Array(32);

/** A hash as people see it: lower-case hex, bytes reversed from the order of the wire. */
export function toDisplayHex(hash: Uint8Array): string {
  return toHex(hash.slice().reverse());
}

/** The bytes of {@link toDisplayHex}'s text, in the order of the wire. Throws when `text` is not hex. */
export function fromDisplayHex(text: string): Uint8Array {
  return fromHex(text).reverse();
}
