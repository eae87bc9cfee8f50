/** Peers that answer when they are dialled, and what else a `Dialling` is made of in a test. */
import { AddressBook } from "../../../lib/core/addresses/book.ts";
import type { AddressRules } from "../../../lib/core/addresses/rules.ts";
import type { DiallingParts } from "../../../lib/core/dialling/dialling.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { Peer, type PeerKind, type PeerSession } from "../../../lib/core/peers/peer.ts";
import type { Clock, PeerAddress, Random } from "../../../lib/core/ports.ts";
import { Traffic } from "../../../lib/core/peers/traffic.ts";

/** The peers of a test, by host. */
export class DialledPeers {
  readonly connected = new Map<string, { readonly peer: Peer; readonly end: () => void }>();
  /** Everybody who was dialled, and as what, in order. */
  readonly dialled: [string, PeerKind][] = [];
  readonly #clock: Clock;
  readonly #up: (host: string) => boolean;
  #id = 0;

  /** @param up whether somebody answers at a host */
  constructor(clock: Clock, up: (host: string) => boolean) {
    this.#clock = clock;
    this.#up = up;
  }

  get peers(): Peer[] {
    return [...this.connected.values()].map(({ peer }) => peer);
  }

  dial({ host, port }: PeerAddress, kind: Exclude<PeerKind, "inbound">): Promise<Peer> {
    this.dialled.push([host, kind]);
    if (!this.#up(host)) return Promise.reject(new NodeError("connection_refused", "network", "refused"));
    const life = new AbortController();
    const end = () => {
      this.connected.delete(host);
      life.abort();
    };
    const session: PeerSession<unknown> = {
      remote: { host, port },
      signal: life.signal,
      label: host,
      traffic: new Traffic(this.#clock),
      close: end,
      fail: end,
      run: () => Promise.reject(new Error("nobody runs it")),
    };
    const peer = new Peer({ id: ++this.#id, kind, session, since: this.#clock.now() });
    this.connected.set(host, { peer, end });
    return Promise.resolve(peer);
  }
}

/** Two slots for full peers and nothing else; no name has an address. */
export function diallingParts(
  peers: DialledPeers,
  { clock, random, rules }: { readonly clock: Clock; readonly random: Random; readonly rules: AddressRules },
): DiallingParts<Peer> {
  return {
    book: new AddressBook({ rules, clock, random }),
    ...{ rules, clock, random },
    dnsSeeds: [],
    defaultPort: 8333,
    connect: [],
    resolve: () => Promise.reject(new NodeError("name_not_found", "network", "no such name")),
    slots: { full: 2, blockRelay: 0 },
    retryMs: 600_000,
    feelerMeanMs: Infinity,
    extraMeanMs: Infinity,
    isBanned: () => false,
    peers: () => peers.peers,
    dial: (address, kind) => peers.dial(address, kind),
    isSame: (one, other) => one.host === other.host,
    notice: () => {},
  };
}
