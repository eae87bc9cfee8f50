/**
 * Orphans: transactions that spend outputs which are not known. They wait for their parents, or for a block that settles
 * them.
 *
 * Whether an orphan's parents exist nobody can tell, so that orphans cost a stranger nothing. Each peer therefore has a share
 * of the room, and when there is too much, the peer that is furthest over its share loses its oldest. What a peer holds within
 * its share nobody can push out. An orphan stays as long as one of the peers that announced it has it in its share.
 *
 * @see Bitcoin Core `node/txorphanage.h` since release 30
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Random } from "../../core/ports.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { Transaction } from "../types/transaction.ts";

/** A heavier transaction is no standard one and not kept (Core's MAX_STANDARD_TX_WEIGHT). */
export const ORPHAN_WEIGHT_MAX = 400_000;
/** Weight that each peer may hold, whatever the others do. */
const PEER_WEIGHT_MAX = 404_000;
/** What all announcements may come to: each counts one, and a tenth of its inputs, since these are what takes time. */
const LATENCY_MAX = 3_000;
const INPUTS_A_POINT = 10;

/** One orphan, and who announced it. */
export interface Orphan {
  /** Over bytes of its own. */
  readonly transaction: Transaction;
  readonly announcers: readonly number[];
}

class Entry {
  readonly key: string;
  readonly transaction: Transaction;
  readonly weight: number;
  /** What its inputs come to. */
  readonly inputPoints: number;
  readonly by: Announcement[] = [];

  constructor(key: string, transaction: Transaction) {
    this.key = key;
    this.transaction = transaction;
    this.weight = transaction.weight;
    this.inputPoints = Math.floor(transaction.inputCount / INPUTS_A_POINT);
  }
}

interface Announcement {
  readonly entry: Entry;
  readonly peer: number;
}

/** What a peer holds; the oldest first. */
interface Share {
  readonly waiting: Set<Announcement>;
  /** Those whose parent has come: they are to be judged again. */
  readonly ready: Set<Announcement>;
  weight: number;
  points: number;
}

/** The orphans of one node. */
export class Orphanage {
  readonly #random: Random;
  readonly #entries = new Map<string, Entry>();
  readonly #shares = new Map<number, Share>();
  /** Who spends an output, by the output. */
  readonly #spenders = new Map<string, Set<Entry>>();
  #weight = 0;
  #points = 0;
  #announcements = 0;
  /** Hears of each orphan that is no longer kept. */
  onDropped: (wtxid: string) => void = () => {};

  constructor(random: Random) {
    this.#random = random;
  }

  /** How many orphans there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** How many announcements of them. */
  get announcements(): number {
    return this.#announcements;
  }

  /** The weight of all of them; each counts once. */
  get weight(): number {
    return this.#weight;
  }

  /** What peers hold, as {@link LATENCY_MAX} counts it. */
  get points(): number {
    return this.#points + this.#announcements;
  }

  /** The weight that a peer holds. */
  weightOf(peer: number): number {
    return this.#shares.get(peer)?.weight ?? 0;
  }

  has(wtxid: Uint8Array): boolean {
    return this.#entries.has(toHex(wtxid));
  }

  get(wtxid: Uint8Array): Transaction | undefined {
    return this.#entries.get(toHex(wtxid))?.transaction;
  }

  hasFrom(wtxid: Uint8Array, peer: number): boolean {
    return this.#entries.get(toHex(wtxid))?.by.some((each) => each.peer === peer) ?? false;
  }

  /**
   * Keeps an orphan that a peer announced, or notes that this peer announced it too. Whether it is kept. `transaction`: over
   * bytes of its own where it is new.
   */
  add(transaction: Transaction, peer: number): boolean {
    if (transaction.weight > ORPHAN_WEIGHT_MAX) return false;
    const key = toHex(transaction.wtxid);
    const entry = this.#entries.get(key) ?? this.#make(key, transaction);
    if (!entry.by.some((each) => each.peer === peer)) {
      const announcement = { entry, peer };
      entry.by.push(announcement);
      const share = this.#shares.get(peer) ?? { waiting: new Set(), ready: new Set(), weight: 0, points: 0 };
      this.#shares.set(peer, share);
      share.waiting.add(announcement);
      share.weight += entry.weight;
      share.points += 1 + entry.inputPoints;
      this.#announcements += 1;
      this.#trim();
    }
    return this.#entries.has(key);
  }

  /** A transaction was taken: its children are judged again, each for one of the peers that announced it. Gives these. */
  parentCame(parent: Transaction): readonly number[] {
    const peers: number[] = [];
    for (const { by } of this.#childrenOf(parent)) {
      if (by.some((each) => this.#shares.get(each.peer)!.ready.has(each))) continue;
      // Drawn, so that no peer can have itself chosen and then go.
      const chosen = by[this.#random.below(by.length)]!;
      const share = this.#shares.get(chosen.peer)!;
      share.waiting.delete(chosen);
      share.ready.add(chosen);
      peers.push(chosen.peer);
    }
    return peers;
  }

  /** Takes the next orphan of a peer that is to be judged again; it stays here until it is dropped. */
  takeReady(peer: number): Transaction | undefined {
    const share = this.#shares.get(peer);
    const [first] = share?.ready ?? [];
    if (share === undefined || first === undefined) return undefined;
    share.ready.delete(first);
    share.waiting.add(first);
    return first.entry.transaction;
  }

  /** The children of a transaction that a peer announced: those that are to be judged again first, then the newest. */
  childrenFrom(parent: Transaction, peer: number): readonly Transaction[] {
    const share = this.#shares.get(peer);
    if (share === undefined) return [];
    const children = this.#childrenOf(parent);
    if (children.size === 0) return [];
    return [...share.waiting, ...share.ready].reverse().filter(({ entry }) => children.has(entry))
      .map(({ entry }) => entry.transaction);
  }

  /** Forgets an orphan with all its announcements. Whether it was there. */
  drop(wtxid: Uint8Array): boolean {
    const entry = this.#entries.get(toHex(wtxid));
    if (entry === undefined) return false;
    this.#drop(entry);
    return true;
  }

  /** A peer has gone. What others announced as well stays. */
  left(peer: number): void {
    const share = this.#shares.get(peer);
    if (share !== undefined) { for (const each of [...share.waiting, ...share.ready]) this.#withdraw(each); }
  }

  /** A block has these transactions: they and all orphans that spend what these spend are settled. */
  blockConnected(transactions: readonly Transaction[]): void {
    if (this.#entries.size === 0) return;
    for (const { inputs } of transactions) {
      for (const { prevout } of inputs) {
        for (const entry of [...this.#spenders.get(outPointKey(prevout)) ?? []]) this.#drop(entry);
      }
    }
  }

  /** All orphans. */
  list(): readonly Orphan[] {
    return [...this.#entries.values()].map(({ transaction, by }) => ({
      transaction,
      announcers: by.map(({ peer }) => peer).sort((a, b) => a - b),
    }));
  }

  #childrenOf(parent: Transaction): ReadonlySet<Entry> {
    const found = new Set<Entry>();
    if (this.#entries.size === 0) return found;
    const txid = toHex(parent.txid);
    const { outputCount } = parent;
    for (let vout = 0; vout < outputCount; vout++) {
      for (const each of this.#spenders.get(txid + vout) ?? []) found.add(each);
    }
    return found;
  }

  #make(key: string, transaction: Transaction): Entry {
    const entry = new Entry(key, transaction);
    this.#entries.set(key, entry);
    this.#weight += entry.weight;
    this.#points += entry.inputPoints;
    for (const { prevout } of transaction.inputs) {
      const at = outPointKey(prevout);
      const spenders = this.#spenders.get(at) ?? new Set();
      this.#spenders.set(at, spenders.add(entry));
    }
    return entry;
  }

  #drop(entry: Entry): void {
    for (const each of [...entry.by]) this.#withdraw(each);
  }

  #withdraw(announcement: Announcement): void {
    const { entry, peer } = announcement;
    const share = this.#shares.get(peer)!;
    share.waiting.delete(announcement);
    share.ready.delete(announcement);
    share.weight -= entry.weight;
    share.points -= 1 + entry.inputPoints;
    if (share.waiting.size + share.ready.size === 0) this.#shares.delete(peer);
    this.#announcements -= 1;
    entry.by.splice(entry.by.indexOf(announcement), 1);
    if (entry.by.length > 0) return;
    this.#entries.delete(entry.key);
    this.#weight -= entry.weight;
    this.#points -= entry.inputPoints;
    for (const { prevout } of entry.transaction.inputs) {
      const at = outPointKey(prevout);
      const spenders = this.#spenders.get(at);
      spenders?.delete(entry);
      if (spenders?.size === 0) this.#spenders.delete(at);
    }
    this.onDropped(entry.key);
  }

  get #isOver(): boolean {
    return this.points > LATENCY_MAX || this.#weight > PEER_WEIGHT_MAX * Math.max(1, this.#shares.size);
  }

  #trim(): void {
    // The shares stay what they were at first, also when a peer loses all that it had.
    const pointsMax = LATENCY_MAX / Math.max(1, this.#shares.size);
    const over = ({ weight, points }: Share) => Math.max(points / pointsMax, weight / PEER_WEIGHT_MAX);
    while (this.#isOver) {
      let worst: { readonly share: Share; readonly over: number } | undefined;
      for (const share of this.#shares.values()) {
        const its = over(share);
        // Of two alike the one that came later loses.
        if (worst === undefined || its >= worst.over) worst = { share, over: its };
      }
      const { waiting, ready } = worst!.share;
      const [oldest] = waiting.size > 0 ? waiting : ready;
      this.#withdraw(oldest!);
    }
  }
}

function outPointKey({ txid, vout }: OutPoint): string {
  return toHex(txid) + vout;
}
