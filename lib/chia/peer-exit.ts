/**
 * How a session ended.
 *
 * @module
 */
import { exitFor, type PeerExit } from "../core/peer.ts";

/** The exit that follows from what ended a session. */
export function chiaExitFor(thrown: unknown): PeerExit {
  // The transport knows no prices: an oversized message is a breach of the rate, anything else of the protocol.
  return exitFor(thrown, ({ code }) => (code === "websocket_too_big" ? "flood" : "protocol"));
}

/** The exit of a session that the peer closed. */
export function closedBy(closeCode: number, reason: string): PeerExit {
  const said = reason === "" ? "" : `, reason ${reason}`;
  return { code: "closed", fault: "network", message: `closed by the peer with code ${closeCode}${said}` };
}
