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
export interface Route<P, I> {
  /** What the network's `keyOf` gives for the messages that are meant. */
  readonly key: unknown;
  readonly handle: Handle<P, I>;
}

/** What a router is made of. */
export interface RouterParts<P, I> {
  readonly clock: Clock;
  /** What tells messages apart. */
  readonly keyOf: (incoming: I) => unknown;
  /** The name under which a message is counted. */
  readonly nameOf: (incoming: I) => string;
  readonly routes: readonly Route<P, I>[];
  /** Handles what no route is for. */
  readonly otherwise?: Handle<P, I>;
}

/** The table. */
export class Router<P extends Peer, I> {
  readonly #parts: RouterParts<P, I>;
  readonly #routes: ReadonlyMap<unknown, Handle<P, I>>;

  /** @throws TypeError when two routes are for the same messages */
  constructor(parts: RouterParts<P, I>) {
    this.#parts = parts;
    this.#routes = new Map(parts.routes.map(({ key, handle }) => [key, handle]));
    if (this.#routes.size !== parts.routes.length) throw new TypeError("two routes for one message");
  }

  /** Handles a message. The session reads on when this has settled; what is thrown ends it. */
  route(peer: P, incoming: I): void | Promise<void> {
    const { clock, keyOf, nameOf, otherwise } = this.#parts;
    const handle = this.#routes.get(keyOf(incoming)) ?? otherwise;
    if (handle === undefined) return;
    const began = clock.monotonic();
    const note = () => peer.session.traffic.handled(nameOf(incoming), clock.monotonic() - began);
    const result = handle(peer, incoming);
    if (result === undefined) return note();
    return result.then(note);
  }
}
