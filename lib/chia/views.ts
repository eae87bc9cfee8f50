/**
 * What RPC, the command line and the library see of a connected peer.
 *
 * @module
 */
import { printable } from "../core/printable.ts";
import type { ChiaPeer } from "./peers/peer.ts";
import type { PeerView } from "./peers/view.ts";

/** What is shown of a peer. */
export function peerView({ id, direction, since, session, knowledge: { peak } }: ChiaPeer): PeerView {
  const { socket, peer, nodeId, lastMessageTime, traffic } = session;
  return {
    id,
    direction,
    type: peer.nodeType,
    host: socket.remote.host,
    port: socket.remote.port,
    serverPort: peer.serverPort,
    localPort: socket.local.port,
    nodeId,
    agent: printable(peer.softwareVersion),
    protocolVersion: printable(peer.protocolVersion),
    creationTime: since / 1000,
    lastMessageTime: lastMessageTime / 1000,
    bytesRead: socket.traffic.bytesRead,
    bytesWritten: socket.traffic.bytesWritten,
    traffic,
    peakHeight: peak?.height,
    peakWeight: peak?.weight,
    peakHash: peak?.headerHash,
  };
}
