/**
 * Addresses on their way through the network: what is fresh goes on to one or two peers, which change only with the day,
 * so that nobody floods the network and nobody can foresee where an address goes; and our own address goes out once a
 * day. What a peer knows is not told to it again.
 *
 * @see Bitcoin Core `net_processing.cpp` RelayAddress, MaybeSendAddr; spec bitcoin section g, chia section f (events)
 * @module
 */
import { sipHash24Words, type SipKey } from "../../codec/siphash.ts";
import type { HeardAddress } from "./rules.ts";
import { poissonDelay } from "../random.ts";
import type { Peer } from "../peers/peer.ts";
import type { Clock, PeerAddress, Random } from "../ports.ts";

/** What gossip needs, with the figures in which the networks differ. */
export interface GossipParts<P> {
  readonly clock: Clock;
  readonly random: Random;
  /** Those that are connected; another list when they are others. */
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
/** Characters of a host that are read: an onion name has 62. */
const HOST_LENGTH_MAX = 64;
const OWN_MEAN_MS = 24 * 3_600_000;
/** So long after it was not known yet, it is tried again. */
const OWN_AGAIN_MS = 60_000;
const DAY_S = 86_400;

/** An address with the number that stands for it, so that it is hashed once. */
interface Item {
  readonly id: number;
  readonly address: HeardAddress;
}

interface Desk {
  /** Numbers of addresses. */
  readonly known: Set<number>;
  readonly queue: Item[];
  /** Cancels the timer with which the queue goes out; set while there is something in it. */
  cancel: (() => void) | undefined;
  /** When our own address goes out next. */
  ownDue: number;
  /** It was asked for addresses and has not answered in full yet. */
  isAnswering: boolean;
}

/** The gossip of one network. */
export class Gossip<P extends Peer> {
  readonly #parts: GossipParts<P>;
  readonly #desks = new Map<number, Desk>();
  readonly #key: SipKey;
  /** The ids of a list of peers. */
  #listed: { readonly of: readonly P[]; readonly ids: Uint32Array } | undefined;
  /** What is hashed; one array for all of them. */
  readonly #words = new Uint32Array(4 + HOST_LENGTH_MAX / 2);

  constructor(parts: GossipParts<P>) {
    this.#parts = parts;
    const word = () => parts.random.below(2 ** 32);
    this.#key = [word(), word(), word(), word()];
  }

  /** A peer has come. `asked`: it was asked for addresses. */
  joined(peer: P, asked: boolean): void {
    this.#desks.set(peer.id, { known: new Set(), queue: [], cancel: undefined, ownDue: 0, isAnswering: asked });
  }

  /** A peer is gone. */
  left(peer: P): void {
    this.#desks.get(peer.id)?.cancel?.();
    this.#desks.delete(peer.id);
  }

  /** A peer told these: it knows them, and what is fresh goes on. */
  heard(peer: P, addresses: readonly HeardAddress[]): void {
    const desk = this.#desks.get(peer.id);
    if (desk === undefined) return;
    const isAnswer = desk.isAnswering;
    if (addresses.length > 1) desk.isAnswering = false;
    const maySpread = !isAnswer && addresses.length <= this.#parts.freshMax;
    const nowS = this.#parts.clock.now() / 1000;
    for (const address of addresses) {
      const id = this.#idOf(address);
      remember(desk, id);
      if (maySpread && Math.abs(nowS - (address.timeS ?? 0)) < FRESH_S && this.#parts.isRelayable(address)) {
        this.#relay({ id, address }, FAN_OUT, peer);
      }
    }
  }

  /** Answers a peer's question: it knows these from now on. */
  told(peer: P, addresses: readonly PeerAddress[]): void {
    const desk = this.#desks.get(peer.id);
    if (desk !== undefined) { for (const address of addresses) remember(desk, this.#idOf(address)); }
  }

  /** Puts an address before `count` peers, other than the one that it is from. */
  relay(address: HeardAddress, count: number, from?: P): void {
    this.#relay({ id: this.#idOf(address), address }, count, from);
  }

  #relay(item: Item, count: number, from: P | undefined): void {
    const { peers, takesPart, clock, random, delayMeanMs } = this.#parts;
    const below = (bound: number) => random.below(bound);
    const { id } = item;
    // Each address has its own hour at which its peers change.
    const day = Math.floor((clock.now() / 1000 + id % DAY_S) / DAY_S);
    const words = this.#words;
    words[0] = id;
    words[1] = id / 2 ** 32;
    words[2] = day;
    /** The highest ranks so far, the highest first, and whose they are. */
    const ranks: number[] = [];
    const first: { readonly peer: P; readonly desk: Desk }[] = [];
    const all = peers();
    if (this.#listed?.of !== all) this.#listed = { of: all, ids: Uint32Array.from(all, ({ id }) => id) };
    const { ids } = this.#listed;
    for (let i = 0; i < ids.length; i++) {
      words[3] = ids[i]!;
      const rank = sipHash24Words(this.#key, words, 4);
      let at = Math.min(ranks.length, count);
      if (at === count && !(ranks[at - 1]! < rank)) continue;
      // Few come so far: the peers themselves are compared only here.
      const peer = all[i]!;
      const desk = this.#desks.get(peer.id);
      if (peer === from || !takesPart(peer) || desk === undefined) continue;
      if (at === count) at -= 1;
      // Before the first rank there is none: the comparison with undefined ends it.
      for (; ranks[at - 1]! < rank; at--) {
        ranks[at] = ranks[at - 1]!;
        first[at] = first[at - 1]!;
      }
      ranks[at] = rank;
      first[at] = { peer, desk };
    }
    for (const { peer, desk } of first) {
      if (desk.known.has(id)) continue;
      // A queue that is full loses one at random: nobody can push out a certain one.
      if (desk.queue.length >= QUEUE_MAX) desk.queue[random.below(QUEUE_MAX)] = item;
      else desk.queue.push(item);
      if (delayMeanMs === 0) this.#flush(peer, desk);
      else desk.cancel ??= clock.after(poissonDelay(delayMeanMs, below), () => this.#flush(peer, desk));
    }
  }

  /** Tells our own address where it is due; now and then. */
  tick(): void {
    const { peers, clock, takesPart } = this.#parts;
    const now = clock.monotonic();
    for (const peer of peers()) {
      const desk = this.#desks.get(peer.id);
      if (desk !== undefined && now >= desk.ownDue && takesPart(peer)) this.#tellOwn(peer, desk);
    }
  }

  /** Sends what waits. */
  #flush(peer: P, desk: Desk): void {
    desk.cancel = undefined;
    const fresh: HeardAddress[] = [];
    for (const { id, address } of desk.queue) {
      // It may have heard of it meanwhile, or it is in the queue twice.
      if (desk.known.has(id)) continue;
      remember(desk, id);
      fresh.push(address);
    }
    desk.queue.length = 0;
    if (fresh.length > 0) this.#parts.send(peer, fresh);
  }

  #tellOwn(peer: P, desk: Desk): void {
    const { own, clock, random, send } = this.#parts;
    const address = own(peer);
    if (address === undefined) {
      desk.ownDue = clock.monotonic() + OWN_AGAIN_MS;
      return;
    }
    desk.ownDue = clock.monotonic() + poissonDelay(OWN_MEAN_MS, (max) => random.below(max));
    send(peer, [{ ...address, timeS: Math.floor(clock.now() / 1000) }]);
  }

  /** The number of an address: a hash that nobody outside can foresee, of 53 bits. */
  #idOf({ host, port }: PeerAddress): number {
    const words = this.#words;
    // What is longer is no address, and need not be told from another of its kind.
    const length = Math.min(host.length, HOST_LENGTH_MAX);
    words[0] = port;
    let count = 1;
    for (let i = 0; i < length; i += 2) words[count++] = (host.charCodeAt(i) << 16) | (host.charCodeAt(i + 1) || 0);
    return sipHash24Words(this.#key, words, count);
  }
}

function remember({ known }: Desk, id: number): void {
  known.add(id);
  if (known.size > KNOWN_MAX) known.delete(known.values().next().value ?? 0);
}
