/**
 * A long gap, in batches over several peers. While one batch waits for its verdict the next one is linked to it already,
 * and those after it are fetched; all that waits is bounded, and counted in the memory that peers may hold.
 *
 * @module
 */
import { dispatch } from "../../core/work/dispatcher.ts";
import type { Clock } from "../../core/ports.ts";
import type { AddResult, ChiaChain } from "../chain/chain.ts";
import type { Candidate } from "../chain/verdict.ts";
import { consensusFault, type PeerFault } from "../peers/faults.ts";
import type { AnnouncedPeak } from "../peers/knowledge.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import type { Judging } from "./judging.ts";
import { BATCH_TIMEOUT_MS, fetchRange, type HeightRange } from "./requests.ts";
import { WaitingBatch } from "./waiting.ts";

/** What a batch sync needs. */
export interface BatchParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  readonly judging: Judging;
  /** The connected full nodes whose chain may become ours. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears that something was delivered. */
  readonly delivered: () => void;
}

/** What is to be fetched, and whose chain it is. */
export interface BatchTask {
  readonly peer: ChiaPeer;
  readonly announced: AnnouncedPeak;
  /** The last height that the peer's chain shares with ours; −1 for none. */
  readonly fork: number;
}

const BATCH_TRIES = 6;
/** A peer that keeps a batch for so long is not waited for alone. */
const BATCH_HEDGE_MS = 2_000;
const BATCHES_PER_PEER = 2;
const BATCHES_AHEAD = 8;
/** Batches may be 50 MB each and wait unjudged for their turn: a sync that has shown nothing yet gets few. */
const BATCHES_AT_FIRST = 2;
/** Batches that are with the chain at a time: one that is proven or spent, and one that is linked to it. */
const BATCHES_JUDGED = 2;
/** While more than this waits, no further batch is asked for: honest peers' batches must not pass the memory that all may hold. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

/** A batch that is with the chain. */
interface InHand {
  readonly worker: ChiaPeer;
  readonly range: HeightRange;
  readonly blocks: readonly Candidate[];
  readonly adding: Promise<AddResult>;
  /** How often what was missing below had been filled in when it was handed over. */
  readonly mended: number;
}

/** One batch sync. */
export class BatchSync {
  readonly #parts: BatchParts;
  readonly #task: BatchTask;
  readonly #signal: AbortSignal;
  /** Batches that wait for their turn, or for their verdicts. */
  readonly #waiting = new Set<WaitingBatch>();
  readonly #inHand: InHand[] = [];
  /** Ranges of others since the announcer's last one. */
  #suspects: HeightRange[] = [];
  #mended = 0;

  constructor(parts: BatchParts, task: BatchTask, signal: AbortSignal) {
    this.#parts = parts;
    this.#task = task;
    this.#signal = signal;
  }

  /** Runs to the announced tip. @throws NodeError when peers do not deliver, PeerFault when one was blamed */
  async run(): Promise<void> {
    const { chain, clock, delivered } = this.#parts;
    const { announced } = this.#task;
    const unjudged = new Set<WaitingBatch>();
    const fetch = async (source: ChiaPeer, range: HeightRange, timeoutMs: number, over: AbortSignal) => {
      const blocks = await fetchRange(source.session, range, timeoutMs, over);
      over.throwIfAborted();
      const batch = this.#hold(source, blocks);
      unjudged.add(batch);
      return batch;
    };
    try {
      const results = dispatch(this.#ranges(), {
        clock,
        workers: () => this.#sources(),
        run: fetch,
        perWorkerMax: BATCHES_PER_PEER,
        aheadMax: BATCHES_AHEAD,
        aheadAtFirst: BATCHES_AT_FIRST,
        hasRoom: () => [...this.#waiting].reduce((sum, { bytes }) => sum + bytes, 0) <= WAITING_BYTES_MAX,
        timeoutMs: BATCH_TIMEOUT_MS,
        triesMax: BATCH_TRIES,
        hedgeMs: BATCH_HEDGE_MS,
        signal: this.#signal,
      });
      for await (const { worker, task, result } of results) {
        delivered();
        unjudged.delete(result);
        if (result.blocks === undefined) {
          this.#waiting.delete(result);
          result.release();
          await this.#askAgain(task);
        } else this.#handOver(worker, task, result, result.blocks);
        if (this.#inHand.length >= BATCHES_JUDGED) await this.#finishOne();
        delivered();
      }
      while (this.#inHand.length > 0) await this.#finishOne();
      // No block of the announcer's followed on what others gave last: only the announced one shows that it was right.
      if (this.#suspects.length > 0 && await chain.record(announced.headerHash) === undefined) {
        await this.#fillIn(this.#suspects);
      }
    } finally {
      for (const batch of unjudged) batch.release();
      // A run that is given up does not wait for these; the chain and their givers see to them all the same.
      for (const { adding } of this.#inHand) adding.catch(() => {});
    }
  }

  *#ranges(): Generator<HeightRange> {
    const { fork, announced } = this.#task;
    const size = this.#parts.chain.network.constants.MAX_BLOCK_COUNT_PER_REQUESTS;
    for (let start = fork + 1; start <= announced.height; start += size) {
      yield { start, end: Math.min(start + size - 1, announced.height) };
    }
  }

  #hold(source: ChiaPeer, blocks: readonly Candidate[]): WaitingBatch {
    const batch = new WaitingBatch(source.session, blocks);
    this.#waiting.add(batch);
    return batch;
  }

  #handOver(worker: ChiaPeer, range: HeightRange, batch: WaitingBatch, blocks: readonly Candidate[]): void {
    const adding = this.#parts.judging.add(worker, batch, blocks).finally(() => this.#waiting.delete(batch));
    // It may fail before its turn comes to be waited for.
    adding.catch(() => {});
    this.#inHand.push({ worker, range, blocks, adding, mended: this.#mended });
  }

  /** A batch whose memory was needed is asked for once more, of the peer that knows the chain. */
  async #askAgain(range: HeightRange): Promise<void> {
    const { peer } = this.#task;
    const blocks = await fetchRange(peer.session, range, BATCH_TIMEOUT_MS, this.#signal);
    this.#handOver(peer, range, this.#hold(peer, blocks), blocks);
  }

  /** Waits for the result of the batch that has been longest with the chain. */
  async #finishOne(): Promise<void> {
    const { judging, delivered } = this.#parts;
    const { peer } = this.#task;
    const { worker, range, blocks, adding, mended } = this.#inHand.shift()!;
    let { parentless } = await judging.wait(worker, adding, this.#signal);
    // What it builds on was missing when it was linked, and has come since.
    if (parentless !== undefined && mended !== this.#mended) {
      ({ parentless } = await this.#add(worker, blocks));
    }
    if (parentless !== undefined && worker.id === peer.id && this.#suspects.length === 0) {
      throw this.#disconnected(range);
    }
    if (parentless !== undefined) await this.#fillIn([...this.#suspects, range]);
    // What the announcer's own blocks follow on, or were put in the place of, is of its chain.
    if (parentless !== undefined || worker.id === peer.id) this.#suspects = [];
    else this.#suspects.push(range);
    delivered();
  }

  #add(worker: ChiaPeer, blocks: readonly Candidate[]): Promise<AddResult> {
    const { judging } = this.#parts;
    const batch = this.#hold(worker, blocks);
    const adding = judging.add(worker, batch, blocks).finally(() => this.#waiting.delete(batch));
    return judging.wait(worker, adding, this.#signal);
  }

  /** Peers that may serve blocks of the announced chain: the announcer first, then those as high, outbound before inbound. */
  #sources(): ChiaPeer[] {
    const { peer: announcer, announced } = this.#task;
    const others = this.#parts.peers().filter((peer) =>
      peer.id !== announcer.id && (peer.knowledge.peak?.height ?? -1) >= announced.height
    );
    const alive = announcer.session.signal.aborted ? [] : [announcer];
    const [outbound, inbound] = [others.filter(isOutbound), others.filter((peer) => !isOutbound(peer))];
    return [...alive, ...outbound, ...inbound];
  }

  /**
   * A range did not connect: another peer may be on another branch, or lie, from an earlier range on. The announcer gives
   * what others gave since its own last range; where that does not connect either, the fault is its own.
   */
  async #fillIn(ranges: readonly HeightRange[]): Promise<void> {
    const { peer } = this.#task;
    this.#mended += 1;
    for (const range of ranges) {
      const blocks = await fetchRange(peer.session, range, BATCH_TIMEOUT_MS, this.#signal);
      this.#parts.delivered();
      if ((await this.#add(peer, blocks)).parentless !== undefined) throw this.#disconnected(range);
    }
  }

  #disconnected({ start, end }: HeightRange): PeerFault {
    const fault = consensusFault("DOES_NOT_EXTEND", `blocks ${start} to ${end} do not connect`);
    return this.#parts.judging.giverOf(this.#task.peer).blame(fault);
  }
}

const isOutbound = ({ direction }: ChiaPeer) => direction === "out";
