/**
 * The connections of one network: dials, accepts, keeps slots and bans, and reports each peer's coming and going. What
 * peers say goes to the handler; why they ended prices their host. How a connection is opened and what is said on it is
 * the protocol's business.
 *
 * @module
 */
import { BanList, isLoopback } from "./bans.ts";
import { messageOf, NodeError } from "./errors.ts";
import { chooseEviction } from "./eviction.ts";
import { type Peer, type PeerExit, type PeerInit, type PeerKind, type PeerSession, stopped } from "./peer.ts";
import type { ByteDuplex, Clock, PeerAddress } from "./ports.ts";

/** What the protocol is told of a connection that it is to open. */
export interface OpenContext {
  readonly kind: PeerKind;
  /** The host may not connect; an accepting protocol that can say so does, and rejects in any case. */
  readonly banned: boolean;
  /** Whether limits hold for this host. */
  readonly enforce: boolean;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
  /** Keeps the engine from ending before a socket is released, which may be later than the session. */
  readonly holds: (socket: Promise<unknown>) => void;
}

/** One network's way of opening connections. */
export interface PeerProtocol<S> {
  /** Dials and shakes hands. Rejects with a `NodeError`. */
  dial(address: PeerAddress, context: OpenContext): Promise<S>;
  /** Shakes hands with who dialled us. The duplex is the protocol's: on failure it destroys it. */
  accept(duplex: ByteDuplex, context: OpenContext): Promise<S>;
  /** What an error costs the host, beside the end of the connection. */
  priceOf(error: unknown): PeerExit;
  /** Whether both sessions are with the same node; the older one is closed then. */
  isSame(one: S, other: S): boolean;
  /** How many inbound slots there are for sessions like this one, and which others are like it. */
  slotsFor(session: S): { readonly max: number; readonly isAlike: (other: S) => boolean };
  /** Ends an inbound session for want of a slot. */
  refuseSlot(session: S): NodeError;
}

/** What a peer's life looks like to the rest of the node. */
export interface PeerEvents<P, I> {
  /** The handshake is done. */
  joined(peer: P): void;
  /** A message that is no reply. */
  message(peer: P, incoming: I): void | Promise<void>;
  left(peer: P, exit: PeerExit): void;
  /** A connection that never became a peer. */
  failed(address: PeerAddress | undefined, direction: "in" | "out", error: Error): void;
  banned(host: string, seconds: number, reason: string): void;
}

/** What connections need. */
export interface ConnectionsParts<S extends PeerSession<I>, P extends Peer<S>, I> {
  readonly clock: Clock;
  readonly protocol: PeerProtocol<S>;
  readonly makePeer: (init: PeerInit<S>) => P;
  /** Hosts that limits and bans do not concern. */
  readonly isExempt: (host: string) => boolean;
  /** The network and the group of a host; the group is hashed under a secret key, so that nobody can choose it. */
  readonly placeOf: (host: string) => { readonly network: string; readonly keyedGroup: bigint };
  readonly events: PeerEvents<P, I>;
}

/** Inbound connections that have not shaken hands yet. */
const OPENING_MAX = 64;

/** All connections of one network. */
export class Connections<S extends PeerSession<I>, P extends Peer<S>, I> {
  readonly bans: BanList;
  readonly #parts: ConnectionsParts<S, P, I>;
  readonly #peers = new Map<number, P>();
  /** Those of them whose sessions go on; undefined when that has changed. Asked for several times a second. */
  #alive: readonly P[] | undefined;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #opening = 0;
  #nextId = 1;

  constructor(parts: ConnectionsParts<S, P, I>) {
    this.#parts = parts;
    this.bans = new BanList(parts.clock, parts.isExempt);
  }

  /** The peers whose sessions go on. */
  get peers(): readonly P[] {
    this.#alive ??= [...this.#peers.values()].filter(({ session }) => !session.signal.aborted);
    return this.#alive;
  }

  /** Dials a peer and shakes hands. The peer is served until it ends. @throws NodeError why it failed */
  async dial(address: PeerAddress, kind: Exclude<PeerKind, "inbound">): Promise<P> {
    const ban = this.bans.find(address.host);
    if (ban !== undefined) throw new NodeError("banned", "peer", `${address.host} is banned: ${ban.reason}`);
    const context = this.#context(kind, address.host, false);
    return await this.#open(kind, address.host, () => this.#parts.protocol.dial(address, context));
  }

  /** Takes over a connection that a listener accepted. */
  accept(duplex: ByteDuplex): void {
    const { protocol, events } = this.#parts;
    if (this.#opening >= OPENING_MAX || this.#stop.signal.aborted) {
      duplex.destroy();
      return;
    }
    this.#opening += 1;
    const { host } = duplex.remote;
    const context = this.#context("inbound", host, this.bans.find(host) !== undefined);
    this.#track(
      this.#open("inbound", host, () => protocol.accept(duplex, context))
        .catch((error) => events.failed(duplex.remote, "in", error instanceof Error ? error : new Error(String(error))))
        .finally(() => (this.#opening -= 1)),
    );
  }

  /** Ends the connections for which `matches` holds; false when there are none. */
  disconnect(matches: (peer: P) => boolean): boolean {
    const found = this.peers.filter(matches);
    for (const peer of found) peer.session.close();
    return found.length > 0;
  }

  /** Bans a host or a subnet and ends the connections from there. */
  ban(subnet: string, seconds: number, reason: string): void {
    if (seconds <= 0 || !this.bans.ban(subnet, seconds, reason)) return;
    this.#parts.events.banned(subnet, seconds, reason);
    this.disconnect((peer) => this.bans.find(peer.host) !== undefined);
  }

  /** Ends all connections and waits until they are gone. */
  async close(): Promise<void> {
    this.#stop.abort(stopped());
    this.disconnect(() => true);
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #context(kind: PeerKind, host: string, banned: boolean): OpenContext {
    return {
      kind,
      banned,
      enforce: !this.#parts.isExempt(host),
      signal: this.#stop.signal,
      holds: (socket) => this.#track(socket),
    };
  }

  async #open(kind: PeerKind, host: string, open: () => Promise<S>): Promise<P> {
    const { protocol, clock, makePeer } = this.#parts;
    let session: S;
    try {
      session = await open();
      if (kind === "inbound") this.#makeRoom(session);
    } catch (thrown) {
      const { banSeconds, message } = protocol.priceOf(thrown);
      this.ban(host, banSeconds, message);
      throw thrown;
    }
    for (const other of this.peers) if (protocol.isSame(other.session, session)) other.session.close();
    const peer = makePeer({ id: this.#nextId++, kind, session, since: clock.now() });
    this.#peers.set(peer.id, peer);
    this.#alive = undefined;
    session.signal.addEventListener("abort", () => (this.#alive = undefined), { once: true });
    this.#track(this.#serve(peer));
    return peer;
  }

  /** Finds a slot for an inbound session, if need be that of a peer that is worth less. @throws NodeError there is none */
  #makeRoom(session: S): void {
    const { protocol, placeOf, isExempt } = this.#parts;
    const { max, isAlike } = protocol.slotsFor(session);
    const rivals = this.peers.filter((peer) =>
      peer.direction === "in" && isAlike(peer.session) && !protocol.isSame(peer.session, session)
    );
    if (rivals.length < max) return;
    const evicted = max === 0 ? undefined : chooseEviction(rivals.map((peer) => ({
      ...peer.merits,
      ...placeOf(peer.host),
      id: peer.id,
      direction: peer.direction,
      isExempt: isExempt(peer.host),
      sinceMs: peer.since,
      // Who is banned does not get this far.
      goesFirst: false,
      isLocal: isLoopback(peer.host),
    })));
    if (evicted === undefined) throw protocol.refuseSlot(session);
    this.disconnect(({ id }) => id === evicted);
  }

  async #serve(peer: P): Promise<void> {
    const { events } = this.#parts;
    events.joined(peer);
    const exit = await peer.session.run((incoming) => events.message(peer, incoming));
    this.#peers.delete(peer.id);
    this.#alive = undefined;
    this.ban(peer.host, exit.banSeconds, exit.message);
    events.left(peer, exit);
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.then(() => {}, (error) => {
      this.#parts.events.failed(undefined, "in", new Error(messageOf(error)));
    }).finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
