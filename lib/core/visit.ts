/**
 * A visit: one connection that is made to see who is there and whom they know, and is left again. Each network's probe
 * makes them; the crawler, which knows no network, asks for them.
 *
 * @module
 */
import type { PeerAddress } from "./ports.ts";

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
