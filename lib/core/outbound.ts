/**
 * Which kind of connection is made next, and to which address: decisions as pure functions of what there is.
 *
 * @see Bitcoin Core `net.cpp` ThreadOpenConnections; spec bitcoin f.1, chia f (connect loop)
 * @module
 */
import type { AddressBook, KnownAddress } from "./addresses.ts";
import type { PeerKind } from "./peer.ts";

/** How many outgoing connections are aimed at. */
export interface OutboundSlots {
  /** Connections for everything. */
  readonly full: number;
  /** Connections for blocks only, which nobody learns of by address gossip. */
  readonly blockRelay: number;
}

/** What a decision is made from. Times are monotonic milliseconds. */
export interface OutboundState {
  readonly slots: OutboundSlots;
  /** Outgoing connections by kind, those that are being dialled included. */
  readonly counts: Readonly<Record<Exclude<PeerKind, "inbound">, number>>;
  /** Addresses of the last run's block-relay peers that were not dialled yet. */
  readonly anchors: number;
  /** No new tip for long: one more connection may show that we are cut off. */
  readonly isTipStale: boolean;
  /** The first sync is done: extra connections make sense. */
  readonly isSynced: boolean;
  readonly now: number;
  readonly nextFeeler: number;
  readonly nextExtra: number;
}

/** What is dialled next. */
export type OutboundChoice =
  | { readonly kind: "outbound" | "block-relay" | "feeler"; readonly from: "book" }
  | { readonly kind: "block-relay"; readonly from: "anchors" };

/** The first that applies, in Core's order; undefined when nothing is to be dialled. */
export function nextOutbound(state: OutboundState): OutboundChoice | undefined {
  const { slots, counts, now } = state;
  if (state.anchors > 0 && counts["block-relay"] < slots.blockRelay) return { kind: "block-relay", from: "anchors" };
  if (counts.outbound < slots.full) return { kind: "outbound", from: "book" };
  if (counts["block-relay"] < slots.blockRelay) return { kind: "block-relay", from: "book" };
  if (state.isTipStale && counts.outbound < slots.full + 1) return { kind: "outbound", from: "book" };
  const mayHaveExtra = slots.blockRelay > 0 && counts["block-relay"] < slots.blockRelay + 1;
  if (state.isSynced && mayHaveExtra && now >= state.nextExtra) return { kind: "block-relay", from: "book" };
  if (counts.feeler === 0 && now >= state.nextFeeler) return { kind: "feeler", from: "book" };
  return undefined;
}

/** How a candidate is looked for. */
export interface CandidateRules {
  readonly book: AddressBook;
  readonly kind: "outbound" | "block-relay" | "feeler";
  /** Unix seconds. */
  readonly nowS: number;
  /** An address that was tried so lately is passed over, unless many draws gave nothing better. */
  readonly retryS: number;
  /** Whether an address may be dialled at all: not banned, not connected, not our own, on a network that we reach. */
  readonly isAllowed: (address: KnownAddress) => boolean;
  /** The networks that we reach; all by default. */
  readonly networks?: readonly string[];
  /** Whether its group has an outgoing connection already. */
  readonly isGroupTaken: (address: KnownAddress) => boolean;
  /** Whether it offers what this kind of connection needs, as far as is known. */
  readonly offersEnough: (address: KnownAddress) => boolean;
}

const DRAWS_MAX = 100;
/** After so many draws an address that was tried lately will do. */
const DRAWS_PATIENT = 30;

/** An address to dial, drawn from the book; undefined when no draw fits. A feeler tests collisions first, then new ones. */
export function candidate(rules: CandidateRules): KnownAddress | undefined {
  const { book, kind, nowS, retryS, networks, isAllowed, isGroupTaken, offersEnough } = rules;
  book.resolveCollisions();
  const isFeeler = kind === "feeler";
  const collision = isFeeler ? book.selectCollision() : undefined;
  if (collision !== undefined && isAllowed(collision) && (networks?.includes(collision.network) ?? true)) {
    return collision;
  }
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const drawn = book.select({ newOnly: isFeeler, ...(networks === undefined ? {} : { networks }) });
    if (drawn === undefined) return undefined;
    if (!isAllowed(drawn) || !offersEnough(drawn)) continue;
    if (!isFeeler && isGroupTaken(drawn)) continue;
    if (nowS - drawn.lastTryS < retryS && draws < DRAWS_PATIENT) continue;
    return drawn;
  }
  return undefined;
}

/** A random wait with this mean, in milliseconds, of an exponential distribution: nobody can foresee it. */
export function poissonDelay(meanMs: number, below: (bound: number) => number): number {
  const resolution = 2 ** 32;
  return Math.round(-Math.log((below(resolution) + 1) / (resolution + 1)) * meanMs);
}
