/**
 * A handler of one Bitcoin message, with its body typed by the message's declaration.
 *
 * @module
 */
import type { MessageHandler } from "../../core/peers/message-handlers.ts";
import type { BitcoinPeer } from "./peer.ts";
import type { Incoming } from "./session.ts";
import type { Message } from "../wire/message.ts";

/** A line of Bitcoin's table. */
export type BitcoinHandler = MessageHandler<BitcoinPeer, Incoming>;

/** Handles a message. `B` is another type than the declared one for `headers` and `getdata`, which arrive as batches. */
export function on<T, B = T>(
  message: Message<string, T>,
  handle: (peer: BitcoinPeer, body: B) => void | Promise<void>,
): BitcoinHandler {
  // The session decoded the body by this very declaration.
  return { key: message, handle: (peer, { body }) => handle(peer, body as B) };
}
