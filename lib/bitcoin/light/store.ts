/**
 * What the light client asks of a store. Heights are of the active chain; the store knows no headers, so the code that writes
 * says which block the last filter header belongs to.
 *
 * @module
 */
import type { NewEvent } from "../../storage/events.ts";
import type { Match, NewMatch, Watched } from "./service.ts";

/** One atomic step: all of it is there after a crash, or none. Done in the order of the fields. */
export interface LightStep {
  /** Matches above a height are gone: their blocks left the active chain. Each leaves the event that `event` makes of it. */
  readonly undone?: { readonly above: number; readonly event?: (match: Match) => NewEvent };
  /** What was searched above this height has to be searched again. */
  readonly rewind?: number;
  /** Filter headers, 32 bytes each, that take the place of all from `startHeight` on; there may be none. */
  readonly filterHeaders?: {
    readonly startHeight: number;
    readonly bytes: Uint8Array;
    /** The block of the last filter header that is there now, in wire order. */
    readonly tipHash: Uint8Array;
  };
  /** Scripts to forget, with their matches. */
  readonly unwatch?: readonly Uint8Array[];
  /** Scripts to watch, or whose `from` and `scanned` change. */
  readonly watch?: readonly Watched[];
  /** New matches; ids are given in this order. */
  readonly matches?: readonly NewMatch[];
  /** Everything that is watched was searched up to this height, if it was not further already. */
  readonly scanned?: number;
  /** Events that become visible together with the rest. */
  readonly events?: readonly NewEvent[];
}

/** The store of the light client of one network. */
export interface LightStore {
  /** Filter headers from height 0 on, 32 bytes each, without gaps, page by page. */
  filterHeaders(): AsyncIterable<Uint8Array>;
  /** The block of the last filter header in wire order; undefined in an empty store. */
  tipHash(): Promise<Uint8Array | undefined>;
  watched(): Promise<readonly Watched[]>;
  /** Makes one step durable, or rejects and changes nothing. */
  commit(step: LightStep): Promise<void>;
  /** Matches with an id above `since`, rising, at most `limit`. */
  matches(since: number, limit: number): Promise<readonly Match[]>;
  /** Matches in one block. */
  matchesIn(hash: Uint8Array): Promise<readonly Match[]>;
  /** The payments to watched scripts that these transactions made. */
  payments(txids: readonly Uint8Array[]): Promise<readonly Match[]>;
}
