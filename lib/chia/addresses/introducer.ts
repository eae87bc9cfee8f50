/**
 * Introducers: nodes that tell a newcomer whom to dial. The one here tells of nodes that somebody has reached; the client
 * asks once and leaves.
 *
 * @see spec section f (sources and constants); chia-blockchain 2.7.5 `chia/introducer/introducer_api.py`,
 * `chia/server/node_discovery.py`
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { ByteDuplex, Clock, Dialer, PeerAddress, Random } from "../../core/ports.ts";
import { decodeBody } from "../peers/decode-body.ts";
import { type NodeIdentity, publicAuthorities } from "../identity/identity.ts";
import type { ChiaNetwork } from "../networks/mod.ts";
import { ChiaProtocol } from "../peers/protocol.ts";
import { NodeType, requestPeersIntroducer, respondPeersIntroducer, SERVED_CAPABILITIES } from "../protocol/mod.ts";
import type { ChiaSession, Incoming } from "../peers/session.ts";

/** What both sides need. */
export interface IntroducerParts {
  readonly network: ChiaNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly identity: NodeIdentity;
  readonly softwareVersion: string;
}

/** Peers in one answer (`max_peers_to_send`). */
export const INTRODUCED_MAX = 20;
/** Connections at once. */
const CONNECTIONS_MAX = 256;
/** A peer that has asked has no reason to stay, nor has one that does not ask. */
const STAY_MS = 30_000;
const ANSWER_MS = 10_000;
/** A longer list than the protocol allows is ignored as a whole. */
const TOLD_MAX = 1_000;

function protocolOf(parts: IntroducerParts, nodeType: NodeType, serverPort: number): ChiaProtocol {
  const { network, clock, random, dialer, identity, softwareVersion } = parts;
  return new ChiaProtocol({
    clock,
    random,
    dialer,
    identity,
    ownNodeId: identity.nodeId,
    authorities: publicAuthorities,
    own: { networkId: network.name, nodeType, softwareVersion, serverPort, capabilities: SERVED_CAPABILITIES },
    inboundMax: CONNECTIONS_MAX,
  });
}

/**
 * Asks an introducer for peers, once, and leaves. The addresses are as they came: unchecked, without times, at most 1,000.
 *
 * @throws NodeError why nothing was told: the connection, the handshake, `timeout`, `not_an_introducer`
 */
export async function askIntroducer(
  address: PeerAddress,
  parts: IntroducerParts,
  signal: AbortSignal,
): Promise<PeerAddress[]> {
  const sockets: Promise<unknown>[] = [];
  const holds = (socket: Promise<unknown>) => void sockets.push(socket);
  try {
    const protocol = protocolOf(parts, NodeType.FULL_NODE, 0);
    const session = await protocol.dial(address, { kind: "feeler", banned: false, enforce: true, signal, holds });
    const unasked = Promise.withResolvers<Incoming>();
    const running = session.run((incoming) => {
      // The reference asks without an id and so may be answered without one.
      if (incoming.message.id === respondPeersIntroducer.id) unasked.resolve(incoming);
    });
    try {
      if (session.peer.nodeType !== NodeType.INTRODUCER) {
        throw new NodeError("not_an_introducer", "peer", `the peer has node type ${session.peer.nodeType}`);
      }
      const asked = session.request(requestPeersIntroducer, {}, ANSWER_MS, signal);
      asked.catch(() => {});
      const { data } = await Promise.race([asked, unasked.promise]);
      const { peerList } = decodeBody(respondPeersIntroducer, data);
      return peerList.length > TOLD_MAX ? [] : peerList.map(({ host, port }) => ({ host, port }));
    } finally {
      session.close();
      await running;
    }
  } finally {
    await Promise.allSettled(sockets);
  }
}

/** What an introducer tells and hears. */
export interface IntroducerOptions extends IntroducerParts {
  /** Peers that have been reached not long ago; asked for at each question. */
  readonly vetted: () => readonly PeerAddress[];
  readonly serverPort: number;
  /** Hears of each connection that failed, and of each answer. */
  readonly notice?: (text: string) => void;
}

/** The serving side. Give it the connections of a TLS listener that asks for Chia's certificates. */
export class Introducer {
  readonly #options: IntroducerOptions;
  readonly #protocol: ChiaProtocol;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: IntroducerOptions) {
    this.#options = options;
    this.#protocol = protocolOf(options, NodeType.INTRODUCER, options.serverPort);
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#running.size;
  }

  /** Takes over a connection that a listener accepted. */
  accept(duplex: ByteDuplex): void {
    if (this.#running.size >= CONNECTIONS_MAX || this.#stop.signal.aborted) {
      duplex.destroy();
      return;
    }
    const serving = this.#serve(duplex)
      .catch((thrown) => this.#options.notice?.(`${duplex.remote.host}: ${messageOf(thrown)}`))
      .finally(() => this.#running.delete(serving));
    this.#running.add(serving);
  }

  /** Ends all connections and waits until they are gone. */
  async close(): Promise<void> {
    this.#stop.abort();
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #serve(duplex: ByteDuplex): Promise<void> {
    const { clock } = this.#options;
    const sockets: Promise<unknown>[] = [];
    try {
      const session = await this.#protocol.accept(duplex, {
        kind: "inbound",
        banned: false,
        enforce: true,
        signal: this.#stop.signal,
        holds: (socket) => void sockets.push(socket),
      });
      const cancel = clock.after(STAY_MS, () => session.close());
      try {
        await session.run((incoming) => this.#answer(session, incoming));
      } finally {
        cancel();
      }
    } finally {
      await Promise.allSettled(sockets);
    }
  }

  async #answer(session: ChiaSession, { message, id, data }: Incoming): Promise<void> {
    if (message.id !== requestPeersIntroducer.id) return;
    decodeBody(requestPeersIntroducer, data);
    const peerList = this.#drawn(session).map(({ host, port }) => ({ host, port, timestamp: 0n }));
    await session.send(respondPeersIntroducer, { peerList }, id);
    this.#options.notice?.(`${session.label}: told of ${peerList.length} peers`);
  }

  /** Some vetted peers, others each time, without the one that asks. */
  #drawn({ remote, peer }: ChiaSession): PeerAddress[] {
    const { vetted, random } = this.#options;
    const others = vetted().filter(({ host, port }) => host !== remote.host || port !== peer.serverPort);
    const drawn: PeerAddress[] = [];
    for (let at = 0; at < Math.min(INTRODUCED_MAX, others.length); at++) {
      const from = at + random.below(others.length - at);
      [others[at], others[from]] = [others[from]!, others[at]!];
      drawn.push(others[at]!);
    }
    return drawn;
  }
}
