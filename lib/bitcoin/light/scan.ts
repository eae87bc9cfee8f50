/**
 * Searches the chain for watched scripts: filters from several peers, each held against the chain of filter headers and
 * asked for the scripts; blocks whose filter matches, fetched and read in order. Filters are not kept, and a few blocks at
 * a time.
 *
 * @see BIP157, "Client Operation"; neutrino `rescan.go`
 * @module
 */
import { CodecError } from "../../codec/error.ts";
import { equalBytes } from "../../codec/sized.ts";
import { toHex } from "../../codec/hex.ts";
import { dispatch } from "../../core/work/dispatcher.ts";
import { NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { filterHash, filterHeader, GcsFilter } from "../filters/mod.ts";
import { ZERO_HASH } from "../hash.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { misbehaving } from "../peers/faults.ts";
import { Block } from "../types/mod.ts";
import { fetchBlock, servesBlock } from "./block-fetch.ts";
import { matchEvent } from "./events.ts";
import type { FilterChain } from "./filter-chain.ts";
import { matchesOf, spentTransactions } from "./matching.ts";
import { ANSWER_MS, type Questions } from "./questions.ts";
import type { LightStore } from "./store.ts";
import type { WatchList } from "./watch-list.ts";

/** What a search needs. */
export interface ScanParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly filters: FilterChain;
  readonly watch: WatchList;
  readonly store: LightStore;
  readonly questions: Questions;
  readonly peers: () => readonly BitcoinPeer[];
  /** Peers that have confirmed the filter headers up to a row. */
  readonly agreeing: (row: number) => readonly BitcoinPeer[];
  /** Hears when the search went on. */
  readonly advanced: () => void;
}

/** Filters of one question. A message may span twice as many; less is lost with a peer that goes. */
const FILTERS_PER_QUESTION = 500;
/** Questions for filters that may be under way over all peers. */
const QUESTIONS_AHEAD = 4;
/** Blocks that may be under way or wait to be read. */
const BLOCKS_AHEAD = 4;
const TRIES_MAX = 4;
/** A run of blocks whose filters are asked for at once, as the chain was when the search began. */
interface Stretch {
  readonly start: number;
  readonly rows: readonly number[];
  /** The filter headers of these blocks, after the one before the first. */
  readonly headers: readonly Uint8Array[];
}

/** The search. */
export class Scan {
  readonly #parts: ScanParts;

  constructor(parts: ScanParts) {
    this.#parts = parts;
  }

  /** Height up to which everything that is watched was looked for. */
  get height(): number {
    const { watch, filters } = this.#parts;
    return Math.min(watch.nextHeight - 1, filters.height);
  }

  /**
   * Searches what is there to be searched. True when there may be more at once; false when something has to happen first.
   */
  async step(signal: AbortSignal): Promise<boolean> {
    const { watch, filters, clock, chain, agreeing } = this.#parts;
    const { scripts, from, to } = watch.next();
    const end = Math.min(to, filters.height);
    if (from > end || scripts.length === 0) return false;
    const { generation } = watch;
    const tip = chain.activeAt(filters.height);
    if (agreeing(tip).length === 0) return false;
    const run = dispatch(this.#stretches(from, end), {
      clock,
      signal,
      workers: () => agreeing(tip),
      perWorkerMax: 1,
      aheadMax: QUESTIONS_AHEAD,
      timeoutMs: ANSWER_MS,
      triesMax: TRIES_MAX,
      run: (peer, stretch: Stretch, timeoutMs, within) => this.#filter(peer, stretch, scripts, timeoutMs, within),
    });
    try {
      for await (const { task, result } of run) {
        if (!await this.#read(task, result, generation, signal)) return true;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      // Nobody gives what is needed now; the next tick tries again.
      if (thrown instanceof NodeError && thrown.fault !== "self") return false;
      throw thrown;
    }
    return true;
  }

  *#stretches(from: number, end: number): Generator<Stretch> {
    const { chain, filters } = this.#parts;
    for (let start = from; start <= end; start += FILTERS_PER_QUESTION) {
      const stop = Math.min(end, start + FILTERS_PER_QUESTION - 1);
      // The chain has moved and the search is over: it will be noticed before the next commit.
      if (stop > filters.height) return;
      const rows: number[] = [];
      const headers: Uint8Array[] = [start === 0 ? ZERO_HASH : filters.at(start - 1)];
      for (let height = start; height <= stop; height++) {
        rows.push(chain.activeAt(height));
        headers.push(filters.at(height));
      }
      yield { start, rows, headers };
    }
  }

  /** Heights of a stretch whose filter matches. @throws NodeError; a peer whose filter is not the agreed one is dealt with */
  async #filter(
    peer: BitcoinPeer,
    { start, rows, headers }: Stretch,
    scripts: readonly Uint8Array[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<number[]> {
    const { questions, chain } = this.#parts;
    const hashes = rows.map((row) => chain.headers.hash(row));
    const matching: number[] = [];
    await questions.filters(peer, start, hashes, (height, bytes) => {
      const at = height - start;
      if (!equalBytes(filterHeader(filterHash(bytes), headers[at]!), headers[at + 1]!)) {
        throw misbehaving(
          "false_filter",
          "bad_filters",
          `the filter of block ${height} is not the one it told the hash of`,
        );
      }
      if (mayConcern(hashes[at]!, bytes, scripts)) matching.push(height);
    }, { signal, timeoutMs });
    return matching.sort((a, b) => a - b);
  }

  /** Reads the blocks of matching heights in order, and takes note of how far it came. False: begin anew. */
  async #read(
    { start, rows }: Stretch,
    heights: readonly number[],
    generation: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { chain, clock, peers, questions } = this.#parts;
    const run = dispatch(heights.map((height) => rows[height - start]!), {
      clock,
      signal,
      workers: () => peers().filter((peer) => servesBlock(peer, chain, rows.at(-1)!)),
      perWorkerMax: 2,
      aheadMax: BLOCKS_AHEAD,
      timeoutMs: ANSWER_MS,
      triesMax: TRIES_MAX,
      run: (peer, row: number, timeoutMs, within) =>
        row === 0
          ? Promise.resolve(Block.decode(chain.network.genesis.blockBytes))
          : fetchBlock({ chain, questions }, peer, row, { signal: within, timeoutMs }),
    });
    for await (const { task: row, result: block } of run) {
      if (!await this.#take(row, block, generation)) return false;
    }
    return await this.#reach(rows.at(-1)!, generation);
  }

  async #take(row: number, block: Block, generation: number): Promise<boolean> {
    const { chain: { headers, network }, clock, store, watch } = this.#parts;
    const height = headers.height(row);
    const known = new Set((await store.matchesIn(block.hash)).map(keyOf));
    const payments = await store.payments(spentTransactions(block));
    const found = matchesOf(block, height, watch.bornBy(height), payments).filter((match) => !known.has(keyOf(match)));
    const events = found.map((match) => matchEvent("bitcoin.match", match, network, clock.now()));
    return await this.#reach(row, generation, { matches: found, events });
  }

  /** Everything up to `row` was searched. False, and nothing is done, when the search is no longer the one it was. */
  async #reach(
    row: number,
    generation: number,
    found: Pick<Parameters<LightStore["commit"]>[0], "matches" | "events"> = {},
  ): Promise<boolean> {
    const { chain, watch, store, advanced } = this.#parts;
    if (watch.generation !== generation || !chain.isActive(row)) return false;
    const scanned = chain.headers.height(row);
    // In this order, and with nothing between: whatever changes the list next finds it as the store will have it.
    watch.reached(scanned);
    await store.commit({ scanned, ...found });
    advanced();
    return true;
  }
}

/** Whether a block may concern scripts. A filter that all agree on and that cannot be read matches: the block decides. */
function mayConcern(blockHash: Uint8Array, filterBytes: Uint8Array, scripts: readonly Uint8Array[]): boolean {
  try {
    return GcsFilter.decode(blockHash, filterBytes).matchesAny(scripts);
  } catch (thrown) {
    if (thrown instanceof CodecError) return true;
    throw thrown;
  }
}

function keyOf({ txid, direction, vout, spend }: Parameters<typeof matchEvent>[1]): string {
  return `${toHex(txid)}:${direction}:${spend === undefined ? vout : spend.vin}`;
}
