/**
 * The basic filter of every block of the active chain (Core's `-blockfilterindex`). It follows the blocks that are connected,
 * with the outputs that they spend at hand, and reads from our own disk what it missed: because it was off, or because the
 * program ended between a block and its filter. Filters of blocks that left the chain stay; what is asked by height goes by
 * the active chain.
 *
 * A filter has its header, which follows from the one before. So where a block has a filter, all before it have theirs, and
 * how far the index has got needs no note of its own.
 *
 * @see BIP157, BIP158; Bitcoin Core `index/blockfilterindex.cpp`, `index/base.cpp`
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";
import { toHex } from "../../codec/hex.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { BitcoinChain, ConnectedBlock } from "../chain/chain.ts";
import { decodeCoin } from "../coins/coin.ts";
import { buildBasicFilter, filterHash, filterHeader } from "../filters/mod.ts";
import { ZERO_HASH } from "../hash.ts";
import type { Block } from "../types/block.ts";
import type { FilterEntry, FilterHead, FilterStore } from "./filter-store.ts";

/** What the index needs. */
export interface FilterIndexParts {
  readonly chain: Pick<BitcoinChain, "headers" | "tip" | "activeAt" | "hasData" | "blocks"> & {
    readonly states: Pick<BitcoinChain["states"], "complete" | "background">;
  };
  readonly store: FilterStore;
  /** Another process makes the filters. */
  readonly follows?: boolean;
  readonly clock: Clock;
  readonly notice: (level: "warning" | "info", text: string) => void;
}

/** The index of a node, if it keeps filters. @throws as {@link FilterIndex.open} does */
export async function filterIndexOf(
  { clock, notice, filters, followed }: {
    readonly clock: Clock;
    readonly notice: (level: "warning" | "info", area: string, text: string) => void;
    readonly filters?: { readonly store: FilterStore } | undefined;
    /** Set where another process makes them. */
    readonly followed?: unknown;
  },
  chain: FilterIndexParts["chain"],
): Promise<FilterIndex | undefined> {
  if (filters === undefined) return undefined;
  const { store } = filters;
  return await FilterIndex.open({
    chain,
    store,
    clock,
    follows: followed !== undefined,
    notice: (level, text) => notice(level, "bitcoin.filters", text),
  });
}

/** The name that Core gives the index. */
export const FILTER_INDEX_NAME = "basic block filter index";
/** Bytes of connected blocks that may wait for their filters. What is beyond is read from disk again. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** Filters that are written together, at most. */
const WRITE_MAX = 500;
/** Bytes of filters that are not held longer. */
const WRITE_BYTES = 1024 * 1024;
/** How long others may come to those that are to be written. */
const WRITE_MS = 500;
/** Work between two turns of the event loop. */
const TURN_MS = 5;
/** How long after a failure it is tried again. */
const RETRY_MS = 10_000;
/** How often a long way to the tip is told of. */
const TELL_MS = 60_000;

/** A connected block whose filter is to be made. */
interface Waiting {
  readonly block: Block;
  readonly spent: readonly Uint8Array[];
}

/** The index of one chain. */
export class FilterIndex {
  readonly #parts: FilterIndexParts;
  /** The last row with a filter, on its branch; −1 when not even genesis has one. */
  #best: number;
  #bestHeader: Uint8Array;
  readonly #waiting = new Map<number, Waiting>();
  #waitingBytes = 0;
  /** Filters that are not written yet, by the hex of their blocks' hashes. */
  readonly #unwritten = new Map<string, FilterEntry>();
  #unwrittenBytes = 0;
  #running: Promise<void> | undefined;
  #cancelWrite = () => {};
  #cancelRetry = () => {};
  #isSynced = false;
  #isClosed = false;
  #told: string | undefined;

  private constructor(parts: FilterIndexParts, best: number, bestHeader: Uint8Array) {
    this.#parts = parts;
    this.#best = best;
    this.#bestHeader = bestHeader;
  }

  /**
   * Opens the index where its store stands. Nothing is made before {@link FilterIndex.start}.
   * @throws NodeError `INDEX_PRUNED` when blocks without filters are not stored any more
   */
  static async open(parts: FilterIndexParts): Promise<FilterIndex> {
    const { chain, store } = parts;
    const { headers } = chain;
    const headAt = async (height: number) => (await store.heads([headers.hash(chain.activeAt(height))]))[0];
    // What is behind a snapshot is still to come.
    const top = Math.min(headers.height(chain.tip), headers.height(chain.states.complete));
    // Filters are there up to a height and not beyond.
    let [low, high] = [-1, top];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (await headAt(middle) === undefined) high = middle - 1;
      else low = middle;
    }
    for (let height = low + 1; height <= top && parts.follows !== true; height++) {
      if (!chain.hasData(chain.activeAt(height))) throw pruned();
    }
    const header = low < 0 ? ZERO_HASH : (await headAt(low))!.filterHeader;
    return new FilterIndex(parts, low < 0 ? -1 : chain.activeAt(low), header);
  }

  /** Height of the last block with a filter; −1 when there is none. */
  get height(): number {
    return this.#best < 0 ? -1 : this.#parts.chain.headers.height(this.#best);
  }

  /**
   * Whether every block of the active chain had its filter once in this run, and nothing went wrong since. Below a snapshot
   * of the coins blocks are still to come.
   */
  get isSynced(): boolean {
    return this.#isSynced && this.#parts.chain.states.background === undefined;
  }

  /** Begins to make what is missing. */
  start(): void {
    this.#wake();
  }

  /** The chain has moved: where another process makes the filters, that of the tip is looked for until it is there. */
  follow(): void {
    if (this.#parts.follows !== true || this.#running !== undefined) return;
    this.#running = this.#look().finally(() => (this.#running = undefined));
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { chain, clock } = this.#parts;
    while (!this.#isClosed) {
      const { tip } = chain;
      try {
        await this.#find(tip);
        if (this.#best === tip && chain.tip === tip) return;
      } catch (thrown) {
        this.#isSynced = false;
        this.#tell(messageOf(thrown));
      }
      await clock.sleep(WRITE_MS);
    }
  }

  async #find(tip: number): Promise<void> {
    const { headers } = this.#parts.chain;
    let row = tip;
    while (row >= 0 && row !== this.#best && await this.head(row) === undefined) {
      row = row > 0 ? headers.parent(row) : -1;
    }
    this.#best = row;
    this.#isSynced = row === tip;
  }

  /** A block was connected. */
  connected({ row, block, changes }: ConnectedBlock): void {
    if (block !== undefined && this.#waitingBytes + block.raw.length <= WAITING_BYTES_MAX) {
      this.#waiting.set(row, { block, spent: changes.spent.map(({ coin }) => coin.scriptPubKey) });
      this.#waitingBytes += block.raw.length;
    }
    this.#wake();
  }

  /** Resolves when all blocks that are connected by now have their filters, unless the way there is still long. */
  async settled(): Promise<void> {
    if (this.isSynced) await this.#running;
  }

  /**
   * The filter of a block, on the active chain or not; undefined when there is none. One that is not what was written is
   * made anew.
   */
  async entry(row: number): Promise<FilterEntry | undefined> {
    const { chain: { headers }, store, notice } = this.#parts;
    const hash = headers.hash(row);
    const found = this.#unwritten.get(toHex(hash)) ?? await store.entry(hash);
    if (found === undefined || equalBytes(filterHash(found.filter), found.filterHash)) return found;
    const above = headers.height(row) === 0 ? ZERO_HASH : (await this.head(headers.parent(row)))?.filterHeader;
    if (above === undefined) return undefined;
    notice("warning", `the filter of the block at height ${headers.height(row)} is damaged; it is made anew`);
    try {
      const made = await this.#make(row, above);
      await store.put([made]);
      return made;
    } catch (thrown) {
      notice("warning", `it cannot be made: ${messageOf(thrown)}`);
      return undefined;
    }
  }

  /** What belongs to the filter of a block. */
  async head(row: number): Promise<FilterHead | undefined> {
    return (await this.heads([row]))[0];
  }

  /** What belongs to the filters of blocks, in the order of the question. */
  async heads(rows: readonly number[]): Promise<readonly (FilterHead | undefined)[]> {
    const { chain: { headers }, store } = this.#parts;
    const hashes = rows.map((row) => headers.hash(row));
    const unwritten = hashes.map((hash) => this.#unwritten.get(toHex(hash)));
    const stored = await store.heads(hashes);
    return stored.map((head, i) => head ?? unwritten[i]);
  }

  /** Ends the work, and writes what is made. What cannot be written is made again in the next run. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    this.#cancelRetry();
    await this.#write().catch((thrown) => this.#tell(messageOf(thrown)));
  }

  #wake(): void {
    if (!this.#isClosed) this.#work(() => this.#run());
  }

  /** One work at a time. */
  #work(work: () => Promise<void>): void {
    if (this.#running !== undefined) return;
    this.#cancelRetry();
    this.#running = work().then(() => this.#rest(), (thrown) => this.#trouble(thrown));
  }

  /** All that is connected has its filter. */
  #rest(): void {
    const { chain, notice } = this.#parts;
    this.#running = undefined;
    this.#forgetWaiting();
    if (this.#next() !== undefined) return this.#wake();
    if (this.#told !== undefined) notice("info", `${FILTER_INDEX_NAME}: it goes on`);
    this.#told = undefined;
    this.#isSynced ||= this.#best >= 0 && chain.headers.commonAncestor(this.#best, chain.tip) === chain.tip;
  }

  #forgetWaiting(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  #trouble(thrown: unknown): void {
    this.#running = undefined;
    this.#isSynced = false;
    this.#forgetWaiting();
    this.#tell(`${messageOf(thrown)}; it is tried again every ${RETRY_MS / 1000} s`);
    if (!this.#isClosed) this.#cancelRetry = this.#parts.clock.after(RETRY_MS, () => this.#wake());
  }

  #tell(text: string): void {
    if (this.#told !== text) this.#parts.notice("warning", `${FILTER_INDEX_NAME}: ${text}`);
    this.#told = text;
  }

  async #run(): Promise<void> {
    const { clock, chain, notice } = this.#parts;
    const { headers } = chain;
    // Other threads can be given their part of the next block first.
    await clock.sleep(0);
    let [turn, told] = [clock.monotonic(), clock.monotonic()];
    for (let next = this.#next(); next !== undefined && !this.#isClosed; next = this.#next()) {
      if (this.#unwritten.size >= WRITE_MAX || this.#unwrittenBytes >= WRITE_BYTES) await this.#write();
      const parent = next === 0 ? -1 : headers.parent(next);
      if (parent !== this.#best) await this.#goBackTo(parent);
      this.#take(next, await this.#make(next, this.#bestHeader));
      if (clock.monotonic() - turn < TURN_MS) continue;
      await clock.sleep(0);
      turn = clock.monotonic();
      if (turn - told < TELL_MS) continue;
      told = turn;
      notice("info", `${FILTER_INDEX_NAME}: height ${this.height} of ${headers.height(chain.states.complete)}`);
    }
    // After a failure it is not all right before that is written.
    if (this.#told !== undefined) await this.#write();
    this.#cancelWrite();
    if (this.#unwritten.size > 0) this.#cancelWrite = clock.after(WRITE_MS, () => this.#work(() => this.#write()));
  }

  /** The row whose filter is to be made next; undefined when all that is connected have theirs. */
  #next(): number | undefined {
    const { headers, states: { complete: connected } } = this.#parts.chain;
    if (this.#best < 0) return 0;
    const fork = headers.commonAncestor(this.#best, connected);
    return fork === connected ? undefined : headers.ancestor(connected, headers.height(fork) + 1);
  }

  /** The chain has left the branch that the index follows. */
  async #goBackTo(row: number): Promise<void> {
    const head = await this.head(row);
    if (head === undefined) throw new NodeError("INDEX_DAMAGED", "self", "a filter is missing; start with --reindex");
    this.#best = row;
    this.#bestHeader = head.filterHeader;
  }

  #take(row: number, entry: FilterEntry): void {
    const name = toHex(entry.blockHash);
    // One that was left and came back is made again.
    this.#dropUnwritten(name);
    this.#unwritten.set(name, entry);
    this.#unwrittenBytes += entry.filter.length;
    this.#best = row;
    this.#bestHeader = entry.filterHeader;
  }

  /** Makes the filter of a block. @throws NodeError `INDEX_PRUNED`, `DATABASE_DAMAGED` */
  async #make(row: number, above: Uint8Array): Promise<FilterEntry> {
    const { block, spent } = this.#takeWaiting(row) ?? await this.#read(row);
    const { bytes: filter } = buildBasicFilter(block, spent);
    const hash = filterHash(filter);
    return { blockHash: block.hash, filter, filterHash: hash, filterHeader: filterHeader(hash, above) };
  }

  #takeWaiting(row: number): Waiting | undefined {
    const waiting = this.#waiting.get(row);
    if (waiting === undefined) return undefined;
    this.#waiting.delete(row);
    this.#waitingBytes -= waiting.block.raw.length;
    return waiting;
  }

  async #read(row: number): Promise<Waiting> {
    const { chain } = this.#parts;
    const block = await chain.blocks.read(row);
    const spent = block && await chain.blocks.spentBy(row, block);
    if (block === undefined || spent === undefined) throw pruned();
    return { block, spent: spent.map(({ bytes }) => decodeCoin(bytes).scriptPubKey) };
  }

  async #write(): Promise<void> {
    this.#cancelWrite();
    const entries = [...this.#unwritten.values()];
    if (entries.length === 0) return;
    await this.#parts.store.put(entries);
    for (const { blockHash } of entries) this.#dropUnwritten(toHex(blockHash));
  }

  #dropUnwritten(name: string): void {
    this.#unwrittenBytes -= this.#unwritten.get(name)?.filter.length ?? 0;
    this.#unwritten.delete(name);
  }
}

const pruned = () =>
  new NodeError(
    "INDEX_PRUNED",
    "self",
    `${FILTER_INDEX_NAME} best block of the index goes beyond pruned data (including undo data). Please disable the ` +
      "index (--blockfilterindex off) or reindex in an empty data folder, which downloads the whole chain again",
  );
