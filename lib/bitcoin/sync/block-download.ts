/**
 * Which block is asked of whom: a window that moves with the chain, a few blocks under way with each peer, and an end to
 * peers that hold everybody up.
 *
 * @see spec section f.4; Bitcoin Core `net_processing.cpp` (FindNextBlocksToDownload, SendMessages)
 * @module
 */
import { DeliveryRate } from "../../core/peers/delivery-rate.ts";
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { HeaderStatus } from "../headers/header-chain.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { tooLate } from "../peers/faults.ts";
import { InvType } from "../types/mod.ts";
import { GetData } from "../wire/mod.ts";
import { BlockQuestions, IN_FLIGHT_MAX, SECOND_SOURCE_MS, type Standing } from "./block-questions.ts";

/** What block download needs. */
export interface BlockDownloadParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly peers: () => readonly BitcoinPeer[];
  /** Chains of less work are not followed. */
  readonly minimumWork: bigint;
  readonly initialBlockDownload: () => boolean;
  /** Hears when blocks were asked for, or are to be asked for anew. */
  readonly asked: () => void;
  /** Whether a peer that a block is to be asked of sends compact ones, and ours may be put together. */
  readonly takesCompact?: (row: number, peer: BitcoinPeer) => boolean;
  /** Hears when a block is no longer asked of a peer. */
  readonly settled?: (row: number, peer: BitcoinPeer) => void;
  readonly notice: (level: "debug" | "info" | "warning", text: string) => void;
}

/** So many are asked for at once where there are more: a question for each block would cost as much as a small block does. */
const TOGETHER_MIN = 4;
/**
 * How far above the last block that a peer and we share it is asked for blocks. Blocks that wait to be connected wait on
 * disk, and are no more than this, too. Those of a branch that is not complete wait for nothing: what it lacks to be better
 * than ours may be any number of blocks.
 */
export const WINDOW = 1_024;
/** What peers without the whole chain serve of its end, less two blocks that may come meanwhile. */
const LIMITED_DEPTH = 288 - 2;
/** While our tip is younger than so many spacings, a peer's new headers are followed by a question for their blocks. */
const RECENT_SPACINGS = 20;
/** How long a peer may hold the window up; doubles each time, and shrinks again as blocks come. */
const STALL_FIRST_MS = 2_000;
const STALL_LAST_MS = 64_000;
const STALL_DECAY = 0.85;
/** The oldest question to a peer may wait so long, and half as much more for each other peer that delivers. */
const BLOCK_TIMEOUT_MS = 600_000;

/** By then it has been asked of a second peer as well. */
const YOUNG_MS = 30_000;

/** What is under way with one peer. Rows are of the header tree; times are monotonic milliseconds. */
class DownloadState {
  /** How fast it delivers the blocks that it is asked for. */
  readonly rate = new DeliveryRate();
  /** Since when its block is the one that everything else waits for. */
  stallingSince: number | undefined;
  /** The last block that it and we have, on the way to the best that it has; −1 before that is known. */
  lastCommon = -1;
}

/** What `getpeerinfo` tells of the download from a peer. */
export interface DownloadView {
  /** The last block that it and we have in common; −1 when none is known. */
  readonly lastCommon: number;
  /** Rows of blocks that it was asked for, oldest first. */
  readonly inFlight: readonly number[];
  readonly bytesPerSecond: number;
}

/** The questions that are under way with all peers. */
export class BlockDownload {
  readonly #parts: BlockDownloadParts;
  readonly #questions: BlockQuestions;
  readonly #states = new PerPeer<BitcoinPeer, DownloadState>(() => new DownloadState());
  #stallMs = STALL_FIRST_MS;

  constructor(parts: BlockDownloadParts) {
    this.#parts = parts;
    this.#questions = new BlockQuestions(parts.clock, parts.settled ?? (() => {}));
  }

  /** Whether a block is asked for. */
  isAsked(row: number): boolean {
    return this.#questions.of(row) !== undefined;
  }

  /** Whether a block was asked of this peer. */
  isAskedOf(row: number, peer: BitcoinPeer): boolean {
    return this.#questions.inFlight(peer).has(row);
  }

  /** How the question for a block stands, whether there is one or not. */
  standing(row: number, peer: BitcoinPeer): Standing {
    return this.#questions.standing(row, peer);
  }

  /** Whether no other block is asked for. */
  isOnly(row: number): boolean {
    return this.#questions.size === Number(this.isAsked(row));
  }

  /** Whether our tip is so young that news of it is followed at once (Core's CanDirectFetch). */
  get isNear(): boolean {
    const { chain: { headers, tip }, clock } = this.#parts;
    const recentMs = RECENT_SPACINGS * headers.network.pow.targetSpacing * 1000;
    return headers.time(tip) * 1000 > clock.now() - recentMs;
  }

  /** A peer has begun to give a block in parts: it counts as asked for it, from now on or from before. */
  claim(row: number, peer: BitcoinPeer): void {
    if (!this.isAskedOf(row, peer)) this.#note(peer, [row]);
  }

  /** How the download from a peer stands. */
  viewOf(peer: BitcoinPeer): DownloadView {
    const { lastCommon, rate: { bytesPerSecond } } = this.#states.of(peer);
    return { lastCommon, inFlight: [...this.#questions.inFlight(peer).keys()], bytesPerSecond };
  }

  /** Gives every peer something to do. */
  fill(): void {
    const spares = this.#parts.initialBlockDownload() &&
      this.#parts.peers().some(({ direction, servesRecent }) => direction === "out" && servesRecent);
    for (const peer of this.#sources((each) => this.#hasMore(each))) {
      // Our own choice of peers first; who came to us serves when nothing is to be had from them.
      if (spares && peer.direction === "in" && this.#questions.size > 0) return;
      this.#askNext(peer);
    }
  }

  #askNext(peer: BitcoinPeer): void {
    const room = IN_FLIGHT_MAX - this.#questions.inFlight(peer).size;
    const some = this.#choose(peer, Math.max(room, TOGETHER_MIN));
    const rows = some.slice(0, room);
    // More of a run than there is room for. The newest block, which older ones follow here, waits for nothing.
    if (some[room] !== undefined && room < TOGETHER_MIN && some[room] > rows[0]!) return;
    if (rows.length > 0) this.#ask(peer, rows, this.#isForCompact(rows, peer) ? InvType.CMPCT_BLOCK : undefined);
  }

  /**
   * Whether blocks are asked for in compact form: one that is to become the tip, and nothing beside it.
   *
   * @see Bitcoin Core `net_processing.cpp` HeadersDirectFetchBlocks
   */
  #isForCompact([row, ...more]: readonly number[], peer: BitcoinPeer): boolean {
    const { chain: { headers }, takesCompact = () => false } = this.#parts;
    if (row === undefined || more.length > 0 || this.#questions.size > 0) return false;
    const isReady = (headers.status(headers.parent(row)) & HeaderStatus.connected) !== 0;
    return isReady && this.isNear && takesCompact(row, peer);
  }

  /**
   * A peer told headers. Near the tip it is asked for their blocks, whatever it says that it serves: it has just shown
   * that it has them.
   *
   * @see Bitcoin Core `net_processing.cpp` HeadersDirectFetchBlocks, CanDirectFetch
   */
  direct(peer: BitcoinPeer): void {
    const { headers, tip } = this.#parts.chain;
    const { best } = peer.knowledge;
    if (peer.servesRecent || !peer.servesWitnesses || best < 0 || !this.isNear) return;
    // So many that it is a reorganisation of many blocks are left to those that serve the chain.
    const common = headers.commonAncestor(tip, best);
    if (headers.height(best) - headers.height(common) > IN_FLIGHT_MAX) return;
    this.#askNext(peer);
  }

  /**
   * Asks a peer for one block because the operator wants it; why not, in Core's words, when it is not asked.
   *
   * @see Bitcoin Core `net_processing.cpp` FetchBlock
   */
  fetch(row: number, peer: BitcoinPeer): string | undefined {
    if (!peer.servesWitnesses) return "Pre-SegWit peer";
    // What was asked before, of whichever peer, is forgotten.
    for (const other of [...this.#questions.of(row)?.peers ?? []]) this.release(row, other);
    this.#ask(peer, [row]);
    return undefined;
  }

  /** A block came from a peer that was asked for it: it counts for its speed, whatever the block is worth. */
  delivered(row: number, peer: BitcoinPeer, bytes: number): void {
    const askedAt = this.#questions.inFlight(peer).get(row);
    if (askedAt === undefined) return;
    this.#states.of(peer).rate.delivered(bytes, askedAt, this.#parts.clock.monotonic());
  }

  /** A block came, from whomever: it is no longer asked for. */
  arrived(row: number): void {
    this.#stallMs = Math.max(STALL_FIRST_MS, this.#stallMs * STALL_DECAY);
    for (const peer of this.#questions.settle(row)) this.#states.of(peer).stallingSince = undefined;
  }

  /** A peer delivered something else than the block, or never will: others may. */
  release(row: number, peer: BitcoinPeer): void {
    if (this.#questions.release(row, peer)) this.#parts.asked();
  }

  /** Takes back what a peer was asked for. */
  forget(peer: BitcoinPeer): void {
    for (const row of [...this.#questions.inFlight(peer).keys()]) this.release(row, peer);
  }

  /**
   * Whether nothing is to be expected within seconds: no question is young, nobody holds the window up, and no peer has
   * blocks that it was not asked for. A peer that lets one question wait for minutes is seen to now and then.
   */
  get isIdle(): boolean {
    const { chain, clock, peers } = this.#parts;
    const now = clock.monotonic();
    for (const [, { askedAt }] of this.#questions) if (now - askedAt < YOUNG_MS) return false;
    if (peers().some((peer) => this.#states.of(peer).stallingSince !== undefined)) return false;
    const isReached = chain.tip === chain.headers.best && chain.states.background === undefined;
    return this.#questions.size > 0 || isReached || !peers().some((peer) => this.#hasMore(peer));
  }

  /** Ends peers that hold up the download; every second. */
  tick(): void {
    const now = this.#parts.clock.monotonic();
    const peers = this.#parts.peers();
    const delivering = peers.filter((peer) => this.#questions.inFlight(peer).size > 0).length;
    let isLate = false;
    for (const peer of peers) {
      const { stallingSince } = this.#states.of(peer);
      const inFlight = this.#questions.inFlight(peer);
      if (inFlight.size === 0 && stallingSince === undefined) continue;
      const [oldest] = inFlight.values();
      if (stallingSince !== undefined && now - stallingSince > this.#stallMs && !peer.wanted) {
        this.#stallMs = Math.min(this.#stallMs * 2, STALL_LAST_MS);
        peer.session.fail(tooLate("stalling", "held up the download of blocks"));
      } else if (oldest !== undefined && now - oldest > BLOCK_TIMEOUT_MS * (1 + 0.5 * Math.max(0, delivering - 1))) {
        peer.session.fail(tooLate("block_timeout", "did not deliver a block"));
      } else if (oldest !== undefined && now - oldest > SECOND_SOURCE_MS) isLate = true;
    }
    if (isLate) this.#secondSource(now);
    this.fill();
  }

  /** Peers that blocks may be asked of, outbound ones first, and the fastest first: what comes next in the window is its. */
  #sources(isMeant: (peer: BitcoinPeer) => boolean): readonly BitcoinPeer[] {
    const out = ({ direction }: BitcoinPeer) => Number(direction === "out");
    const speed = (peer: BitcoinPeer) => this.#states.of(peer).rate.bytesPerSecond;
    return this.#parts.peers().filter((peer) =>
      peer.servesRecent && this.#questions.inFlight(peer).size < IN_FLIGHT_MAX && isMeant(peer)
    )
      .sort((a, b) => out(b) - out(a) || speed(b) - speed(a));
  }

  /** Whether a peer serves a chain that is no worse than ours, and has not all of it in common with us, or old blocks. */
  #hasMore(peer: BitcoinPeer): boolean {
    const { best } = peer.knowledge;
    if (this.#chooseOld(peer, 1).length > 0) return true;
    if (best < 0 || best === this.#states.of(peer).lastCommon || !peer.servesRecent) return false;
    const { headers, tip } = this.#parts.chain;
    return !headers.hasMoreWork(tip, best);
  }

  /** The next blocks that a peer has and nobody is asked for. */
  #choose(peer: BitcoinPeer, count: number): number[] {
    const { chain, minimumWork } = this.#parts;
    const { headers } = chain;
    const { best } = peer.knowledge;
    if (best < 0 || count <= 0 || headers.work(best) < minimumWork) return [];
    if (headers.isInvalid(best)) return [];
    const base = chain.states.background?.snapshot.base;
    // A chain that the snapshot is not on cannot be taken before the snapshot is validated.
    if (base !== undefined && headers.commonAncestor(base, best) !== base) return [];
    const rows = headers.hasMoreWork(chain.tip, best) ? [] : this.#chooseNew(peer, count, base);
    return [...rows, ...this.#chooseOld(peer, count - rows.length)];
  }

  /** Blocks above what is connected, and above the snapshot's where there is one that is not validated. */
  #chooseNew(peer: BitcoinPeer, count: number, base: number | undefined): number[] {
    const { chain } = this.#parts;
    const { headers } = chain;
    const { best } = peer.knowledge;
    const from = headers.height(this.#moveCommon(peer, base));
    const top = headers.height(best);
    const connected = chain.connectedOf(best);
    const judgeable = connected === undefined ? top : headers.height(connected) + WINDOW;
    const end = Math.min(top, from + WINDOW, judgeable);
    const onBest = headers.onBest(best);
    const rows: number[] = [];
    let waitsFor: BitcoinPeer | undefined;
    for (let height = from + 1; height <= end && rows.length < count; height++) {
      const row = onBest ? headers.atHeight(height) : headers.ancestor(best, height);
      if (chain.wasJudged(row)) continue;
      if (headers.isInvalid(row)) break;
      const question = this.#questions.of(row);
      if (question !== undefined) {
        waitsFor ??= [...question.peers][0];
        continue;
      }
      if (!peer.servesAll && peer.servesRecent && top - height >= LIMITED_DEPTH) continue;
      rows.push(row);
    }
    // The window is used up, and its first block is with somebody else. When it ends where it does because blocks wait to
    // be connected, nobody but we ourselves holds it up.
    const isStuck = rows.length === 0 && end < top && from + WINDOW <= judgeable &&
      this.#questions.inFlight(peer).size === 0;
    if (isStuck && waitsFor !== undefined && waitsFor !== peer) {
      this.#states.of(waitsFor).stallingSince ??= this.#parts.clock.monotonic();
    }
    return rows;
  }

  /**
   * Blocks before a snapshot's that is not validated, the lowest first: for those that serve all, when nothing else is to be
   * had of them.
   *
   * @see Bitcoin Core `net_processing.cpp` TryDownloadingHistoricalBlocks
   */
  #chooseOld(peer: BitcoinPeer, count: number): number[] {
    const { chain } = this.#parts;
    const { headers, states: { background } } = chain;
    const { best } = peer.knowledge;
    if (background === undefined || best < 0 || !peer.servesAll) return [];
    const { base } = background.snapshot;
    if (headers.commonAncestor(base, best) !== base) return [];
    const from = headers.height(headers.commonAncestor(background.head, base));
    const end = Math.min(headers.height(base), from + WINDOW);
    const onBest = headers.onBest(base);
    const rows: number[] = [];
    for (let height = from + 1; height <= end && rows.length < count; height++) {
      const row = onBest ? headers.atHeight(height) : headers.ancestor(base, height);
      if (!chain.wasJudged(row) && !this.isAsked(row)) rows.push(row);
    }
    return rows;
  }

  /** Moves the last block that the peer and we share up, past all that is here or a snapshot stands for, and tells it. */
  #moveCommon(peer: BitcoinPeer, base: number | undefined): number {
    const { chain } = this.#parts;
    const { headers } = chain;
    const { best } = peer.knowledge;
    const state = this.#states.of(peer);
    const common = state.lastCommon < 0 ? headers.commonAncestor(chain.tip, best) : state.lastCommon;
    let row = headers.commonAncestor(common, best);
    if (base !== undefined && headers.height(row) < headers.height(base)) row = base;
    const onBest = headers.onBest(best);
    for (let height = headers.height(row) + 1; height <= headers.height(best); height++) {
      const next = onBest ? headers.atHeight(height) : headers.ancestor(best, height);
      if (!chain.wasJudged(next)) break;
      row = next;
    }
    return state.lastCommon = row;
  }

  /** Asks a peer for a whole block that it offered in parts. */
  askWhole(row: number, peer: BitcoinPeer): void {
    this.#ask(peer, [row]);
  }

  #ask(peer: BitcoinPeer, rows: readonly number[], type: number = InvType.WITNESS_BLOCK): void {
    this.#note(peer, rows);
    const { headers } = this.#parts.chain;
    peer.session.post(GetData, { inventory: rows.map((row) => ({ type, hash: headers.hash(row) })) });
  }

  #note(peer: BitcoinPeer, rows: readonly number[]): void {
    this.#questions.ask(peer, rows);
    this.#parts.asked();
  }

  /** Asks peers that have nothing to do for what others are slow to deliver: near the tip one after the other. */
  #secondSource(now: number): void {
    const { chain: { headers } } = this.#parts;
    for (const peer of this.#sources((each) => this.#questions.inFlight(each).size === 0)) {
      const late = [...this.#questions].filter(([row, question]) =>
        question.isLate(now, this.isNear) && peer.knowledge.has(headers, row) && peer.servesAll
      ).slice(0, IN_FLIGHT_MAX);
      if (late.length === 0) continue;
      this.#ask(peer, late.map(([row]) => row));
      for (const [, question] of late) question.askedMore(now);
    }
  }
}
