/**
 * Nodes that the operator named: `--connect`, and what `addnode` adds and removes at run time.
 *
 * @module
 */
import type { PeerAddress } from "../../core/ports.ts";
import type { BitcoinPeer } from "./peer.ts";
import type { AddedNode, DialChoice } from "./view.ts";

/** What named nodes need. */
export interface AddedNodesParts {
  readonly defaultPort: number;
  readonly peers: () => readonly BitcoinPeer[];
  /** Keeps a connection until the signal aborts. */
  readonly keep: (place: PeerAddress, signal: AbortSignal) => void;
}

/** `HOST`, `HOST:PORT` or `[IPv6]:PORT`, as `addnode` takes it. */
export function parsePlace(text: string, defaultPort: number): PeerAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  return { host: bracketed ?? plain ?? text, port: port === undefined ? defaultPort : Number(port) };
}

/** The list. */
export class AddedNodes {
  readonly #parts: AddedNodesParts;
  readonly #added = new Map<string, { readonly place: PeerAddress; readonly life: AbortController }>();

  constructor(parts: AddedNodesParts) {
    this.#parts = parts;
  }

  /** Keeps a connection from now on; false when it does already. */
  add(node: string, options: DialChoice = {}): boolean {
    if (this.#added.has(node)) return false;
    const life = new AbortController();
    const place = { ...parsePlace(node, this.#parts.defaultPort), ...options };
    this.#added.set(node, { place, life });
    this.#parts.keep(place, life.signal);
    return true;
  }

  /** Does not dial it any more; false when it was not added. A connection that stands, stays. */
  remove(node: string): boolean {
    this.#added.get(node)?.life.abort();
    return this.#added.delete(node);
  }

  /** Stops dialling all of them. */
  close(): void {
    for (const { life } of this.#added.values()) life.abort();
  }

  /** Whether an address is one of these. */
  has({ host, port }: PeerAddress): boolean {
    return [...this.#added.values()].some(({ place }) => place.host === host && place.port === port);
  }

  list(): readonly AddedNode[] {
    return [...this.#added].map(([node, { place }]) => {
      const peer = this.#parts.peers().find(({ session: { remote }, direction }) =>
        direction === "out" && remote.host === place.host && remote.port === place.port
      );
      return { node, connected: peer && { ...peer.session.remote, direction: peer.direction } };
    });
  }
}
