/**
 * Headers first: asks peers for headers until nobody has more, holds off chains of little work, and learns which peer has
 * what.
 *
 * @see spec section d.4; Bitcoin Core `net_processing.cpp` (ProcessHeadersMessage, SendMessages)
 * @module
 */
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

/**
 * So long a peer may go on without a header that is kept before another is asked beside it. The presync of the longest
 * chain takes less on a line that is worth anything.
 */
const SLOW_MS = 300_000;

const isChosen = ({ direction }: BitcoinPeer) => direction === "out";

/** Header sync with all peers. */
export class HeaderSync {
  readonly #parts: HeaderSyncParts;

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
    return asked.some(({ headersEnded }) => headersEnded) &&
      asked.every((peer) =>
        peer.headersRestUntil > now || this.#isSlow(peer, now) ||
        (peer.presync === undefined && (peer.headersAskedAt === undefined || peer.headersEnded))
      );
  }

  /** Whether nothing that a peer gave has got into the tree for so long that others are to be asked beside it. */
  #isSlow({ headersUsefulAt }: BitcoinPeer, now: number): boolean {
    return headersUsefulAt !== undefined && now - headersUsefulAt >= SLOW_MS;
  }

  /** Whether everybody was asked, and nobody's answer is waited for. A peer that kept us waiting is not waited for. */
  get isIdle(): boolean {
    const now = this.#parts.clock.monotonic();
    return this.#parts.peers().every(({ headersBegun, headersAskedAt, headersEnded, headersRestUntil }) =>
      headersRestUntil > now || (headersBegun && (headersAskedAt === undefined || headersEnded))
    );
  }

  /** Asks whom there is to ask: at each coming and going, and every second while something is under way. */
  tick(): void {
    const peers = this.#parts.peers();
    const now = this.#parts.clock.monotonic();
    for (const peer of peers) this.#resolveUnknown(peer);
    for (const peer of peers) {
      if (peer.headersAskedAt === undefined || now - peer.headersAskedAt < STALL_MS || peer.headersEnded) continue;
      if (peer.headersRestUntil > now) continue;
      // Its answer is still welcome; others need not wait for it.
      peer.headersRestUntil = now + REST_MS;
      this.#parts.notice("debug", `${peer.session.label} keeps us waiting for headers`);
    }
    if (peers.every(({ headersBegun }) => headersBegun)) return;
    const chosen = peers.filter(isChosen);
    this.#askSome(chosen, now);
    // Peers that dialled us are asked when no other can be: they must not take the places of those that we chose.
    const isForsaken = chosen.every(({ headersRestUntil }) => headersRestUntil > now);
    if (this.isNear || isForsaken) this.#askSome(peers.filter((peer) => !isChosen(peer)), now);
  }

  /** Asks those that were not asked, few at once while we are far behind. */
  #askSome(peers: readonly BitcoinPeer[], now: number): void {
    const isWorking = (peer: BitcoinPeer) =>
      peer.headersAskedAt !== undefined && peer.headersRestUntil <= now && !this.#isSlow(peer, now);
    let free = this.isNear ? Infinity : ASKED_MAX - peers.filter(isWorking).length;
    for (const peer of peers) {
      if (free <= 0) return;
      if (peer.headersBegun || peer.headersRestUntil > now) continue;
      this.ask(peer);
      free -= 1;
    }
  }

  /** Asks for the headers after our best one, or for those that a running presync needs, unless the last question waits. */
  ask(peer: BitcoinPeer): void {
    const { chain: { headers }, clock } = this.#parts;
    // What it gave last was ahead of our clock: until the rest is over its answer would be the same.
    if (peer.headersAskedAt === undefined && peer.headersRestUntil > clock.monotonic()) return;
    // A question of another kind would start a second stream of answers beside the one that the presync needs.
    if (peer.presync !== undefined) return this.#sendUnlessWaiting(peer, peer.presync.locator());
    // From its parent, so that the answer is never empty and tells that the peer has our best one.
    this.#askFrom(peer, Math.max(0, headers.parent(headers.best)));
  }

  /** The peer announced a block. */
  announced(peer: BitcoinPeer, hash: Uint8Array): void {
    const row = this.#parts.chain.headers.find(hash);
    if (row >= 0) return peer.knows(this.#parts.chain.headers, row);
    peer.lastUnknown = hash.slice();
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
    peer.headersAskedAt = undefined;
    peer.headersBegun = false;
    peer.headersRestUntil = this.#parts.clock.monotonic() + REST_MS;
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
    const full = batch.length >= (chain.network.headersPerMessage ?? HEADERS_MAX);
    if (batch.length === 0) {
      // No announcement is empty.
      this.#answered(peer);
      peer.presync = undefined;
      peer.headersEnded = true;
      return this.tick();
    }
    this.#requireSound(batch);
    if (peer.presync?.isContinuedBy(batch) === true && this.#continuePresync(peer, batch, full)) return;

    const parent = chain.headers.find(batch.parentHash());
    if (parent < 0) {
      // No answer begins where we know nothing. The question that waits finds what lies between.
      peer.lastUnknown = batch.hash(batch.length - 1);
      return this.ask(peer);
    }
    const isWorthKeeping = this.#isKnownGood(batch) || this.#workAfter(parent, batch) >= this.#threshold();
    // A few headers on a block that we know are the announcement of another branch: the presync and its question go on.
    if (peer.presync !== undefined && !full) return isWorthKeeping ? this.#accept(peer, batch, full) : undefined;
    this.#answered(peer);
    // The peer has gone over to another chain, which it tells from its beginning.
    peer.presync = undefined;
    if (isWorthKeeping) return this.#accept(peer, batch, full);
    if (full) this.#startPresync(peer, parent, batch);
    // Too little work and no more to come: not worth a word.
    else peer.headersEnded = true;
    this.#judgeUseful(peer, full);
  }

  /** The question that waited has its answer. */
  #answered(peer: BitcoinPeer): void {
    peer.headersAskedAt = undefined;
    peer.headersRestUntil = 0;
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
    const result = chain.acceptHeaders(batch);
    peer.knows(headers, result.last);
    if (result.added > 0) peer.headersUsefulAt = this.#parts.clock.monotonic();
    if (result.refusal !== undefined) this.#punish(peer, result.refusal);
    else if (result.added > 0) this.#parts.tooNew(peer);
    if (peer.presync === undefined) peer.headersEnded = !full;
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
    if (full || peer.presync !== undefined || !initialBlockDownload() || peer.direction === "in" || peer.wanted) return;
    if (peer.bestKnown >= 0 && chain.headers.work(peer.bestKnown) >= minimumWork) return;
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
  #threshold(): bigint {
    const { chain, minimumWork } = this.#parts;
    const near = chain.headers.work(chain.tip) - BEHIND_BLOCKS * blockWork(chain.headers.bits(chain.tip));
    return near > minimumWork ? near : minimumWork;
  }

  #startPresync(peer: BitcoinPeer, start: number, batch: HeaderBatch): void {
    const { chain, clock, random, notice } = this.#parts;
    notice("info", `${peer.session.label}: headers of little work from height ${chain.headers.height(start) + 1} on`);
    peer.presync = new HeadersPresync({
      chain: chain.headers,
      start,
      minimumWork: this.#threshold(),
      now: Math.floor(clock.now() / 1000),
      random,
    });
    this.#continuePresync(peer, batch, true);
  }

  /** Feeds a running presync; false when it ends because the batch contradicts it, which is then taken as any other. */
  #continuePresync(peer: BitcoinPeer, batch: HeaderBatch, full: boolean): boolean {
    const { presync } = peer;
    if (presync === undefined) return false;
    const { requestMore, failure, ...result } = presync.next(batch, full);
    if (!requestMore) peer.presync = undefined;
    if (failure !== undefined) {
      this.#parts.notice("debug", `${peer.session.label}: headers given up, ${failure}`);
      if (failure !== "incomplete") {
        // A peer that contradicts itself, or our clock, would do so again: whatever it announces, it rests first.
        this.#rest(peer);
        return false;
      }
      // A chain that ends before it has enough work is an answer.
      peer.headersEnded = true;
    }
    this.#answered(peer);
    if (requestMore) this.#send(peer, presync.locator());
    const released = releasedBatch({ ...result, requestMore });
    // What is released has shown its work: many messages' worth at once.
    if (released !== undefined) this.#accept(peer, released, peer.presync === undefined && full);
    else this.#judgeUseful(peer, full);
    return true;
  }

  /** Finds the header of a block that was announced before it was known. */
  #resolveUnknown(peer: BitcoinPeer): void {
    if (peer.lastUnknown === undefined) return;
    const row = this.#parts.chain.headers.find(peer.lastUnknown);
    if (row < 0) return;
    peer.knows(this.#parts.chain.headers, row);
    peer.lastUnknown = undefined;
  }

  #askFrom(peer: BitcoinPeer, row: number): void {
    this.#sendUnlessWaiting(peer, locatorOf(this.#parts.chain.headers, row));
  }

  #sendUnlessWaiting(peer: BitcoinPeer, locator: readonly Uint8Array[]): void {
    const now = this.#parts.clock.monotonic();
    if (peer.headersAskedAt === undefined || now - peer.headersAskedAt >= REPEAT_MS) this.#send(peer, locator);
  }

  #send(peer: BitcoinPeer, locator: readonly Uint8Array[]): void {
    peer.headersAskedAt = this.#parts.clock.monotonic();
    peer.headersUsefulAt ??= peer.headersAskedAt;
    this.#parts.asked();
    peer.headersBegun = true;
    peer.session.post(GetHeaders, { version: PROTOCOL_VERSION, locator, stop: NO_STOP });
  }
}
