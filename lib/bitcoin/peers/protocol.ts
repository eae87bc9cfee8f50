/**
 * How Bitcoin's connections are opened: TCP, the encrypted transport with fallback to v1, the handshake; which inbound
 * connections get a slot.
 *
 * @see spec sections a.4, a.6 (fallback), f.1
 * @module
 */
import type { OpenContext, PeerProtocol, Slots } from "../../core/peers/connections.ts";
import { NodeError } from "../../core/errors.ts";
import { exitFor, type PeerKind } from "../../core/peers/peer.ts";
import { MemoryBudget } from "../../core/peers/memory-budget.ts";
import type { ByteDuplex, Clock, Dialer, PeerAddress, Random } from "../../core/ports.ts";
import { Traffic } from "../../core/peers/traffic.ts";
import { Turns } from "../../core/peers/turns.ts";
import { OwnNonces, type OwnVersion, REQUIRED_SERVICES } from "./handshake.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import { disconnecting } from "./faults.ts";
import type { OpeningConnections } from "./opening.ts";
import type { ConnectionType } from "./view.ts";
import { BitcoinSession } from "./session.ts";
import { V1Transport } from "../wire/mod.ts";
import type { NegotiatedTransport } from "../wire/transport.ts";
import { InboundTransport, V2Transport } from "../wire/v2/mod.ts";

/** What opening a connection needs. */
export interface BitcoinProtocolParts {
  readonly network: BitcoinNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  /** Made anew for each handshake: the height changes. */
  readonly own: () => OwnVersion;
  /** Whether the encrypted transport is offered and accepted. */
  readonly v2: boolean;
  /** How long a connection may take to be made; for a proxy longer than straight. */
  readonly dialTimeoutMs?: number;
  /** How long the handshake may take, in milliseconds; a minute when absent. */
  readonly handshakeMs?: number;
  /** Lists the connections whose handshake goes on; one of its own when absent. */
  readonly opening?: OpeningConnections;
  /** Inbound connections at once. */
  readonly inboundMax: number;
  /** The sum of what goes over all connections; one of its own when absent. */
  readonly traffic?: Traffic;
  /** The memory that all peers may hold; one of its own when absent. */
  readonly memory?: MemoryBudget;
  /** Makes the transport without encryption, where it is another than the real one. */
  readonly createV1?: (magic: Uint8Array) => V1Transport;
  /** The line in which all peers wait for their turns; one of its own when absent. */
  readonly turns?: Turns;
}

const DIAL_TIMEOUT_MS = 5_000;
/** How many of the inbound slots are for peers that are told of transactions (Core's `-inboundrelaypercent`). */
const RELAYING_SHARE = 0.5;
/** Core's names of the kinds of connection. */
const CONNECTION_TYPES: Readonly<Record<PeerKind, ConnectionType>> = {
  manual: "manual",
  outbound: "outbound-full-relay",
  "block-relay": "block-relay-only",
  feeler: "feeler",
  inbound: "inbound",
};
/** Kinds that the node chose by itself to be of use: they must offer all that it needs. */
const CHOSEN: readonly ConnectionType[] = ["outbound-full-relay", "block-relay-only"];

/** An address of which more is known than where it is. */
export interface DialledAddress extends PeerAddress {
  /** It is to be spoken to in the old transport only. */
  readonly v1Only?: boolean;
}

/** Bitcoin's {@link PeerProtocol}. */
export class BitcoinProtocol implements PeerProtocol<BitcoinSession> {
  readonly #parts: BitcoinProtocolParts;
  readonly #traffic: Traffic;
  readonly #memory: MemoryBudget;
  readonly #turns: Turns;
  readonly #nonces = new OwnNonces();
  readonly exitFor = exitFor;

  constructor(parts: BitcoinProtocolParts) {
    this.#parts = parts;
    this.#traffic = parts.traffic ?? new Traffic(parts.clock);
    this.#memory = parts.memory ?? new MemoryBudget(parts.clock);
    this.#turns = parts.turns ?? new Turns(parts.clock);
  }

  /** Dials with the encrypted transport, and once more without it when the peer hangs up on the key. */
  async dial(address: DialledAddress, context: OpenContext): Promise<BitcoinSession> {
    const { v2, random, network } = this.#parts;
    const type = CONNECTION_TYPES[context.kind];
    if (!v2 || address.v1Only === true) return await this.#dialWith(this.#v1(), address, type, context);
    const transport = new V2Transport({ initiator: true, magic: network.magic }, { random });
    let written = 0;
    try {
      return await this.#dialWith(transport, address, type, context, (bytes) => (written = bytes));
    } catch (thrown) {
      if (transport.outcome(written) !== "retry_as_v1" || context.signal.aborted) throw thrown;
      return await this.#dialWith(this.#v1(), address, type, context);
    }
  }

  accept(duplex: ByteDuplex, context: OpenContext): Promise<BitcoinSession> {
    if (context.banned) {
      duplex.destroy();
      return Promise.reject(new NodeError("banned", "peer", `${duplex.remote.host} is banned`));
    }
    const { v2, network, random } = this.#parts;
    const createV1 = () => this.#v1();
    const transport = v2 ? new InboundTransport({ magic: network.magic }, { random, createV1 }) : createV1();
    return this.#open(duplex, transport, "inbound", context);
  }

  /** Nothing on the wire names a node: two connections to one are two. */
  isSame(): boolean {
    return false;
  }

  slotsFor({ peer: { relay } }: BitcoinSession): readonly Slots<BitcoinSession>[] {
    const { inboundMax, own } = this.#parts;
    const all = { max: inboundMax, isAlike: () => true };
    if (!relay || !own().relay) return [all];
    // Telling a peer of transactions costs more than all else that it gets. The fewer slots come first: where one of them
    // becomes free, one of all does.
    return [{ max: Math.floor(inboundMax * RELAYING_SHARE), isAlike: ({ peer }) => peer.relay }, all];
  }

  refuseSlot(session: BitcoinSession): NodeError {
    const fault = disconnecting("slots_full", "no inbound slot is free");
    session.fail(fault);
    return fault;
  }

  #v1(): V1Transport {
    const { network: { magic }, createV1 = () => new V1Transport(magic) } = this.#parts;
    return createV1(magic);
  }

  async #dialWith(
    transport: NegotiatedTransport,
    address: PeerAddress,
    type: ConnectionType,
    context: OpenContext,
    failed: (bytesWritten: number) => void = () => {},
  ): Promise<BitcoinSession> {
    const duplex = await this.#parts.dialer.dial(address, {
      signal: context.signal,
      timeoutMs: this.#parts.dialTimeoutMs ?? DIAL_TIMEOUT_MS,
    });
    return await this.#open(duplex, transport, type, context, failed);
  }

  async #open(
    duplex: ByteDuplex,
    transport: NegotiatedTransport,
    connectionType: ConnectionType,
    context: OpenContext,
    failed?: (bytesWritten: number) => void,
  ): Promise<BitcoinSession> {
    const { clock, random, own, handshakeMs, opening } = this.#parts;
    context.holds(duplex.closed);
    const opened: { session?: BitcoinSession } = {};
    const memory = this.#memory.open({
      isInbound: context.kind === "inbound",
      name: `${duplex.remote.host} ${duplex.remote.port}`,
      end: (error) => (opened.session === undefined ? duplex.destroy(error) : opened.session.fail(error)),
      isAwaited: () => opened.session?.isAwaited ?? false,
    });
    void duplex.closed.then(() => memory.close());
    const session = await BitcoinSession.open(duplex, {
      transport,
      connectionType,
      own: own(),
      nonces: this.#nonces,
      clock,
      random,
      requiredServices: CHOSEN.includes(connectionType) ? REQUIRED_SERVICES : 0n,
      signal: context.signal,
      traffic: new Traffic(clock, this.#traffic),
      memory,
      turns: this.#turns,
      ...(handshakeMs !== undefined && { handshakeMs }),
      ...(opening && { began: (link) => opening.enter(context.id?.() ?? -1, link, connectionType) }),
      ...(failed && { failed }),
    });
    return opened.session = session;
  }
}
