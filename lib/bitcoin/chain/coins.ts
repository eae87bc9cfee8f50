/**
 * The coins: outputs that are not spent, as they are after one block of the tree. That block has a name of its own,
 * {@link CoinState.at}: it may lag behind the tip, whose blocks are connected from our own disk then, and it is taken back
 * on a reorganisation.
 *
 * What is read goes through {@link CoinView}. What changes waits in layers in memory until a commit takes it: first what
 * belongs to no tip yet, because a branch is connected that has not more work than the tip, then what waits for the next
 * commit. So what is on disk is never ahead of the tip on disk.
 *
 * @see Bitcoin Core `coins.h` (CCoinsView, CCoinsViewCache), `undo.h`
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import type { BitcoinStore, CoinStep } from "../store.ts";
import type { Block } from "../types/block.ts";
import type { OutPoint } from "../types/transaction-parts.ts";

/** An output that is not spent. */
export interface Coin {
  /** Satoshi. */
  readonly value: bigint;
  readonly scriptPubKey: Uint8Array;
  /** Height of the block that made it. */
  readonly height: number;
  /** Whether a coinbase made it: it may be spent a hundred blocks later. */
  readonly isCoinbase: boolean;
}

/** An output and where it is. */
export interface PlacedCoin {
  readonly outpoint: OutPoint;
  readonly coin: Coin;
}

/** What is not spent after the parent of the block that is being connected. */
export interface CoinView {
  /** The coins of many outpoints, in the order of the question; undefined where there is none. */
  getMany(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]>;
}

/** What one block does to the coins. What is made and spent within the block is in neither list. */
export interface CoinChanges {
  readonly created: readonly PlacedCoin[];
  /** With what they were, so that the block can be taken back. */
  readonly spent: readonly PlacedCoin[];
}

/** What a validator that needs no coins is given. */
export const NO_COINS: CoinView = { getMany: () => Promise.reject(new TypeError("no coins are kept")) };

/** Nothing. */
export const NO_CHANGES: CoinChanges = { created: [], spent: [] };

/** Changes that wait for a commit. The newest of a key counts. */
export interface CoinLayer {
  /** The row after whose block the coins are so. */
  at: number;
  /** By outpoint in hexadecimal; undefined for a coin that is gone. */
  readonly changed: Map<string, Uint8Array | undefined>;
  /** What takes a block back, by its row; undefined when it was taken back. */
  readonly undo: Map<number, Uint8Array | undefined>;
}

const HEAD_BYTES = 12;

/** The name of an outpoint in the store: txid ‖ index u32 LE, in hexadecimal. */
export function coinKey({ txid, vout }: OutPoint): string {
  const bytes = new Uint8Array(36);
  bytes.set(txid);
  new DataView(bytes.buffer).setUint32(32, vout, true);
  return toHex(bytes);
}

/** height × 2 + coinbase u32 LE ‖ value i64 LE ‖ script. */
function encodeCoin({ value, scriptPubKey, height, isCoinbase }: Coin): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + scriptPubKey.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, height * 2 + Number(isCoinbase), true);
  view.setBigInt64(4, value, true);
  bytes.set(scriptPubKey, HEAD_BYTES);
  return bytes;
}

function decodeCoin(bytes: Uint8Array): Coin {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const mark = view.getUint32(0, true);
  return {
    value: view.getBigInt64(4, true),
    scriptPubKey: bytes.slice(HEAD_BYTES),
    height: mark >>> 1,
    isCoinbase: (mark & 1) === 1,
  };
}

/** For each spent coin: its key in 36 bytes ‖ length u32 LE ‖ the coin. */
function encodeUndo(spent: readonly PlacedCoin[]): Uint8Array {
  const coins = spent.map(({ coin }) => encodeCoin(coin));
  const bytes = new Uint8Array(coins.reduce((sum, { length }) => sum + 40 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [i, coin] of coins.entries()) {
    const { txid, vout } = spent[i]!.outpoint;
    bytes.set(txid, at);
    view.setUint32(at + 32, vout, true);
    view.setUint32(at + 36, coin.length, true);
    bytes.set(coin, at + 40);
    at += 40 + coin.length;
  }
  return bytes;
}

function decodeUndo(bytes: Uint8Array): [string, Uint8Array][] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const found: [string, Uint8Array][] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at + 36, true);
    found.push([toHex(bytes.subarray(at, at + 36)), bytes.slice(at + 40, at + 40 + length)]);
    at += 40 + length;
  }
  return found;
}

function newLayer(at: number): CoinLayer {
  return { at, changed: new Map(), undo: new Map() };
}

/** What coins are read from and committed with. */
export interface CoinStateParts {
  readonly store: Pick<BitcoinStore, "coins" | "coinUndo">;
  /** What waits for a commit or is being committed, the newest first. */
  readonly waiting: () => readonly CoinLayer[];
}

/** The coins after one block. */
export class CoinState implements CoinView {
  readonly #parts: CoinStateParts;
  /** What no commit may take yet. */
  #open: CoinLayer;

  /** @param at the row after whose block the stored coins are so; genesis makes no coin */
  constructor(at: number, parts: CoinStateParts) {
    this.#parts = parts;
    this.#open = newLayer(at);
  }

  /** The row after whose block the coins are so. */
  get at(): number {
    return this.#open.at;
  }

  /** Whether nothing waits to be released. */
  get isClean(): boolean {
    return this.#open.undo.size === 0;
  }

  async getMany(outpoints: readonly OutPoint[]): Promise<readonly (Coin | undefined)[]> {
    const layers = this.#layers();
    const keys = outpoints.map(coinKey);
    const found = keys.map((key) => layers.find(({ changed }) => changed.has(key)));
    const missing = keys.filter((_, i) => found[i] === undefined);
    const stored = missing.length === 0 ? [] : await this.#parts.store.coins(missing);
    const byKey = new Map(missing.map((key, i) => [key, stored[i]]));
    return keys.map((key, i) => {
      const layer = found[i];
      const bytes = layer === undefined ? byKey.get(key) : layer.changed.get(key);
      return bytes && decodeCoin(bytes);
    });
  }

  /** The block of `row`, a child of {@link at}, is connected. */
  apply(row: number, { created, spent }: CoinChanges): void {
    const { changed, undo } = this.#open;
    for (const { outpoint } of spent) changed.set(coinKey(outpoint), undefined);
    for (const { outpoint, coin } of created) changed.set(coinKey(outpoint), encodeCoin(coin));
    undo.set(row, encodeUndo(spent));
    this.#open.at = row;
  }

  /**
   * Takes the block of {@link at} back.
   * @throws NodeError `DATABASE_DAMAGED` when nobody knows any more what it spent
   */
  async undo(block: Block, parent: number): Promise<void> {
    const row = this.at;
    const bytes = this.#layers().find(({ undo }) => undo.has(row))?.undo.get(row) ??
      await this.#parts.store.coinUndo(row);
    if (bytes === undefined) {
      throw new NodeError("DATABASE_DAMAGED", "self", `what block ${row} spent is not known; start with --reindex`);
    }
    const { changed, undo } = this.#open;
    for (const { txid, outputs } of block.transactions) {
      for (const vout of outputs.keys()) changed.set(coinKey({ txid, vout }), undefined);
    }
    for (const [key, coin] of decodeUndo(bytes)) changed.set(key, coin);
    undo.set(row, undefined);
    this.#open.at = parent;
  }

  /** What waits may be committed: the coins are those of the tip, or of a block before it. Adds it to `pending`. */
  release(pending: CoinLayer | undefined): CoinLayer {
    const { at, changed, undo } = this.#open;
    this.#open = newLayer(at);
    if (pending === undefined) return { at, changed, undo };
    pending.at = at;
    for (const [key, coin] of changed) pending.changed.set(key, coin);
    for (const [row, bytes] of undo) pending.undo.set(row, bytes);
    return pending;
  }

  #layers(): readonly CoinLayer[] {
    return [this.#open, ...this.#parts.waiting()];
  }
}

/** A layer as the store takes it. */
export function coinStep({ at, changed, undo }: CoinLayer): CoinStep {
  return { at, changed, undo };
}
