/**
 * How a session ended, in words and in what it costs the peer.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { PeerExit } from "../core/peer.ts";
import { BAN_SECONDS, PeerFault } from "./peer-fault.ts";

/** The exit that follows from what ended a session. */
export function exitFor(thrown: unknown): PeerExit {
  if (!(thrown instanceof NodeError)) {
    return { code: "internal", fault: "self", message: messageOf(thrown), banSeconds: 0 };
  }
  const { code, fault, message } = thrown;
  if (thrown instanceof PeerFault) return { code, fault, message, banSeconds: thrown.banSeconds };
  if (fault !== "peer") return { code, fault, message, banSeconds: 0 };
  // The transport knows no prices: an oversized message is a breach of the rate, anything else of the protocol.
  const tooBig = code === "websocket_too_big";
  return { code, fault, message, banSeconds: tooBig ? BAN_SECONDS.RATE_LIMITER : BAN_SECONDS.INVALID_PROTOCOL };
}

/** The exit of a session that the peer closed. */
export function closedBy(closeCode: number, reason: string): PeerExit {
  const said = reason === "" ? "" : `, reason ${reason}`;
  const message = `closed by the peer with code ${closeCode}${said}`;
  return { code: "closed", fault: "network", message, banSeconds: 0 };
}
