/**
 * What goes into sorted runs: byte strings under keys of byte strings, in the order of the keys' bytes.
 *
 * @module
 */

/**
 * Takes one entry: key and value as parts of arrays that may change after the call. A `valueLength` of −1 says that the
 * key is gone.
 */
export type TakeEntry = (
  keyBytes: Uint8Array,
  keyAt: number,
  keyLength: number,
  valueBytes: Uint8Array,
  valueAt: number,
  valueLength: number,
) => void;

/** Entries that can be had in the order of their keys. */
export interface SortedEntries {
  /** How many there are. */
  readonly size: number;
  /** Gives every entry to `take`, rising by key, and pauses now and then so that others have their turn. */
  drain(take: TakeEntry): Iterable<void> | AsyncIterable<void>;
}

/** Keys up to this length can be stored. */
export const KEY_BYTES_MAX = 255;

const NOTHING = new Uint8Array();

/** Entries of a list that is in order; undefined is a key that is gone. */
export function entriesOf(list: readonly (readonly [key: Uint8Array, value: Uint8Array | undefined])[]): SortedEntries {
  return {
    size: list.length,
    *drain(take) {
      for (const [key, value] of list) {
        take(key, 0, key.length, value ?? NOTHING, 0, value === undefined ? -1 : value.length);
        yield;
      }
    },
  };
}

/** Which of two parts comes first: below 0, 0 or above 0. A key comes before those that it begins. */
export function compareParts(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
