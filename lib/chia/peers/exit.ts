/**
 * How a session ended.
 *
 * @module
 */
import { exitFor, type PeerExit } from "../../core/peers/peer.ts";

/**
 * The exit that follows from what ended a session. The transport knows no prices: an oversized message is a breach of the
 * rate, and a frame that is none ends the connection without blame (`_read_one_message`, WSMsgType.ERROR).
 */
export function chiaExitFor(thrown: unknown): PeerExit {
  return exitFor(thrown, ({ code }) => (code === "websocket_too_big" ? "flood" : "unwelcome"));
}

/**
 * The exit of a connection that never became a session. A request that opens no WebSocket is answered by its HTTP status,
 * and nothing more (aiohttp does that before the reference sees it); frames that are none in the place of a handshake are a
 * handshake that is none (`perform_handshake`).
 */
export function chiaOpeningExitFor(thrown: unknown): PeerExit {
  return exitFor(thrown, ({ code }) => {
    if (code === "websocket_too_big") return "flood";
    return code === "websocket_handshake" ? "unwelcome" : "bad_handshake";
  });
}

/** The exit of a session that the peer closed. */
export function closedBy(closeCode: number, reason: string): PeerExit {
  const said = reason === "" ? "" : `, reason ${reason}`;
  return { code: "closed", fault: "network", message: `closed by the peer with code ${closeCode}${said}` };
}
