/**
 * Peers that the operator names: a connection to each is kept, whatever else is connected.
 *
 * @module
 */
import { addressText } from "../address-text.ts";
import { messageOf, NodeError } from "../errors.ts";
import type { Peer, PeerSession } from "../peers/peer.ts";
import type { Clock, PeerAddress, Random } from "../ports.ts";
import { normalSubnet } from "../subnets.ts";

/** What keeping a peer needs. */
export interface KeepParts<P> {
  readonly clock: Clock;
  readonly random: Random;
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly peers: () => readonly P[];
  readonly dial: (address: PeerAddress, kind: "manual") => Promise<P>;
  /** The peer that is connected at an address already. Without it none is taken over. */
  readonly find?: (address: PeerAddress) => P | undefined;
  /** Hears which peer it is. */
  readonly took: (peer: P) => void;
  /** Whether two peers are the same node. */
  readonly isSame: (one: P, other: P) => boolean;
  /** Hears that an address answered. */
  readonly succeeded: (address: PeerAddress) => void;
  readonly notice: (level: "debug" | "warning", text: string) => void;
  /** What the peer is counted by when it is one of `--connect`. */
  readonly namedAs?: string;
}

/** The code of the error when a peer that is named is connected, or being dialled. */
export const ALREADY_CONNECTED = "ALREADY_CONNECTED";

/** Dials peers that are named. To each place there is one connection, however often it is asked for. */
export class ManualDials<P extends Peer<PeerSession<unknown>>> {
  readonly #parts: Pick<KeepParts<P>, "peers" | "dial">;
  readonly #pending = new Set<string>();
  /** Names of `--connect` whose peer has a name already. */
  readonly #aliases = new Set<string>();

  constructor(parts: Pick<KeepParts<P>, "peers" | "dial">) {
    this.#parts = parts;
  }

  /** @throws NodeError {@link ALREADY_CONNECTED}, or why it failed */
  async dial(address: PeerAddress): Promise<P> {
    const name = nameOf(address);
    if (this.#pending.has(name) || this.find(address) !== undefined) {
      throw new NodeError(ALREADY_CONNECTED, "self", `already connected to ${addressText(address)}`);
    }
    this.#pending.add(name);
    try {
      return await this.#parts.dial(address, "manual");
    } finally {
      this.#pending.delete(name);
    }
  }

  /** How many names of `--connect` stand for a peer that goes by another of them. */
  get aliases(): number {
    return this.#aliases.size;
  }

  /** Keeps a connection to one named peer until the signal aborts, see {@link keepPeer}. */
  keep(place: PeerAddress, parts: Omit<KeepParts<P>, "dial" | "took">, signal: AbortSignal): Promise<void> {
    const dial = (address: PeerAddress) => this.dial(address);
    return keepPeer(place, {
      ...parts,
      dial,
      find: (address) => this.find(address),
      took: (peer) => this.#took(peer, parts.namedAs),
    }, signal);
  }

  /** A peer has the name by which it is looked for, unless it has one of them already. */
  #took(peer: P, name: string | undefined): void {
    peer.namedByOperator(name);
    if (name === undefined) return;
    if (peer.namedAs === name) this.#aliases.delete(name);
    else this.#aliases.add(name);
  }

  /** The peer that is connected at an address by our own choice. */
  find(address: PeerAddress): P | undefined {
    const name = nameOf(address);
    return this.#parts.peers().find(({ place }) =>
      place.direction === "out" && place.port === address.port && nameOf(place) === name
    );
  }
}

/** One name of an address, however its host is written. */
function nameOf({ host, port }: PeerAddress): string {
  return addressText({ host: normalSubnet(host) ?? host, port });
}

const REDIAL_FIRST_MS = 1_000;
const REDIAL_LAST_MS = 30_000;
/** A connection that lasted so long is a good one: the next dial after it comes soon. */
const STOOD_MS = 10_000;

/** Keeps a connection to one named peer until the signal aborts; redials it ever later, up to half a minute. */
export async function keepPeer<P extends Peer<PeerSession<unknown>>>(
  place: PeerAddress,
  parts: KeepParts<P>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, resolve, notice, peers, isSame, dial, find, took, succeeded } = parts;
  const { host, port } = place;
  let wait = REDIAL_FIRST_MS;
  let said = "";
  let last: P | undefined;
  let turn = 0;
  while (!signal.aborted) {
    try {
      // When both sides name each other, the newer connection replaces ours: it is the same peer, and to dial it again
      // would go on for ever.
      const known = last;
      const standing = known && peers().find((peer) => isSame(peer, known));
      const found = standing === undefined ? await resolve(host) : [];
      // The first address of a name may be one that we cannot reach: each has its turn.
      const address = { ...place, host: found[turn++ % Math.max(1, found.length)] ?? host };
      const peer = standing ?? find?.(address) ?? await dial(address, "manual");
      took(peer);
      last = peer;
      said = "";
      if (standing === undefined) succeeded({ host: address.host, port });
      const since = clock.monotonic();
      await either(peer.session.signal, signal);
      // A peer that takes us and leaves at once is dialled ever later, as one that does not answer.
      if (clock.monotonic() - since >= STOOD_MS) wait = REDIAL_FIRST_MS;
    } catch (thrown) {
      if (signal.aborted) return;
      const text = `cannot connect to ${host}:${port}: ${messageOf(thrown)}`;
      // The same trouble again is no news, and that somebody else dials it already is no trouble.
      const isNews = text !== said && !(thrown instanceof NodeError && thrown.code === ALREADY_CONNECTED);
      notice(isNews ? "warning" : "debug", text);
      said = text;
    }
    // Two that dial each other must not do so in step.
    await clock.sleep(wait / 2 + random.below(wait), signal).catch(() => {});
    wait = Math.min(wait * 2, REDIAL_LAST_MS);
  }
}

/** Resolves when one of the signals aborts, and lets go of the other. */
function either(...signals: readonly AbortSignal[]): Promise<void> {
  if (signals.some(({ aborted }) => aborted)) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      for (const signal of signals) signal.removeEventListener("abort", end);
      resolve();
    };
    for (const signal of signals) signal.addEventListener("abort", end, { once: true });
  });
}
