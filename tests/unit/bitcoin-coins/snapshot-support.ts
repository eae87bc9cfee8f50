/** Coins as a store gives them. */
import type { MergedEntry } from "../../../lib/storage/runs/merging.ts";

/** The entry of a key and its value. */
export const entryOf = (key: Uint8Array, bytes: Uint8Array): MergedEntry => ({
  ...{ key, keyLength: key.length, bytes },
  ...{ valueAt: 0, valueLength: bytes.length },
});
