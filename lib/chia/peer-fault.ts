/**
 * Why a Chia connection ends, and what that costs the peer.
 *
 * @see chia-blockchain 2.7.5 `chia/server/ws_connection.py`, `chia/server/server.py`
 * @module
 */
import { NodeError } from "../core/errors.ts";
import { Err, type ErrName } from "./protocol/mod.ts";

/** Seconds of a ban by what earned it (the reference's constants of these names). */
export const BAN_SECONDS = {
  INVALID_PROTOCOL: 10,
  API_EXCEPTION: 10,
  RATE_LIMITER: 300,
  UNSOLICITED: 300,
  CONSENSUS_ERROR: 600,
} as const;

/** How a connection is closed on the wire. */
export interface Closing {
  readonly closeCode: number;
  readonly reason: string;
}

/** A fault of the peer that ends its connection. */
export class PeerFault extends NodeError<ErrName | "RATE_LIMIT" | "UNSOLICITED" | "TEXT_FRAME" | "SLOTS_FULL"> {
  readonly banSeconds: number;
  readonly closing: Closing;

  constructor(
    code: PeerFault["code"],
    message: string,
    options: { readonly banSeconds?: number; readonly closing?: Closing; readonly cause?: unknown } = {},
  ) {
    super(code, "peer", message, { cause: options.cause });
    this.banSeconds = options.banSeconds ?? 0;
    this.closing = options.closing ?? { closeCode: 1002, reason: code in Err ? String(Err[code as ErrName]) : "" };
  }
}

const CLOSE_NORMALLY: Closing = { closeCode: 1000, reason: "" };

/** A frame that is no message, an unknown type, a reply of the wrong type: `-4`. */
export function protocolFault(message: string, cause?: unknown): PeerFault {
  return new PeerFault("INVALID_PROTOCOL_MESSAGE", message, { banSeconds: BAN_SECONDS.INVALID_PROTOCOL, cause });
}

/** A message that this peer may not send, or whose body does not parse: `1`. */
export function apiFault(message: string, cause?: unknown): PeerFault {
  return new PeerFault("UNKNOWN", message, { banSeconds: BAN_SECONDS.API_EXCEPTION, cause });
}

/** A handshake that breaks its rules. */
export function handshakeFault(code: ErrName, message: string, cause?: unknown): PeerFault {
  return new PeerFault(code, message, { banSeconds: BAN_SECONDS.INVALID_PROTOCOL, cause });
}

/** Too much or too large; closed without a word. */
export function rateFault(message: string): PeerFault {
  return new PeerFault("RATE_LIMIT", message, { banSeconds: BAN_SECONDS.RATE_LIMITER, closing: CLOSE_NORMALLY });
}

/** A block or a transaction that was not asked for; closed without a word. */
export function unsolicitedFault(message: string): PeerFault {
  return new PeerFault("UNSOLICITED", message, { banSeconds: BAN_SECONDS.UNSOLICITED, closing: CLOSE_NORMALLY });
}

/** Blocks that break consensus, or do not cover what was asked for. */
export function consensusFault(code: ErrName, message: string): PeerFault {
  return new PeerFault(code, message, { banSeconds: BAN_SECONDS.CONSENSUS_ERROR, closing: CLOSE_NORMALLY });
}

/** A connection that is closed for no fault: text frame, slots full, own certificate. */
export function politeEnd(code: "TEXT_FRAME" | "SLOTS_FULL" | "SELF_CONNECTION", message: string): PeerFault {
  return new PeerFault(code, message, { closing: CLOSE_NORMALLY });
}
