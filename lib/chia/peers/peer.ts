/**
 * A connected peer as the node sees it: its session, and which chain it stands on. What a part of the node keeps of a
 * peer for itself is there (`PerPeer`).
 *
 * @module
 */
import type { Merits } from "../../core/peers/eviction.ts";
import { Peer } from "../../core/peers/peer.ts";
import { PeerChainKnowledge } from "./knowledge.ts";
import type { ChiaSession } from "./session.ts";
import { NodeType } from "../protocol/mod.ts";

/** One Chia peer, from handshake to end. */
export class ChiaPeer extends Peer<ChiaSession> {
  /** Which chain it stands on. */
  readonly knowledge = new PeerChainKnowledge();

  override get merits(): Merits {
    const { socket, peer } = this.session;
    return {
      pingMinMs: socket.minimumPingMs ?? Infinity,
      // Transactions are not relayed yet.
      lastNewsMs: 0,
      lastHeadMs: this.lastHeadTime,
      relaysNews: true,
      filtersNews: false,
      isUseful: peer.nodeType === NodeType.FULL_NODE,
    };
  }
}
