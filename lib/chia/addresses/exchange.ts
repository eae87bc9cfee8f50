/**
 * Addresses between us and our peers: what they tell, what they ask, what goes on to others, and where we are ourselves.
 *
 * The reference ranks the peers of a relay by a hash of key, peer and day alone, so that all addresses of a day take the
 * same way; here the address is in the hash as well, as in Bitcoin, where this comes from.
 *
 * @see spec section f (limits, events); chia-blockchain 2.7.5 `chia/server/node_discovery.py`
 * @module
 */
import type { AddressRules, HeardAddress } from "../../core/addresses/rules.ts";
import type { Dialling } from "../../core/dialling/dialling.ts";
import { Gossip } from "../../core/addresses/gossip.ts";
import { OwnAddress } from "../../core/addresses/own-address.ts";
import type { Clock, PeerAddress, Random } from "../../core/ports.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import { NodeType, respondPeers } from "../protocol/mod.ts";
import type { TimestampedPeerInfo } from "../types/mod.ts";

/** What the exchange needs. */
export interface AddressExchangeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: AddressRules;
  readonly peers: () => readonly ChiaPeer[];
  readonly dialling: Dialling<ChiaPeer>;
  readonly externalHost?: string | undefined;
  readonly listening: () => PeerAddress | undefined;
}

/** Peers in one answer; a longer list is ignored whole. */
export const PEERS_TOLD_MAX = 1_000;
/** Only a list of one is fresh. */
const FRESH_MAX = 1;
/** Peers that a node which dialled us is told to. */
const NEWCOMER_FAN_OUT = 1;

/** The exchange of one node. */
export class AddressExchange {
  readonly #parts: AddressExchangeParts;
  readonly #gossip: Gossip<ChiaPeer>;

  constructor(parts: AddressExchangeParts) {
    this.#parts = parts;
    const { rules, externalHost: external, listening } = parts;
    // Nothing in Chia's protocol says where a peer sees us come from.
    const own = new OwnAddress({ rules, external, listening });
    this.#gossip = new Gossip({
      ...parts,
      takesPart: ({ kind, session }) => kind !== "feeler" && session.peer.nodeType === NodeType.FULL_NODE,
      send: ({ session }, addresses) =>
        void session.send(respondPeers, { peerList: listOf(addresses) }).catch(() => {}),
      isRelayable: (address) => rules.locate(address) !== undefined,
      own: () => own.get(),
      freshMax: FRESH_MAX,
      delayMeanMs: 0,
    });
  }

  /** A peer has shaken hands. A node that dialled us and listens itself is worth knowing, and worth telling of. */
  joined(peer: ChiaPeer): void {
    const { dialling, clock } = this.#parts;
    const isAsked = peer.direction === "out";
    // It is asked for peers at once.
    if (isAsked) dialling.asked(peer.host);
    this.#gossip.joined(peer, isAsked);
    const { nodeType, serverPort: port } = peer.session.peer;
    if (isAsked || nodeType !== NodeType.FULL_NODE || port === 0) return;
    const newcomer = { host: peer.host, port, timeS: Math.floor(clock.now() / 1000) };
    dialling.learn([newcomer], peer.host);
    this.#gossip.told(peer, [newcomer]);
    if (this.#parts.rules.locate(newcomer) !== undefined) this.#gossip.relay(newcomer, NEWCOMER_FAN_OUT, peer);
  }

  left(peer: ChiaPeer): void {
    this.#gossip.left(peer);
  }

  /** Takes a `respond_peers`. */
  take(peer: ChiaPeer, list: readonly TimestampedPeerInfo[]): void {
    if (list.length > PEERS_TOLD_MAX) return;
    const told = list.map(({ host, port, timestamp }) => ({ host, port, timeS: Number(timestamp) }));
    this.#parts.dialling.learn(told, peer.host, peer.may("addr"));
    this.#gossip.heard(peer, told);
  }

  /** The answer to a `request_peers`. */
  answer(peer: ChiaPeer): readonly TimestampedPeerInfo[] {
    const { rules, dialling } = this.#parts;
    const { remote, local } = peer.session.socket;
    const { network = "none" } = rules.locate(remote) ?? {};
    const side = `${network} ${local.host} ${local.port}`;
    const known = dialling.gossip(PEERS_TOLD_MAX, peer.may("addr") ? `${side} ${peer.id}` : side);
    this.#gossip.told(peer, known);
    return listOf(known);
  }

  /** Tells our own address where that is due: once a day. */
  tick(): void {
    this.#gossip.tick();
  }
}

function listOf(addresses: readonly HeardAddress[]): TimestampedPeerInfo[] {
  return addresses.map(({ host, port, timeS = 0 }) => ({ host, port, timestamp: BigInt(timeS) }));
}
