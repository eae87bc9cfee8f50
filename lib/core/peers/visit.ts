/**
 * A visit: one connection that is made to see who is there and whom they know, and is left again. Each network's probe
 * makes them; the crawler, which knows no network, asks for them.
 *
 * @module
 */
import type { OpenContext } from "./connections.ts";
import type { PeerAddress } from "../ports.ts";

/** What a visited node said of itself. */
export interface Visit {
  /** What it offers, as the bits that its network numbers. */
  readonly services: bigint;
  /** The names of those bits. */
  readonly serviceNames: readonly string[];
  readonly protocolVersion: string;
  /** Its own words, with nothing in them that moves a cursor. */
  readonly userAgent: string;
  /** Height of its chain; undefined when it did not tell. */
  readonly height: number | undefined;
  /** Milliseconds from a question to its answer on the open connection; undefined when none came. */
  readonly latencyMs: number | undefined;
  /** The addresses that it told, none when it told none. Untrusted, as they came. */
  readonly told: readonly PeerAddress[];
}

/** Visits one address. Rejects with a `NodeError` when nobody there shook hands; leaves no connection behind. */
export type Visitor = (address: PeerAddress, signal: AbortSignal) => Promise<Visit>;

/** How a network's protocol makes visits: it dials as a feeler does, talks, and leaves. */
export function visitorBy<S>(
  protocol: { dial(address: PeerAddress, context: OpenContext): Promise<S> },
  talk: (session: S, signal: AbortSignal) => Promise<Visit>,
): Visitor {
  return async (address, signal) => {
    const sockets: Promise<unknown>[] = [];
    try {
      const session = await protocol.dial(address, {
        kind: "feeler",
        banned: false,
        enforce: true,
        signal,
        holds: (socket) => void sockets.push(socket),
      });
      return await talk(session, signal);
    } finally {
      // A visit that left its socket behind would not be over.
      await Promise.allSettled(sockets);
    }
  };
}
