/**
 * What the index of block filters asks of a store, and the store in memory. A filter goes by the hash of its block: it
 * follows from the blocks up to that one and nothing else, so that it is right in whatever database it is found.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";

/** What is kept of a filter beside its bytes. */
export interface FilterHead {
  /** The hash of the filter, which filter headers commit to. */
  readonly filterHash: Uint8Array;
  /** The filter header (BIP157). */
  readonly filterHeader: Uint8Array;
}

/** The filter of a block. Hashes are in wire order. */
export interface FilterEntry extends FilterHead {
  readonly blockHash: Uint8Array;
  /** The filter as it is sent. */
  readonly filter: Uint8Array;
}

/** A store of filters. */
export interface FilterStore {
  /** Keeps filters, or rejects and keeps none of them. One that is there already is replaced. */
  put(entries: readonly FilterEntry[]): Promise<void>;
  /** The filter of a block. */
  entry(blockHash: Uint8Array): Promise<FilterEntry | undefined>;
  /** What belongs to the filters of blocks, in the order of the question; undefined where there is none. */
  heads(blockHashes: readonly Uint8Array[]): Promise<readonly (FilterHead | undefined)[]>;
}

/** {@link FilterStore} in a map. */
export class MemoryFilterStore implements FilterStore {
  readonly #entries = new Map<string, FilterEntry>();

  put(entries: readonly FilterEntry[]): Promise<void> {
    for (const entry of entries) this.#entries.set(toHex(entry.blockHash), entry);
    return Promise.resolve();
  }

  entry(blockHash: Uint8Array): Promise<FilterEntry | undefined> {
    return Promise.resolve(this.#entries.get(toHex(blockHash)));
  }

  heads(blockHashes: readonly Uint8Array[]): Promise<readonly (FilterHead | undefined)[]> {
    const found = blockHashes.map((hash) => this.#entries.get(toHex(hash)));
    return Promise.resolve(
      found.map((entry) => entry && { filterHash: entry.filterHash, filterHeader: entry.filterHeader }),
    );
  }
}
