/**
 * Which transactions are announced to which peer, and when. Each peer hears of them after a wait that nobody can foresee, and
 * all peers that dialled us over one network at the same moments, so that nobody finds out by many connections when a
 * transaction came to us.
 *
 * @see Bitcoin Core `net_processing.cpp` SendMessages (inventory), ProcessInvBacklog, FindTxForGetData
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { poissonDelay } from "../../core/random.ts";
import { RollingFilter } from "../../core/rolling-filter.ts";
import type { Mempool, MempoolEntry } from "../mempool/mempool.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { INVENTORY_MAX, InvType } from "../types/inventory.ts";
import { Inv } from "../wire/mod.ts";
import { Backlog, type BacklogView, OUTBOUND_FACTOR } from "./backlog.ts";

/** Mean waits before a peer hears of what is there for it. */
const INBOUND_MEAN_MS = 5_000;
const OUTBOUND_MEAN_MS = 2_000;
/** Transactions that are remembered as known to a peer. */
const KNOWN_MAX = 50_000;
const KNOWN_FALSE_POSITIVES = 0.000_001;
/** How long what waits in a backlog waits until more of it may go. */
const BACKLOG_EVERY_MS = 1_000;

/** What announcing needs. */
export interface AnnouncementsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly mempool: Pick<Mempool, "byMiningScore" | "sequence">;
  /** What a transaction has to pay for a peer to be told of it; satoshi for 1000 virtual bytes. */
  readonly minimumFeeOf: (peer: BitcoinPeer) => bigint;
}

/** What waits for a moment, for one peer or for all of a network. */
interface Moment {
  readonly meanMs: number;
  /** When it comes, while something waits for it; monotonic milliseconds. */
  at: number;
  cancel: (() => void) | undefined;
}

/** What is kept of one peer that hears of transactions. */
interface Listener {
  readonly peer: BitcoinPeer;
  readonly moment: Moment;
  /** By the id that goes over this connection. */
  readonly known: RollingFilter;
  /** Txids. */
  readonly queue: Map<string, Uint8Array>;
  /** What entered the mempool before it may be asked for: it may have been told of. */
  lastSequence: number;
  /** It asked for everything that is there. */
  wantsAll: boolean;
}

/** What is told of it for one peer. */
export interface AnnouncementsView {
  readonly lastSequence: number;
  readonly waiting: number;
}

/** The announcements of one node. */
export class Announcements {
  readonly #parts: AnnouncementsParts;
  readonly #listeners = new Map<number, Listener>();
  /** Of the peers that dialled us, by their network and the address of ours that they came to. */
  readonly #shared = new Map<string, Moment>();
  readonly #inbound: Backlog;
  readonly #outbound: Backlog;
  #cancelBacklog: (() => void) | undefined;

  constructor(parts: AnnouncementsParts) {
    this.#parts = parts;
    const now = parts.clock.monotonic();
    this.#inbound = new Backlog(parts.mempool, 1, now);
    this.#outbound = new Backlog(parts.mempool, OUTBOUND_FACTOR, now);
  }

  /** A peer has come. Whether it hears of transactions is settled then. */
  joined(peer: BitcoinPeer): void {
    if (peer.kind === "block-relay" || peer.kind === "feeler" || !peer.session.peer.relay) return;
    this.#listeners.set(peer.id, {
      peer,
      moment: this.#momentOf(peer),
      known: new RollingFilter(KNOWN_MAX, KNOWN_FALSE_POSITIVES, this.#parts.random),
      queue: new Map(),
      lastSequence: 1,
      wantsAll: false,
    });
  }

  left(peer: BitcoinPeer): void {
    const listener = this.#listeners.get(peer.id);
    if (listener === undefined) return;
    this.#listeners.delete(peer.id);
    const { moment } = listener;
    if ([...this.#listeners.values()].some((each) => each.moment === moment)) return;
    moment.cancel?.();
    for (const [key, each] of this.#shared) if (each === moment) this.#shared.delete(key);
  }

  /** Ends all that waits. */
  close(): void {
    for (const { moment } of this.#listeners.values()) moment.cancel?.();
    this.#listeners.clear();
    this.#cancelBacklog?.();
  }

  /** Whether a peer hears of transactions. */
  tells(peer: BitcoinPeer): boolean {
    return this.#listeners.has(peer.id);
  }

  /** A peer has a transaction: under this id it need not be told. */
  knows(peer: BitcoinPeer, hash: Uint8Array): void {
    this.#listeners.get(peer.id)?.known.add(hash);
  }

  /** A peer wants to hear of all that is in the mempool. */
  wantsAll(peer: BitcoinPeer): void {
    const listener = this.#listeners.get(peer.id);
    if (listener === undefined) return;
    listener.wantsAll = true;
    this.#arm(listener);
  }

  /** A transaction of the mempool is to be told to everybody. */
  announce(txid: Uint8Array): void {
    this.#inbound.add(txid);
    this.#outbound.add(txid);
    this.#drain();
  }

  /** It left the mempool. */
  drop(txid: Uint8Array): void {
    this.#inbound.drop(txid);
    this.#outbound.drop(txid);
  }

  /** Whether a peer may have a transaction that is in the mempool: nobody is to find out what else came to us. */
  mayHave(peer: BitcoinPeer, { sequence }: MempoolEntry): boolean {
    return sequence < (this.#listeners.get(peer.id)?.lastSequence ?? 0);
  }

  /** Bytes of memory that are kept of what a peer knows. */
  bytesOf(peer: BitcoinPeer): number {
    return this.#listeners.get(peer.id)?.known.bytes ?? 0;
  }

  /**
   * When a peer is told of a transaction that waits for nothing but that moment; monotonic milliseconds. Undefined when it is
   * in the backlog, was told, or is not to be told. @param id of the peer
   */
  toldAt(id: number, txid: Uint8Array): number | undefined {
    const listener = this.#listeners.get(id);
    return listener?.queue.has(toHex(txid)) ? listener.moment.at : undefined;
  }

  /** What is told of one peer. */
  viewOf(peer: BitcoinPeer): AnnouncementsView {
    const listener = this.#listeners.get(peer.id);
    return { lastSequence: listener?.lastSequence ?? 0, waiting: listener?.queue.size ?? 0 };
  }

  /** What waits for all of a direction. */
  get backlogs(): Readonly<Record<"inbound" | "outbound", BacklogView>> {
    return { inbound: this.#inbound.view, outbound: this.#outbound.view };
  }

  /** Hands what may go now to the peers that hear of it. */
  #drain(): void {
    const now = this.#parts.clock.monotonic();
    for (const [direction, backlog] of [["in", this.#inbound], ["out", this.#outbound]] as const) {
      const listeners = [...this.#listeners.values()].filter(({ peer }) => peer.direction === direction);
      // A peer that comes later hears of what comes later.
      if (listeners.length === 0) backlog.clear();
      const fresh = backlog.take(now);
      if (fresh.length === 0) continue;
      for (const listener of listeners) {
        for (const { transaction: { txid } } of fresh) listener.queue.set(toHex(txid), txid);
        this.#arm(listener);
      }
    }
    if (this.#inbound.size + this.#outbound.size === 0) return;
    this.#cancelBacklog ??= this.#parts.clock.after(BACKLOG_EVERY_MS, () => {
      this.#cancelBacklog = undefined;
      this.#drain();
    });
  }

  /** Sets the moment at which a peer is told, unless it is set. A wait begins anew whenever: it is as long as any other. */
  #arm({ moment }: Listener): void {
    const { clock, random } = this.#parts;
    const delay = moment.meanMs === 0 ? 0 : poissonDelay(moment.meanMs, (bound) => random.below(bound));
    if (moment.cancel !== undefined) return;
    moment.at = clock.monotonic() + delay;
    moment.cancel = clock.after(delay, () => {
      moment.cancel = undefined;
      for (const listener of this.#listeners.values()) if (listener.moment === moment) this.#tell(listener);
    });
  }

  #tell(listener: Listener): void {
    const { mempool, minimumFeeOf } = this.#parts;
    const { peer, queue, known, wantsAll } = listener;
    if (queue.size === 0 && !wantsAll) return;
    const entries = mempool.byMiningScore(wantsAll ? undefined : [...queue.values()]);
    queue.clear();
    listener.wantsAll = false;
    // From now on it may ask for what it is told of.
    listener.lastSequence = mempool.sequence;
    const { wtxidRelay } = peer.session.peer;
    const type = wtxidRelay ? InvType.WTX : InvType.TX;
    const minimumFee = Number(minimumFeeOf(peer));
    const fresh: { readonly type: number; readonly hash: Uint8Array }[] = [];
    for (const { transaction, fee, vsize } of entries) {
      if (fee * 1000 < minimumFee * vsize) continue;
      const hash = wtxidRelay ? transaction.wtxid : transaction.txid;
      if (!wantsAll && known.has(hash)) continue;
      known.add(hash);
      fresh.push({ type, hash });
    }
    for (let at = 0; at < fresh.length; at += INVENTORY_MAX) {
      peer.session.post(Inv, { inventory: fresh.slice(at, at + INVENTORY_MAX) });
    }
  }

  #momentOf(peer: BitcoinPeer): Moment {
    if (peer.may("noban")) return { meanMs: 0, at: 0, cancel: undefined };
    if (peer.direction === "out") return { meanMs: OUTBOUND_MEAN_MS, at: 0, cancel: undefined };
    const { host, port } = peer.session.link.duplex.local;
    const key = `${host} ${port}`;
    const moment = this.#shared.get(key) ?? { meanMs: INBOUND_MEAN_MS, at: 0, cancel: undefined };
    this.#shared.set(key, moment);
    return moment;
  }
}
