/**
 * Addresses between us and our peers: what they tell, what they ask, what goes on to others, and where we are ourselves.
 *
 * @see spec section g; Bitcoin Core `net_processing.cpp` ProcessAddrs, MaybeSendAddr, GETADDR
 * @module
 */
import type { AddressRules, HeardAddress } from "../../core/addresses/rules.ts";
import type { Dialling } from "../../core/dialling/dialling.ts";
import { Gossip } from "../../core/addresses/gossip.ts";
import { OwnAddress } from "../../core/addresses/own-address.ts";
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock, PeerAddress, Random } from "../../core/ports.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { fromIp16, hostText, isSoundAddress, NetworkId, parseHost, ServiceFlag, toIp16 } from "../types/mod.ts";
import { Addr, AddrV2, type BodyOf } from "../wire/mod.ts";

/** What the exchange needs. */
export interface AddressExchangeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: AddressRules;
  readonly peers: () => readonly BitcoinPeer[];
  readonly dialling: Dialling<BitcoinPeer>;
  /** What we offer, by now. */
  readonly services: () => bigint;
  readonly externalHost?: string | undefined;
  readonly listening: () => PeerAddress | undefined;
  /** While blocks are behind there is nothing to come for. */
  readonly initialBlockDownload: () => boolean;
}

/** A message of more addresses is the answer to a question. */
const FRESH_MAX = 10;
const DELAY_MEAN_MS = 30_000;
/** Addresses in one message. */
const ANSWER_MAX = 1_000;
/** What an address must offer to be of use to anybody. */
const USEFUL = ServiceFlag.NETWORK | ServiceFlag.NETWORK_LIMITED;

/** What has gone between us and one peer. */
class Exchanged {
  /** It takes part in the gossip of addresses. */
  takesPart = false;
  /** It was told addresses already: once a connection is enough. */
  wasAnswered = false;
  /** Addresses of it that were taken, and that were dropped because it told too many. */
  processed = 0;
  limited = 0;
}

/** The exchange of one node. */
export class AddressExchange {
  readonly #parts: AddressExchangeParts;
  readonly #gossip: Gossip<BitcoinPeer>;
  readonly #own: OwnAddress;
  readonly #exchanged = new PerPeer<BitcoinPeer, Exchanged>(() => new Exchanged());

  constructor(parts: AddressExchangeParts) {
    this.#parts = parts;
    const { rules, externalHost: external, listening, services } = parts;
    this.#own = new OwnAddress({ rules, external, listening });
    this.#gossip = new Gossip({
      ...parts,
      takesPart: (peer) => this.#exchanged.of(peer).takesPart,
      send: (peer, addresses) => void send(peer, addresses).catch(() => {}),
      isRelayable: (address) => rules.locate(address) !== undefined,
      own: () => {
        const place = parts.initialBlockDownload() ? undefined : this.#own.get();
        return place && { ...place, services: services() };
      },
      freshMax: FRESH_MAX,
      delayMeanMs: DELAY_MEAN_MS,
    });
  }

  /** Our own address, as far as it is known. */
  get own(): PeerAddress | undefined {
    return this.#own.get();
  }

  /** A peer has shaken hands. */
  joined(peer: BitcoinPeer): void {
    const { dialling } = this.#parts;
    const isAsked = peer.direction === "out" && peer.kind !== "block-relay" && peer.kind !== "feeler";
    if (peer.direction === "out") {
      const { remote, seenAs, peer: { services } } = peer.session;
      dialling.book.setServices(remote, services);
      if (seenAs !== undefined) this.#own.seenFrom(remote, seenAs.host);
    }
    // The handshake has asked it for addresses.
    if (isAsked) dialling.asked(peer.host);
    this.#exchanged.of(peer).takesPart = isAsked;
    this.#gossip.joined(peer, isAsked);
  }

  left(peer: BitcoinPeer): void {
    this.#gossip.left(peer);
  }

  /** What has gone between us and a peer. */
  exchangedWith(peer: BitcoinPeer): Readonly<Exchanged> {
    return this.#exchanged.of(peer);
  }

  /** Takes the addresses of a message. */
  take(peer: BitcoinPeer, told: readonly HeardAddress[]): void {
    // One for blocks only tells nothing of others.
    if (peer.kind === "block-relay") return;
    // A peer that dialled us takes part once it has shown that it knows how.
    const exchanged = this.#exchanged.of(peer);
    exchanged.takesPart = true;
    const useful = told.filter(({ services = 0n }) => (services & USEFUL) !== 0n);
    const { limited } = this.#parts.dialling.learn(useful, peer.host, peer.may("addr"));
    exchanged.limited += limited;
    exchanged.processed += told.length - limited;
    this.#gossip.heard(peer, useful);
  }

  /**
   * Answers who dialled us, once: an outbound peer that asks wants to know what we were told. Nothing is said where
   * nothing is known: btcd ends a connection for an empty list.
   */
  async answer(peer: BitcoinPeer): Promise<void> {
    const exchanged = this.#exchanged.of(peer);
    if (peer.direction === "out" || exchanged.wasAnswered) return;
    exchanged.wasAnswered = true;
    exchanged.takesPart = true;
    const { rules, dialling } = this.#parts;
    const { network = "none" } = rules.locate(peer.session.remote) ?? {};
    // All who ask from one network, at one of our addresses, hear the same for a day.
    const { host, port } = peer.session.link.duplex.local;
    const side = `${network} ${host} ${port}`;
    const known = dialling.gossip(ANSWER_MAX, peer.may("addr") ? `${side} ${peer.id}` : side);
    this.#gossip.told(peer, known);
    await send(peer, known);
  }

  /** Tells our own address where that is due. */
  tick(): void {
    this.#gossip.tick();
  }
}

/** The addresses of `addr`. */
export function ofAddr({ addresses }: BodyOf<typeof Addr>): HeardAddress[] {
  return addresses.flatMap(({ ip, port, time, services }) => {
    const place = fromIp16(ip);
    const host = place && hostText(place.network, place.address);
    return host === undefined ? [] : [{ host, port, timeS: time, services }];
  });
}

/** The addresses of `addrv2` whose network is known. Those that cannot be reached from here go on to peers that may. */
export function ofAddrV2({ addresses }: BodyOf<typeof AddrV2>): HeardAddress[] {
  return addresses.flatMap(({ network, address, port, time, services }) => {
    const host = isSoundAddress(network, address) ? hostText(network, address) : undefined;
    return host === undefined ? [] : [{ host, port, timeS: time, services }];
  });
}

/** Tells a peer addresses in the form that it understands; nothing when there are none. */
async function send({ session }: BitcoinPeer, addresses: readonly HeardAddress[]): Promise<void> {
  const known = addresses.flatMap(({ host, port, timeS: time = 0, services = 0n }) => {
    const place = parseHost(host);
    return place === undefined ? [] : [{ ...place, port, time, services }];
  });
  if (session.peer.addrV2) {
    if (known.length > 0) await session.send(AddrV2, { addresses: known });
    return;
  }
  const old = known.flatMap(({ network, address, port, time, services }) => {
    if (network !== NetworkId.IPV4 && network !== NetworkId.IPV6) return [];
    const ip = toIp16({ network, address });
    return ip === undefined ? [] : [{ time, services, ip, port }];
  });
  if (old.length > 0) await session.send(Addr, { addresses: old });
}
