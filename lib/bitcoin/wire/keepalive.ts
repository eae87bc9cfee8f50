/**
 * Messages about the connection itself.
 *
 * @module
 */
import { restBytes, struct, tail, u64, u8, varString } from "../codec/mod.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** Asks for a {@link Pong} with the same nonce. Peers of version 60000 and below send none, and want no answer. */
export const Ping: Message<"ping", { readonly nonce: bigint | null }> = message({
  type: "ping",
  shortId: 18,
  summary: "Asks for a pong with the same nonce.",
  source: "BIP31",
  replies: (): readonly AnyMessage[] => [Pong],
  body: struct("ping", { nonce: tail(u64) }),
});

/** Answers a {@link Ping}. Without a nonce it calls the outstanding ping off. */
export const Pong = message({
  type: "pong",
  shortId: 19,
  summary: "Answers a ping.",
  source: "BIP31",
  sinceVersion: 60001,
  body: struct("pong", { nonce: tail(u64) }),
});

/** Says that a message was refused. Gone from Core since 0.20: read for the log, never sent. */
export const Reject = message({
  type: "reject",
  summary: "Says why a message was refused; obsolete.",
  source: "BIP61",
  phase: "early",
  sent: false,
  body: struct("reject", { message: varString(12), code: u8, reason: varString(111), data: restBytes }),
});
