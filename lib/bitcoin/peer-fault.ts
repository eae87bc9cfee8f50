/**
 * Why a Bitcoin connection ends, and what that costs the peer. Since release 28 Core keeps no score: misbehaviour is
 * disconnected and its address discouraged, anything else at most disconnected.
 *
 * @see spec section f.6; Bitcoin Core `net_processing.cpp` Misbehaving
 * @module
 */
import { CodecError } from "../codec/error.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { PeerExit } from "../core/peer.ts";
import type { AnyMessage, Consequence } from "./wire/mod.ts";

/** How long an address is discouraged. Core forgets it at restart only; a day is its default for bans. */
export const DISCOURAGE_SECONDS = 86_400;

/** A fault of the peer that ends its connection. */
export class BitcoinFault extends NodeError {
  /** Whether its address is not wanted for a while. */
  readonly discourage: boolean;

  constructor(code: string, message: string, options: { readonly discourage: boolean; readonly cause?: unknown }) {
    super(code, "peer", message, { cause: options.cause });
    this.discourage = options.discourage;
  }
}

/** What Core calls misbehaviour: disconnected and discouraged. */
export function misbehaving(code: string, message: string, cause?: unknown): BitcoinFault {
  return new BitcoinFault(code, message, { discourage: true, cause });
}

/** Disconnected, without further blame. */
export function disconnecting(code: string, message: string, cause?: unknown): BitcoinFault {
  return new BitcoinFault(code, message, { discourage: false, cause });
}

/** What a payload that does not decode costs: nothing (the message is dropped), or the fault to throw. */
export function decodeFault(message: AnyMessage, thrown: unknown): BitcoinFault | undefined {
  if (!(thrown instanceof CodecError)) throw thrown;
  const consequence: Consequence = thrown.code === "limit" ? message.excess : message.malformed;
  if (consequence === "drop") return undefined;
  return new BitcoinFault("bad_message", thrown.message, { discourage: consequence === "discourage", cause: thrown });
}

/** The exit that follows from what ended a session. */
export function exitFor(thrown: unknown): PeerExit {
  if (!(thrown instanceof NodeError)) {
    return { code: "internal", fault: "self", message: messageOf(thrown), banSeconds: 0 };
  }
  const { code, fault, message } = thrown;
  const discouraged = thrown instanceof BitcoinFault && thrown.discourage;
  return { code, fault, message, banSeconds: discouraged ? DISCOURAGE_SECONDS : 0 };
}
