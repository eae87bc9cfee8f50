/**
 * Transactions between peers: what is announced to us, asked for, judged and told on.
 *
 * @see spec section f.8; Bitcoin Core `net_processing.cpp` (inv, tx, notfound, mempool, FindTxForGetData)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { givingWay } from "../../core/work/give-way.ts";
import type { ConnectedBlock } from "../chain/chain.ts";
import type { Mempool, TransactionVerdict } from "../mempool/mempool.ts";
import { disconnecting } from "../peers/faults.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { type Inventory, type InventoryBatch, InvType } from "../types/inventory.ts";
import type { Transaction } from "../types/transaction.ts";
import { GetData, GETDATA_ENTRIES_SENT_MAX, NotFound, Tx } from "../wire/mod.ts";
import { Announcements } from "./announcements.ts";
import { type ParentAndChild, TransactionDownload } from "./download.ts";
import { FeeFilters } from "./fee-filter.ts";
import { RelayHoldings } from "./holdings.ts";
import { JudgingLine, wasteMax, Waster } from "./judging-line.ts";
import type { Orphan } from "./orphanage.ts";
import { RecentTransactions } from "./recent-transactions.ts";
import { ANNOUNCEMENT_BYTES } from "./request-tracker.ts";
import { UnbroadcastSet } from "./unbroadcast.ts";

/** Longer answers than this to what we asked are none (Core's limit for `notfound`). */
const NOT_FOUND_MAX = 5_016;

/** The code of the fault of a peer that tells of transactions though we said that we want none. */
const UNWANTED = "unwanted_transaction";

/** Ends the connection of a peer that gave a transaction though we said that we want none. @throws PeerOffence */
export function unwantedTransaction(): never {
  throw disconnecting(UNWANTED, "transaction sent in violation of protocol");
}

/** What the relay needs. Rates are satoshi for 1000 virtual bytes. */
export interface TransactionRelayParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly mempool: Pick<
    Mempool,
    "get" | "getByWtxid" | "byMiningScore" | "accept" | "acceptPackage" | "listen" | "minimumFeeRate" | "sequence"
  >;
  /** Whether transactions are taken from peers; those of our own callers are told to them in any case. */
  readonly takes: boolean;
  /** While blocks are behind, nobody can tell what is valid. */
  readonly initialBlockDownload: () => boolean;
  /** What a transaction has to pay for a peer to be told of it. */
  readonly minimumFeeOf: (peer: BitcoinPeer) => bigint;
  /** What is asked for in any case, and what a replacement has to pay beyond what it replaces. */
  readonly relayFeeRate: number;
  readonly incrementalFeeRate: number;
  /** Whether a row is the last that is connected to the active chain. */
  readonly isTip: (row: number) => boolean;
  /** Keeps the node from stopping before some work has ended. */
  readonly track: (work: Promise<void>) => void;
  /** Hears of transactions that are not in the mempool and may be in a block all the same. */
  readonly extra?: (transaction: Transaction) => void;
}

/** What is kept for peers. */
export interface RelayFigures {
  /** Announcements of transactions that have not come. */
  readonly announcements: number;
  readonly orphans: number;
  readonly orphanWeight: number;
  /** Announcements of orphans, and tenths of their inputs. */
  readonly orphanPoints: number;
  /** Transactions that wait to be judged. */
  readonly judging: number;
}

/** What is kept of a peer. */
interface Partner {
  readonly peer: BitcoinPeer;
  readonly waster: Waster;
  /** Whether its orphans are being judged again. */
  isRejudging: boolean;
}

/** The relay of one node. */
export class TransactionRelay {
  readonly announcements: Announcements;
  readonly unbroadcast: UnbroadcastSet;
  readonly #parts: TransactionRelayParts;
  readonly #download: TransactionDownload;
  readonly #feeFilters: FeeFilters;
  readonly #holdings = new RelayHoldings();
  readonly #line: JudgingLine;
  readonly #recent = new RecentTransactions();
  readonly #partners = new Map<number, Partner>();
  readonly #stopListening: () => void;
  #pumpAt = Infinity;
  #cancelPump: () => void = () => {};

  constructor(parts: TransactionRelayParts) {
    const { clock, random, mempool } = parts;
    this.#parts = parts;
    this.announcements = new Announcements(parts);
    this.unbroadcast = new UnbroadcastSet(clock, random);
    this.#download = new TransactionDownload(parts);
    this.#download.orphans.onDropped = (wtxid) => this.#holdings.dropped(wtxid);
    this.#feeFilters = new FeeFilters({ ...parts, minimumFeeRate: () => mempool.minimumFeeRate });
    this.#line = new JudgingLine(clock);
    this.#stopListening = mempool.listen({
      added: ({ transaction }) => this.#rejudge(this.#download.accepted(transaction)),
      removed: ({ transaction: { txid } }) => {
        this.announcements.drop(txid);
        this.unbroadcast.drop(txid);
      },
    });
  }

  /** What handles the messages that are of transactions alone. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(Tx, (peer, transaction) => this.#take(peer, transaction)),
      on(NotFound, (peer, { inventory }) => this.#notFound(peer, inventory)),
    ];
  }

  /** What is kept for peers. */
  get figures(): RelayFigures {
    const { tracker, orphans } = this.#download;
    const { size, weight, points } = orphans;
    return {
      announcements: tracker.size,
      orphans: size,
      orphanWeight: weight,
      orphanPoints: points,
      judging: this.#line.size,
    };
  }

  /** Whether transactions are taken from peers. */
  get takes(): boolean {
    return this.#parts.takes;
  }

  /** A peer has come. */
  joined(peer: BitcoinPeer): void {
    this.#partners.set(peer.id, { peer, waster: new Waster(), isRejudging: false });
    this.#download.joined({
      id: peer.id,
      isPreferred: peer.direction === "out" || peer.may("noban"),
      isWtxidRelay: peer.session.peer.wtxidRelay,
      isUnlimited: peer.may("relay"),
    });
    this.announcements.joined(peer);
    if (this.#parts.takes) this.#feeFilters.tell(peer);
  }

  /** A peer has gone. */
  left(peer: BitcoinPeer): void {
    if (!this.#partners.delete(peer.id)) return;
    this.#download.left(peer.id);
    this.announcements.left(peer);
    this.#feeFilters.left(peer);
    this.#holdings.left(peer.id);
    // What was asked of it is asked of others.
    this.#pump();
  }

  /** Whether {@link tick} may soon have something to tell. */
  get isHoldingOff(): boolean {
    return this.#feeFilters.isHoldingOff;
  }

  /** Does what is due. To be called now and then. */
  tick(): void {
    if (this.#parts.takes) { for (const { peer } of this.#partners.values()) this.#feeFilters.tell(peer); }
    for (const txid of this.unbroadcast.due()) this.announcements.announce(txid);
    for (const { peer } of this.#partners.values()) this.#book(peer);
  }

  /** Ends everything that waits for a time. */
  close(): void {
    this.#stopListening();
    this.announcements.close();
    this.#line.close();
    this.#cancelPump();
  }

  /** A transaction of the mempool that one of our callers made: every peer is told, again and again until one asks for it. */
  broadcast(txid: Uint8Array): void {
    this.unbroadcast.add(txid);
    this.announcements.announce(txid);
  }

  /** A block was connected; its transactions may be asked for until the next one is. */
  connected({ row, block }: ConnectedBlock): void {
    const { isTip, initialBlockDownload } = this.#parts;
    // Blocks before a snapshot are old, and while others are behind nobody asks for transactions.
    if (block === undefined || !isTip(row) || initialBlockDownload()) return;
    this.#recent.set(block.transactions);
    this.#download.blockConnected(block.transactions);
  }

  /** A block was taken back. */
  disconnected(): void {
    this.#download.seen.blockDisconnected();
  }

  /** The tip is another. */
  tipMoved(): void {
    this.#download.seen.tipChanged();
    this.tick();
  }

  /** Orphans that wait for their parents. */
  orphans(): readonly Orphan[] {
    return this.#download.orphans.list();
  }

  /** A peer announced what it has; entries that are no transactions are passed over. @throws BitcoinFault it may not */
  async announced(peer: BitcoinPeer, inventory: InventoryBatch): Promise<void> {
    const { clock, initialBlockDownload } = this.#parts;
    const wanted = peer.session.peer.wtxidRelay ? InvType.WTX : InvType.TX;
    const giveWay = givingWay(clock);
    const isLoading = initialBlockDownload();
    for (let i = 0; i < inventory.length && !peer.session.signal.aborted; i++) {
      const { type, hash } = inventory.at(i);
      if (type !== wanted) continue;
      if (!this.#mayTell(peer)) {
        throw disconnecting(UNWANTED, "transaction inv sent in violation of protocol");
      }
      this.announcements.knows(peer, hash);
      const announced = { hash, isWtxid: type === InvType.WTX };
      if (!isLoading) this.#download.announced(peer.id, announced, clock.monotonic());
      const wait = giveWay();
      if (wait !== undefined) await wait;
    }
    this.#book(peer);
    this.#pump();
  }

  /**
   * The bytes of a transaction that a peer asks for; undefined when it is not to have it, and `silence` when it is told
   * not even that.
   */
  find(peer: BitcoinPeer, { type, hash }: Inventory): Uint8Array | undefined | "silence" {
    if (!this.announcements.tells(peer)) return "silence";
    const { mempool } = this.#parts;
    const entry = type === InvType.WTX ? mempool.getByWtxid(hash) : mempool.get(hash);
    const isTold = entry !== undefined && this.announcements.mayHave(peer, entry);
    const transaction = isTold ? entry.transaction : this.#recent.find(hash);
    if (transaction === undefined) return undefined;
    this.unbroadcast.drop(transaction.txid);
    return type === InvType.TX ? transaction.stripped : transaction.raw;
  }

  /** A peer wants to hear of all that is in the mempool. */
  announceAll(peer: BitcoinPeer): void {
    this.announcements.wantsAll(peer);
  }

  #mayTell(peer: BitcoinPeer): boolean {
    if (peer.kind === "block-relay" || peer.kind === "feeler") return false;
    return this.#parts.takes || peer.may("relay");
  }

  async #take(peer: BitcoinPeer, transaction: Transaction): Promise<void> {
    if (!this.#mayTell(peer)) unwantedTransaction();
    const { initialBlockDownload, mempool } = this.#parts;
    const partner = this.#partners.get(peer.id);
    if (initialBlockDownload() || partner === undefined) return;
    const { txid, wtxid } = transaction;
    this.announcements.knows(peer, peer.session.peer.wtxidRelay ? wtxid : txid);
    const received = this.#download.received(peer.id, transaction);
    // Who stands behind us may have it told on again.
    if (received === "ignore" && peer.may("forcerelay") && mempool.get(txid)) this.announcements.announce(txid);
    if (received === "judge") await this.#judge(partner, transaction, true);
    else if (received !== "ignore") await this.#judgePackage(partner, received);
    this.#book(peer);
    this.#pump();
  }

  async #judge(partner: Partner, transaction: Transaction, isFirst: boolean): Promise<void> {
    const { mempool } = this.#parts;
    const accepting = () => mempool.accept(transaction);
    const verdict = await this.#line.judge(partner.waster, accepting, (result) => wasteMax(transaction, result));
    const pair = this.#settle(partner, transaction, verdict, isFirst);
    if (pair !== undefined) await this.#judgePackage(partner, pair);
  }

  async #judgePackage(partner: Partner, pair: ParentAndChild): Promise<void> {
    const { mempool } = this.#parts;
    const isRefused = (verdicts: readonly (TransactionVerdict | undefined)[]) => verdicts.some((each) => !each?.ok);
    const { refusal, verdicts } = await this.#line.judge(
      partner.waster,
      () => mempool.acceptPackage(pair),
      (result) => isRefused(result.verdicts) ? Infinity : 0,
    );
    if (refusal !== undefined || isRefused(verdicts)) this.#download.packageRefused(pair);
    // The child first: it is no orphan any more when its parent is settled.
    for (const at of [1, 0] as const) {
      const verdict = verdicts[at];
      if (verdict !== undefined) this.#settle(partner, pair[at], verdict, false);
    }
  }

  /** Does what follows from a verdict. Gives a package that is to be judged in turn. */
  #settle(
    { peer }: Partner,
    transaction: Transaction,
    verdict: TransactionVerdict,
    isFirst: boolean,
  ): ParentAndChild | undefined {
    const { clock, extra } = this.#parts;
    if (verdict.ok === true) {
      if (isFirst) peer.gaveNews(clock.now());
      this.announcements.announce(verdict.entry.transaction.txid);
      if (extra !== undefined) { for (const each of verdict.replaced) extra(each.transaction); }
      return undefined;
    }
    if (verdict.ok === "known" && equalBytes(verdict.entry.transaction.wtxid, transaction.wtxid)) {
      this.#download.wasThere(transaction);
      return undefined;
    }
    // It is in the mempool with another witness.
    const refusal = verdict.ok === "known" ? { result: "conflict" as const } : verdict;
    const { orphans } = this.#download;
    const after = this.#download.refused(peer.id, transaction, refusal, isFirst, clock.monotonic());
    for (const parent of after.parents) this.announcements.knows(peer, parent);
    const orphan = orphans.get(transaction.wtxid);
    if (orphan !== undefined) this.#holdings.keeps(peer, orphan, () => orphans.drop(orphan.wtxid));
    if (after.isWorthKeeping) extra?.(transaction);
    return after.package;
  }

  /** Judges the orphans of these peers again whose parents have come, one after another. */
  #rejudge(ids: readonly number[]): void {
    for (const id of ids) {
      const partner = this.#partners.get(id);
      if (partner === undefined || partner.isRejudging) continue;
      partner.isRejudging = true;
      this.#parts.track(this.#rejudgeAll(partner).finally(() => (partner.isRejudging = false)));
    }
  }

  async #rejudgeAll(partner: Partner): Promise<void> {
    const { orphans } = this.#download;
    const next = () => orphans.takeReady(partner.peer.id);
    for (let orphan = next(); orphan !== undefined; orphan = next()) await this.#judge(partner, orphan, false);
    this.#pump();
  }

  #notFound(peer: BitcoinPeer, inventory: readonly Inventory[]): void {
    if (inventory.length > NOT_FOUND_MAX) return;
    const types: readonly number[] = [InvType.TX, InvType.WTX, InvType.WITNESS_TX];
    this.#download.notFound(peer.id, inventory.filter(({ type }) => types.includes(type)).map(({ hash }) => hash));
    this.#pump();
  }

  /** Asks for what is to be asked for now, and sets the time of the next question. */
  #pump(): void {
    const { tracker } = this.#download;
    const now = this.#parts.clock.monotonic();
    tracker.advance(now);
    for (const id of tracker.ready) {
      const partner = this.#partners.get(id);
      if (partner === undefined) continue;
      const { session, servesWitnesses } = partner.peer;
      const byTxid = servesWitnesses ? InvType.WITNESS_TX : InvType.TX;
      const inventory = this.#download.ask(id, now).map(({ hash, isWtxid }) => ({
        type: isWtxid ? InvType.WTX : byTxid,
        hash,
      }));
      for (let at = 0; at < inventory.length; at += GETDATA_ENTRIES_SENT_MAX) {
        // A stranger that announces what it does not have is not to count as awaited.
        session.post(GetData, { inventory: inventory.slice(at, at + GETDATA_ENTRIES_SENT_MAX) }, false);
      }
    }
    const nextAt = tracker.nextAt ?? Infinity;
    if (nextAt === this.#pumpAt) return;
    this.#cancelPump();
    this.#pumpAt = nextAt;
    if (nextAt === Infinity) return;
    this.#cancelPump = this.#parts.clock.after(Math.max(0, nextAt - now), () => {
      this.#pumpAt = Infinity;
      this.#pump();
    });
  }

  /** Books what is kept of a peer. */
  #book(peer: BitcoinPeer): void {
    const { tracker } = this.#download;
    const bytes = tracker.count(peer.id) * ANNOUNCEMENT_BYTES + this.announcements.bytesOf(peer);
    this.#holdings.set(peer, bytes, () => tracker.left(peer.id));
  }
}
