/**
 * Addresses on their way through the network: what is fresh goes on to one or two peers, which change only with the day,
 * so that nobody floods the network and nobody can foresee where an address goes; and our own address goes out once a
 * day. What a peer knows is not told to it again.
 *
 * @see Bitcoin Core `net_processing.cpp` RelayAddress, MaybeSendAddr; spec bitcoin section g, chia section f (events)
 * @module
 */
import { sipHash24 } from "../codec/siphash.ts";
import type { HeardAddress } from "./addresses/rules.ts";
import { poissonDelay } from "./outbound.ts";
import type { Peer } from "./peer.ts";
import type { Clock, PeerAddress, Random } from "./ports.ts";

/** What gossip needs, with the figures in which the networks differ. */
export interface GossipParts<P> {
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: () => readonly P[];
  /** Whether a peer is told addresses at all. */
  readonly takesPart: (peer: P) => boolean;
  readonly send: (peer: P, addresses: readonly HeardAddress[]) => void;
  /** Whether an address is worth being told on: public, of a network that our peers may reach. */
  readonly isRelayable: (address: PeerAddress) => boolean;
  /** Our own address as it is told to this peer; undefined when we do not know it or nobody is to come. */
  readonly own: (peer: P) => HeardAddress | undefined;
  /** A longer message is an answer to somebody's question, and is not told on. */
  readonly freshMax: number;
  /** Mean wait of an address before it goes on; 0: at once. */
  readonly delayMeanMs: number;
}

/** An address older than this has had its turn. */
const FRESH_S = 600;
/** Peers that a fresh address goes on to. */
const FAN_OUT = 2;
const QUEUE_MAX = 1_000;
/** Addresses remembered as known to a peer; the oldest is forgotten. */
const KNOWN_MAX = 5_000;
const OWN_MEAN_MS = 24 * 3_600_000;
const DAY_S = 86_400;

interface Desk {
  readonly known: Set<string>;
  readonly queue: HeardAddress[];
  /** When the queue goes out; set while there is something in it. */
  due: number;
  /** When our own address goes out next. */
  ownDue: number;
  /** It was asked for addresses and has not answered in full yet. */
  isAnswering: boolean;
}

/** The gossip of one network. */
export class Gossip<P extends Peer> {
  readonly #parts: GossipParts<P>;
  readonly #desks = new Map<number, Desk>();
  readonly #key: [number, number, number, number];

  constructor(parts: GossipParts<P>) {
    this.#parts = parts;
    const word = () => parts.random.below(2 ** 32);
    this.#key = [word(), word(), word(), word()];
  }

  /** Whether no address waits to be told on. */
  get isIdle(): boolean {
    return this.#desks.values().every(({ queue }) => queue.length === 0);
  }

  /** A peer has come. `asked`: it was asked for addresses. */
  joined(peer: P, asked: boolean): void {
    this.#desks.set(peer.id, { known: new Set(), queue: [], due: Infinity, ownDue: 0, isAnswering: asked });
  }

  /** A peer is gone. */
  left(peer: P): void {
    this.#desks.delete(peer.id);
  }

  /** A peer told these: it knows them, and what is fresh goes on. */
  heard(peer: P, addresses: readonly HeardAddress[]): void {
    const desk = this.#desks.get(peer.id);
    if (desk === undefined) return;
    for (const address of addresses) remember(desk, address);
    const isAnswer = desk.isAnswering;
    if (addresses.length > 1) desk.isAnswering = false;
    if (isAnswer || addresses.length > this.#parts.freshMax) return;
    const nowS = this.#parts.clock.now() / 1000;
    for (const address of addresses) {
      if (Math.abs(nowS - (address.timeS ?? 0)) < FRESH_S && this.#parts.isRelayable(address)) {
        this.relay(address, FAN_OUT, peer);
      }
    }
  }

  /** Answers a peer's question: it knows these from now on. */
  told(peer: P, addresses: readonly PeerAddress[]): void {
    const desk = this.#desks.get(peer.id);
    if (desk !== undefined) { for (const address of addresses) remember(desk, address); }
  }

  /** Puts an address before `count` peers, other than the one that it is from. */
  relay(address: HeardAddress, count: number, from?: P): void {
    const { peers, takesPart, clock, random, delayMeanMs } = this.#parts;
    const name = keyOf(address);
    const own = this.#hash(name);
    const day = Math.floor((clock.now() / 1000 + Number(own % BigInt(DAY_S))) / DAY_S);
    const ranked = peers().filter((peer) => peer !== from && takesPart(peer) && this.#desks.has(peer.id))
      .map((peer) => ({ peer, rank: this.#hash(`${name} ${day} ${peer.id}`) }))
      .sort((a, b) => (a.rank < b.rank ? 1 : -1));
    for (const { peer } of ranked.slice(0, count)) {
      const desk = this.#desks.get(peer.id);
      if (desk === undefined || desk.known.has(name)) continue;
      if (desk.queue.length === 0) desk.due = clock.monotonic() + poissonDelay(delayMeanMs, (max) => random.below(max));
      // A queue that is full loses one at random: nobody can push out a certain one.
      if (desk.queue.length >= QUEUE_MAX) desk.queue[random.below(QUEUE_MAX)] = address;
      else desk.queue.push(address);
    }
    if (delayMeanMs === 0) this.tick();
  }

  /** Sends what is due; every second while there is something, and now and then for our own address. */
  tick(): void {
    const { peers, clock, takesPart, send } = this.#parts;
    const now = clock.monotonic();
    for (const peer of peers()) {
      const desk = this.#desks.get(peer.id);
      if (desk === undefined || !takesPart(peer)) continue;
      if (now >= desk.ownDue) this.#tellOwn(peer, desk);
      if (now < desk.due) continue;
      // It may have heard of one meanwhile.
      const fresh = desk.queue.filter((address) => !desk.known.has(keyOf(address)));
      desk.queue.length = 0;
      desk.due = Infinity;
      for (const address of fresh) remember(desk, address);
      if (fresh.length > 0) send(peer, fresh);
    }
  }

  #tellOwn(peer: P, desk: Desk): void {
    const { own, clock, random, send } = this.#parts;
    const address = own(peer);
    if (address === undefined) return;
    desk.ownDue = clock.monotonic() + poissonDelay(OWN_MEAN_MS, (max) => random.below(max));
    send(peer, [{ ...address, timeS: Math.floor(clock.now() / 1000) }]);
  }

  #hash(text: string): bigint {
    return sipHash24(this.#key, new TextEncoder().encode(text));
  }
}

function keyOf({ host, port }: PeerAddress): string {
  return `${host} ${port}`;
}

function remember({ known }: Desk, address: PeerAddress): void {
  known.add(keyOf(address));
  if (known.size > KNOWN_MAX) known.delete(known.values().next().value ?? "");
}
