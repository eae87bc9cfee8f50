/**
 * Follows the heaviest chain that peers announce: long gaps in batches over several peers, short ones block by block from
 * the peer that announced. One loop; a poke wakes it.
 *
 * @see spec section g, chia-blockchain 2.7.5 `chia/full_node/full_node.py` (new_peak, short_sync_backtrack, long sync)
 * @module
 */
import { equalBytes } from "../codec/sized.ts";
import { dispatch } from "../core/dispatcher.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import { OrphanPool } from "./chain/orphans.ts";
import { fetchBlock, fetchRange, type HeightRange } from "./chain/requests.ts";
import type { Candidate } from "./chain/verdict.ts";
import type { AnnouncedPeak, ChiaPeer } from "./peer.ts";
import { consensusFault, type PeerFault } from "./peer-fault.ts";
import { NodeType } from "./protocol/mod.ts";

/** What the follower needs. */
export interface FollowerParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected peers. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
  /** Hears when nothing is left to fetch. */
  readonly idle: () => void;
  /** Hears when a batch sync begins and ends, and of trouble worth a log line. */
  readonly notice: (level: "info" | "debug" | "warning", text: string) => void;
  /** How many `--connect` peers there are; 0 when peers are discovered. */
  readonly wantedPeers: number;
}

/** Where a batch sync stands. */
export interface SyncProgress {
  readonly target: number;
}

/** Up to this far above us a peer's tip is fetched block by block, downwards until it connects. */
const BACKTRACK_MAX = 20;
/** How far below our peak backtracking looks for a connection before it leaves the search to the batch sync. */
const BACKTRACK_BELOW = 4;
const BLOCK_TIMEOUT_MS = 15_000;
const BATCH_TIMEOUT_MS = 15_000;
const BATCH_TRIES = 6;
const BATCHES_PER_PEER = 2;
const BATCHES_AHEAD = 8;
/** How long a peer that did not deliver what it announced is left alone. */
const REST_MS = 5_000;
/** Discovered outbound peers that must agree before a peak counts as synced. */
const AGREEING_PEERS = 2;

/** The loop. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #orphans = new OrphanPool();
  #wake = Promise.withResolvers<void>();
  #progress: SyncProgress | undefined;
  #cancelRest = () => {};

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** The running batch sync, if there is one. */
  get progress(): SyncProgress | undefined {
    return this.#progress;
  }

  /** Looks at the peers' peaks again. */
  poke(): void {
    this.#wake.resolve();
  }

  /** Forgets what a peer left in the pool. */
  forget(peer: ChiaPeer): void {
    this.#orphans.dropSource(peer.host);
  }

  /** How many peers say that our peak is theirs, of how many whose word counts. */
  agreement(): { readonly agree: number; readonly of: number; readonly synced: boolean } {
    const { chain, wantedPeers, peers } = this.#parts;
    const asked = this.#fullNodes(peers()).filter((peer) => (wantedPeers > 0 ? peer.wanted : peer.direction === "out"));
    const peak = chain.peak;
    const agree = peak === undefined
      ? 0
      : asked.filter((peer) => peer.peak !== undefined && equalBytes(peer.peak.headerHash, peak.headerHash)).length;
    const enough = wantedPeers > 0 ? agree >= wantedPeers : agree >= AGREEING_PEERS;
    return { agree, of: wantedPeers > 0 ? wantedPeers : asked.length, synced: enough };
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => {
      this.#cancelRest();
      this.poke();
    }, { once: true });
    while (!signal.aborted) {
      const target = this.#target();
      if (target === undefined) {
        this.#parts.idle();
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        continue;
      }
      try {
        const announced = target.peak;
        await this.#approach(target, signal);
        // The peer gave something else than it announced: its chain has moved on, or there never was such a block.
        if (target.peak === announced && this.#target() === target) this.#rest(target);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#parts.notice("debug", `sync with ${target.session.label}: ${messageOf(thrown)}`);
        this.#rest(target);
      }
    }
  }

  /** Leaves a peer's announcement alone for a while, or until it announces another. */
  #rest(peer: ChiaPeer): void {
    const { clock } = this.#parts;
    peer.restUntil = clock.monotonic() + REST_MS;
    // One timer at a time is enough: the loop looks at all peers when it fires.
    this.#cancelRest();
    this.#cancelRest = clock.after(REST_MS, () => this.poke());
  }

  #fullNodes(peers: readonly ChiaPeer[]): ChiaPeer[] {
    return peers.filter((peer) => peer.session.peer.nodeType === NodeType.FULL_NODE);
  }

  /** The peer with the heaviest announced peak above ours. */
  #target(): ChiaPeer | undefined {
    const weight = this.#parts.chain.peak?.weight ?? -1n;
    const now = this.#parts.clock.monotonic();
    return this.#fullNodes(this.#parts.peers())
      .filter((peer) => peer.peak !== undefined && peer.peak.weight > weight && peer.restUntil <= now)
      .reduce<ChiaPeer | undefined>((best, peer) => this.#heavier(peer, best) ? peer : best, undefined);
  }

  #heavier(peer: ChiaPeer, than: ChiaPeer | undefined): boolean {
    return than?.peak === undefined || (peer.peak !== undefined && peer.peak.weight > than.peak.weight);
  }

  async #approach(peer: ChiaPeer, signal: AbortSignal): Promise<void> {
    const announced = peer.peak;
    if (announced === undefined) return;
    const { chain } = this.#parts;
    const height = chain.peak?.height ?? -1;
    if (await chain.record(announced.headerHash) !== undefined) {
      // Known, and yet heavier than the peak: the announced weight is not the block's.
      throw this.#blame(peer, consensusFault("INVALID_WEIGHT", "announced a weight that the block does not have"));
    }
    const near = announced.height >= height && announced.height <= height + BACKTRACK_MAX && height >= 0;
    if (near && await this.#backtrack(peer, announced, height)) return;
    await this.#batchSync(peer, announced, signal);
  }

  /** Fetches blocks downwards until one connects, then adds them upwards. False when none did within reach. */
  async #backtrack(peer: ChiaPeer, announced: AnnouncedPeak, ourHeight: number): Promise<boolean> {
    const { chain } = this.#parts;
    const lowest = Math.max(0, ourHeight - BACKTRACK_BELOW);
    for (let height = announced.height; height >= lowest; height--) {
      const candidate = await fetchBlock(peer.session, height, true, BLOCK_TIMEOUT_MS);
      if (candidate === undefined) return false;
      const parent = candidate.block.foliage.prevBlockHash;
      const connects = height === 0 || await chain.record(parent) !== undefined;
      if (connects) {
        await this.#addWithOrphans(peer, candidate);
        return true;
      }
      this.#orphans.add(candidate, peer.host);
    }
    return false;
  }

  /** Adds a block, and from the pool whatever follows it. */
  async #addWithOrphans(peer: ChiaPeer, first: Candidate): Promise<void> {
    const run = [first];
    for (let i = 0; i < run.length; i++) {
      const candidate = run[i];
      if (candidate !== undefined) run.push(...this.#orphans.takeChildren(candidate.headerHash));
    }
    await this.#add(peer, run);
  }

  /** Adds blocks that a peer gave, and holds it to account. */
  async #add(peer: ChiaPeer, blocks: readonly Candidate[]): Promise<AddResult> {
    const result = await this.#parts.chain.add(blocks, String(peer.id));
    if (result.peakMoved) this.#parts.moved(result, peer);
    if (result.refused !== undefined) {
      const { refusal, candidate } = result.refused;
      const height = candidate.block.rewardChainBlock.height;
      throw this.#blame(peer, consensusFault(refusal.error, `block ${height}: ${refusal.error}, ${refusal.detail}`));
    }
    return result;
  }

  #blame(peer: ChiaPeer, fault: PeerFault): PeerFault {
    this.#parts.notice("warning", `${peer.session.label}: ${fault.message}`);
    peer.session.fail(fault);
    return fault;
  }

  /** The greatest height at which the peer's chain and ours have the same block; −1 when there is none. */
  async #forkPoint(peer: ChiaPeer, announced: AnnouncedPeak): Promise<number> {
    const top = Math.min(this.#parts.chain.peak?.height ?? -1, announced.height);
    const shared = async (height: number): Promise<boolean> => {
      const ours = await this.#parts.chain.hashAt(height);
      const theirs = await fetchBlock(peer.session, height, false, BLOCK_TIMEOUT_MS);
      return ours !== undefined && theirs !== undefined && equalBytes(ours, theirs.headerHash);
    };
    // Forks are short as a rule: look back in growing steps, then halve the last one.
    let low = top;
    let high = top;
    for (let step = 1; low >= 0 && !await shared(low); step *= 2) {
      high = low - 1;
      low = Math.max(low - step, low > 0 ? 0 : -1);
    }
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (await shared(middle)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async #batchSync(peer: ChiaPeer, announced: AnnouncedPeak, signal: AbortSignal): Promise<void> {
    const fork = await this.#forkPoint(peer, announced);
    const size = this.#parts.chain.network.constants.MAX_BLOCK_COUNT_PER_REQUESTS;
    const ranges = function* (): Generator<HeightRange> {
      for (let start = fork + 1; start <= announced.height; start += size) {
        yield { start, end: Math.min(start + size - 1, announced.height) };
      }
    };
    this.#progress = { target: announced.height };
    this.#parts.notice("info", `syncing from height ${fork + 1} to ${announced.height}`);
    try {
      const results = dispatch(ranges(), {
        clock: this.#parts.clock,
        workers: () => this.#sources(peer, announced),
        run: (source, range, timeoutMs) => fetchRange(source.session, range, timeoutMs),
        perWorkerMax: BATCHES_PER_PEER,
        aheadMax: BATCHES_AHEAD,
        timeoutMs: BATCH_TIMEOUT_MS,
        triesMax: BATCH_TRIES,
        signal,
      });
      for await (const { worker, task, result } of results) await this.#addBatch(peer, worker, task, result);
    } finally {
      this.#progress = undefined;
    }
  }

  /** Peers that may serve blocks of the announced chain: the announcer first, then those as high. */
  #sources(announcer: ChiaPeer, announced: AnnouncedPeak): ChiaPeer[] {
    const others = this.#fullNodes(this.#parts.peers()).filter((peer) =>
      peer.id !== announcer.id && (peer.peak?.height ?? -1) >= announced.height
    );
    const alive = announcer.session.signal.aborted ? [] : [announcer];
    return [...alive, ...others];
  }

  async #addBatch(
    announcer: ChiaPeer,
    source: ChiaPeer,
    range: HeightRange,
    blocks: readonly Candidate[],
  ): Promise<void> {
    const result = await this.#add(source, blocks);
    if (result.parentless === undefined) return;
    if (source.id === announcer.id) {
      throw this.#blame(
        source,
        consensusFault("DOES_NOT_EXTEND", `blocks ${range.start} to ${range.end} do not connect`),
      );
    }
    // Another peer may simply be on another branch; the announcer has to fill in.
    const again = await fetchRange(announcer.session, range, BATCH_TIMEOUT_MS);
    if ((await this.#add(announcer, again)).parentless !== undefined) {
      throw new NodeError("does_not_connect", "peer", `blocks ${range.start} to ${range.end} do not connect`);
    }
  }
}
