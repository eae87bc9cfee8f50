/**
 * How Chia's connections are opened: TLS with both certificates, WebSocket, handshake; which inbound node types get a
 * slot; which sessions are with the same node.
 *
 * @see spec section c (sequence, inbound limits)
 * @module
 */
import { sha256 } from "../../codec/sha256.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { OpenContext, PeerProtocol, Slots } from "../../core/peers/connections.ts";
import type { NodeError } from "../../core/errors.ts";
import { type MemoryAccount, MemoryBudget } from "../../core/peers/memory-budget.ts";
import type { ByteDuplex, Clock, Dialer, PeerAddress, PeerSocket, Random, TlsIdentity } from "../../core/ports.ts";
import { Traffic } from "../../core/peers/traffic.ts";
import { Turns } from "../../core/peers/turns.ts";
import { acceptWebSocket, connectWebSocket } from "../../transport/websocket/mod.ts";
import type { OwnHandshake } from "./handshake.ts";
import { chiaOpeningExitFor } from "./exit.ts";
import { politeEnd } from "./faults.ts";
import { MESSAGE_BYTES_MAX, NodeType } from "../protocol/mod.ts";
import { ChiaSession } from "./session.ts";

/** What opening a connection needs. */
export interface ProtocolParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly identity: TlsIdentity;
  readonly ownNodeId: Uint8Array;
  /** PEM certificates of the CA that signs node certificates. */
  readonly authorities: readonly string[];
  readonly own: OwnHandshake;
  /** How long a connection may take to be made; for a proxy longer than straight. */
  readonly dialTimeoutMs?: number;
  /** How long the handshake may take, in milliseconds; the reference's times when absent. */
  readonly handshakeMs?: number;
  /** Inbound full nodes at once. */
  readonly inboundMax: number;
  /** The sum of what goes over all connections; one of its own when absent. */
  readonly traffic?: Traffic;
  /** The memory that all peers may hold; one of its own when absent. */
  readonly memory?: MemoryBudget;
  /** The line in which all peers wait for their turns; one of its own when absent. */
  readonly turns?: Turns;
}

const DIAL_TIMEOUT_MS = 30_000;
const DIAL_HANDSHAKE_MS = 120_000;
const ACCEPT_HANDSHAKE_MS = 30_000;
const PING_INTERVAL_MS = 60_000;
const PATH = "/ws";
/** The memory that an unfinished message may take before hands are shaken, and the longest first message. */
const STRANGER_BYTES_MAX = 64 * 1024;

/** What a connection may hold, and who is told what it does hold. */
const limits = (memory: MemoryAccount) => ({
  onHeld: (bytes: number) => memory.set("in", bytes),
  messageBytesMax: MESSAGE_BYTES_MAX,
  firstMessageBytesMax: STRANGER_BYTES_MAX,
  strangerBytesMax: STRANGER_BYTES_MAX,
});

/** Chia's {@link PeerProtocol}. */
export class ChiaProtocol implements PeerProtocol<ChiaSession> {
  readonly #parts: ProtocolParts;
  readonly #traffic: Traffic;
  readonly #memory: MemoryBudget;
  readonly #turns: Turns;
  readonly #sessions = new WeakMap<ByteDuplex, ChiaSession>();
  readonly exitFor = chiaOpeningExitFor;

  constructor(parts: ProtocolParts) {
    this.#parts = parts;
    this.#traffic = parts.traffic ?? new Traffic(parts.clock);
    this.#memory = parts.memory ?? new MemoryBudget(parts.clock);
    this.#turns = parts.turns ?? new Turns(parts.clock);
  }

  async dial(address: PeerAddress, context: OpenContext): Promise<ChiaSession> {
    const { dialer, identity, authorities, clock, random, dialTimeoutMs = DIAL_TIMEOUT_MS } = this.#parts;
    const duplex = await dialer.dial(address, {
      signal: context.signal,
      timeoutMs: dialTimeoutMs,
      tls: { identity, authorities },
    });
    const memory = this.#account(duplex, context);
    const socket = connectWebSocket(duplex, {
      ...limits(memory),
      path: PATH,
      clock,
      random,
      handshakeTimeoutMs: DIAL_TIMEOUT_MS,
      pingIntervalMs: PING_INTERVAL_MS,
    });
    return await this.#open(duplex, socket, memory, context, this.#parts.handshakeMs ?? DIAL_HANDSHAKE_MS);
  }

  accept(duplex: ByteDuplex, context: OpenContext): Promise<ChiaSession> {
    const { clock, random, handshakeMs = ACCEPT_HANDSHAKE_MS } = this.#parts;
    const memory = this.#account(duplex, context);
    const socket = acceptWebSocket(duplex, {
      ...limits(memory),
      path: PATH,
      clock,
      random,
      handshakeTimeoutMs: handshakeMs,
      refuse: () => (context.banned ? { status: 403, reason: "Forbidden: this address is banned" } : undefined),
    });
    return this.#open(duplex, socket, memory, context, handshakeMs);
  }

  /** A node is who its certificate says; the newer connection replaces the older. */
  isSame(one: ChiaSession, other: ChiaSession): boolean {
    return equalBytes(one.nodeId, other.nodeId);
  }

  slotsFor({ peer: { nodeType } }: ChiaSession): readonly Slots<ChiaSession>[] {
    // Wallets and farmers would wait for answers that are not served yet: a closed door sends them to another node.
    const max = nodeType === NodeType.FULL_NODE ? this.#parts.inboundMax : 0;
    return [{ max, isAlike: ({ peer }) => peer.nodeType === nodeType }];
  }

  refuseSlot(session: ChiaSession): NodeError {
    const fault = politeEnd("SLOTS_FULL", `no inbound slot for node type ${session.peer.nodeType}`);
    session.fail(fault);
    return fault;
  }

  /** The connection's part of the memory, for as long as its socket lives. */
  #account(duplex: ByteDuplex, { kind }: OpenContext): MemoryAccount {
    const memory = this.#memory.open({
      isInbound: kind === "inbound",
      name: `${duplex.remote.host} ${duplex.remote.port}`,
      end: (error) => duplex.destroy(error),
      isAwaited: () => this.#sessions.get(duplex)?.isAwaited ?? false,
    });
    void duplex.closed.then(() => memory.close());
    return memory;
  }

  async #open(
    duplex: ByteDuplex,
    socket: PeerSocket,
    memory: MemoryAccount,
    context: OpenContext,
    handshakeTimeoutMs: number,
  ): Promise<ChiaSession> {
    const { own, ownNodeId, clock } = this.#parts;
    // Also when it fails: the closing handshake takes its time, and the socket is ours until it is released.
    context.holds(socket.closed);
    const session = await ChiaSession.open(socket, {
      role: context.kind === "inbound" ? "acceptor" : "dialler",
      own,
      ownNodeId,
      peerNodeId: sha256(socket.peerCertificate ?? new Uint8Array(0)),
      clock,
      handshakeTimeoutMs,
      enforceRates: context.enforce,
      traffic: new Traffic(clock, this.#traffic),
      memory,
      turns: this.#turns,
      signal: context.signal,
    });
    this.#sessions.set(duplex, session);
    return session;
  }
}
