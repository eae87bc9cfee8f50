/**
 * A connected peer, whatever it speaks: what the connection engine and the services above it agree on.
 *
 * @module
 */
import { addressText } from "../address-text.ts";
import { messageOf, NodeError } from "../errors.ts";
import type { Merits } from "./eviction.ts";
import type { Permission } from "./permissions.ts";
import type { PeerAddress } from "../ports.ts";
import { type Offence, PeerOffence, Score } from "./reputation.ts";
import type { Traffic } from "./traffic.ts";

/** How a session ended, and what that costs the peer's host. */
export interface PeerExit {
  readonly code: string;
  readonly fault: "peer" | "network" | "self";
  /** One line for logs. */
  readonly message: string;
  /** What the peer did wrong; absent when nothing. */
  readonly offence?: Offence;
}

/**
 * The exit that follows from what ended a session. `transport` is what a fault of the peer means that names no offence:
 * the layers below know no prices.
 */
export function exitFor(thrown: unknown, transport: (error: NodeError) => Offence = () => "unwelcome"): PeerExit {
  if (!(thrown instanceof NodeError)) return { code: "internal", fault: "self", message: messageOf(thrown) };
  const { code, fault, message } = thrown;
  if (fault !== "peer") return { code, fault, message };
  return { code, fault, message, offence: thrown instanceof PeerOffence ? thrown.offence : transport(thrown) };
}

/**
 * Whether a session ended by what failed here, such as a damaged block that somebody asked for: that is for the operator to
 * see. A peer that was let go because it held too much is no failure, and strangers must not fill the log with errors.
 */
export function isOurFailure({ code, fault }: PeerExit): boolean {
  return fault === "self" && code !== "stopped" && code !== "memory_budget";
}

/** One connection whose handshake is done. */
export interface PeerSession<I> {
  readonly remote: PeerAddress;
  /** Aborts when the session ends, for whatever reason. */
  readonly signal: AbortSignal;
  /** Short text that names the peer in logs. */
  readonly label: string;
  /** What went over it. */
  readonly traffic: Traffic;
  /** Closes in order, for no fault. */
  close(): void;
  /** Ends the session for a reason that was found outside of it. */
  fail(fault: PeerOffence): void;
  /** Reads until the end. Never throws: why it ended is its result. A handler that rejects ends the session. */
  run(handle: (incoming: I) => void | Promise<void>): Promise<PeerExit>;
}

/**
 * Why there is a connection. `manual`: the operator named the peer; `outbound`: found by ourselves, for everything;
 * `block-relay`: for blocks only; `feeler`: to see whether anybody is there; `inbound`: the peer dialled us.
 */
export type PeerKind = "manual" | "outbound" | "block-relay" | "feeler" | "inbound";

/** Where a peer is, who dialled, and why. */
export interface PeerPlace {
  readonly host: string;
  readonly port: number;
  /** `host:port`. */
  readonly name: string;
  readonly direction: "in" | "out";
  readonly kind: PeerKind;
}

/** A peer of whom nothing is known. */
const NO_MERITS: Merits = {
  pingMinMs: Infinity,
  lastNewsMs: 0,
  lastHeadMs: 0,
  relaysNews: true,
  filtersNews: false,
  isUseful: false,
};

/** One peer, from handshake to end. Protocols add what they know of it. */
export class Peer<S extends PeerSession<unknown> = PeerSession<unknown>> {
  /** Small number that names the connection in CLI and events; never given twice. */
  readonly id: number;
  readonly kind: PeerKind;
  readonly session: S;
  /** Unix milliseconds. */
  readonly since: number;
  readonly place: PeerPlace;
  /** What the operator lets it do that others may not. */
  readonly permissions: readonly Permission[];
  /** What it has done wrong so far. */
  readonly score = new Score();
  #wanted: boolean;
  #namedAs: string | undefined;
  #lastHeadTime = 0;

  constructor({ id, kind, session, since, permissions = [] }: PeerInit<S>) {
    this.id = id;
    this.kind = kind;
    this.session = session;
    this.since = since;
    this.#wanted = kind === "manual";
    this.permissions = permissions;
    const { host, port } = session.remote;
    this.place = { host, port, name: addressText({ host, port }), direction: this.direction, kind };
  }

  get direction(): "in" | "out" {
    return this.kind === "inbound" ? "in" : "out";
  }

  /** Whether the operator lets it do what others may not. */
  may(permission: Permission): boolean {
    return this.permissions.includes(permission);
  }

  /** Whether the operator named it: by `--connect`, by `--add-peer`, or in a call. */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** `host:port` by which `--connect` names it; undefined when it does not. */
  get namedAs(): string | undefined {
    return this.#namedAs;
  }

  /**
   * It turns out to be a peer that the operator named.
   *
   * @param name by which `--connect` names it, if it does: the first one stays
   */
  namedByOperator(name?: string): void {
    this.#wanted = true;
    this.#namedAs ??= name;
  }

  /** Unix milliseconds at which it last gave an extension of the chain that was new to us and valid; 0 when never. */
  get lastHeadTime(): number {
    return this.#lastHeadTime;
  }

  /** It gave such an extension. `now`: unix milliseconds. */
  gaveHead(now: number): void {
    this.#lastHeadTime = now;
  }

  /** What speaks for keeping it when inbound slots are scarce. */
  get merits(): Merits {
    return NO_MERITS;
  }

  get host(): string {
    return this.place.host;
  }
}

const places = new WeakMap<readonly Peer[], readonly PeerPlace[]>();

/** Where peers are: one list for one list, so that a caller sees at once whether anything has changed. */
export function placesOf(peers: readonly Peer[]): readonly PeerPlace[] {
  let known = places.get(peers);
  if (known === undefined) places.set(peers, known = peers.map(({ place }) => place));
  return known;
}

/** What a peer begins with. */
export interface PeerInit<S> {
  readonly id: number;
  readonly kind: PeerKind;
  readonly session: S;
  readonly since: number;
  /** None when absent. */
  readonly permissions?: readonly Permission[];
}

/** The code of the error when it was ourselves who was dialled. */
export const SELF_CONNECTION = "SELF_CONNECTION";

/** The error of whatever waits for a peer that we closed for no fault of its own. */
export function stopped(): NodeError {
  return new NodeError("stopped", "self", "the connection was closed by this node");
}
