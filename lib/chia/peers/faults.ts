/**
 * Why a Chia connection ends: the offence, and how it is told on the wire.
 *
 * @see chia-blockchain 2.7.5 `chia/server/ws_connection.py`, `chia/server/server.py`
 * @module
 */
import { type Offence, PeerOffence } from "../../core/peers/reputation.ts";
import { Err, type ErrName } from "../protocol/mod.ts";

/** How a connection is closed on the wire. */
export interface Closing {
  readonly closeCode: number;
  readonly reason: string;
}

/** A fault of the peer that ends its connection. */
export class PeerFault extends PeerOffence {
  declare readonly code: ErrName | "RATE_LIMIT" | "UNSOLICITED" | "TEXT_FRAME" | "SLOTS_FULL" | "NOT_SERVED";
  readonly closing: Closing;

  constructor(
    code: PeerFault["code"],
    message: string,
    offence: Offence,
    { closing, cause }: { readonly closing?: Closing; readonly cause?: unknown } = {},
  ) {
    super(code, message, offence, cause);
    this.closing = closing ?? { closeCode: 1002, reason: code in Err ? String(Err[code as ErrName]) : "" };
  }
}

const CLOSE_NORMALLY: Closing = { closeCode: 1000, reason: "" };

/** A frame that is no message, an unknown type, a reply of the wrong type: `-4`. */
export function protocolFault(message: string, cause?: unknown): PeerFault {
  return new PeerFault("INVALID_PROTOCOL_MESSAGE", message, "protocol", { cause });
}

/** A message that this peer may not send, or whose body does not parse: `1`. */
export function apiFault(message: string, cause?: unknown): PeerFault {
  return new PeerFault("UNKNOWN", message, "malformed_body", { cause });
}

/** A handshake that breaks its rules. */
export function handshakeFault(code: ErrName, message: string, cause?: unknown): PeerFault {
  return new PeerFault(code, message, "bad_handshake", { cause });
}

/** A text frame in the place of a handshake: closed without a word, and a bad handshake all the same (measured). */
export function textHandshake(): PeerFault {
  const text = "the peer sent a text frame in the place of a handshake";
  return new PeerFault("TEXT_FRAME", text, "bad_handshake", { closing: CLOSE_NORMALLY });
}

/** What was asked for did not come in time, again and again; nobody is blamed. */
export function timeoutFault(code: ErrName, message: string, cause?: unknown): PeerFault {
  return new PeerFault(code, message, "timeout", { cause });
}

/** Too much or too large; closed without a word. */
export function rateFault(message: string): PeerFault {
  return new PeerFault("RATE_LIMIT", message, "flood", { closing: CLOSE_NORMALLY });
}

/** A block or a transaction that was not asked for; closed without a word. */
export function unsolicitedFault(message: string): PeerFault {
  return new PeerFault("UNSOLICITED", message, "unsolicited", { closing: CLOSE_NORMALLY });
}

/** Blocks that break consensus, or do not cover what was asked for. */
export function consensusFault(code: ErrName, message: string): PeerFault {
  return new PeerFault(code, message, "consensus", { closing: CLOSE_NORMALLY });
}

/** An announced head that the peer does not deliver. */
export function unservedFault(message: string): PeerFault {
  return new PeerFault("PEERS_DONT_HAVE_BLOCK", message, "unserved", { closing: CLOSE_NORMALLY });
}

/** A connection that is closed for no fault: text frame, slots full, own certificate. */
export function politeEnd(
  code: "TEXT_FRAME" | "SLOTS_FULL" | "SELF_CONNECTION" | "NOT_SERVED",
  message: string,
): PeerFault {
  return new PeerFault(code, message, "unneeded", { closing: CLOSE_NORMALLY });
}
