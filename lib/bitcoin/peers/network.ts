/**
 * The peers of a Bitcoin node: what is Bitcoin's own of their connections.
 *
 * @module
 */
import type { NodeParts } from "../../core/node-parts.ts";
import { PeerNetwork, type PeerNetworkParts } from "../../core/peer-network.ts";
import { PLAIN_RATE } from "../../core/peers/accept-gate.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import { printable } from "../../core/printable.ts";
import { bitcoinDialling, type BitcoinDiallingParts } from "./dialling.ts";
import type { OpeningConnections } from "./opening.ts";
import { BitcoinPeer } from "./peer.ts";
import { BitcoinProtocol, type BitcoinProtocolParts } from "./protocol.ts";
import type { BitcoinSession, Incoming } from "./session.ts";

/** The connections of a Bitcoin node. */
export type BitcoinPeerNetwork = PeerNetwork<BitcoinSession, BitcoinPeer, Incoming>;

/** What a node is told of the transport and the handshake of its peers. */
export type BitcoinTransportParts = Omit<BitcoinProtocolParts, "network" | "clock" | "own" | "traffic" | "opening">;

/** What the peers of a node need. */
export interface BitcoinPeerNetworkParts
  extends
    NodeParts,
    Pick<BitcoinDiallingParts, "isSynced" | "isTipStale" | "mode" | "network">,
    Pick<PeerNetworkParts<BitcoinSession, BitcoinPeer, Incoming>, "event" | "events"> {
  readonly protocol: BitcoinTransportParts;
  /** What we offer, by now. */
  readonly services: () => bigint;
  /** Whether transactions may be announced to us. */
  readonly relay: boolean;
  readonly userAgent: string;
  /** Height of our tip, as the handshake says it. */
  readonly startHeight: () => number;
  readonly traffic: Traffic;
  readonly opening: OpeningConnections;
}

/** Makes them. Nothing is dialled or accepted yet. */
export function bitcoinPeerNetwork(parts: BitcoinPeerNetworkParts): BitcoinPeerNetwork {
  const { protocol, network, clock, services, relay, userAgent, startHeight, traffic, opening } = parts;
  return new PeerNetwork({
    node: parts,
    chain: "bitcoin",
    random: protocol.random,
    protocol: new BitcoinProtocol({
      ...protocol,
      ...{ network, clock, traffic, opening },
      own: () => ({ services: services(), userAgent, startHeight: startHeight(), relay }),
    }),
    makePeer: (init) => new BitcoinPeer(init),
    gateRate: PLAIN_RATE,
    dialling: bitcoinDialling(parts),
    introduce: ({ session: { peer, link } }) => {
      const agent = printable(peer.userAgent);
      return { text: `${agent} ${link.transport.kind}`, data: { agent, version: peer.version } };
    },
    event: parts.event,
    events: parts.events,
  });
}
