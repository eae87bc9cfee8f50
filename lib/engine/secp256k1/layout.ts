/**
 * Where the module's memory has what: signatures that are to be verified, and what is worked out of each.
 *
 * @module
 */
import type { Module, Pointer } from "../assembler/mod.ts";
import { ELEMENT_BYTES } from "./field.ts";
import { SCALAR_BYTES } from "./scalar.ts";

/** Signatures of one call. */
export const BATCH_MAX = 1_024;

/**
 * One signature as it is handed over; numbers of 32 bytes, big-endian. `message`: the digest of ECDSA, the challenge of
 * BIP340. `kind`: see {@link KIND}. `verdict`: 1 when it is good. A tweak has the tweaked key's x in `r`, the tweak in `s`,
 * and in the first byte of `y` whether the tweaked key's y is odd.
 */
export const ITEM = { message: 0, r: 32, s: 64, x: 96, y: 128, kind: 160, verdict: 164, bytes: 176 } as const;

/** Kinds of items: those with x-only keys (BIP340, BIP341), and ECDSA's by the first byte of the public key. */
export const KIND = {
  bad: -1,
  schnorr: 0,
  tweak: 1,
  even: 2,
  odd: 3,
  uncompressed: 4,
  hybridEven: 6,
  hybridOdd: 7,
} as const;

/** The numbers of one signature as words. `s` becomes its inverse for ECDSA; `z` and `y` the point's for BIP340. */
export const WORK = { x: 0, y: 32, r: 64, s: 96, e: 128, z: 160, bytes: 192 } as const;

/** Memory of signatures. */
export interface Batch {
  readonly items: Pointer;
  readonly work: Pointer;
  /** Addresses, four bytes each: numbers that are inverted together, or keys whose tables are made together. */
  readonly list: Pointer;
  /** A product of inverses in the making for each. */
  readonly products: Pointer;
}

/** Sets it aside. */
export function batchMemory(module: Module): Batch {
  return {
    items: module.reserve("items", ITEM.bytes * BATCH_MAX),
    work: module.reserve("work", WORK.bytes * BATCH_MAX),
    list: module.reserve("list", 4 * BATCH_MAX),
    products: module.reserve("products", Math.max(ELEMENT_BYTES, SCALAR_BYTES) * BATCH_MAX),
  };
}
