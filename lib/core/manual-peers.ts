/**
 * Peers that the operator names: a connection to each is kept, whatever else is connected.
 *
 * @module
 */
import { messageOf } from "./errors.ts";
import type { Peer, PeerSession } from "./peer.ts";
import type { Clock, PeerAddress, Random } from "./ports.ts";

/** What keeping a peer needs. */
export interface KeepParts<P> {
  readonly clock: Clock;
  readonly random: Random;
  /** Looks a host name up. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly peers: () => readonly P[];
  readonly dial: (address: PeerAddress, kind: "manual") => Promise<P>;
  /** Whether two peers are the same node. */
  readonly isSame: (one: P, other: P) => boolean;
  /** Hears that an address answered. */
  readonly succeeded: (address: PeerAddress) => void;
  readonly notice: (level: "debug" | "warning", text: string) => void;
  /** What the peer is counted by when it is one of `--connect`. */
  readonly namedAs?: string;
}

const REDIAL_FIRST_MS = 1_000;
const REDIAL_LAST_MS = 30_000;

/** Keeps a connection to one named peer until the signal aborts; redials it ever later, up to half a minute. */
export async function keepPeer<P extends Peer<PeerSession<unknown>>>(
  { host, port }: PeerAddress,
  parts: KeepParts<P>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, resolve, notice, peers, isSame, dial, succeeded } = parts;
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
      const address = found[turn++ % Math.max(1, found.length)];
      const peer = standing ?? await dial({ host: address ?? host, port }, "manual");
      peer.wanted = true;
      peer.namedAs = parts.namedAs;
      last = peer;
      wait = REDIAL_FIRST_MS;
      said = "";
      if (standing === undefined) succeeded({ host: address ?? host, port });
      await either(peer.session.signal, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const text = `cannot connect to ${host}:${port}: ${messageOf(thrown)}`;
      // The same trouble again is no news.
      notice(text === said ? "debug" : "warning", text);
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
