/**
 * Whom to dial, and when: the named peers for ever, otherwise addresses of the book until the slots are full.
 *
 * @module
 */
import { poissonDelay } from "../random.ts";
import { addressText } from "../address-text.ts";
import { type AddressBook, believableTimeS, groupNameOf, type KnownAddress, type Learned } from "../addresses/book.ts";
import type { AddressRules, HeardAddress } from "../addresses/rules.ts";
import { type Anchor, anchorsOf } from "./anchors.ts";
import { ManualDials } from "./manual-peers.ts";
import { messageOf, NodeError } from "../errors.ts";
import {
  candidate,
  extraToEnd,
  heldSlots,
  idleMs,
  nextOutbound,
  type OutboundSlots,
  type OutboundState,
  type PendingDial,
} from "./outbound.ts";
import { type Peer, type PeerKind, type PeerSession, SELF_CONNECTION } from "../peers/peer.ts";
import type { PeerAddress } from "../ports.ts";
import { AddressSources, type AddressSourcesParts } from "../addresses/sources.ts";

/** What dialling needs. */
export interface DiallingParts<P> extends Omit<AddressSourcesParts, "hasEnough"> {
  readonly rules: AddressRules;
  /** Peers to keep a connection to, by name or address; when there are any, no others are dialled. */
  readonly connect: readonly PeerAddress[];
  /** Peers to keep a connection to beside those that are discovered. */
  readonly added?: readonly PeerAddress[];
  /** Outgoing connections that are aimed at when peers are discovered. */
  readonly slots: OutboundSlots;
  /** An address is not tried again for so long. */
  readonly retryMs: number;
  /** Mean time between two feelers, and between two extra block-relay connections. */
  readonly feelerMeanMs: number;
  readonly extraMeanMs: number;
  /** Peers of the last run, to be dialled first. */
  readonly anchors?: readonly Anchor[];
  /** What an address is worth dialling for, by the services that were told; all by default. */
  readonly offersEnough?: (address: KnownAddress) => boolean;
  /** Networks, by the names that the rules give them, of which addresses are dialled; all by default. */
  readonly networks?: readonly string[];
  readonly isBanned: (host: string) => boolean;
  readonly isTipStale?: () => boolean;
  readonly isSynced?: () => boolean;
  /** Those that are connected. */
  readonly peers: () => readonly P[];
  readonly dial: (address: PeerAddress, kind: Exclude<PeerKind, "inbound">) => Promise<P>;
  /** Whether a peer is delivering something that we wait for; nobody by default. */
  readonly isBusy?: (peer: P) => boolean;
  /** Whether two peers are the same node. */
  readonly isSame: (one: P, other: P) => boolean;
}

/** One decision is made so often. */
const PASS_MS = 500;
/** How often when no address fitted: one may be told, a ban may end, and one that was tried may be tried again. */
const NONE_PASS_MS = 5_000;
/** How long a peer that is one too many may show what it is good for. */
const EXTRA_TRIAL_MS = 30_000;
/** After one of no use another is tried for a stale tip only so much later. */
const STALE_AGAIN_MS = 600_000;
/** Addresses of our own that are remembered. */
const OURSELVES_MAX = 64;
/** Full connections that make seeds needless. */
const ENOUGH_PEERS = 2;
/** What is told is taken for older than it says. */
const GOSSIP_PENALTY_S = 7_200;
/** The longest text of an address: an onion name. */
const HOST_LENGTH_MAX = 62;
/** Addresses in one answer. */
const ANSWER_ADDRESSES = 1_000;
/** Share of the book that one asker is told. */
const GOSSIP_PERCENT = 23;

/** A dial that is under way, and the group of its address. */
interface Pending extends PendingDial {
  readonly group: string;
}

/** The loops that dial. */
export class Dialling<P extends Peer<PeerSession<unknown>>> {
  readonly #parts: DiallingParts<P>;
  /** By {@link addressText}. */
  readonly #pending = new Map<string, Pending>();
  readonly #dials = new Set<Promise<void>>();
  /** Addresses at which it was ourselves who answered. */
  readonly #ourselves = new Set<string>();
  readonly #anchors: Anchor[];
  /** Connections to peers that are named. */
  readonly manual: ManualDials<P>;
  readonly #groups = new WeakMap<P, string>();
  /** Ends the wait for the next decision. */
  #wake = () => {};
  #nextFeeler = 0;
  #nextExtra = 0;
  /** Until then no other full peer is tried for a stale tip. */
  #staleFrom = 0;

  constructor(parts: DiallingParts<P>) {
    this.#parts = parts;
    this.manual = new ManualDials(parts);
    const { anchors = [], slots: { full, blockRelay } } = parts;
    // No more than have a slot, or those behind them would wait for ever.
    const ofKind = (kind: Anchor["kind"], most: number) => anchors.filter((each) => each.kind === kind).slice(0, most);
    this.#anchors = [...ofKind("block-relay", blockRelay), ...ofKind("outbound", full)];
  }

  get book(): AddressBook {
    return this.#parts.book;
  }

  /** Takes addresses that a peer told, `unlimited` of them or not; times that cannot be are taken for old ones. */
  learn(addresses: readonly HeardAddress[], source: string, unlimited = false): Learned {
    const { book, clock } = this.#parts;
    const nowS = Math.floor(clock.now() / 1000);
    const sound = addresses.filter(({ host }) => host.length <= HOST_LENGTH_MAX)
      .map((address) => ({ ...address, timeS: believableTimeS(address.timeS ?? 0, nowS) }));
    return book.learn(sound, source, { penaltyS: GOSSIP_PENALTY_S, unlimited });
  }

  /** A peer was asked for addresses: it may tell as many as one answer holds. */
  asked(host: string): void {
    this.#parts.book.grant(host, ANSWER_ADDRESSES);
  }

  /**
   * What to tell who asks: a random part of the book, at most `max`. `side` names from where and where it was asked: one
   * side hears the same for a day, so that asking often does not empty the book.
   */
  gossip(max: number, side: string): readonly KnownAddress[] {
    const { book, isBanned } = this.#parts;
    return book.addresses(max, GOSSIP_PERCENT, { cacheKey: side }).filter(({ host }) => !isBanned(host));
  }

  /** What to tell our own operator: up to `max` addresses at random, of all. */
  known(max: number): readonly KnownAddress[] {
    return this.#parts.book.addresses(max, 100);
  }

  /** An outgoing peer is gone, or has just spoken: its address is alive. */
  seen(peer: P): void {
    if (peer.direction === "in") return;
    this.#parts.book.connected(peer.session.remote);
    this.#wake();
  }

  /** The peers that are to be dialled first after a restart. */
  anchorsNow(): readonly Anchor[] {
    return anchorsOf(this.#parts.peers());
  }

  /** Dials until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { connect, added = [] } = this.#parts;
    const named = new Map(connect.map((address) => [addressText(address), address]));
    const kept = [...named].map(([name, address]) => this.keep(address, signal, name));
    for (const address of added) kept.push(this.keep(address, signal));
    if (connect.length === 0) await this.#discover(signal);
    await Promise.all(kept);
  }

  /** Keeps a connection to one named peer until the signal aborts. `namedAs`: its name when it is one of `--connect`. */
  async keep(place: PeerAddress, signal: AbortSignal, namedAs?: string): Promise<void> {
    const succeeded = (address: PeerAddress) => this.#succeeded(address);
    await this.manual.keep(place, { ...this.#parts, succeeded, ...(namedAs !== undefined && { namedAs }) }, signal);
  }

  /** How many peers `--connect` names, as far as is known: two names may be those of one. */
  get named(): number {
    return new Set(this.#parts.connect.map(addressText)).size - this.manual.aliases;
  }

  /** Fills the slots from the book, and the book from the seeds. */
  async #discover(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    const below = (bound: number) => random.below(bound);
    this.#nextFeeler = clock.monotonic() + poissonDelay(this.#parts.feelerMeanMs, below);
    this.#nextExtra = clock.monotonic() + poissonDelay(this.#parts.extraMeanMs, below);
    const seeding = new AddressSources({ ...this.#parts, hasEnough: () => this.#hasEnough() }).run(signal);
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake, { once: true });
    while (!signal.aborted) {
      const restMs = this.#pass(signal);
      const isWoken = restMs > 0 && await this.#rest(restMs / 2 + below(restMs));
      if (restMs === 0 || isWoken) await clock.sleep(PASS_MS / 2 + below(PASS_MS), signal).catch(() => {});
    }
    await seeding;
    await Promise.all(this.#dials);
  }

  /** Waits until a slot becomes free or the end has come, but no longer than `ms`; whether it was not so long. */
  #rest(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isWoken: boolean) => {
        this.#wake = () => {};
        cancel();
        resolve(isWoken);
      };
      const cancel = this.#parts.clock.after(ms, () => end(false));
      this.#wake = () => end(true);
    });
  }

  /** Ends one of the peers that are more than there are slots, once it has shown for a while what it is good for. */
  #endExtra(kind: "outbound" | "block-relay"): void {
    const { clock, peers, isBusy = () => false } = this.#parts;
    const all = peers().filter((peer) => peer.kind === kind);
    const id = extraToEnd(kind, all.map(({ id, merits }) => ({ id, lastHeadMs: merits.lastHeadMs })));
    const peer = all.find((each) => each.id === id);
    if (peer === undefined || clock.now() - peer.since < EXTRA_TRIAL_MS || isBusy(peer)) return;
    peer.session.close();
    // It was of no use: another may be tried when the tip has been stale for as long again.
    if (kind === "outbound") this.#staleFrom = clock.monotonic() + STALE_AGAIN_MS;
  }

  /** One decision, and the dial that follows from it in the background; how long to rest when nobody is dialled, or 0. */
  #pass(signal: AbortSignal): number {
    const { clock, random, slots, peers, isActive = () => true } = this.#parts;
    if (!isActive()) return NONE_PASS_MS;
    const counts = { manual: 0, outbound: 0, "block-relay": 0, feeler: 0 };
    for (const { kind } of peers()) if (kind !== "inbound") counts[kind] += 1;
    if (counts.outbound > slots.full) this.#endExtra("outbound");
    if (counts["block-relay"] > slots.blockRelay) this.#endExtra("block-relay");
    const now = clock.monotonic();
    const { held, slowAt } = heldSlots(this.#pending.values(), now);
    for (const kind of held) counts[kind] += 1;
    const state: OutboundState = {
      slots,
      counts,
      anchor: this.#anchors[0]?.kind,
      isTipStale: now >= this.#staleFrom && (this.#parts.isTipStale?.() ?? false),
      isSynced: this.#parts.isSynced?.() ?? true,
      now,
      nextFeeler: this.#nextFeeler,
      nextExtra: this.#nextExtra,
    };
    const choice = nextOutbound(state);
    if (choice === undefined) return Math.max(PASS_MS, idleMs(state, slowAt));
    const { kind, from } = choice;
    const below = (bound: number) => random.below(bound);
    if (kind === "feeler") this.#nextFeeler = now + poissonDelay(this.#parts.feelerMeanMs, below);
    const isExtra = counts[kind] >= this.#slotsOf(kind);
    if (kind === "block-relay" && isExtra) {
      this.#nextExtra = now + poissonDelay(this.#parts.extraMeanMs, below);
    }
    const address = from === "anchors" ? this.#anchors.shift() : this.#candidate(kind);
    if (address === undefined || this.#pending.has(addressText(address))) return NONE_PASS_MS;
    const dialling = this.#dialOnce(address, kind, isExtra, signal).finally(() => this.#dials.delete(dialling));
    this.#dials.add(dialling);
    return 0;
  }

  #candidate(kind: "outbound" | "block-relay" | "feeler"): KnownAddress | undefined {
    const { book, clock, peers, isBanned, offersEnough = () => true, retryMs, networks } = this.#parts;
    const connected = new Set<string>();
    const groups = new Set<string>();
    for (const { group } of this.#pending.values()) groups.add(group);
    for (const peer of peers()) {
      connected.add(peer.host);
      if (peer.direction === "out") groups.add(this.#groupOfPeer(peer));
    }
    return candidate({
      book,
      kind,
      nowS: clock.now() / 1000,
      retryS: retryMs / 1000,
      isAllowed: (address) =>
        !connected.has(address.host) && !isBanned(address.host) && !this.#isTaken(addressText(address)),
      isGroupTaken: ({ groupName }) => groups.has(groupName),
      offersEnough,
      ...(networks === undefined ? {} : { networks }),
    });
  }

  /** Whether an address is being dialled, or is our own. */
  #isTaken(name: string): boolean {
    return this.#pending.has(name) || this.#ourselves.has(name);
  }

  /** The group of an address as text; an address that the rules do not know is a group of its own. */
  #groupOf(address: PeerAddress): string {
    const located = this.#parts.rules.locate(address);
    return located === undefined ? address.host : groupNameOf(located);
  }

  #groupOfPeer(peer: P): string {
    let group = this.#groups.get(peer);
    if (group === undefined) this.#groups.set(peer, group = this.#groupOf(peer.session.remote));
    return group;
  }

  async #dialOnce(
    address: PeerAddress,
    kind: "outbound" | "block-relay" | "feeler",
    isExtra: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { book, dial, notice, clock, peers } = this.#parts;
    const name = addressText(address);
    this.#pending.set(name, { kind, isExtra, group: this.#groupOf(address), since: clock.monotonic() });
    try {
      const peer = await dial(address, kind);
      this.#succeeded(address);
      // Where a slow dial was passed over, it and the one made instead may both have an answer: the later has no slot.
      const isTooMany = peers().filter((each) => each.kind === kind).length > this.#slotsOf(kind) + (isExtra ? 1 : 0);
      // A feeler only wants to know whether anybody is there.
      if (kind === "feeler" || isTooMany) peer.session.close();
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof NodeError && thrown.code === SELF_CONNECTION && this.#ourselves.size < OURSELVES_MAX) {
        this.#ourselves.add(name);
      }
      // When hardly anything can be reached, the fault is likely ours.
      book.attempt(address, this.#parts.peers().filter(({ direction }) => direction === "out").length >= ENOUGH_PEERS);
      notice("debug", `${address.host}: ${messageOf(thrown)}`);
    } finally {
      this.#pending.delete(name);
      this.#wake();
    }
  }

  #slotsOf(kind: "outbound" | "block-relay" | "feeler"): number {
    const { slots } = this.#parts;
    return { outbound: slots.full, "block-relay": slots.blockRelay, feeler: 1 }[kind];
  }

  #succeeded(address: PeerAddress): void {
    const { book, clock } = this.#parts;
    if (book.find(address) === undefined) {
      book.learn([{ ...address, timeS: Math.floor(clock.now() / 1000) }], undefined, { unlimited: true });
    }
    book.good(address);
  }

  #hasEnough(): boolean {
    const { peers, isActive = () => true } = this.#parts;
    return !isActive() || peers().filter(({ kind }) => kind === "outbound").length >= ENOUGH_PEERS;
  }
}
