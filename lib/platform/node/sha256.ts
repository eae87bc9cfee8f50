/**
 * SHA-256 where `crypto.hash` costs microseconds a call (Deno, Node): the portable one is quicker for what a node
 * hashes, which is short.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { sha256 as portable } from "@noble/hashes/sha2.js";
import { sha256Each } from "./sha256-each.ts";
import { sha256dMany } from "./sha256-many.ts";
import { sha256Stream } from "./sha256-stream.ts";

/** From here on the native hash makes up for the price of its call. */
const NATIVE_FROM_BYTES = 4_096;

/** SHA-256 (FIPS 180-4) of the concatenation of `parts`. */
export function sha256(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  if (length < NATIVE_FROM_BYTES) {
    if (parts.length === 1) return portable(parts[0]!);
    const state = portable.create();
    for (const part of parts) state.update(part);
    return state.digest();
  }
  const state = createHash("sha256");
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
}

/** Many at once, twice hashed: four to a vector. */
sha256.doubleMany = sha256dMany;

/** Inputs of one size: four to a vector. */
sha256.each = sha256Each;

/** A message piece by piece. */
sha256.stream = sha256Stream;
