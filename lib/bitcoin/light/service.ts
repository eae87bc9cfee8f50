/**
 * What the outside may ask of a node that runs on block filters, and the commands it may give.
 *
 * @see BIP157, "Client Operation"
 * @module
 */

/** A script that is watched. */
export interface Watched {
  /** The scriptPubKey. */
  readonly script: Uint8Array;
  /** The lowest height at which it can have been paid: its birth. Payments below, and what spends them, are not looked for. */
  readonly from: number;
  /** The height up to which all of the chain from {@link Watched.from} on was searched for it; `from` − 1 before the first. */
  readonly scanned: number;
}

/** An output that a transaction of the active chain made, or an input of one that spends such an output. */
export interface Match {
  /** Rises with each match and is never given twice. */
  readonly id: number;
  readonly height: number;
  /** Of the block, in wire order. */
  readonly hash: Uint8Array;
  /** Of the transaction that pays or spends, in wire order. */
  readonly txid: Uint8Array;
  /** The watched script. */
  readonly script: Uint8Array;
  /** `in`: the transaction pays to the script; `out`: it spends what was paid. */
  readonly direction: "in" | "out";
  /** In satoshi. */
  readonly value: bigint;
  /** The index of the output that pays, in the transaction that made it. */
  readonly vout: number;
  /** What spends it, when {@link Match.direction} is `out`. */
  readonly spend: Spend | undefined;
}

/** A spent output. */
export interface Spend {
  /** The transaction that made the output, in wire order; {@link Match.vout} is of this one. */
  readonly txid: Uint8Array;
  /** The index of the input in the transaction that spends. */
  readonly vin: number;
}

/** A match that has no id yet. */
export type NewMatch = Omit<Match, "id">;

/** How far the node is. Heights are of the active chain. */
export interface LightProgress {
  readonly headers: number;
  /** The last filter header that every asked peer agrees on. */
  readonly filterHeaders: number;
  /** Up to here every watched script was looked for. */
  readonly scanned: number;
  /** Nothing is left to be done for the tip that is known. */
  readonly synced: boolean;
  /** Connected peers that offer filters, and how many of them have confirmed the filter headers. */
  readonly peers: { readonly offering: number; readonly agreeing: number };
}

/** The light side of a node; only nodes of mode `filters` have one. */
export interface LightService {
  /**
   * Watches scripts from a height on. What was watched already is searched again from there when it was not before.
   * @throws NodeError `WATCH_FULL` beyond the limit; RangeError for a script that no filter contains
   */
  watch(scripts: readonly Uint8Array[], from: number): Promise<readonly Watched[]>;
  /** Forgets scripts and their matches; tells how many of them were watched. */
  unwatch(scripts: readonly Uint8Array[]): Promise<number>;
  watched(): readonly Watched[];
  /** Matches of the active chain with an id above `since`, rising, at most `limit`. */
  matches(since: number, limit: number): Promise<readonly Match[]>;
  progress(): LightProgress;
}
