/**
 * Who agrees with our tip: only peers that we chose have a voice, one a host, because anybody may dial us as often as they
 * like.
 *
 * @module
 */
import type { Peer } from "../peers/peer.ts";

/** How many stand on our tip. */
export interface Agreement {
  readonly agree: number;
  /** Voices in all: hosts that we dialled, or the peers that `--connect` names, connected or not. */
  readonly of: number;
  /** Whether so many agree that the tip counts as the network's. */
  readonly isEnough: boolean;
}

/** Discovered peers that must agree. */
const AGREEING_HOSTS = 2;

/** The peers that have a voice, under the name by which each is counted once. `named`: how many `--connect` names. */
export function voicesOf<P extends Peer>(peers: Iterable<P>, named: number): Map<string, P[]> {
  const voices = new Map<string, P[]>();
  for (const peer of peers) {
    const isDiscovered = peer.direction === "out" && peer.kind !== "feeler";
    const voice = named > 0 ? peer.namedAs : isDiscovered ? peer.host : undefined;
    if (voice === undefined) continue;
    const others = voices.get(voice);
    if (others === undefined) voices.set(voice, [peer]);
    else others.push(peer);
  }
  return voices;
}

/** Counts those for which `standsOn` holds. With `--connect` all that it names must agree, else two hosts. */
export function agreementOf<P extends Peer>(
  peers: Iterable<P>,
  named: number,
  standsOn: (peer: P) => boolean,
): Agreement {
  const voices = voicesOf(peers, named);
  let agree = 0;
  for (const voice of voices.values()) if (voice.some(standsOn)) agree += 1;
  return {
    agree,
    of: named > 0 ? named : voices.size,
    isEnough: agree >= (named > 0 ? named : AGREEING_HOSTS),
  };
}
