/**
 * How long payments take from one honest node to the next. A node draws how long a neighbour waits until it is told; what
 * comes on top of that is bounded, whatever strangers do.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { BitcoinPeerView } from "../../bitcoin/peers/view.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { SimClock } from "../clock.ts";
import { delaysJson, type SimReport } from "../report.ts";

/** What a hop takes beyond the wait that the sender drew. */
const HOP_MS = 5_000;
/** After a child comes its parent, which is known by its txid only and asked for by so much later than others. */
const PARENT_MS = HOP_MS + 2_000;
/** Payments that a node has taken in by when it knows who gives what they announce. Strangers cost it seconds each until then. */
const KNOWING_COUNT = 10;
/** How often it is looked whether what waits in a backlog has left it. */
const BACKLOG_LOOK_MS = 100;
/** The relay tells of what has entered the mempool at once, and not before. */
const AFTER_MS = 0.5;

/** What hops need to know. */
export interface HopsParts {
  readonly clock: SimClock;
  /** The Bitcoin side of an honest host, while it is up. */
  readonly serviceOf: (host: string) => BitcoinService | undefined;
  /** Whether a transaction is of interest to mempools no more: it is in a block, or replaced. */
  readonly isOver: (txid: string) => boolean;
  readonly broke: (rule: string, host: string, detail: string) => void;
}

/** A payment on its way. */
export interface Traveller {
  readonly txid: Uint8Array;
  /** It pays for its parent, or is paid for by its child: they come together. */
  readonly isInPackage: boolean;
  /** When each host had it in its mempool. */
  readonly seen: Map<string, number>;
}

/** What {@link Hops} tells. */
export interface HopFigures {
  readonly hops: SimReport["propagation_ms"];
  readonly beyond_trickle: SimReport["propagation_ms"];
  readonly packages_beyond_trickle: SimReport["propagation_ms"];
}

const relays = ({ connectionType }: BitcoinPeerView) =>
  connectionType !== "block-relay-only" && connectionType !== "feeler";

/** Measures hops, and holds them to their bound. */
export class Hops {
  readonly #parts: HopsParts;
  readonly #hops: number[] = [];
  readonly #beyond: number[] = [];
  readonly #packagesBeyond: number[] = [];
  /** Payments that have come to each host. */
  readonly #count = new Map<string, number>();
  /** When a neighbour is told, by both hosts and the transaction. */
  readonly #told = new Map<string, number>();

  constructor(parts: HopsParts) {
    this.#parts = parts;
  }

  get figures(): HopFigures {
    return {
      hops: delaysJson(this.#hops),
      beyond_trickle: delaysJson(this.#beyond),
      packages_beyond_trickle: delaysJson(this.#packagesBeyond),
    };
  }

  /** A payment has come into the mempool of a host. */
  arrived(host: string, traveller: Traveller): void {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    this.#count.set(host, (this.#count.get(host) ?? 0) + 1);
    for (const { host: from } of this.#neighbours(host)) {
      const before = traveller.seen.get(from);
      if (before === undefined) continue;
      this.#hops.push(now - before);
      const toldAt = this.#told.get(nameOf(from, host, traveller));
      // One that it would only have been told of later came another way.
      if (toldAt === undefined || now < toldAt || !this.#isKnowing(host)) continue;
      (traveller.isInPackage ? this.#packagesBeyond : this.#beyond).push(now - toldAt);
    }
    traveller.seen.set(host, now);
    clock.after(AFTER_MS, () => {
      for (const { id, host: to } of this.#neighbours(host)) this.#follow(host, to, id, traveller);
    });
  }

  #isKnowing(host: string): boolean {
    return (this.#count.get(host) ?? 0) > KNOWING_COUNT;
  }

  /** Honest hosts that a host tells of transactions. */
  #neighbours(host: string): readonly BitcoinPeerView[] {
    const { serviceOf } = this.#parts;
    const peers = serviceOf(host)?.peers() ?? [];
    return peers.filter((peer) => relays(peer) && serviceOf(peer.host) !== undefined);
  }

  /** Waits until it is known when a neighbour is told, and then until it has to have the payment. */
  #follow(from: string, to: string, id: number, traveller: Traveller): void {
    const { clock, serviceOf, isOver, broke } = this.#parts;
    const { txid, seen, isInPackage } = traveller;
    const sender = serviceOf(from)?.relay?.announcements;
    if (sender === undefined || seen.has(to) || isOver(toHex(txid))) return;
    const at = sender.toldAt(id, txid);
    if (at === undefined) {
      const { inbound, outbound } = sender.backlogs;
      if (inbound.waiting + outbound.waiting === 0) return;
      clock.after(BACKLOG_LOOK_MS, () => this.#follow(from, to, id, traveller));
      return;
    }
    const now = clock.monotonic();
    this.#told.set(nameOf(from, to, traveller), at);
    if (!this.#isKnowing(to)) return;
    const inBacklog = now - AFTER_MS - seen.get(from)!;
    const boundMs = HOP_MS + (isInPackage ? PARENT_MS : 0) - inBacklog;
    clock.after(Math.max(0, at - now + boundMs), () => {
      if (seen.has(to) || isOver(toHex(txid)) || !this.#neighbours(from).some((peer) => peer.id === id)) return;
      broke(
        "a hop takes seconds beyond its trickle",
        to,
        `${toHex(txid)} from ${from}, told ${at - seen.get(from)!} ms`,
      );
    });
  }
}

const nameOf = (from: string, to: string, { txid }: Traveller) => `${from} ${to} ${toHex(txid)}`;
