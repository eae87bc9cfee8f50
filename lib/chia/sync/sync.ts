/**
 * Brings the chain to a tip that a peer announced: a long gap in batches over several peers, a short one block by block
 * from the peer that announced. Holds peers to account for what they give.
 *
 * @see spec section g, chia-blockchain 2.7.5 `chia/full_node/full_node.py` (short_sync_backtrack, long sync)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { dispatch } from "../../core/work/dispatcher.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { AddResult, ChiaChain } from "../chain/chain.ts";
import { fetchBlock, fetchRange, type HeightRange } from "./requests.ts";
import type { Candidate } from "../chain/verdict.ts";
import { forkPoint } from "./fork-point.ts";
import type { AnnouncedPeak, ChiaPeer } from "../peers/peer.ts";
import { consensusFault, type PeerFault } from "../peers/faults.ts";
import { ChiaOrphans, WaitingBatch } from "./waiting.ts";

/** What a sync needs. */
export interface SyncParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected full nodes whose chain may become ours. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
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
const BLOCK_TIMEOUT_MS = 15_000;
const BATCH_TIMEOUT_MS = 15_000;
const BATCH_TRIES = 6;
/** A peer that keeps a batch for so long is not waited for alone. */
const BATCH_HEDGE_MS = 2_000;
const BATCHES_PER_PEER = 2;
const BATCHES_AHEAD = 8;
/** Batches may be 50 MB each and wait unjudged for their turn: a sync that has shown nothing yet gets few. */
const BATCHES_AT_FIRST = 2;
/** While more than this waits, no further batch is asked for: honest peers' batches must not pass the memory that all may hold. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

/** The steps; one at a time. */
export class Sync {
  readonly #parts: SyncParts;
  readonly #orphans = new ChiaOrphans();
  #progress: SyncProgress | undefined;
  #deliveredAt = 0;

  constructor(parts: SyncParts) {
    this.#parts = parts;
  }

  /** The running batch sync, if there is one. */
  get progress(): SyncProgress | undefined {
    return this.#progress;
  }

  /** Milliseconds since anybody delivered anything to the running approach, or since it began. */
  get idleMs(): number {
    return this.#parts.clock.monotonic() - this.#deliveredAt;
  }

  /** Forgets what a host left in the pool. */
  forget(host: string): void {
    this.#orphans.forget(host);
  }

  /** Ends a peer for a fault; gives the fault back to be thrown. */
  blame(peer: ChiaPeer, fault: PeerFault): PeerFault {
    this.#parts.notice("warning", `${peer.session.label}: ${fault.message}`);
    peer.session.fail(fault);
    return fault;
  }

  /** Fetches and adds what leads to the announced tip. @throws NodeError when the peer did not deliver, PeerFault when it was blamed */
  async approach(peer: ChiaPeer, announced: AnnouncedPeak, signal: AbortSignal): Promise<void> {
    const { chain } = this.#parts;
    this.#delivered();
    const height = chain.peak?.height ?? -1;
    const known = await chain.record(announced.headerHash);
    if (known !== undefined) {
      // A known block never is heavier than the peak.
      if (known.weight !== announced.weight) throw this.blame(peer, wrongWeight());
      return;
    }
    const near = announced.height >= height && announced.height <= height + BACKTRACK_MAX && height >= 0;
    if (near && await this.#backtrack(peer, announced, height, signal)) return;
    await this.#batchSync(peer, announced, signal);
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

  /** Fetches blocks downwards until one connects, then adds them upwards. False when none did within reach. */
  async #backtrack(
    peer: ChiaPeer,
    announced: AnnouncedPeak,
    ourHeight: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { chain } = this.#parts;
    const lowest = Math.max(0, ourHeight - BACKTRACK_BELOW);
    for (let height = announced.height; height >= lowest; height--) {
      const candidate = height === announced.height
        ? await this.#tip(peer, announced, true, signal)
        : await this.#block(peer, height, true, signal);
      if (candidate === undefined) return false;
      const parent = candidate.block.foliage.prevBlockHash;
      const connects = height === 0 || await chain.record(parent) !== undefined;
      if (connects) {
        await this.#addWithOrphans(peer, candidate);
        return true;
      }
      this.#orphans.add(candidate, peer.host, peer.session);
    }
    return false;
  }

  /** Adds a block, and from the pool whatever follows it. */
  async #addWithOrphans(peer: ChiaPeer, first: Candidate): Promise<void> {
    const run = [first];
    const others = new Set<Candidate>();
    for (let i = 0; i < run.length; i++) {
      const candidate = run[i];
      for (const child of candidate === undefined ? [] : this.#orphans.takeChildren(candidate.headerHash)) {
        run.push(child.block);
        if (child.source !== peer.host) others.add(child.block);
      }
    }
    await this.#add(peer, run, others);
  }

  /** Adds blocks that a peer gave, and holds it to account, but not for `others`. */
  async #add(peer: ChiaPeer, blocks: readonly Candidate[], others?: ReadonlySet<Candidate>): Promise<AddResult> {
    const result = await this.#parts.chain.add(blocks, String(peer.id));
    if (result.peakMoved) this.#parts.moved(result, peer);
    if (result.refused !== undefined && others?.has(result.refused.candidate) !== true) {
      const { refusal, candidate } = result.refused;
      const height = candidate.block.rewardChainBlock.height;
      throw this.blame(peer, consensusFault(refusal.error, `block ${height}: ${refusal.error}, ${refusal.detail}`));
    }
    return result;
  }

  async #batchSync(peer: ChiaPeer, announced: AnnouncedPeak, signal: AbortSignal): Promise<void> {
    const { chain } = this.#parts;
    await this.#tip(peer, announced, false, signal);
    const top = Math.min(chain.peak?.height ?? -1, announced.height);
    const fork = await forkPoint(chain, (height) => this.#block(peer, height, false, signal), top);
    const size = chain.network.constants.MAX_BLOCK_COUNT_PER_REQUESTS;
    const ranges = function* (): Generator<HeightRange> {
      for (let start = fork + 1; start <= announced.height; start += size) {
        yield { start, end: Math.min(start + size - 1, announced.height) };
      }
    };
    this.#progress = { target: announced.height };
    this.#parts.notice("info", `syncing from height ${fork + 1} to ${announced.height}`);
    /** Batches that wait for their turn. */
    const waiting = new Set<WaitingBatch>();
    const fetch = async (source: ChiaPeer, range: HeightRange, timeoutMs: number, over: AbortSignal) => {
      const blocks = await fetchRange(source.session, range, timeoutMs, over);
      over.throwIfAborted();
      const batch = new WaitingBatch(source.session, blocks);
      waiting.add(batch);
      return batch;
    };
    try {
      const results = dispatch(ranges(), {
        clock: this.#parts.clock,
        workers: () => this.#sources(peer, announced),
        run: fetch,
        perWorkerMax: BATCHES_PER_PEER,
        aheadMax: BATCHES_AHEAD,
        aheadAtFirst: BATCHES_AT_FIRST,
        hasRoom: () => [...waiting].reduce((sum, { bytes }) => sum + bytes, 0) <= WAITING_BYTES_MAX,
        timeoutMs: BATCH_TIMEOUT_MS,
        triesMax: BATCH_TRIES,
        hedgeMs: BATCH_HEDGE_MS,
        signal,
      });
      /** Ranges of others since the announcer's last one. */
      let suspects: HeightRange[] = [];
      for await (const { worker: first, task, result } of results) {
        this.#delivered();
        // A batch whose memory was needed is asked for once more, of the peer that knows the chain.
        const worker = result.blocks === undefined ? peer : first;
        const blocks = result.blocks ?? await fetchRange(peer.session, task, BATCH_TIMEOUT_MS, signal);
        const { parentless } = await this.#add(worker, blocks);
        result.release();
        waiting.delete(result);
        if (parentless !== undefined && worker.id === peer.id && suspects.length === 0) {
          throw this.#disconnected(peer, task);
        }
        if (parentless !== undefined) await this.#fillIn(peer, [...suspects, task], signal);
        // What the announcer's own blocks follow on, or were put in the place of, is of its chain.
        if (parentless !== undefined || worker.id === peer.id) suspects = [];
        else suspects.push(task);
        this.#delivered();
      }
      // No block of the announcer's followed on what others gave last: only the announced one shows that it was right.
      if (suspects.length > 0 && await chain.record(announced.headerHash) === undefined) {
        await this.#fillIn(peer, suspects, signal);
      }
    } finally {
      for (const batch of waiting) batch.release();
      this.#progress = undefined;
    }
  }

  /** Peers that may serve blocks of the announced chain: the announcer first, then those as high, outbound before inbound. */
  #sources(announcer: ChiaPeer, announced: AnnouncedPeak): ChiaPeer[] {
    const others = this.#parts.peers().filter((peer) =>
      peer.id !== announcer.id && (peer.peak?.height ?? -1) >= announced.height
    );
    const alive = announcer.session.signal.aborted ? [] : [announcer];
    const [outbound, inbound] = [others.filter(isOutbound), others.filter((peer) => !isOutbound(peer))];
    return [...alive, ...outbound, ...inbound];
  }

  /**
   * A range did not connect: another peer may be on another branch, or lie, from an earlier range on. The announcer gives
   * what others gave since its own last range; where that does not connect either, the fault is its own.
   */
  async #fillIn(announcer: ChiaPeer, ranges: readonly HeightRange[], signal: AbortSignal): Promise<void> {
    for (const range of ranges) {
      const blocks = await fetchRange(announcer.session, range, BATCH_TIMEOUT_MS, signal);
      this.#delivered();
      if ((await this.#add(announcer, blocks)).parentless !== undefined) throw this.#disconnected(announcer, range);
    }
  }

  #disconnected(announcer: ChiaPeer, { start, end }: HeightRange): PeerFault {
    return this.blame(announcer, consensusFault("DOES_NOT_EXTEND", `blocks ${start} to ${end} do not connect`));
  }
}

const isOutbound = ({ direction }: ChiaPeer) => direction === "out";

function wrongWeight(): PeerFault {
  return consensusFault("INVALID_WEIGHT", "announced a weight that the block does not have");
}
