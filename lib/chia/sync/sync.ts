/**
 * Brings the chain to a tip that a peer announced: a long gap in batches over several peers, a short one block by block
 * from the peer that announced. Holds peers to account for what they give.
 *
 * @see spec section g, chia-blockchain 2.7.5 `chia/full_node/full_node.py` (short_sync_backtrack, long sync)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { NodeError } from "../../core/errors.ts";
import type { Debtor } from "../../core/peers/connections.ts";
import type { Clock } from "../../core/ports.ts";
import type { AddResult, ChiaChain } from "../chain/chain.ts";
import { heavier } from "../chain/settling.ts";
import type { BlockGiver } from "../chain/flight.ts";
import { BLOCK_TIMEOUT_MS, fetchBlock } from "./requests.ts";
import type { Candidate } from "../chain/verdict.ts";
import { forkPoint } from "./fork-point.ts";
import type { AnnouncedPeak } from "../peers/knowledge.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import { consensusFault, type PeerFault } from "../peers/faults.ts";
import { BatchSync } from "./batches.ts";
import { Judging } from "./judging.ts";
import { ChiaOrphans, WaitingBatch } from "./waiting.ts";

/** What a sync needs. */
export interface SyncParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected full nodes whose chain may become ours. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
  /** Makes a peer pay for a fault, or its host when it has left. */
  readonly charge: (debtor: Debtor, fault: PeerFault) => void;
  /** Hears of each verdict on blocks near the tip, also when nobody waited for it any more. */
  readonly judged: () => void;
  /** Hears when a batch sync begins, and of trouble worth a log line. */
  readonly notice: (level: "info" | "debug" | "warning", text: string) => void;
}

/** Where a batch sync stands. */
export interface SyncProgress {
  readonly target: number;
}

/** Up to this far above us a peer's tip is fetched block by block, downwards until it connects. */
const BACKTRACK_MAX = 20;
/** How far below our peak backtracking looks for a connection before it leaves the search to the batch sync. */
const BACKTRACK_BELOW = 4;

/** The steps; one at a time. */
export class Sync {
  readonly #parts: SyncParts;
  readonly #judging: Judging;
  readonly #orphans = new ChiaOrphans();
  #progress: SyncProgress | undefined;
  #deliveredAt = 0;

  constructor(parts: SyncParts) {
    this.#parts = parts;
    this.#judging = new Judging(parts);
  }

  /** The running batch sync, if there is one. */
  get progress(): SyncProgress | undefined {
    return this.#progress;
  }

  /** Whether what was delivered last waits for its verdict: that takes our time and not the peer's. */
  get isJudging(): boolean {
    return this.#judging.isAwaited;
  }

  /**
   * Milliseconds since anybody delivered anything to the running approach, or since it began. None while a batch sync waits
   * for verdicts: it goes on with the next batch.
   */
  get idleMs(): number {
    if (this.isJudging && this.#progress !== undefined) return 0;
    return this.#parts.clock.monotonic() - this.#deliveredAt;
  }

  /** Forgets what a host left in the pool. */
  forget(host: string): void {
    this.#orphans.forget(host);
  }

  /** Ends a peer for a fault; gives the fault back to be thrown. */
  blame(peer: ChiaPeer, fault: PeerFault): PeerFault {
    return this.#judging.giverOf(peer).blame(fault);
  }

  /**
   * Fetches and adds what leads to the announced tip. What was delivered may lose its ground: a block of another peer that
   * it builds on was refused, or withdrawn for a trouble of our own. That is nothing that this peer could help.
   *
   * @throws NodeError when the peer did not deliver, PeerFault when it was blamed
   */
  async approach(
    peer: ChiaPeer,
    announced: AnnouncedPeak,
    signal: AbortSignal,
  ): Promise<"added" | "lost its ground"> {
    const { chain } = this.#parts;
    this.#delivered();
    const height = chain.peak?.height ?? -1;
    const known = await chain.record(announced.headerHash);
    if (known !== undefined) {
      if (known.weight !== announced.weight) throw this.blame(peer, wrongWeight());
      // A known block is heavier than the peak only when the peak was taken back, because it was found to be invalid.
      if (!heavier(known, chain.peak)) return "added";
      return await this.#addWithOrphans(peer, await this.#tip(peer, announced, true, signal), signal);
    }
    const near = announced.height >= height && announced.height <= height + BACKTRACK_MAX && height >= 0;
    const outcome = near ? await this.#backtrack(peer, announced, height, signal) : undefined;
    if (outcome !== undefined) return outcome;
    await this.#batchSync(peer, announced, signal);
    return "added";
  }

  /** The block at the height that a peer announced. @throws NodeError `refused` when the peer does not have it */
  async #tip(
    peer: ChiaPeer,
    announced: AnnouncedPeak,
    withTransactions: boolean,
    signal: AbortSignal,
  ): Promise<Candidate> {
    const tip = await this.#block(peer, announced.height, withTransactions, signal);
    if (tip === undefined) {
      throw new NodeError("refused", "peer", `the peer lacks block ${announced.height}, its own tip`);
    }
    const same = equalBytes(tip.headerHash, announced.headerHash);
    if (same && tip.block.rewardChainBlock.weight !== announced.weight) throw this.blame(peer, wrongWeight());
    return tip;
  }

  async #block(
    peer: ChiaPeer,
    height: number,
    withTransactions: boolean,
    signal: AbortSignal,
  ): Promise<Candidate | undefined> {
    const block = await fetchBlock(peer.session, height, withTransactions, BLOCK_TIMEOUT_MS, signal);
    this.#delivered();
    return block;
  }

  #delivered(): void {
    this.#deliveredAt = this.#parts.clock.monotonic();
  }

  /** Fetches blocks downwards until one connects, then adds them upwards. Undefined when none did within reach. */
  async #backtrack(
    peer: ChiaPeer,
    announced: AnnouncedPeak,
    ourHeight: number,
    signal: AbortSignal,
  ): Promise<"added" | "lost its ground" | undefined> {
    const { chain } = this.#parts;
    const lowest = Math.max(0, ourHeight - BACKTRACK_BELOW);
    for (let height = announced.height; height >= lowest; height--) {
      const candidate = height === announced.height
        ? await this.#tip(peer, announced, true, signal)
        : await this.#block(peer, height, true, signal);
      if (candidate === undefined) return undefined;
      const parent = candidate.block.foliage.prevBlockHash;
      const connects = height === 0 || chain.isPending(parent) || await chain.record(parent) !== undefined;
      if (connects) return await this.#addWithOrphans(peer, candidate, signal);
      this.#orphans.add(candidate, peer.host, peer.session, this.#judging.giverOf(peer));
    }
    return undefined;
  }

  /** Adds a block, and from the pool whatever follows it. */
  async #addWithOrphans(
    peer: ChiaPeer,
    first: Candidate,
    signal: AbortSignal,
  ): Promise<"added" | "lost its ground"> {
    const run = [first];
    const givers = new Map<Candidate, BlockGiver>();
    for (let i = 0; i < run.length; i++) {
      const candidate = run[i];
      for (const child of candidate === undefined ? [] : this.#orphans.takeChildren(candidate.headerHash)) {
        run.push(child.block);
        givers.set(child.block, child.giver);
      }
    }
    const batch = new WaitingBatch(peer.session, run);
    const adding = this.#judging.add(peer, batch, run, givers).finally(() => this.#parts.judged());
    // Its parent was known when it was handed over.
    return (await this.#judging.wait(peer, adding, signal)).parentless === undefined ? "added" : "lost its ground";
  }

  async #batchSync(peer: ChiaPeer, announced: AnnouncedPeak, signal: AbortSignal): Promise<void> {
    const { chain } = this.#parts;
    await this.#tip(peer, announced, false, signal);
    const top = Math.min(chain.peak?.height ?? -1, announced.height);
    const fork = await forkPoint(chain, (height) => this.#block(peer, height, false, signal), top);
    this.#progress = { target: announced.height };
    this.#parts.notice("info", `syncing from height ${fork + 1} to ${announced.height}`);
    try {
      const parts = { ...this.#parts, judging: this.#judging, delivered: () => this.#delivered() };
      await new BatchSync(parts, { peer, announced, fork }, signal).run();
    } finally {
      this.#progress = undefined;
    }
  }
}

function wrongWeight(): PeerFault {
  return consensusFault("INVALID_WEIGHT", "announced a weight that the block does not have");
}
