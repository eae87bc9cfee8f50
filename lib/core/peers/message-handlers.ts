/**
 * Hands each message of a peer to what handles it, one table for a network, and counts how long that takes. When a
 * message has its turn is the session's business, see `turns.ts`.
 *
 * @module
 */
import type { Peer } from "./peer.ts";
import type { Clock } from "../ports.ts";

/** Handles a message. What it rejects with ends the peer; it should end itself when the peer's session does. */
export type Handle<P, I> = (peer: P, incoming: I) => void | Promise<void>;

/** One line of the table: a network makes these from its declarations of messages, so that bodies are typed. */
export interface MessageHandler<P, I> {
  /** What the network's `keyOf` gives for the messages that are meant. */
  readonly key: unknown;
  readonly handle: Handle<P, I>;
}

/** What the table is made of. */
export interface MessageHandlersParts<P, I> {
  readonly clock: Clock;
  /** What tells messages apart. */
  readonly keyOf: (incoming: I) => unknown;
  /** The name under which a message is counted. */
  readonly nameOf: (incoming: I) => string;
  readonly handlers: readonly MessageHandler<P, I>[];
  /** Handles what nothing else does. */
  readonly otherwise?: Handle<P, I>;
}

/** The table. */
export class MessageHandlers<P extends Peer, I> {
  readonly #parts: MessageHandlersParts<P, I>;
  readonly #handlers: ReadonlyMap<unknown, Handle<P, I>>;

  /** @throws TypeError when two handlers are for the same messages */
  constructor(parts: MessageHandlersParts<P, I>) {
    this.#parts = parts;
    this.#handlers = new Map(parts.handlers.map(({ key, handle }) => [key, handle]));
    if (this.#handlers.size !== parts.handlers.length) throw new TypeError("two handlers for one message");
  }

  /** Handles a message. The session reads on when this has settled; what is thrown ends it. */
  handle(peer: P, incoming: I): void | Promise<void> {
    const { clock, keyOf, nameOf, otherwise } = this.#parts;
    const handle = this.#handlers.get(keyOf(incoming)) ?? otherwise;
    if (handle === undefined) return;
    const began = clock.monotonic();
    const note = () => peer.session.traffic.handled(nameOf(incoming), clock.monotonic() - began);
    const result = handle(peer, incoming);
    if (result === undefined) return note();
    return result.then(note);
  }
}
