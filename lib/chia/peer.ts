/**
 * A connected peer as the node sees it: its session, and what it announced.
 *
 * @module
 */
import { printable } from "../core/printable.ts";
import type { Merits } from "../core/eviction.ts";
import { Peer } from "../core/peer.ts";
import type { PeerView } from "./service.ts";
import type { ChiaSession } from "./session.ts";
import { NodeType } from "./protocol/mod.ts";

/** The tip that a peer announced last. A hint: nothing in it is checked. */
export interface AnnouncedPeak {
  readonly headerHash: Uint8Array;
  readonly height: number;
  readonly weight: bigint;
}

/** One Chia peer, from handshake to end. */
export class ChiaPeer extends Peer<ChiaSession> {
  peak: AnnouncedPeak | undefined;
  /** The announcement that was last looked into. */
  considered: AnnouncedPeak | undefined;
  /**
   * The block that it took from us last, if that was our tip and it has announced nothing since: who takes a tip from us
   * does not announce it to us.
   */
  taken: Uint8Array | undefined;
  /** Monotonic milliseconds until which its announcement is left alone, after it did not deliver. */
  restUntil = 0;
  /** Unix milliseconds at which blocks of it last became our tip; 0 for never. */
  lastHeadTime = 0;
  /** How often in a row what it announced did not come in time. */
  timeouts = 0;

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

  /** What RPC tells of the peer. */
  view(): PeerView {
    const { socket, peer, nodeId, lastMessageTime } = this.session;
    return {
      id: this.id,
      direction: this.direction,
      type: peer.nodeType,
      host: socket.remote.host,
      port: socket.remote.port,
      serverPort: peer.serverPort,
      localPort: socket.local.port,
      nodeId,
      agent: printable(peer.softwareVersion),
      protocolVersion: printable(peer.protocolVersion),
      creationTime: this.since / 1000,
      lastMessageTime: lastMessageTime / 1000,
      bytesRead: socket.traffic.bytesRead,
      bytesWritten: socket.traffic.bytesWritten,
      traffic: this.session.traffic,
      peakHeight: this.peak?.height,
      peakWeight: this.peak?.weight,
      peakHash: this.peak?.headerHash,
    };
  }
}
