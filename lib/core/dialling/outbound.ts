/**
 * Which kind of connection is made next, and to which address: decisions as pure functions of what there is.
 *
 * @see Bitcoin Core `net.cpp` ThreadOpenConnections; spec bitcoin f.1, chia f (connect loop)
 * @module
 */
import type { AddressBook, KnownAddress } from "../addresses/book.ts";
import type { Anchor } from "./anchors.ts";
import type { PeerKind } from "../peers/peer.ts";

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
  /** What the next of the anchors is to be that were not dialled yet; undefined when there is none. */
  readonly anchor: Anchor["kind"] | undefined;
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
  | { readonly kind: Anchor["kind"]; readonly from: "anchors" };

/** The first that applies, in Core's order; undefined when nothing is to be dialled. */
export function nextOutbound(state: OutboundState): OutboundChoice | undefined {
  const { slots, counts, now } = state;
  const room = { outbound: counts.outbound < slots.full, "block-relay": counts["block-relay"] < slots.blockRelay };
  if (state.anchor !== undefined && room[state.anchor]) return { kind: state.anchor, from: "anchors" };
  if (room.outbound) return { kind: "outbound", from: "book" };
  if (room["block-relay"]) return { kind: "block-relay", from: "book" };
  if (state.isTipStale && counts.outbound === slots.full && hasSpare(state)) return { kind: "outbound", from: "book" };
  if (now >= extraDue(state)) return { kind: "block-relay", from: "book" };
  if (now >= feelerDue(state)) return { kind: "feeler", from: "book" };
  return undefined;
}

/** When, if nobody comes or goes, something is to be dialled of which the time alone decides; Infinity for never. */
export function nextDue(state: OutboundState): number {
  return Math.min(extraDue(state), feelerDue(state));
}

/** Slots stay full until a peer goes, which wakes the loop; but a tip turns stale without a sign. */
const FULL_PASS_MS = 30_000;

/** How many milliseconds nothing is to be decided when nothing is to be dialled. `slowAt`: see {@link heldSlots}. */
export function idleMs(state: OutboundState, slowAt: number): number {
  return Math.min(FULL_PASS_MS, Math.ceil(Math.min(slowAt, nextDue(state)) - state.now));
}

/** A dial that is under way. */
export interface PendingDial {
  readonly kind: Exclude<PeerKind, "inbound">;
  /** It is for a connection more than there are slots of its kind. */
  readonly isExtra: boolean;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/**
 * A dial that has had no answer for so long holds no slot: where most addresses are dead, each would cost its whole
 * timeout otherwise. So many at a time are passed over; if more answer than there are slots, the late ones are closed.
 */
const SLOW_DIAL_MS = 5_000;
const SLOW_DIALS_MAX = 4;

/** The kind of each dial that holds a slot, and when the next dial turns slow; Infinity when none will. */
export function heldSlots(
  dials: Iterable<PendingDial>,
  now: number,
): { readonly held: readonly PendingDial["kind"][]; readonly slowAt: number } {
  const held: PendingDial["kind"][] = [];
  let slow = 0;
  let slowAt = Infinity;
  for (const { kind, isExtra, since } of dials) {
    const waited = now - since;
    if (kind !== "feeler" && !isExtra && waited >= SLOW_DIAL_MS && slow < SLOW_DIALS_MAX) slow += 1;
    else held.push(kind);
    if (waited < SLOW_DIAL_MS) slowAt = Math.min(slowAt, since + SLOW_DIAL_MS);
  }
  return { held, slowAt };
}

/** Of what is more than the slots, an extra connection or a feeler, there is one at a time: Core's semaphore holds so many. */
function hasSpare({ slots, counts }: OutboundState): boolean {
  return counts.outbound + counts["block-relay"] + counts.feeler <= slots.full + slots.blockRelay;
}

function extraDue(state: OutboundState): number {
  return state.isSynced && state.slots.blockRelay > 0 && hasSpare(state) ? state.nextExtra : Infinity;
}

function feelerDue(state: OutboundState): number {
  return hasSpare(state) ? state.nextFeeler : Infinity;
}

/** An outgoing peer, as far as it counts when one is too many. */
export interface ExtraCandidate {
  readonly id: number;
  /** Unix milliseconds at which a block of it last became our tip; 0 for never. */
  readonly lastHeadMs: number;
}

/**
 * Which peer of a kind goes when there is one more than slots; its id. Of those for blocks only one of the two youngest:
 * the newcomer stays if it gave us a block after the other did. Of the full ones the peer that has given us none for longest,
 * of equals the youngest.
 *
 * @see Bitcoin Core `net_processing.cpp` EvictExtraOutboundPeers
 */
export function extraToEnd(kind: "outbound" | "block-relay", peers: readonly ExtraCandidate[]): number | undefined {
  if (kind === "block-relay") {
    const [youngest, other] = [...peers].sort((a, b) => b.id - a.id);
    if (youngest === undefined || other === undefined) return undefined;
    return youngest.lastHeadMs > other.lastHeadMs ? other.id : youngest.id;
  }
  return [...peers].sort((a, b) => a.lastHeadMs - b.lastHeadMs || b.id - a.id)[0]?.id;
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

/** Draws for one candidate. A book of no more addresses is looked through first: it may hold none that fits. */
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
  const options = { newOnly: isFeeler, ...(networks === undefined ? {} : { networks }) };
  const fits = (address: KnownAddress) =>
    isAllowed(address) && offersEnough(address) && (isFeeler || !isGroupTaken(address));
  const isTriedLately = ({ lastTryS }: KnownAddress) => nowS - lastTryS < retryS;
  let patience = DRAWS_PATIENT;
  if (book.size.total <= DRAWS_MAX) {
    if (!book.some(fits, options)) return undefined;
    // Where all that fit were tried lately, it is of no use to wait for another.
    if (!book.some((address) => fits(address) && !isTriedLately(address), options)) patience = 0;
  }
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const drawn = book.select(options);
    if (drawn === undefined) return undefined;
    if (!fits(drawn)) continue;
    if (draws < patience && isTriedLately(drawn)) continue;
    return drawn;
  }
  return undefined;
}
