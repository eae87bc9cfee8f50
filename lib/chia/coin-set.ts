/**
 * The place of the coins: what a block's spends are held against, and what they change. Coins are read through
 * {@link CoinView} and change with the commit that moves the main chain, in the same transaction. A node whose validator
 * runs no generators keeps no coins.
 *
 * @see chia-blockchain 2.7.5 `chia/full_node/coin_store.py`
 * @module
 */
import { toHex } from "../codec/hex.ts";
import { NodeError } from "../core/errors.ts";
import type { Database } from "../core/ports.ts";
import type { CoinRecord } from "./types/mod.ts";

/** The coins as they are after one block. */
export interface CoinView {
  /** The coins of many ids, in the order of the question; undefined where there never was one. */
  getMany(ids: readonly Uint8Array[]): Promise<readonly (CoinRecord | undefined)[]>;
}

/** A coin and its id. */
export interface CreatedCoin {
  readonly id: Uint8Array;
  readonly record: CoinRecord;
}

/** What one block does to the coins. */
export interface CoinChanges {
  readonly created: readonly CreatedCoin[];
  /** Ids of coins that are spent; some may have been created by the same block. */
  readonly spent: readonly Uint8Array[];
}

/** Nothing. */
export const NO_CHANGES: CoinChanges = { created: [], spent: [] };

/** The coins' part of one commit. */
export interface CoinStep {
  /** What the blocks from this height on did is undone first. */
  readonly fromHeight: number;
  /** What the blocks do that are there now: the first is that of `fromHeight`. */
  readonly blocks: readonly CoinChanges[];
}

/** All coins of the main chain. */
export interface CoinSet {
  /** The coins as they were after the main block of a height; before any block at −1. */
  viewAt(height: number): CoinView;
  /** Makes the changes. `within` is the transaction of the commit, where the store has one. */
  change(step: CoinStep, within?: Database): Promise<void>;
}

/** Codes of a coin set that was asked for the impossible. */
export type CoinCode = "STORE_NO_COINS";

/** The coin set of a node that keeps none: it knows no coin, and refuses to forget one. */
export const NO_COINS: CoinSet = {
  viewAt: () => ({ getMany: (ids) => Promise.resolve(ids.map(() => undefined)) }),
  change({ blocks }) {
    if (blocks.every(({ created, spent }) => created.length === 0 && spent.length === 0)) return Promise.resolve();
    return Promise.reject(new NodeError<CoinCode>("STORE_NO_COINS", "self", "the store keeps no coins"));
  },
};

/** Coins of the main chain, and above them what blocks did that are in no commit yet. */
export class CoinOverlay implements CoinView {
  readonly #below: CoinView;
  readonly #created = new Map<string, CoinRecord>();
  readonly #spentAt = new Map<string, number>();

  constructor(below: CoinView) {
    this.#below = below;
  }

  /** Puts what the block of a height does on top. */
  apply(height: number, { created, spent }: CoinChanges): void {
    for (const { id, record } of created) this.#created.set(toHex(id), record);
    for (const id of spent) this.#spentAt.set(toHex(id), height);
  }

  async getMany(ids: readonly Uint8Array[]): Promise<readonly (CoinRecord | undefined)[]> {
    const keys = ids.map(toHex);
    const asked = ids.filter((_, i) => !this.#created.has(keys[i]!));
    const stored = asked.length === 0 ? [] : await this.#below.getMany(asked);
    let next = 0;
    return keys.map((key) => {
      const record = this.#created.get(key) ?? stored[next++];
      const spentBlockIndex = this.#spentAt.get(key);
      return record === undefined || spentBlockIndex === undefined ? record : { ...record, spentBlockIndex };
    });
  }
}

/** A coin set in memory: for tests, and for a store in memory. */
export class MemoryCoinSet implements CoinSet {
  readonly #coins = new Map<string, { record: CoinRecord }>();

  viewAt(height: number): CoinView {
    const seen = (id: Uint8Array): CoinRecord | undefined => {
      const record = this.#coins.get(toHex(id))?.record;
      if (record === undefined || record.confirmedBlockIndex > height) return undefined;
      return record.spentBlockIndex > height ? { ...record, spentBlockIndex: 0 } : record;
    };
    return { getMany: (ids) => Promise.resolve(ids.map(seen)) };
  }

  change({ fromHeight, blocks }: CoinStep): Promise<void> {
    for (const [key, coin] of this.#coins) {
      if (coin.record.confirmedBlockIndex >= fromHeight) this.#coins.delete(key);
      else if (coin.record.spentBlockIndex >= fromHeight) coin.record = { ...coin.record, spentBlockIndex: 0 };
    }
    for (const [i, { created, spent }] of blocks.entries()) {
      for (const { id, record } of created) this.#coins.set(toHex(id), { record });
      for (const id of spent) {
        const coin = this.#coins.get(toHex(id));
        if (coin !== undefined) coin.record = { ...coin.record, spentBlockIndex: fromHeight + i };
      }
    }
    return Promise.resolve();
  }
}
