/**
 * A handler of one Chia message, with its body decoded and typed by the message's declaration.
 *
 * @module
 */
import type { MessageHandler } from "../../core/peers/message-handlers.ts";
import { decodeBody } from "./decode-body.ts";
import type { ChiaPeer } from "./peer.ts";
import type { Body, Message } from "../protocol/mod.ts";
import type { Incoming } from "./session.ts";
import type { Infer } from "../streamable/mod.ts";

/** A line of Chia's table. */
export type ChiaHandler = MessageHandler<ChiaPeer, Incoming>;

/** Handles a message; `id` is what an answer must carry. A body that does not parse costs the peer. */
export function on<B extends Body>(
  message: Message<string, B>,
  handle: (peer: ChiaPeer, body: Infer<B>, id: number | null) => void | Promise<void>,
): ChiaHandler {
  return {
    key: message.id,
    handle: (peer, { data, id }) =>
      handle(peer, decodeBody({ name: message.name, body: message.body }, data) as Infer<B>, id),
  };
}
