/**
 * Builds the chain of filter headers from what several peers tell, and finds out who lies when they differ.
 *
 * Every peer that offers filters is held to the same chain: a newcomer is first asked about what is here already, and
 * from then on all are asked about each new piece. Far behind, checkpoints are compared first and the headers between
 * them come from any one peer, for they can be checked. One honest peer is enough where a lie can be proven.
 *
 * @see BIP157, "Client Operation"; neutrino `blockmanager.go`
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { dispatch } from "../../core/work/dispatcher.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import {
  disputeOverCheckpoints,
  type FilterHeaderClaim,
  filterHeaders,
  FilterWitness,
  firstDifference,
  PROVEN_FLAWS,
} from "../filters/mod.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { CFCHECKPT_INTERVAL, CFHEADERS_MAX } from "../wire/mod.ts";
import { type DisputeCase, type DisputeParts, findBlock, orNothing, settleDispute } from "./filter-disputes.ts";
import type { FilterChain } from "./filter-chain.ts";
import { FilterPeers, type Span } from "./filter-peers.ts";
import { ANSWER_MS } from "./questions.ts";

/** What filter header sync needs. */
export interface FilterSyncParts extends Omit<DisputeParts, "rest"> {
  readonly clock: Clock;
  readonly filters: FilterChain;
  /** Drops the filter headers above a height, and has searched again what was searched with them. */
  readonly drop: (height: number) => Promise<void>;
  /** Hears when filter headers were added. */
  readonly advanced: () => void;
}

/** Spans of headers that may be under way between checkpoints, over all peers. */
const SPANS_AHEAD = 6;
const SPAN_TRIES_MAX = 4;

/** What a newcomer tells of the chain that is here. */
type Hearing =
  | { readonly kind: "same" | "failed" }
  | { readonly kind: "different"; readonly span: Span; readonly claim: FilterHeaderClaim; readonly end: Uint8Array };

/** Filter header sync with all peers. */
export class FilterSync {
  readonly #parts: FilterSyncParts;
  readonly #disputeParts: DisputeParts;
  readonly #filterPeers: FilterPeers;

  constructor(parts: FilterSyncParts) {
    this.#parts = parts;
    this.#filterPeers = new FilterPeers(parts);
    this.#disputeParts = { ...parts, rest: (peer, reason) => this.#filterPeers.doubt(peer, reason) };
  }

  /** Peers that have confirmed the filter headers up to the block of `row`: whom filters may be asked of. */
  agreeing(row: number): readonly BitcoinPeer[] {
    return this.#filterPeers.agreeing(row);
  }

  /**
   * Does the next piece of work there is towards the filter header of the active tip. True when there may be more at
   * once; false when something has to happen first: another tip, another peer, or the end of somebody's rest.
   */
  async step(signal: AbortSignal): Promise<boolean> {
    const { chain, filters } = this.#parts;
    const { headers } = chain;
    const target = chain.tip;
    const peers = this.#filterPeers.members(target);
    if (peers.length === 0) return false;
    const known = chain.activeAt(filters.height);
    const newcomers = peers.filter((peer) => !this.#filterPeers.hasConfirmed(peer, known));
    if (newcomers.length > 0) return await this.#admit(newcomers, peers, known, signal);
    const missing = headers.height(target) - filters.height;
    if (missing <= 0) return false;
    if (missing > CFHEADERS_MAX) return await this.#leap(peers, target, signal);
    return await this.#advance(peers, target, signal);
  }

  /** Asks newcomers about the filter headers that are here, up to the block of `known`. */
  async #admit(
    newcomers: readonly BitcoinPeer[],
    peers: readonly BitcoinPeer[],
    known: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { filters, chain: { headers } } = this.#parts;
    const heard = await Promise.all(
      newcomers.map(async (peer) => [peer, await this.#hear(peer, known, signal)] as const),
    );
    if (!this.#holds(known)) return true;
    this.#filterPeers.confirm(heard.flatMap(([peer, { kind }]) => (kind === "same" ? [peer] : [])), known);
    const differing = heard.flatMap(([peer, hearing]) => (hearing.kind === "different" ? [{ peer, ...hearing }] : []));
    const [first] = differing;
    if (first === undefined) return true;
    const { peer, span, claim } = first;
    // A peer that differs elsewhere has its turn when this is settled.
    const parties = differing.filter((each) => each.span.startHeight === span.startHeight);
    const defenders = peers.filter((each) => this.#filterPeers.hasConfirmed(each, known));
    if (defenders.length === 0) return await this.#hearAlone(peer, span, claim, known, signal);
    const ours = filters.at(span.stopHeight);
    const { agreed, findings } = await settleDispute(this.#disputeParts, {
      ...span,
      target: headers.ancestor(known, span.stopHeight),
      previousFilterHeader: filters.at(span.startHeight - 1),
      peers: [...parties.map((each) => each.peer), ...defenders],
      claimed: new Map([
        ...parties.map((each) => [each.peer, each.end] as const),
        ...defenders.map((each) => [each, ours] as const),
      ]),
      told: new Map(parties.map((each) => [each.peer, each.claim])),
    }, signal);
    if (!this.#holds(known)) return true;
    const isOurs = agreed === undefined || equalBytes(agreed.at(-1)!, ours);
    if (!isOurs) await this.#drop(span.startHeight - 1);
    else if (findings.length === 0) this.#filterPeers.standEven(parties.map((each) => each.peer));
    return true;
  }

  /** What a peer tells of the filter headers up to the block of `known`, at the first place where it differs from ours. */
  async #hear(peer: BitcoinPeer, known: number, signal: AbortSignal): Promise<Hearing> {
    const { filters, chain: { headers } } = this.#parts;
    const height = headers.height(known);
    const points = Math.floor(height / CFCHECKPT_INTERVAL);
    let agreedTo = 0;
    let end: Uint8Array | undefined;
    if (points > 0) {
      const told = await this.#filterPeers.checkpointsOf(peer, known, signal);
      if (told === undefined || !this.#holds(known)) return { kind: "failed" };
      const index = told.findIndex((header, i) => !equalBytes(header, filters.at((i + 1) * CFCHECKPT_INTERVAL)));
      end = told[index];
      agreedTo = (index < 0 ? points : index) * CFCHECKPT_INTERVAL;
    }
    if (end === undefined && agreedTo === height) return { kind: "same" };
    const stopHeight = end === undefined ? height : agreedTo + CFCHECKPT_INTERVAL;
    const span = { startHeight: agreedTo + 1, stopHeight };
    const claim = await this.#filterPeers.claimOf(peer, span, known, filters.at(agreedTo), signal);
    if (claim === undefined || !this.#holds(known)) return { kind: "failed" };
    const last = filterHeaders(claim.previousFilterHeader, claim.filterHashes).at(-1)!;
    if (end !== undefined && !equalBytes(last, end)) {
      this.#filterPeers.punish(peer, "its filter headers do not lead to its own checkpoint");
      return { kind: "failed" };
    }
    if (equalBytes(last, filters.at(stopHeight))) return { kind: "same" };
    return { kind: "different", span, claim, end: last };
  }

  /**
   * Nobody is there any more of those whose word the chain here is: a newcomer that differs is believed when its filter
   * passes the block's test. What was found with the old filters stays found.
   */
  async #hearAlone(
    peer: BitcoinPeer,
    span: Span,
    claim: FilterHeaderClaim,
    known: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { filters, questions, notice, chain: { headers } } = this.#parts;
    const told = filterHeaders(claim.previousFilterHeader, claim.filterHashes);
    const index = told.findIndex((header, i) => !equalBytes(header, filters.at(span.startHeight + i)));
    const height = span.startHeight + index;
    const row = headers.ancestor(known, height);
    let filter: Uint8Array | undefined;
    const keep = (_: number, bytes: Uint8Array) => void (filter = bytes.slice());
    await orNothing(questions.filters(peer, height, [headers.hash(row)], keep, { signal }), signal);
    const block = await findBlock(this.#disputeParts, row, signal);
    if (block === undefined) {
      this.#filterPeers.passOver(peer);
      return true;
    }
    const flaw = new FilterWitness(block).flawOf(filter, claim.filterHashes[index]!);
    if (flaw !== undefined && PROVEN_FLAWS.has(flaw)) this.#filterPeers.punish(peer, flaw);
    else if (flaw !== undefined) this.#filterPeers.doubt(peer, flaw);
    else if (this.#holds(known)) {
      notice("warning", `${peer.session.label} tells other filters from block ${height} on; nobody stands for ours`);
      await this.#drop(height - 1);
    }
    return true;
  }

  /** Fetches the headers up to the last checkpoint below the target, once all agree on the checkpoints. */
  async #leap(peers: readonly BitcoinPeer[], target: number, signal: AbortSignal): Promise<boolean> {
    const { filters, chain } = this.#parts;
    const { headers } = chain;
    const known = chain.activeAt(filters.height);
    const lists = new Map<BitcoinPeer, readonly Uint8Array[]>();
    await Promise.all(peers.map(async (peer) => {
      const told = await this.#filterPeers.checkpointsOf(peer, target, signal);
      if (told !== undefined) lists.set(peer, told);
    }));
    if (!this.#holds(known)) return true;
    for (const [peer, list] of lists) {
      const isOld = (i: number) => (i + 1) * CFCHECKPT_INTERVAL <= filters.height;
      if (list.every((header, i) => !isOld(i) || equalBytes(header, filters.at((i + 1) * CFCHECKPT_INTERVAL)))) {
        continue;
      }
      this.#filterPeers.punish(peer, "its checkpoints are not those that it confirmed");
      lists.delete(peer);
    }
    const [agreed] = lists.values();
    if (agreed === undefined) return true;
    const dispute = disputeOverCheckpoints(lists);
    if (dispute === undefined) return await this.#fillBetween([...lists.keys()], agreed, target, signal);
    return await this.#settle({ ...dispute, target: headers.ancestor(target, dispute.stopHeight) }, signal);
  }

  async #fillBetween(
    peers: readonly BitcoinPeer[],
    points: readonly Uint8Array[],
    target: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock, filters, advanced, chain } = this.#parts;
    const { headers } = chain;
    const end = points.length * CFCHECKPT_INTERVAL;
    const before = (height: number) =>
      height % CFCHECKPT_INTERVAL === 0 && height > 0 ? points[height / CFCHECKPT_INTERVAL - 1]! : filters.at(height);
    const run = dispatch(spansTo(filters.height + 1, end), {
      clock,
      signal,
      workers: () => peers.filter((peer) => !peer.session.signal.aborted),
      perWorkerMax: 2,
      aheadMax: SPANS_AHEAD,
      timeoutMs: ANSWER_MS,
      triesMax: SPAN_TRIES_MAX,
      run: async (peer, span: Span, timeoutMs, within) => {
        const claim = await this.#filterPeers.claimOf(
          peer,
          span,
          target,
          before(span.startHeight - 1),
          within,
          timeoutMs,
        );
        if (claim === undefined) throw new NodeError("no_claim", "peer", "no filter headers");
        const told = filterHeaders(claim.previousFilterHeader, claim.filterHashes);
        if (equalBytes(told.at(-1)!, before(span.stopHeight))) return told;
        this.#filterPeers.punish(peer, "its filter headers do not lead to its own checkpoint");
        throw new NodeError("bad_claim", "peer", "wrong filter headers");
      },
    });
    try {
      for await (const { task, result } of run) {
        if (!chain.isActive(target) || filters.height !== task.startHeight - 1) return true;
        const row = headers.ancestor(target, task.stopHeight);
        await filters.append(result, row);
        // Each has told the checkpoint that these lead to.
        this.#filterPeers.confirm(peers, row);
        advanced();
      }
    } catch (thrown) {
      signal.throwIfAborted();
      if (thrown instanceof NodeError) return false;
      throw thrown;
    }
    return true;
  }

  /** Asks all for the same headers up to the target, and adds them when they are the same. */
  async #advance(peers: readonly BitcoinPeer[], target: number, signal: AbortSignal): Promise<boolean> {
    const { filters, advanced, chain } = this.#parts;
    const { headers } = chain;
    const startHeight = filters.height + 1;
    const span = { startHeight, stopHeight: headers.height(target) };
    const previous = filters.at(startHeight - 1);
    const told = new Map<BitcoinPeer, FilterHeaderClaim>();
    await Promise.all(peers.map(async (peer) => {
      const claim = await this.#filterPeers.claimOf(peer, span, target, previous, signal);
      if (claim !== undefined) told.set(peer, claim);
    }));
    if (!chain.isActive(target) || filters.height !== startHeight - 1 || told.size === 0) return true;
    const lists = new Map([...told].map(([peer, { filterHashes }]) => [peer, filterHashes]));
    if (firstDifference(lists) !== undefined) {
      const parties = [...told.keys()];
      return await this.#settle({ ...span, target, previousFilterHeader: previous, peers: parties, told }, signal);
    }
    const [claim] = told.values();
    await filters.append(filterHeaders(previous, claim!.filterHashes), target);
    this.#filterPeers.confirm(told.keys(), target);
    advanced();
    return true;
  }

  /** A dispute about what is not here yet. The peers that are left are asked again. */
  async #settle(dispute: DisputeCase, signal: AbortSignal): Promise<boolean> {
    const { findings, agreed } = await settleDispute(this.#disputeParts, dispute, signal);
    if (findings.length === 0 && agreed === undefined) this.#filterPeers.standEven(dispute.peers);
    return true;
  }

  /** The filter headers above a height were wrong, and so is what was confirmed. */
  async #drop(height: number): Promise<void> {
    this.#filterPeers.reset();
    await this.#parts.drop(height);
  }

  /** Whether the filter headers up to the block of `known` are still here, after others had their turn. */
  #holds(known: number): boolean {
    const { chain, filters } = this.#parts;
    return chain.isActive(known) && filters.height >= chain.headers.height(known);
  }
}

/** Spans up to `end`, each as long as a message may be, and each ending on a checkpoint. */
function* spansTo(start: number, end: number): Generator<Span> {
  for (let startHeight = start; startHeight <= end;) {
    const longest = startHeight + CFHEADERS_MAX - 1;
    const stopHeight = Math.min(end, longest - longest % CFCHECKPT_INTERVAL);
    yield { startHeight, stopHeight };
    startHeight = stopHeight + 1;
  }
}
