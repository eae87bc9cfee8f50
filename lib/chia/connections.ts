/**
 * Connections to Chia peers: dials, accepts, keeps slots and bans, and reports each peer's coming and going. What peers
 * say goes to the handler; why they ended prices their host.
 *
 * @see spec section c (sequence, inbound limits), d (bans)
 * @module
 */
import { sha256 } from "../codec/sha256.ts";
import { equalBytes } from "../codec/sized.ts";
import { BanList, isLoopback } from "../core/bans.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { ByteDuplex, Clock, Dialer, PeerAddress, PeerSocket, Random, TlsIdentity } from "../core/ports.ts";
import { acceptWebSocket, connectWebSocket } from "../transport/websocket/mod.ts";
import type { OwnHandshake } from "./handshake.ts";
import { ChiaPeer } from "./peer.ts";
import { exitFor } from "./peer-exit.ts";
import { politeEnd } from "./peer-fault.ts";
import { MESSAGE_BYTES_MAX, NodeType } from "./protocol/mod.ts";
import { ChiaSession, type Incoming, type PeerExit, type SessionOptions } from "./session.ts";

/** What a peer's life looks like to the rest of the node. */
export interface PeerEvents {
  /** The handshake is done. */
  joined(peer: ChiaPeer): void;
  /** A message that is no reply. */
  message(peer: ChiaPeer, incoming: Incoming): void | Promise<void>;
  left(peer: ChiaPeer, exit: PeerExit): void;
  /** A connection that never became a peer. */
  failed(address: PeerAddress | undefined, direction: "in" | "out", error: Error): void;
  banned(host: string, seconds: number, reason: string): void;
}

/** What connections need. */
export interface ConnectionParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly identity: TlsIdentity;
  readonly ownNodeId: Uint8Array;
  /** PEM certificates of the CA that signs node certificates. */
  readonly authorities: readonly string[];
  readonly own: OwnHandshake;
  /** Whether loopback peers are free of limits and bans. */
  readonly loopbackExempt: boolean;
  readonly inboundMax: number;
  readonly events: PeerEvents;
}

const DIAL_TIMEOUT_MS = 30_000;
const DIAL_HANDSHAKE_MS = 120_000;
const ACCEPT_HANDSHAKE_MS = 30_000;
const PING_INTERVAL_MS = 60_000;
/** Inbound connections that have not shaken hands yet. */
const OPENING_MAX = 64;
const PATH = "/ws";
/** Inbound wallets and farmers that a full node takes; other types beside full nodes get no slot. */
const INBOUND_BY_TYPE: Readonly<Record<number, number>> = { [NodeType.WALLET]: 20, [NodeType.FARMER]: 10 };

/** All connections of one chain. */
export class ChiaConnections {
  readonly bans: BanList;
  readonly #parts: ConnectionParts;
  readonly #peers = new Map<number, ChiaPeer>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #opening = 0;
  #nextId = 1;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.bans = new BanList(parts.clock, (host) => parts.loopbackExempt && isLoopback(host));
  }

  /** The peers whose sessions go on. */
  get peers(): readonly ChiaPeer[] {
    return [...this.#peers.values()].filter(({ session }) => !session.signal.aborted);
  }

  /** Dials a peer and shakes hands. The peer is served until it ends. @throws NodeError why it failed */
  async dial(address: PeerAddress, wanted: boolean): Promise<ChiaPeer> {
    const { dialer, identity, authorities, clock, random } = this.#parts;
    const ban = this.bans.find(address.host);
    if (ban !== undefined) throw new NodeError("banned", "peer", `${address.host} is banned: ${ban.reason}`);
    const duplex = await dialer.dial(address, {
      signal: this.#stop.signal,
      timeoutMs: DIAL_TIMEOUT_MS,
      tls: { identity, authorities },
    });
    const socket = connectWebSocket(duplex, {
      path: PATH,
      clock,
      random,
      messageBytesMax: MESSAGE_BYTES_MAX,
      handshakeTimeoutMs: DIAL_TIMEOUT_MS,
      pingIntervalMs: PING_INTERVAL_MS,
    });
    return await this.#open(socket, "out", DIAL_HANDSHAKE_MS, wanted);
  }

  /** Takes over a connection that a listener accepted. */
  accept(duplex: ByteDuplex): void {
    const { clock, random, events } = this.#parts;
    if (this.#opening >= OPENING_MAX || this.#stop.signal.aborted) {
      duplex.destroy();
      return;
    }
    this.#opening += 1;
    const banned = this.bans.find(duplex.remote.host) !== undefined;
    const socket = acceptWebSocket(duplex, {
      path: PATH,
      clock,
      random,
      messageBytesMax: MESSAGE_BYTES_MAX,
      handshakeTimeoutMs: ACCEPT_HANDSHAKE_MS,
      refuse: () => (banned ? { status: 403, reason: "Forbidden: this address is banned" } : undefined),
    });
    this.#track(
      this.#open(socket, "in", ACCEPT_HANDSHAKE_MS, false)
        .catch((error) => events.failed(socket.remote, "in", error instanceof Error ? error : new Error(String(error))))
        .finally(() => (this.#opening -= 1))
        .then(() => {}),
    );
  }

  /** Ends the connection to a node id; false when there is none. */
  disconnect(nodeId: Uint8Array): boolean {
    const peer = this.peers.find((candidate) => equalBytes(candidate.session.nodeId, nodeId));
    peer?.session.close();
    return peer !== undefined;
  }

  /** Bans a host and ends its connections. */
  ban(host: string, seconds: number, reason: string): void {
    if (seconds <= 0 || !this.bans.ban(host, seconds, reason)) return;
    this.#parts.events.banned(host, seconds, reason);
    for (const peer of this.peers) if (peer.host === host) peer.session.close();
  }

  /** Ends all connections and waits until they are gone. */
  async close(): Promise<void> {
    this.#stop.abort(new NodeError("stopped", "self", "the node stops"));
    for (const peer of this.peers) peer.session.close();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #open(
    socket: PeerSocket,
    direction: "in" | "out",
    handshakeTimeoutMs: number,
    wanted: boolean,
  ): Promise<ChiaPeer> {
    const { own, ownNodeId, clock, loopbackExempt } = this.#parts;
    const options: SessionOptions = {
      role: direction === "out" ? "dialler" : "acceptor",
      own,
      ownNodeId,
      peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array(0)),
      clock,
      handshakeTimeoutMs,
      enforceRates: !(loopbackExempt && isLoopback(socket.remote.host)),
      signal: this.#stop.signal,
    };
    // Also when it fails: the closing handshake takes its time, and the socket is ours until it is released.
    this.#track(socket.closed.then(() => {}));
    let session: ChiaSession;
    try {
      session = await ChiaSession.open(socket, options);
      if (direction === "in") this.#requireSlot(session);
    } catch (thrown) {
      // What breaks the WebSocket's rules costs as much before the handshake as after it.
      const { banSeconds, message } = exitFor(thrown);
      this.ban(socket.remote.host, banSeconds, message);
      throw thrown;
    }
    for (const other of this.peers) if (equalBytes(other.session.nodeId, session.nodeId)) other.session.close();
    const peer = new ChiaPeer(this.#nextId++, direction, session, clock.now(), wanted);
    this.#peers.set(peer.id, peer);
    this.#track(this.#serve(peer));
    return peer;
  }

  #requireSlot(session: ChiaSession): void {
    const { inboundMax } = this.#parts;
    const type = session.peer.nodeType;
    const slots = type === NodeType.FULL_NODE ? inboundMax : INBOUND_BY_TYPE[type] ?? 0;
    const taken = this.peers.filter((p) => p.direction === "in" && p.session.peer.nodeType === type).length;
    if (taken < slots) return;
    const fault = politeEnd("SLOTS_FULL", `no inbound slot for node type ${type}`);
    session.fail(fault);
    throw fault;
  }

  async #serve(peer: ChiaPeer): Promise<void> {
    const { events } = this.#parts;
    events.joined(peer);
    const exit = await peer.session.run((incoming) => events.message(peer, incoming));
    this.#peers.delete(peer.id);
    this.ban(peer.host, exit.banSeconds, exit.message);
    events.left(peer, exit);
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch((error) => this.#parts.events.failed(undefined, "in", new Error(messageOf(error))))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
