/**
 * SHA-256, with a backend that the composition root may exchange.
 *
 * @module
 */
import { sha256 as noble } from "@noble/hashes/sha2.js";
import type { Bytes32 } from "./sized.ts";

/** Hashes the concatenation of `parts` into 32 new bytes. */
export type Sha256Backend = (parts: readonly Uint8Array[]) => Uint8Array;

const portable: Sha256Backend = (parts) => {
  if (parts.length === 1) return noble(parts[0]!);
  const state = noble.create();
  for (const part of parts) state.update(part);
  return state.digest();
};

let backend: Sha256Backend = portable;

/** SHA-256 (FIPS 180-4) of the concatenation of `parts`. */
export function sha256(...parts: Uint8Array[]): Bytes32 {
  return backend(parts);
}

/** Takes `implementation` for every later {@link sha256}; without an argument, the portable one again. */
export function useSha256(implementation: Sha256Backend = portable): void {
  backend = implementation;
}
