/**
 * Where we can be reached from outside, as far as can be known without asking a service: what the operator said, the
 * address that we listen on when it is a public one, or what our own outgoing peers see us come from.
 *
 * @see Bitcoin Core `net.cpp` GetLocalAddrForPeer, `net_processing.cpp` (addrMe of `version`)
 * @module
 */
import type { AddressRules } from "./rules.ts";
import type { PeerAddress } from "../ports.ts";
import { isLoopback } from "../subnets.ts";

/** What is known beforehand. */
export interface OwnAddressParts {
  readonly rules: AddressRules;
  /** What the operator said (`--external-ip`). */
  readonly external?: string | undefined;
  /** Where we listen; undefined while we do not. */
  readonly listening: () => PeerAddress | undefined;
}

/** Peers of so many different groups must see the same. */
const VOTES_NEEDED = 2;
/** Groups whose word is kept; the oldest goes. */
const VOTERS_MAX = 32;

/** Finds our own address. */
export class OwnAddress {
  readonly #parts: OwnAddressParts;
  /** What the peers of a group saw last, by group: one network's operator has one vote. */
  readonly #votes = new Map<string, string>();

  constructor(parts: OwnAddressParts) {
    this.#parts = parts;
  }

  /** A peer that we dialled sees us come from `seen`. Inbound peers are not asked: they choose us, and could be many. */
  seenFrom(peer: PeerAddress, seen: string): void {
    const { rules } = this.#parts;
    if (isNobodys(seen) || rules.locate({ host: seen, port: 1 }) === undefined) return;
    const group = rules.locate(peer)?.group.join(".") ?? peer.host;
    this.#votes.delete(group);
    this.#votes.set(group, seen);
    if (this.#votes.size > VOTERS_MAX) this.#votes.delete(this.#votes.keys().next().value ?? "");
  }

  /** Our address; undefined when we do not listen, or nobody can tell. */
  get(): PeerAddress | undefined {
    const { rules, external, listening } = this.#parts;
    const listen = listening();
    if (listen === undefined) return undefined;
    const { port } = listen;
    if (external !== undefined) return isNobodys(external) ? undefined : { host: external, port };
    if (!isNobodys(listen.host) && rules.locate(listen) !== undefined) return listen;
    const counts = new Map<string, number>();
    for (const seen of this.#votes.values()) counts.set(seen, (counts.get(seen) ?? 0) + 1);
    const [host, votes] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), ["", 0]);
    return votes >= VOTES_NEEDED ? { host, port } : undefined;
  }
}

/** Whether a host is this machine to itself, or every address of it: nobody reaches us there, whatever network it is. */
function isNobodys(host: string): boolean {
  return isLoopback(host) || host === "0.0.0.0" || host === "::";
}
