/**
 * Why a Bitcoin connection ends. Since release 28 Core keeps no score: misbehaviour is disconnected and its address
 * discouraged, anything else at most disconnected.
 *
 * @see spec section f.6; Bitcoin Core `net_processing.cpp` Misbehaving
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { type Offence, PeerOffence } from "../../core/peers/reputation.ts";
import type { AnyMessage, Consequence } from "../wire/mod.ts";

/** What Core calls misbehaviour: disconnected and discouraged. */
export function misbehaving(offence: Misbehaviour, code: string, message: string, cause?: unknown): PeerOffence {
  return new PeerOffence(code, message, offence, cause);
}

/** What Core calls by that name. */
export type Misbehaviour = Extract<
  Offence,
  | "oversized_list"
  | "discontinuous_heads"
  | "false_work"
  | "invalid_head"
  | "invalid_body"
  | "malformed_announcement"
  | "index_out_of_range"
  | "malformed_filter"
  | "false_filter"
>;

/** Disconnected, without further blame. */
export function disconnecting(code: string, message: string, cause?: unknown): PeerOffence {
  return new PeerOffence(code, message, "unwelcome", cause);
}

/** Disconnected because something did not come in time. */
export function tooLate(code: string, message: string): PeerOffence {
  return new PeerOffence(code, message, "timeout");
}

/** What a payload that does not decode costs: nothing (the message is dropped), or the fault to throw. */
export function decodeFault(message: AnyMessage, thrown: unknown): PeerOffence | undefined {
  if (!(thrown instanceof CodecError)) throw thrown;
  const isExcess = thrown.code === "limit";
  const consequence: Consequence = isExcess ? message.excess : message.malformed;
  if (consequence === "drop") return undefined;
  const offence = consequence === "disconnect" ? "unwelcome" : isExcess ? "oversized_list" : "malformed_announcement";
  return new PeerOffence("bad_message", thrown.message, offence, thrown);
}
