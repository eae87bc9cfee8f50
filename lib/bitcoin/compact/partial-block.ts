/**
 * A block that is put together from a compact one, the transactions that are here, and those that the peer gives when it is
 * asked.
 *
 * @see BIP152; Bitcoin Core `blockencodings.cpp` (PartiallyDownloadedBlock)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { sipHash24Ids } from "../../codec/siphash.ts";
import { Block } from "../types/block.ts";
import { type CompactBlock, INDEX_MAX, type ShortIdKey, shortIdKey } from "../types/compact-block.ts";
import type { Transaction } from "../types/transaction.ts";
import type { BlockParts } from "./block-parts.ts";
import type { IdTable } from "./id-table.ts";
import { ShortIdTable } from "./short-id-table.ts";

/** Transactions of a block: of its weight each takes 40 at least, as by Core. */
const TRANSACTIONS_MAX = 4_000_000 / 40;
/** Bytes of a block. */
const BLOCK_BYTES_MAX = 4_000_000;
/** Ids that are hashed before it is seen whether all are found. */
const CHUNK = 4_096;

/** Where the transactions of a block came from, by their number. */
export interface PartCounts {
  prefilled: number;
  /** Of the mempool. */
  pool: number;
  /** Of those that are kept beside it. */
  extra: number;
  /** That the peer was asked for. */
  asked: number;
}

/** What a compact block comes to at first. */
export type Begun =
  | { readonly kind: "begun"; readonly partial: PartialBlock }
  /** No block has this form. */
  | { readonly kind: "malformed"; readonly detail: string }
  /** Its ids cannot be told apart, or what they stand for is more than a block. Another nonce may do better. */
  | { readonly kind: "ambiguous" };

const low = new Uint32Array(CHUNK);
const high = new Uint32Array(CHUNK);

/** A block of which transactions may be missing. */
export class PartialBlock {
  readonly #compact: CompactBlock;
  readonly #slots: (Transaction | undefined)[];
  readonly #missing: number[] = [];
  readonly counts: PartCounts = { prefilled: 0, pool: 0, extra: 0, asked: 0 };
  /** Bytes of the transactions that are there. */
  bytes = 0;
  #isSpent = false;

  private constructor(compact: CompactBlock) {
    this.#compact = compact;
    this.#slots = new Array<Transaction | undefined>(compact.shortIds.length + compact.prefilled.length).fill(
      undefined,
    );
  }

  /** Puts what is here into its places. */
  static begin(compact: CompactBlock, { pool, extra }: Pick<BlockParts, "pool" | "extra">): Begun {
    const { shortIds, prefilled } = compact;
    const count = shortIds.length + prefilled.length;
    if (count === 0 || count > TRANSACTIONS_MAX) return { kind: "malformed", detail: `${count} transactions` };
    const partial = new PartialBlock(compact);
    const detail = partial.#prefill();
    if (detail !== undefined) return { kind: "malformed", detail };
    // Places above cannot be asked for.
    const table = count > INDEX_MAX + 1 ? undefined : ShortIdTable.of(shortIds);
    if (table === undefined) return { kind: "ambiguous" };
    partial.#search(table, shortIdKey(compact.header, compact.nonce), pool, extra);
    return partial.bytes > BLOCK_BYTES_MAX ? { kind: "ambiguous" } : { kind: "begun", partial };
  }

  /** The places of the transactions that are not here, ascending. */
  get missing(): readonly number[] {
    return this.#missing;
  }

  /** Whether {@link fill} was called, or it is of no use any more. */
  get isSpent(): boolean {
    return this.#isSpent;
  }

  /** Lets go of what it has: nothing can be made of it. */
  spend(): void {
    this.#isSpent = true;
    this.#slots.length = 0;
    this.bytes = 0;
  }

  /** The block with what was missing, which may not be the one that the header means; undefined when it is another number. */
  fill(transactions: readonly Transaction[]): Block | undefined {
    if (this.#isSpent || transactions.length !== this.#missing.length) return undefined;
    this.counts.asked = transactions.length;
    transactions.forEach((transaction, i) => this.#slots[this.#missing[i]!] = transaction);
    const all = this.#slots.map((transaction) => transaction!);
    this.spend();
    return Block.of(this.#compact.header, all);
  }

  /** Puts the transactions that came whole in their places; what is wrong with these, if anything is. */
  #prefill(): string | undefined {
    const { shortIds, prefilled } = this.#compact;
    for (const [i, { index, transaction }] of prefilled.entries()) {
      if (transaction.inputCount === 0 && transaction.outputCount === 0) return "an empty transaction";
      // Beyond that there is neither an id nor a transaction for a place before it.
      if (index > INDEX_MAX || index > shortIds.length + i) return `a transaction at place ${index}`;
      this.#slots[index] = transaction;
      this.bytes += transaction.size;
    }
    this.counts.prefilled = prefilled.length;
    return undefined;
  }

  #search(table: ShortIdTable, key: ShortIdKey, pool: IdTable, extra: IdTable): void {
    const places: number[] = [];
    this.#slots.forEach((transaction, place) => transaction ?? places.push(place));
    const found = new Matches(places.length);
    found.search(table, key, pool, "pool");
    found.search(table, key, extra, "extra");
    places.forEach((place, i) => {
      const transaction = found.of(i);
      if (transaction === undefined) return void this.#missing.push(place);
      this.#slots[place] = transaction;
      this.bytes += transaction.size;
    });
    this.counts.pool = found.counts.pool;
    this.counts.extra = found.counts.extra;
  }
}

/** What was found for each short id. */
class Matches {
  readonly counts = { pool: 0, extra: 0 };
  readonly #found: (Transaction | undefined)[];
  readonly #sources: ("pool" | "extra" | undefined)[];

  constructor(count: number) {
    this.#found = new Array<Transaction | undefined>(count).fill(undefined);
    this.#sources = new Array<"pool" | "extra" | undefined>(count).fill(undefined);
  }

  of(i: number): Transaction | undefined {
    return this.#found[i];
  }

  /** Looks through a table until all are found. */
  search(table: ShortIdTable, key: ShortIdKey, among: IdTable, source: "pool" | "extra"): void {
    for (let first = 0; first < among.size && !this.#isComplete; first += CHUNK) {
      const count = Math.min(CHUNK, among.size - first);
      sipHash24Ids(key, among.words, first, count, low, high);
      for (let i = 0; i < count; i++) {
        const match = table.find(low[i]!, high[i]!);
        if (match >= 0) this.#note(match, among.at(first + i), source);
      }
    }
  }

  get #isComplete(): boolean {
    return this.counts.pool + this.counts.extra === this.#found.length;
  }

  /** Of two that fit one id nobody can say which is meant: the peer is asked. One transaction may be at hand twice. */
  #note(i: number, transaction: Transaction, source: "pool" | "extra"): void {
    const before = this.#sources[i];
    if (before === undefined) {
      this.#found[i] = transaction;
      this.#sources[i] = source;
      this.counts[source] += 1;
      return;
    }
    const found = this.#found[i];
    if (found === undefined || equalBytes(found.wtxid, transaction.wtxid)) return;
    this.#found[i] = undefined;
    this.counts[before] -= 1;
  }
}
