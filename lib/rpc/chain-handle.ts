/**
 * One chain of a running node as `/v1`, the command line and progress see it, whatever chain it is.
 *
 * @module
 */
import type { AddressBook } from "../core/addresses/book.ts";
import type { BanEffect, BanScope } from "../core/peers/bans.ts";
import type { Following } from "../core/following.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { Json } from "../codec/json.ts";

type JsonObject = { readonly [name: string]: Json };

/** How a node that only reads a chain stands against the one that writes it. */
export type ReadingStatus = {
  /** Host and process; null when nobody writes. */
  readonly writer: string | null;
  readonly commits_behind: number;
  /** Seconds since the database last answered. */
  readonly heard_s: number;
};

/** {@link ReadingStatus} of a chain, as a property; none where this node writes it. */
export function readingOf({ following }: { readonly following?: Following | undefined }) {
  if (following === undefined) return {};
  const { writer, commitsBehind, heardMs } = following.state;
  const reading: ReadingStatus = {
    writer: writer ?? null,
    commits_behind: commitsBehind,
    heard_s: Math.floor(heardMs / 1000),
  };
  return { reading };
}

/** Asks, and gives the last answer again where the database that others write to does not answer now. */
export function remembering<T>(
  { following }: { readonly following?: Following | undefined },
  ask: () => Promise<T>,
): () => Promise<T> {
  let last: Promise<T> | undefined;
  return async () => {
    const answer = ask();
    try {
      await answer;
      last = answer;
      return await answer;
    } catch (thrown) {
      if (following === undefined || last === undefined) throw thrown;
      return await last;
    }
  };
}

/** How far the chain is, for a progress line. */
export interface ChainProgress {
  /** Height reached; undefined before the first block. */
  readonly height: number | undefined;
  /** Height that is aimed at; 0 when unknown. */
  readonly target: number;
  readonly synced: boolean;
  readonly peers: number;
  /** Unix seconds at which the newest block was made; undefined when unknown. */
  readonly tipTime: number | undefined;
  readonly validation: string;
  /** Share of the memory for coins that is in use, 0 … 1; undefined where no coins are kept. */
  readonly coinsCache?: number | undefined;
  /** The tip as the chain's people write it: `0x…` for Chia, display order for Bitcoin. */
  readonly hash: string | undefined;
  /** Where another node writes the chain. */
  readonly reading?: ReadingStatus;
}

/** One chain in `/v1/status`, as `gemel status --json` prints it. */
export type ChainStatus = {
  readonly chain: string;
  readonly network: string;
  readonly mode: string;
  readonly height: number | null;
  readonly best_peer_height: number;
  readonly behind: number;
  readonly header_hash: string | null;
  readonly tip_age_s: number | null;
  readonly synced: boolean;
  readonly peers: { readonly out: number; readonly in: number };
  readonly disk_bytes: number;
  readonly validation: string;
  /** Where another node writes the chain: who, and how far this one is behind. */
  readonly reading?: ReadingStatus;
  /** Heights, while stored blocks are validated again at a higher level, or to bring coins to the tip. */
  readonly validating?: { readonly from: number; readonly height: number; readonly to: number; readonly level: string };
  readonly agree: string;
  /** What people should know of: one sentence each. */
  readonly warnings: readonly string[];
};

/** A ban in `/v1/bans`. */
export interface ChainBan {
  readonly host: string;
  /** Unix milliseconds. */
  readonly until: number;
  readonly reason: string;
  readonly effect: BanEffect;
  readonly scope: BanScope;
}

/** A block as it is on the wire. */
export interface RawBlock {
  readonly raw: Uint8Array;
  /** Hexadecimal, as the chain's people write it. */
  readonly hash: string;
}

/** A figure of one chain. */
export interface Figure {
  /** What metrics call it, after `gemel_`. */
  readonly name: string;
  readonly help: string;
  /** A counter only grows. */
  readonly kind: "counter" | "gauge";
  readonly value: number;
}

/** One chain. */
export interface ChainHandle {
  readonly chain: "chia" | "bitcoin";
  readonly network: string;
  /** Where peers reach us; undefined when nobody can. */
  readonly listenAddress: { readonly host: string; readonly port: number } | undefined;
  /** What is known of other nodes' addresses. */
  readonly addressBook: AddressBook;
  progress(): ChainProgress;
  status(): Promise<ChainStatus>;
  /** The sum over all connections since the start. */
  readonly traffic: Traffic;
  /** Connections that were refused before anything was read, by reason. */
  readonly refusedAccepts?: () => Readonly<Record<string, number>>;
  /** Further figures for metrics. */
  readonly figures?: () => readonly Figure[];
  /** That of one connection; undefined when there is none with this id. */
  trafficOf(id: number): Traffic | undefined;
  /** Peers as `/v1/peers` prints them. */
  peers(): readonly JsonObject[];
  /** Dials a peer. Rejects with a `NodeError`. */
  connect(host: string, port: number): Promise<JsonObject>;
  /** Ends a connection by its id; false when there is none. */
  disconnect(id: number): Promise<boolean>;
  bans(): readonly ChainBan[];
  ban(host: string, seconds: number, reason: string): void;
  unban(host: string): boolean;
  /** A block by height or hash. */
  rawBlock(id: { readonly height: number } | { readonly hash: string }): Promise<RawBlock | undefined>;
}
