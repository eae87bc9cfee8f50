/**
 * What a network decides about its address book: which addresses it takes, what counts as one group, and where an entry
 * lies in the tables. Everything else is the same for all of them.
 *
 * @module
 */
import type { PeerAddress } from "../ports.ts";

/** Sizes and times of the tables; both references use these. Times are seconds. */
export const BOOK = {
  triedBuckets: 256,
  newBuckets: 1024,
  bucketSize: 64,
  /** Buckets of the tried table that one group of addresses can reach. */
  triedBucketsPerGroup: 8,
  /** Buckets of the new table that one group of sources can reach. */
  newBucketsPerSourceGroup: 64,
  /** Slots of the new table that one address may hold. */
  referencesMax: 8,
  /** Collisions in the tried table that wait for a test; more are forgotten. */
  collisionsMax: 10,
  horizonS: 30 * 86_400,
  /** Failures that condemn an address that never answered. */
  retriesMax: 3,
  /** Failures that condemn one that has not answered for {@link minFailS}. */
  failuresMax: 10,
  minFailS: 7 * 86_400,
  /** An entry that succeeded within this time is not displaced. */
  replacementS: 4 * 3600,
  /** How long a collision waits for its test before the newcomer wins. */
  testWindowS: 40 * 60,
  /** The time of a connected peer is not written more often. */
  connectedUpdateS: 20 * 60,
} as const;

/** An address as somebody told it. */
export interface HeardAddress extends PeerAddress {
  /** Unix seconds at which its teller last saw it; 0 when unknown. */
  readonly timeS?: number;
  /** What it offers, as bits. */
  readonly services?: bigint;
}

/** An address in its normal form, with what decides its places. Rules may make the bytes of it when they are asked for. */
export interface Located extends PeerAddress {
  /** Short name of the network it lies on, such as `ipv4`. */
  readonly network: string;
  /** The bytes that stand for address and port in the hashes. Most that are told are known, and need none. */
  readonly key: Uint8Array;
  /** The bytes that all addresses of its group share. */
  readonly group: Uint8Array;
}

/** Where entries lie, under one secret key. Buckets and positions count from zero. */
export interface Placement {
  triedBucket(key: Uint8Array, group: Uint8Array): number;
  newBucket(group: Uint8Array, sourceGroup: Uint8Array): number;
  position(table: TableName, bucket: number, key: Uint8Array): number;
}

/** The two tables: addresses that were told, and those that have answered us. */
export type TableName = "new" | "tried";

/** What {@link AddressRules.merge} is told. Times are unix seconds. */
export interface Mention {
  readonly storedS: number;
  readonly toldS: number;
  /** Taken off what is told, unless the network's rule waives it. */
  readonly penaltyS: number;
  readonly nowS: number;
}

/** One network's rules. */
export interface AddressRules {
  /** Names the network in files. */
  readonly name: string;
  /** Names the way of grouping in files: places in the new table are found anew when it has changed. */
  readonly grouping: string;
  /** Whether one host has one entry, whatever its ports, or every port its own. */
  readonly identity: "host" | "host and port";
  /** The normal form of an address; undefined for one that is not taken (private, malformed). */
  locate(address: PeerAddress): Located | undefined;
  /** The group of the source of an address, by host or by the name of a seed; undefined: the address speaks for itself. */
  sourceGroup(source: string): Uint8Array | undefined;
  placement(secret: Uint8Array): Placement;
  /** Whether the penalty falls away: the address told of itself, or is known already. */
  waivesPenalty(address: Located, source: string | undefined, isKnown: boolean): boolean;
  /** The time to store for a known entry that is mentioned again, and whether the mention brought anything new. */
  merge(mention: Mention): { readonly timeS: number; readonly isNews: boolean };
  /**
   * How a slot is drawn. `scan`: a random bucket, then its first entry from a random position on. `walk`: a random slot,
   * then random steps until there is an entry; from a sparse table, any entry.
   */
  readonly draw: { readonly kind: "scan" } | {
    readonly kind: "walk";
    /** Steps over buckets are 0 … this − 1. */
    readonly steps: Readonly<Record<TableName, number>>;
  };
  /** How many of `total` entries a share of `percent` is. */
  share(total: number, percent: number): number;
}
