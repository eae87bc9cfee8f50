/**
 * The coins: outputs that are not spent, as they are after one block of the tree. That block has a name of its own,
 * {@link CoinState.at}: it may lag behind the tip, whose blocks are connected from our own disk then, and it is taken back
 * on a reorganisation.
 *
 * What is read goes through {@link CoinView}. What changes is kept in a table in memory until that is full, and is handed
 * down as a whole then (`coin-flush.ts`). A coin that is made and spent meanwhile never reaches the disk: it is marked
 * fresh, which says that the disk does not know it. What was only read is not kept: it is spent next.
 *
 * @see Bitcoin Core `coins.h` (CCoinsView, CCoinsViewCache), `undo.h`
 * @module
 */
import { messageOf, NodeError } from "../../core/errors.ts";
import { ByteTable } from "../../storage/byte-table.ts";
import { type CoinChanges, leftOutputs } from "../coins/changes.ts";
import { type Coin, coinView, decodeCoin } from "../coins/coin.ts";
import { COIN_KEY_BYTES_MAX, writeCoinKey } from "../coins/key.ts";
import { decodeUndo, encodeUndo, type SpentCoin } from "../coins/undo.ts";
import type { BitcoinStore } from "../store.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint } from "../types/transaction-parts.ts";

export { type CoinChanges, NO_CHANGES, type PlacedCoin } from "../coins/changes.ts";
export type { Coin } from "../coins/coin.ts";

/** Coins that were asked for, as they are after the block of a row. */
export interface FoundCoins {
  readonly at: number;
  /** In the order of the question. */
  readonly coins: readonly (Coin | undefined)[];
}

/** What is not spent after the parent of the block that is being connected. */
export interface CoinView {
  /** The coins of many outpoints, in the order of the question; undefined where there is none. */
  getMany(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>;
}

/** What a validator that needs no coins is given. */
export const NO_COINS: CoinView = { getMany: () => Promise.reject(new TypeError("no coins are kept")) };

/** The disk does not know this coin: when it is spent there is nothing to tell it. */
const FRESH = 1;

/** The block that the stored coins are of, and the transactions of all blocks up to it, where that is known. */
export interface StoredCoins {
  readonly at: number;
  readonly transactions: number | undefined;
}

/** Which coins are stored. */
export async function storedCoins(
  store: Pick<BitcoinStore, "coinsAt" | "coinTransactions">,
): Promise<StoredCoins> {
  const at = await store.coinsAt();
  // Genesis has one transaction, which makes no coin.
  return at === undefined ? { at: 0, transactions: 1 } : { at, transactions: await store.coinTransactions() };
}

/** What coins are read from. */
export interface CoinStateParts {
  readonly store: Pick<BitcoinStore, "coins" | "coinUndo">;
  /** What takes a block back and is not on disk yet, by its row. */
  readonly waitingUndo: (row: number) => Uint8Array | undefined;
  /** For the table's hash: nobody outside may know it. */
  readonly secret: Uint8Array;
  /** Transactions of all blocks up to the one that the stored coins are of, where that is known. */
  readonly transactions?: number | undefined;
}

/** Changes that are being written. Nothing changes them any more. */
export interface FrozenCoins {
  /** The row after whose block the coins are so. */
  readonly at: number;
  /** Transactions of all blocks up to that one, where that is known. */
  readonly transactions: number | undefined;
  readonly changed: ByteTable;
}

const key = new Uint8Array(COIN_KEY_BYTES_MAX);

/** The coins after one block. */
export class CoinState implements CoinView {
  readonly #parts: CoinStateParts;
  #at: number;
  #transactions: number | undefined;
  #changed: ByteTable;
  /** Blocks that were connected or taken back since the table was empty. */
  #steps = 0;
  #frozen: FrozenCoins | undefined;
  /** Whether coins are stored, or are being: what memory does not know has to be asked of the store. */
  #areStored: boolean;
  /** Coins that were asked for since the start, and those of them that memory knew. */
  readonly reads = { asked: 0, fromMemory: 0 };

  /** @param at the row after whose block the stored coins are so; genesis makes no coin */
  constructor(at: number, parts: CoinStateParts) {
    this.#parts = parts;
    this.#at = at;
    this.#areStored = at !== 0;
    this.#transactions = parts.transactions;
    this.#changed = new ByteTable(parts.secret);
  }

  /** The row after whose block the coins are so. */
  get at(): number {
    return this.#at;
  }

  /** Whether there is nothing that the disk does not have or is not being given. */
  get isClean(): boolean {
    return this.#steps === 0;
  }

  /** Bytes of memory that changes take which are not being written yet. */
  get bytes(): number {
    return this.#changed.bytes;
  }

  /** Bytes of memory that all changes take. */
  get bytesHeld(): number {
    return this.bytes + (this.#frozen?.changed.bytes ?? 0);
  }

  /** What is being written. */
  get frozen(): FrozenCoins | undefined {
    return this.#frozen;
  }

  async getMany(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    const found: (Coin | undefined)[] = [];
    const missing: { readonly index: number; readonly key: Uint8Array }[] = [];
    for (const [index, outpoint] of outpoints.entries()) {
      const length = writeCoinKey(outpoint, key);
      const known = this.#known(length);
      if (known === undefined) missing.push({ index, key: key.slice(0, length) });
      found.push(known === undefined || known === "gone" ? undefined : decodeCoin(known));
    }
    this.reads.asked += outpoints.length;
    this.reads.fromMemory += outpoints.length - missing.length;
    if (missing.length === 0 || !this.#areStored) return found;
    const stored = await this.#parts.store.coins(missing.map(({ key }) => key));
    for (const [i, { index }] of missing.entries()) found[index] = stored[i] && decodeCoin(stored[i]);
    return found;
  }

  /** What memory says of the key in `key`. */
  #known(length: number): Uint8Array | "gone" | undefined {
    for (const table of [this.#changed, this.#frozen?.changed]) {
      const address = table?.find(key, length) ?? 0;
      if (address !== 0) return table!.isGone(address) ? "gone" : table!.value(address);
    }
    return undefined;
  }

  /**
   * The block of `row`, a child of {@link at}, is connected. Returns what takes it back.
   * @param hash the block's
   * @param block the block, if it is at hand: what takes it back is shorter then
   */
  apply(row: number, hash: Uint8Array, { created, spent }: CoinChanges, block: Block | undefined): Uint8Array {
    for (const { outpoint } of spent) this.#take(outpoint);
    for (const { outpoint, coin } of created) {
      const length = writeCoinKey(outpoint, key);
      const address = this.#changed.find(key, length);
      // Only the id of a coinbase can be there already: two pairs of the early chain are.
      const isFresh = address === 0 ? !coin.isCoinbase : this.#changed.flags(address) === FRESH;
      const bytes = coinView(coin);
      this.#changed.set(key, length, bytes, bytes.length, isFresh ? FRESH : 0);
    }
    this.#stand(row, block && block.transactions.length);
    return encodeUndo(hash, spent, block);
  }

  /**
   * What the block of a row spent of the coins that were there before it; undefined when nobody knows: it was not connected
   * with coins, or is pruned.
   * @throws NodeError `DATABASE_DAMAGED` when it is not what was written
   */
  async spentBy(row: number, block: Block): Promise<readonly SpentCoin[] | undefined> {
    const bytes = this.#parts.waitingUndo(row) ?? await this.#parts.store.coinUndo(row);
    if (bytes === undefined) return undefined;
    try {
      return decodeUndo(block.hash, bytes, block);
    } catch (thrown) {
      throw lost(row, `is not what was written (${messageOf(thrown)})`, thrown);
    }
  }

  /**
   * Takes the block of {@link at} back.
   * @throws NodeError `DATABASE_DAMAGED` when nobody knows any more what it spent
   */
  async undo(block: Block, parent: number): Promise<void> {
    const row = this.#at;
    const spent = await this.spentBy(row, block);
    if (spent === undefined) throw lost(row, "is not known");
    for (const outpoint of leftOutputs(block)) this.#take(outpoint);
    for (const { outpoint, bytes } of spent) {
      const length = writeCoinKey(outpoint, key);
      this.#changed.set(key, length, bytes, bytes.length);
    }
    this.#stand(parent, -block.transactions.length);
  }

  /** Stands after the block of `row`, with so many transactions more or less. */
  #stand(row: number, transactions: number | undefined): void {
    this.#at = row;
    this.#steps += 1;
    const known = this.#transactions;
    this.#transactions = known === undefined || transactions === undefined ? undefined : known + transactions;
  }

  /** A coin is no more. */
  #take(outpoint: OutPoint): void {
    const length = writeCoinKey(outpoint, key);
    const address = this.#changed.find(key, length);
    if (address !== 0 && this.#changed.flags(address) === FRESH) this.#changed.delete(key, length);
    else this.#changed.set(key, length, undefined);
  }

  /** All that changed is to be written: it is read as it is now until {@link CoinState.flushed}. */
  freeze(): FrozenCoins {
    if (this.#frozen !== undefined) throw new TypeError("coins are being written");
    this.#frozen = { at: this.#at, transactions: this.#transactions, changed: this.#changed };
    this.#changed = new ByteTable(this.#parts.secret);
    this.#steps = 0;
    this.#areStored = true;
    return this.#frozen;
  }

  /** What was frozen is on disk. */
  flushed(): void {
    this.#frozen = undefined;
  }
}

function lost(row: number, what: string, cause?: unknown): NodeError<"DATABASE_DAMAGED"> {
  const text = `what block ${row} spent ${what}; start with --reindex`;
  return new NodeError("DATABASE_DAMAGED", "self", text, { cause });
}
