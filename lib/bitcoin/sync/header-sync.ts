/**
 * Headers first: asks peers for headers until nobody has more, holds off chains of little work, and learns which peer has
 * what.
 *
 * @see spec section d.4; Bitcoin Core `net_processing.cpp` (ProcessHeadersMessage, SendMessages)
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock, Random } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { type HeaderBatch, HEADERS_MAX } from "../headers/header-batch.ts";
import { locatorOf } from "../headers/locator.ts";
import { blockWork } from "../headers/pow.ts";
import { HeadersPresync, releasedBatch } from "../headers/presync.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { disconnecting, misbehaving } from "../peers/faults.ts";
import { GetHeaders } from "../wire/mod.ts";
import { HeaderState } from "./header-state.ts";
import { PROTOCOL_VERSION } from "../peers/handshake.ts";

/** What header sync needs. */
export interface HeaderSyncParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: () => readonly BitcoinPeer[];
  /** Chains of less work are not kept. */
  readonly minimumWork: bigint;
  /** Core's initial block download latch. */
  readonly initialBlockDownload: () => boolean;
  /** Hears when a question was asked whose answer is waited for. */
  readonly asked: () => void;
  /** Hears of a header that is too far ahead of our clock, and who gave it; without a detail when headers pass again. */
  readonly tooNew: (peer: BitcoinPeer, detail?: string) => void;
  readonly notice: (level: "debug" | "info" | "warning", text: string) => void;
}

/** Peers that are asked at once while far behind: what one of them sends too, costs a look-up. */
const ASKED_MAX = 3;
/** A peer that keeps us waiting so long is passed over for another. */
const STALL_MS = 10_000;
const REST_MS = 120_000;
/** An unanswered question is not repeated before. */
const REPEAT_MS = 120_000;
/** A best header not older than this is near enough to ask everybody. */
const NEAR_SECONDS = 24 * 60 * 60;
/** Chains may be this many blocks of work behind ours and still be kept. */
const BEHIND_BLOCKS = 144n;
const NO_STOP = new Uint8Array(32);

const isChosen = ({ direction }: BitcoinPeer) => direction === "out";

/** Header sync with all peers. */
export class HeaderSync {
  readonly #parts: HeaderSyncParts;
  readonly #states = new PerPeer<BitcoinPeer, HeaderState>(() => new HeaderState());

  constructor(parts: HeaderSyncParts) {
    this.#parts = parts;
  }

  /** Whether the best header is not much older than now. */
  get isNear(): boolean {
    const { chain, clock } = this.#parts;
    return chain.headers.time(chain.headers.best) > clock.now() / 1000 - NEAR_SECONDS;
  }

  /**
   * Whether some peer has told us all its headers, and none is asked. Peers that dialled us have no say as long as there
   * are others: anybody may come, say nothing, and come again. A peer that keeps us waiting does not keep us from being done.
   */
  get isDone(): boolean {
    const { peers, clock } = this.#parts;
    const now = clock.monotonic();
    const chosen = peers().filter(isChosen);
    const asked = chosen.length > 0 ? chosen : peers();
    const states = asked.map((peer) => this.#states.of(peer));
    return states.some(({ hasEnded }) => hasEnded) &&
      states.every((state) =>
        state.rests(now) || state.isSlow(now) || (state.presync === undefined && !state.isAwaited)
      );
  }

  /** Whether some peer that is connected has told us all its headers. */
  get hasHeaders(): boolean {
    return this.#parts.peers().some((peer) => this.#states.of(peer).hasEnded);
  }

  /** How high a header sync of a peer has got that has too little work so far; −1 when none is running. */
  presyncedHeight(peer: BitcoinPeer): number {
    return this.#states.of(peer).presync?.height ?? -1;
  }

  /** Whether everybody was asked, and nobody's answer is waited for. A peer that kept us waiting is not waited for. */
  get isIdle(): boolean {
    const now = this.#parts.clock.monotonic();
    return this.#parts.peers().every((peer) => {
      const state = this.#states.of(peer);
      return state.rests(now) || (state.hasBegun && !state.isAwaited);
    });
  }

  /** Asks whom there is to ask: at each coming and going, and every second while something is under way. */
  tick(): void {
    const peers = this.#parts.peers();
    const now = this.#parts.clock.monotonic();
    for (const peer of peers) this.#resolveUnknown(peer);
    for (const peer of peers) {
      const state = this.#states.of(peer);
      if (state.askedAt === undefined || now - state.askedAt < STALL_MS || state.hasEnded) continue;
      if (state.rests(now)) continue;
      // Its answer is still welcome; others need not wait for it.
      state.restUntil = now + REST_MS;
      this.#parts.notice("debug", `${peer.session.label} keeps us waiting for headers`);
    }
    if (peers.every((peer) => this.#states.of(peer).hasBegun)) return;
    const chosen = peers.filter(isChosen);
    this.#askSome(chosen, now);
    // Peers that dialled us are asked when no other can be: they must not take the places of those that we chose.
    const isForsaken = chosen.every((peer) => this.#states.of(peer).rests(now));
    if (this.isNear || isForsaken) this.#askSome(peers.filter((peer) => !isChosen(peer)), now);
  }

  /** Asks those that were not asked, few at once while we are far behind. */
  #askSome(peers: readonly BitcoinPeer[], now: number): void {
    const isWorking = (peer: BitcoinPeer) => {
      const state = this.#states.of(peer);
      return state.askedAt !== undefined && !state.rests(now) && !state.isSlow(now);
    };
    let free = this.isNear ? Infinity : ASKED_MAX - peers.filter(isWorking).length;
    for (const peer of peers) {
      if (free <= 0) return;
      const state = this.#states.of(peer);
      if (state.hasBegun || state.rests(now)) continue;
      this.ask(peer);
      free -= 1;
    }
  }

  /** Asks for the headers after our best one, or for those that a running presync needs, unless the last question waits. */
  ask(peer: BitcoinPeer): void {
    const { chain: { headers }, clock } = this.#parts;
    const state = this.#states.of(peer);
    // What it gave last was ahead of our clock: until the rest is over its answer would be the same.
    if (state.askedAt === undefined && state.rests(clock.monotonic())) return;
    // A question of another kind would start a second stream of answers beside the one that the presync needs.
    if (state.presync !== undefined) return this.#sendUnlessWaiting(peer, state.presync.locator());
    // From its parent, so that the answer is never empty and tells that the peer has our best one.
    this.#askFrom(peer, Math.max(0, headers.parent(headers.best)));
  }

  /** The peer announced a block. */
  announced(peer: BitcoinPeer, hash: Uint8Array): void {
    const row = this.#parts.chain.headers.find(hash);
    if (row >= 0) return peer.knowledge.tells(this.#parts.chain.headers, row);
    this.#states.of(peer).unknown = hash.slice();
    this.ask(peer);
  }

  /**
   * The peer gave a header that is too far ahead of our clock. It is asked again after a while: by then the clock may have
   * been set, and without a new block nobody would ever tell of it again.
   */
  askLater(peer: BitcoinPeer, { detail }: Refusal): void {
    this.#rest(peer);
    this.#parts.tooNew(peer, detail);
  }

  /** The peer is asked again after a while, and not before. */
  #rest(peer: BitcoinPeer): void {
    this.#states.of(peer).rest(this.#parts.clock.monotonic() + REST_MS);
  }

  /**
   * Takes a `headers` message, which is an answer or an announcement: nothing in it says which. Only what can be an answer
   * settles the question that waits, so that there is one stream of answers whatever a peer announces meanwhile.
   *
   * @see Bitcoin Core `net_processing.cpp` ProcessHeadersMessage
   * @throws BitcoinFault what it costs the peer
   */
  take(peer: BitcoinPeer, batch: HeaderBatch): void {
    const { chain } = this.#parts;
    const state = this.#states.of(peer);
    const full = batch.length >= (chain.network.headersPerMessage ?? HEADERS_MAX);
    if (batch.length === 0) {
      // No announcement is empty.
      state.answered();
      state.presync = undefined;
      state.hasEnded = true;
      return this.tick();
    }
    this.#requireSound(batch);
    if (state.isContinuedBy(batch) && this.#continuePresync(peer, batch, full)) return;

    const parent = chain.headers.find(batch.parentHash());
    if (parent < 0) {
      // No answer begins where we know nothing. The question that waits finds what lies between.
      state.unknown = batch.hash(batch.length - 1);
      return this.ask(peer);
    }
    const isWorthKeeping = this.#isKnownGood(batch) || this.#workAfter(parent, batch) >= this.threshold;
    // A few headers on a block that we know are the announcement of another branch: the presync and its question go on.
    if (state.presync !== undefined && !full) return isWorthKeeping ? this.#accept(peer, batch, full) : undefined;
    state.answered();
    // The peer has gone over to another chain, which it tells from its beginning.
    state.presync = undefined;
    if (isWorthKeeping) return this.#accept(peer, batch, full);
    if (full) this.#startPresync(peer, parent, batch);
    // Too little work and no more to come: not worth a word.
    else state.hasEnded = true;
    this.#judgeUseful(peer, full);
  }

  #requireSound(batch: HeaderBatch): void {
    const { pow } = this.#parts.chain.network;
    if (batch.firstWithoutWork(pow) >= 0) {
      throw misbehaving("false_work", "high-hash", "header with invalid proof of work");
    }
    if (batch.firstGap() >= 0) {
      throw misbehaving("discontinuous_heads", "non-continuous", "non-continuous headers sequence");
    }
  }

  #accept(peer: BitcoinPeer, batch: HeaderBatch, full: boolean): void {
    const { chain } = this.#parts;
    const { headers } = chain;
    const state = this.#states.of(peer);
    const result = chain.acceptHeaders(batch);
    peer.knowledge.tells(headers, result.last);
    if (result.added > 0) state.usefulAt = this.#parts.clock.monotonic();
    if (result.refusal !== undefined) this.#punish(peer, result.refusal);
    else if (result.added > 0) this.#parts.tooNew(peer);
    if (state.presync === undefined) state.hasEnded = !full;
    // Nothing after a refused header can be of use.
    if (full && result.refusal === undefined) {
      // Others may have brought us further on the same chain meanwhile. On another one its last header has to be named:
      // from ours it would tell the same headers again, and again.
      this.#askFrom(peer, headers.onBest(result.last) ? headers.best : result.last);
    }
    this.#judgeUseful(peer, full);
    if (!full) this.tick();
  }

  /** What a refused header costs (Core's MaybePunishNodeForBlock). */
  #punish(peer: BitcoinPeer, refusal: Refusal): void {
    const { result, reason, detail } = refusal;
    const text = `invalid header received: ${reason}, ${detail}`;
    if (result === "time_future") return this.askLater(peer, refusal);
    if (result === "cached_invalid") {
      // An inbound peer may have learnt of it from us; an outbound one is to be on our chain.
      if (peer.direction === "out" && !peer.wanted) throw misbehaving("invalid_head", reason, text);
      return;
    }
    throw misbehaving("invalid_head", reason, text);
  }

  /** In the initial download, an outbound peer with too little work is in the way of a better one. */
  #judgeUseful(peer: BitcoinPeer, full: boolean): void {
    const { chain, minimumWork, initialBlockDownload } = this.#parts;
    const isUnderWay = full || this.#states.of(peer).presync !== undefined;
    if (isUnderWay || !initialBlockDownload() || peer.direction === "in" || peer.wanted) return;
    const { best } = peer.knowledge;
    if (best >= 0 && chain.headers.work(best) >= minimumWork) return;
    throw disconnecting("insufficient_work", "the peer's chain has too little work");
  }

  /** Whether the last header is one that we have had on our best chain all along. */
  #isKnownGood(batch: HeaderBatch): boolean {
    const { chain } = this.#parts;
    const last = chain.headers.find(batch.hash(batch.length - 1));
    return last >= 0 && (chain.headers.onBest(last) || chain.isActive(last));
  }

  #workAfter(parent: number, batch: HeaderBatch): bigint {
    let work = this.#parts.chain.headers.work(parent);
    let bits = -1;
    let each = 0n;
    for (let i = 0; i < batch.length; i++) {
      const its = batch.bits(i);
      if (its !== bits) each = blockWork(bits = its);
      work += each;
    }
    return work;
  }

  /** Work below which headers are not kept without proof that there is more to come. */
  get threshold(): bigint {
    const { chain, minimumWork } = this.#parts;
    const near = chain.headers.work(chain.tip) - BEHIND_BLOCKS * blockWork(chain.headers.bits(chain.tip));
    return near > minimumWork ? near : minimumWork;
  }

  #startPresync(peer: BitcoinPeer, start: number, batch: HeaderBatch): void {
    const { chain, clock, random, notice } = this.#parts;
    notice("info", `${peer.session.label}: headers of little work from height ${chain.headers.height(start) + 1} on`);
    this.#states.of(peer).presync = new HeadersPresync({
      chain: chain.headers,
      start,
      minimumWork: this.threshold,
      now: Math.floor(clock.now() / 1000),
      random,
    });
    this.#continuePresync(peer, batch, true);
  }

  /** Feeds a running presync; false when it ends because the batch contradicts it, which is then taken as any other. */
  #continuePresync(peer: BitcoinPeer, batch: HeaderBatch, full: boolean): boolean {
    const state = this.#states.of(peer);
    const { presync } = state;
    if (presync === undefined) return false;
    const { requestMore, failure, ...result } = presync.next(batch, full);
    if (!requestMore) state.presync = undefined;
    if (failure !== undefined) {
      this.#parts.notice("debug", `${peer.session.label}: headers given up, ${failure}`);
      if (failure !== "incomplete") {
        // A peer that contradicts itself, or our clock, would do so again: whatever it announces, it rests first.
        this.#rest(peer);
        return false;
      }
      // A chain that ends before it has enough work is an answer.
      state.hasEnded = true;
    }
    state.answered();
    if (requestMore) this.#send(peer, presync.locator());
    const released = releasedBatch({ ...result, requestMore });
    // What is released has shown its work: many messages' worth at once.
    if (released !== undefined) this.#accept(peer, released, state.presync === undefined && full);
    else this.#judgeUseful(peer, full);
    return true;
  }

  /** Finds the header of a block that was announced before it was known. */
  #resolveUnknown(peer: BitcoinPeer): void {
    const state = this.#states.of(peer);
    if (state.unknown === undefined) return;
    const row = this.#parts.chain.headers.find(state.unknown);
    if (row < 0) return;
    peer.knowledge.tells(this.#parts.chain.headers, row);
    state.unknown = undefined;
  }

  #askFrom(peer: BitcoinPeer, row: number): void {
    this.#sendUnlessWaiting(peer, locatorOf(this.#parts.chain.headers, row));
  }

  #sendUnlessWaiting(peer: BitcoinPeer, locator: readonly Uint8Array[]): void {
    const { askedAt } = this.#states.of(peer);
    if (askedAt === undefined || this.#parts.clock.monotonic() - askedAt >= REPEAT_MS) this.#send(peer, locator);
  }

  #send(peer: BitcoinPeer, locator: readonly Uint8Array[]): void {
    this.#states.of(peer).asked(this.#parts.clock.monotonic());
    this.#parts.asked();
    peer.session.post(GetHeaders, { version: PROTOCOL_VERSION, locator, stop: NO_STOP });
  }
}
