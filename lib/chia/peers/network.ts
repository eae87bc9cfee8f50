/**
 * The peers of a Chia node: what is Chia's own of their connections.
 *
 * @module
 */
import type { NodeParts } from "../../core/node-parts.ts";
import { PeerNetwork, type PeerNetworkParts } from "../../core/peer-network.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import { printable } from "../../core/printable.ts";
import { chiaDialling, type ChiaDiallingParts } from "./dialling.ts";
import { ChiaPeer } from "./peer.ts";
import { ChiaProtocol, type ProtocolParts } from "./protocol.ts";
import type { ChiaSession, Incoming } from "./session.ts";

/** The connections of a Chia node. */
export type ChiaPeerNetwork = PeerNetwork<ChiaSession, ChiaPeer, Incoming>;

/** What the peers of a node need. */
export interface ChiaPeerNetworkParts
  extends
    NodeParts,
    Pick<ChiaDiallingParts, "askIntroducers" | "chain">,
    Pick<PeerNetworkParts<ChiaSession, ChiaPeer, Incoming>, "event" | "events"> {
  readonly protocol: Omit<ProtocolParts, "clock" | "traffic">;
  readonly traffic: Traffic;
}

/** Makes them. Nothing is dialled or accepted yet. */
export function chiaPeerNetwork(parts: ChiaPeerNetworkParts): ChiaPeerNetwork {
  const { protocol, clock, traffic } = parts;
  const { random, identity, authorities } = protocol;
  return new PeerNetwork({
    node: parts,
    chain: "chia",
    random,
    protocol: new ChiaProtocol({ ...protocol, clock, traffic }),
    makePeer: (init) => new ChiaPeer(init),
    tls: { identity, authorities },
    dialling: chiaDialling(parts),
    introduce: ({ session }) => {
      const agent = printable(session.peer.softwareVersion);
      return { text: agent, data: { agent } };
    },
    event: parts.event,
    events: parts.events,
  });
}
