/**
 * A connected peer as the node sees it: its session, and what it announced.
 *
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { printable } from "../../core/printable.ts";
import type { Merits } from "../../core/peers/eviction.ts";
import { Peer } from "../../core/peers/peer.ts";
import type { PeerView } from "./view.ts";
import type { ChiaSession } from "./session.ts";
import { NodeType } from "../protocol/mod.ts";

/** The tip that a peer announced last. A hint: nothing in it is checked. */
export interface AnnouncedPeak {
  readonly headerHash: Uint8Array;
  readonly height: number;
  readonly weight: bigint;
}

/** One Chia peer, from handshake to end. */
export class ChiaPeer extends Peer<ChiaSession> {
  peak: AnnouncedPeak | undefined;
  /** The announcement that was last considered. */
  considered: AnnouncedPeak | undefined;
  /** Our peak that it had in its chain when we asked, after its last announcement. */
  confirmed: Uint8Array | undefined;
  /** Monotonic milliseconds until which its announcement is left alone, after it did not deliver. */
  restUntil = 0;
  /** How often in a row what it announced did not come in time. */
  timeouts = 0;

  /** Whether it told by itself that a block is its peak, or answered that it has it. That it took it from us says nothing. */
  standsOn(headerHash: Uint8Array): boolean {
    const isIt = (hash: Uint8Array | undefined) => hash !== undefined && equalBytes(hash, headerHash);
    return isIt(this.peak?.headerHash) || isIt(this.confirmed);
  }

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
