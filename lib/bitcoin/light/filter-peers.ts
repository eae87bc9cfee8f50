/**
 * The peers whose word on filters is asked for: who of them may be asked, what each has confirmed, and what becomes of
 * those that keep us waiting or contradict themselves.
 *
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { Clock } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { DisputeReason, FilterHeaderClaim } from "../filters/mod.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { misbehaving } from "../peers/faults.ts";
import { CFCHECKPT_INTERVAL } from "../wire/mod.ts";
import { orNothing } from "./filter-disputes.ts";
import { ANSWER_MS, type Questions } from "./questions.ts";

/** What a filterPeers needs. */
export interface FilterPeersParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly questions: Questions;
  /** All connected peers. */
  readonly peers: () => readonly BitcoinPeer[];
  readonly notice: (level: "debug" | "info" | "warning", text: string) => void;
}

/** Some heights, both ends included. */
export interface Span {
  readonly startHeight: number;
  readonly stopHeight: number;
}

/** Peers that are asked at once; of more, those that came first. */
const ASKED_MAX = 8;
/** A peer that kept us waiting is passed over so long, */
const SILENT_REST_MS = 60_000;
/** one whose filter is doubted for a reason so long, */
const DOUBT_REST_MS = 600_000;
/** and one that only has more peers against it so long: with others of its mind it may be the majority then. */
const OUTVOTED_REST_MS = 120_000;
/** How long peers that stand even are left alone: somebody else may come, whose word decides. */
const EVEN_REST_MS = 60_000;

/** The peers that are asked about filters. */
export class FilterPeers {
  readonly #parts: FilterPeersParts;
  /** The row up to which a peer has confirmed our filter headers. */
  #confirmed = new WeakMap<BitcoinPeer, number>();
  readonly #restsUntil = new WeakMap<BitcoinPeer, number>();

  constructor(parts: FilterPeersParts) {
    this.#parts = parts;
  }

  /** Peers that have filters up to the block of `row` and may be asked. Those that we chose ourselves come first: anybody can dial us. */
  members(row: number): readonly BitcoinPeer[] {
    return this.#usable(row).sort((a, b) => Number(b.direction === "out") - Number(a.direction === "out"))
      .slice(0, ASKED_MAX);
  }

  /** Peers that have confirmed the filter headers up to the block of `row`. */
  agreeing(row: number): readonly BitcoinPeer[] {
    return this.#usable(row).filter((peer) => this.hasConfirmed(peer, row));
  }

  hasConfirmed(peer: BitcoinPeer, row: number): boolean {
    const { headers } = this.#parts.chain;
    const confirmed = this.#confirmed.get(peer);
    // The genesis block's is everybody's.
    return row === 0 || confirmed !== undefined && headers.height(confirmed) >= headers.height(row) &&
        headers.ancestor(confirmed, headers.height(row)) === row;
  }

  /** The peers tell the same filter headers as we have, up to the block of `row`. */
  confirm(peers: Iterable<BitcoinPeer>, row: number): void {
    for (const peer of peers) this.#confirmed.set(peer, row);
  }

  /** What was confirmed is not what we have any more. */
  reset(): void {
    this.#confirmed = new WeakMap();
  }

  /** Nothing is proven against a peer, but others are believed. */
  doubt(peer: BitcoinPeer, reason: DisputeReason): void {
    const ms = { outvoted: OUTVOTED_REST_MS, silent: SILENT_REST_MS, absent: SILENT_REST_MS };
    this.#rest(peer, reason in ms ? ms[reason as keyof typeof ms] : DOUBT_REST_MS);
  }

  /** A peer is not asked for a while: it kept us waiting. */
  passOver(peer: BitcoinPeer): void {
    this.#rest(peer, SILENT_REST_MS);
  }

  /** Nothing tells who of these is right. */
  standEven(peers: readonly BitcoinPeer[]): void {
    const names = peers.map(({ session }) => session.label).join(", ");
    this.#parts.notice("warning", `different block filters, and nothing tells who is right: ${names}`);
    for (const peer of peers) this.#rest(peer, EVEN_REST_MS);
  }

  /** Ends and bans a peer that said what no honest one says. */
  punish(peer: BitcoinPeer, text: string): void {
    this.#parts.notice("warning", `${peer.session.label}: ${text}`);
    peer.session.fail(misbehaving("false_filter", "bad_filters", text));
  }

  /**
   * A peer's headers of a span of the chain that ends with `target`, as many as asked for and after `previous`, which it
   * has confirmed. Undefined when it does not tell them; that has been dealt with.
   */
  async claimOf(
    peer: BitcoinPeer,
    { startHeight, stopHeight }: Span,
    target: number,
    previous: Uint8Array,
    signal: AbortSignal,
    timeoutMs = ANSWER_MS,
  ): Promise<FilterHeaderClaim | undefined> {
    const { questions, chain: { headers } } = this.#parts;
    const stopHash = headers.hash(headers.ancestor(target, stopHeight));
    const asked = questions.headers(peer, startHeight, stopHash, { signal, timeoutMs });
    const claim = await this.#patiently(peer, asked, signal);
    if (claim === undefined) return undefined;
    if (!this.#isComplete(peer, claim.filterHashes.length, stopHeight - startHeight + 1)) return undefined;
    if (equalBytes(claim.previousFilterHeader, previous)) return claim;
    this.punish(peer, "its filter headers do not follow on what it told before");
    return undefined;
  }

  /** A peer's checkpoints up to the block of `target`, all of them. Undefined as with {@link FilterPeers.claimOf}. */
  async checkpointsOf(
    peer: BitcoinPeer,
    target: number,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[] | undefined> {
    const { questions, chain: { headers } } = this.#parts;
    const told = await this.#patiently(peer, questions.checkpoints(peer, headers.hash(target), { signal }), signal);
    const expected = Math.floor(headers.height(target) / CFCHECKPT_INTERVAL);
    return told !== undefined && this.#isComplete(peer, told.length, expected) ? told : undefined;
  }

  #usable(row: number): BitcoinPeer[] {
    const { peers, chain, clock } = this.#parts;
    const now = clock.monotonic();
    return peers().filter((peer) =>
      peer.servesFilters && (this.#restsUntil.get(peer) ?? 0) <= now && peer.knowledge.has(chain.headers, row)
    );
  }

  #rest(peer: BitcoinPeer, ms: number): void {
    this.#restsUntil.set(peer, this.#parts.clock.monotonic() + ms);
  }

  #isComplete(peer: BitcoinPeer, count: number, expected: number): boolean {
    if (count === expected) return true;
    this.punish(peer, `${count} filter headers where ${expected} were asked for`);
    return false;
  }

  /** An answer, or undefined when it did not come: the peer rests then. */
  async #patiently<T>(peer: BitcoinPeer, answer: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const given = await orNothing(answer, signal);
    if (given === undefined) this.passOver(peer);
    return given;
  }
}
