/**
 * Which transactions are asked of which peers, and what is done with those that come: what is known is not asked for again,
 * orphans wait for their parents, and a parent that pays too little is tried with a child that pays for both. It sends
 * nothing and judges nothing: the caller does, and tells what came of it.
 *
 * @see Bitcoin Core `node/txdownloadman_impl.cpp`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Random } from "../../core/ports.ts";
import type { Mempool } from "../mempool/mempool.ts";
import type { TransactionRefusal } from "../mempool/verdict.ts";
import type { Transaction } from "../types/transaction.ts";
import { Orphanage } from "./orphanage.ts";
import { type TransactionId, TransactionRequestTracker } from "./request-tracker.ts";
import { packageId, SeenTransactions } from "./seen.ts";

/** Announcements of a peer that are kept; more are not heard. */
const ANNOUNCEMENTS_MAX = 5_000;
/** A peer that owes us so many transactions is asked later than others. */
const IN_FLIGHT_BUSY_COUNT = 100;
/** How much later a peer is asked that dialled us, that announces by txid while others do by wtxid, or that is busy. */
const INBOUND_DELAY_MS = 2_000;
const TXID_DELAY_MS = 2_000;
const BUSY_DELAY_MS = 2_000;
/** How long a peer has to answer before the next one is asked. */
const ANSWER_MS = 60_000;

/** What counts of a peer. */
export interface DownloadPeer {
  readonly id: number;
  /** We dialled it, or the operator trusts it: it is asked before others. */
  readonly isPreferred: boolean;
  /** It announces by wtxid. */
  readonly isWtxidRelay: boolean;
  /** The operator lets it announce without bound. */
  readonly isUnlimited: boolean;
}

/** A parent, and a child that may pay for it. */
export type ParentAndChild = readonly [parent: Transaction, child: Transaction];

/** What is to be done with a transaction that a peer gave. */
export type Received = "judge" | "ignore" | ParentAndChild;

/** What follows from a refusal. */
export interface AfterRefusal {
  /** Parents of an orphan, by txid: the peer has them too. */
  readonly parents: readonly Uint8Array[];
  /** To be judged together. */
  readonly package?: ParentAndChild | undefined;
  /** Whether it may yet be in a block, so that it is worth keeping for compact blocks. */
  readonly isWorthKeeping: boolean;
}

/** The downloads of one node. Times are milliseconds of one clock that never goes back. */
export class TransactionDownload {
  readonly orphans: Orphanage;
  readonly seen: SeenTransactions;
  readonly tracker: TransactionRequestTracker;
  readonly #mempool: Pick<Mempool, "get" | "getByWtxid">;
  readonly #peers = new Map<number, DownloadPeer>();
  #wtxidPeers = 0;

  constructor({ random, mempool }: {
    readonly random: Random;
    readonly mempool: Pick<Mempool, "get" | "getByWtxid">;
  }) {
    this.orphans = new Orphanage(random);
    this.seen = new SeenTransactions(random);
    this.tracker = new TransactionRequestTracker(random);
    this.#mempool = mempool;
  }

  /** A peer has come. */
  joined(peer: DownloadPeer): void {
    this.#peers.set(peer.id, peer);
    if (peer.isWtxidRelay) this.#wtxidPeers += 1;
  }

  /** A peer has gone. */
  left(id: number): void {
    if (this.#peers.get(id)?.isWtxidRelay) this.#wtxidPeers -= 1;
    this.#peers.delete(id);
    this.orphans.left(id);
    this.tracker.left(id);
  }

  /** Whether a peer may announce more. */
  hears(id: number): boolean {
    const peer = this.#peers.get(id);
    return peer !== undefined && (peer.isUnlimited || this.tracker.count(id) < ANNOUNCEMENTS_MAX);
  }

  /** A peer announced a transaction. */
  announced(id: number, announced: TransactionId, now: number): void {
    const { hash, isWtxid } = announced;
    const orphan = isWtxid ? this.orphans.get(hash) : undefined;
    if (orphan !== undefined) {
      if (this.orphans.hasFrom(hash, id) || !this.hears(id)) return;
      const parents = this.#missingParents(orphan);
      // Where none is missing by now, it waits to be judged again, and nobody needs to ask for anything.
      if (parents.length > 0 && this.#resolves(id, parents, now)) this.orphans.add(orphan, id);
      return;
    }
    if (this.isKnown(announced, true) || !this.hears(id)) return;
    const peer = this.#peers.get(id)!;
    const delay = this.#delayOf(peer) + (!isWtxid && this.#wtxidPeers > 0 ? TXID_DELAY_MS : 0);
    this.tracker.announced(id, announced, peer.isPreferred, now + delay);
  }

  /** Whether a transaction need not be asked for. `reconsiderable`: also one that may pass with a child. */
  isKnown({ hash, isWtxid }: TransactionId, reconsiderable: boolean): boolean {
    // An orphan is never looked for by its txid: somebody may have sent it with another witness, to keep the true one away.
    // Where a transaction has no witness the ids are the same.
    return this.orphans.has(hash) || (reconsiderable && this.seen.reconsiderable.has(hash)) ||
      this.seen.confirmed.has(hash) || this.seen.rejected.has(hash) ||
      (isWtxid ? this.#mempool.getByWtxid(hash) : this.#mempool.get(hash)) !== undefined;
  }

  /** What a peer is to be asked for now: taken as asked. */
  ask(id: number, now: number): readonly TransactionId[] {
    const asked: TransactionId[] = [];
    for (const each of this.tracker.requestable(id)) {
      if (this.isKnown(each, false)) this.tracker.forget(each.hash);
      else {
        this.tracker.requested(id, each.hash, now + ANSWER_MS);
        asked.push(each);
      }
    }
    return asked;
  }

  /** A peer said that it does not have these. */
  notFound(id: number, hashes: readonly Uint8Array[]): void {
    for (const hash of hashes) this.tracker.answered(id, hash);
  }

  /** A peer gave a transaction. */
  received(id: number, transaction: Transaction): Received {
    const { txid, wtxid } = transaction;
    this.tracker.delivered(id, txid);
    if (transaction.hasWitness) this.tracker.delivered(id, wtxid);
    if (this.isKnown({ hash: wtxid, isWtxid: true }, false)) return "ignore";
    if (!this.seen.reconsiderable.has(wtxid)) return "judge";
    return this.#childFor(transaction, id) ?? "ignore";
  }

  /** A transaction is in the mempool, however it came there. Gives the peers that have orphans which are to be judged again. */
  accepted(transaction: Transaction): readonly number[] {
    this.#settle(transaction);
    const peers = this.orphans.parentCame(transaction);
    this.orphans.drop(transaction.wtxid);
    return peers;
  }

  /** A transaction was in the mempool already when it was judged. */
  wasThere(transaction: Transaction): void {
    this.#settle(transaction);
    this.orphans.drop(transaction.wtxid);
  }

  /** A transaction of a peer was refused. `isFirst`: it came just now, neither out of the orphans nor within a package. */
  refused(
    id: number,
    transaction: Transaction,
    { result }: Pick<TransactionRefusal, "result">,
    isFirst: boolean,
    now: number,
  ): AfterRefusal {
    const { txid, wtxid } = transaction;
    if (result === "missing_inputs") return this.#orphaned(id, transaction, isFirst, now);
    let found: ParentAndChild | undefined;
    if (result === "reconsiderable") {
      this.seen.reconsiderable.add(wtxid);
      if (isFirst) found = this.#childFor(transaction, id);
    } else if (result !== "witness_stripped" && result !== "no_mempool") {
      // Not the txid: with another witness it may be good, and who sends a bad one must not keep that away.
      this.seen.rejected.add(wtxid);
      if (result === "inputs_not_standard" && transaction.hasWitness) {
        this.seen.rejected.add(txid);
        this.tracker.forget(txid);
      }
    }
    if (result !== "witness_stripped") this.tracker.forget(wtxid);
    this.orphans.drop(wtxid);
    return { parents: [], package: found, isWorthKeeping: isFirst && result !== "witness_stripped" };
  }

  /** A package was refused: it is not tried again. */
  packageRefused(transactions: readonly Transaction[]): void {
    this.seen.reconsiderable.add(packageId(transactions));
  }

  /** A block was connected to the tip. */
  blockConnected(transactions: readonly Transaction[]): void {
    this.orphans.blockConnected(transactions);
    this.seen.blockConnected(transactions);
    for (const each of transactions) this.#settle(each);
  }

  /** A transaction that wants a parent. */
  #orphaned(id: number, transaction: Transaction, isFirst: boolean, now: number): AfterRefusal {
    const { txid, wtxid } = transaction;
    const nothing: AfterRefusal = { parents: [], isWorthKeeping: false };
    // One that is judged again is here already, and one of a package was judged with its parent.
    if (!isFirst || this.seen.rejected.has(wtxid)) return nothing;
    const all = uniqueParents(transaction);
    if (this.#hasHopelessParents(all)) {
      // No witness would help.
      this.seen.rejected.add(txid);
      this.seen.rejected.add(wtxid);
      this.#settle(transaction);
      return nothing;
    }
    const isNew = !this.orphans.has(wtxid);
    const parents = this.#missingParents(transaction);
    // All who announced it may have the parents. Where nobody may be asked it is not kept.
    const announcers = new Set([id, ...this.tracker.candidates(txid), ...this.tracker.candidates(wtxid)]);
    const own = isNew ? transaction.detach() : transaction;
    for (const each of announcers) if (this.#resolves(each, parents, now)) this.orphans.add(own, each);
    this.#settle(transaction);
    return { parents: all, isWorthKeeping: isNew };
  }

  /** Whether a parent was refused for good, or more than one pays too little: a child pays for one at most. */
  #hasHopelessParents(parents: readonly Uint8Array[]): boolean {
    let poor = 0;
    for (const each of parents) {
      if (this.seen.rejected.has(each)) return true;
      if (this.seen.reconsiderable.has(each) && this.#mempool.get(each) === undefined) poor += 1;
    }
    return poor > 1;
  }

  #missingParents(transaction: Transaction): readonly Uint8Array[] {
    return uniqueParents(transaction).filter((hash) => !this.isKnown({ hash, isWtxid: false }, false));
  }

  /** Has a peer asked for the parents of an orphan, if it may be. */
  #resolves(id: number, parents: readonly Uint8Array[], now: number): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined) return false;
    if (!peer.isUnlimited && this.tracker.count(id) + parents.length > ANNOUNCEMENTS_MAX) return false;
    // A parent often comes just behind its child: by then it need not be asked for.
    const requestAt = now + this.#delayOf(peer) + (this.#wtxidPeers > 0 ? TXID_DELAY_MS : 0);
    for (const hash of parents) this.tracker.announced(id, { hash, isWtxid: false }, peer.isPreferred, requestAt);
    return true;
  }

  #delayOf({ id, isPreferred, isUnlimited }: DownloadPeer): number {
    const isBusy = !isUnlimited && this.tracker.inFlight(id) >= IN_FLIGHT_BUSY_COUNT;
    return (isPreferred ? 0 : INBOUND_DELAY_MS) + (isBusy ? BUSY_DELAY_MS : 0);
  }

  /** A child of the same peer: another's could be made in any number, to keep us from the true one. */
  #childFor(parent: Transaction, id: number): ParentAndChild | undefined {
    for (const child of this.orphans.childrenFrom(parent, id)) {
      const pair: ParentAndChild = [parent, child];
      if (!this.seen.reconsiderable.has(packageId(pair)) && !this.seen.rejected.has(child.txid)) return pair;
    }
    return undefined;
  }

  #settle({ txid, wtxid }: Transaction): void {
    this.tracker.forget(txid);
    this.tracker.forget(wtxid);
  }
}

/** The txids that a transaction spends outputs of, each once. */
function uniqueParents({ inputs }: Transaction): readonly Uint8Array[] {
  return [...new Map(inputs.map(({ prevout: { txid } }) => [toHex(txid), txid])).values()];
}
