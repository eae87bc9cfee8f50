/**
 * Peers as RPC, the command line and the library see them.
 *
 * @see chia-blockchain 2.7.5 `chia/server/start_service.py`, `get_connections`
 * @module
 */
import type { Traffic } from "../../core/peers/traffic.ts";

/** One connected peer, with what `get_connections` tells about it. */
export interface PeerView {
  /** Small number that names the connection in CLI and events. */
  readonly id: number;
  readonly direction: "in" | "out";
  /** NodeType number. */
  readonly type: number;
  readonly host: string;
  readonly port: number;
  /** Port the peer listens on, by its handshake; 0 when none. */
  readonly serverPort: number;
  readonly localPort: number;
  /** SHA-256 of the peer's certificate. */
  readonly nodeId: Uint8Array;
  readonly agent: string;
  readonly protocolVersion: string;
  /** Unix seconds. */
  readonly creationTime: number;
  readonly lastMessageTime: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly traffic: Traffic;
  readonly peakHeight: number | undefined;
  readonly peakWeight: bigint | undefined;
  readonly peakHash: Uint8Array | undefined;
}
