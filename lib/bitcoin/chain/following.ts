/**
 * The chain of a node that only reads: another process connects the blocks, and what it commits is taken over here. The
 * coins are read as they are stored, which may be after an earlier block than the tip.
 *
 * @module
 */
import type { Followed } from "../../core/following.ts";
import { decodeCoin } from "../coins/coin.ts";
import { coinKey } from "../coins/key.ts";
import { HeaderBatch } from "../headers/header-batch.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { CoinReading, FollowedStore, StatusRun, StoreNews } from "../store.ts";
import type { OutPoint } from "../types/transaction-parts.ts";
import type { ChainstateManager } from "./chainstates.ts";
import type { FoundCoins } from "./coins.ts";
import { type ActiveLevels, levelOf } from "./levels.ts";

/** What following needs of the chain. */
export interface ChainFollowingParts {
  readonly headers: HeaderChain;
  readonly store: FollowedStore;
  readonly levels: ActiveLevels;
  readonly states: ChainstateManager;
  readonly isActive: (row: number) => boolean;
  readonly tip: () => number;
  /** So many headers more are stored. */
  readonly restored: (headers: number) => void;
  /** The tip is another. */
  readonly moved: (tip: number) => void;
}

/** How often coins are read again that changed while they were read. */
const READS_MAX = 20;

/** Follows the writer of the store. */
export class ChainFollowing implements Followed {
  readonly #parts: ChainFollowingParts;
  /** Settles, never rejects, when nobody takes news over. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(parts: ChainFollowingParts) {
    this.#parts = parts;
  }

  commits(): Promise<number> {
    return this.#parts.store.commits();
  }

  follow(): Promise<number> {
    const done = this.#tail.then(() => this.#follow());
    this.#tail = done.catch(() => {});
    return done;
  }

  async #follow(): Promise<number> {
    const { headers, store, levels, states, isActive, tip: tipNow, restored, moved } = this.#parts;
    const news = await store.news();
    const length = headers.length;
    takeHeaders(headers, news, (row, before, after) => {
      const [from, to] = [levelOf(before), levelOf(after)];
      if (from !== to && row > 0 && isActive(row)) levels.change(from, to);
    });
    restored(headers.length - length);
    const { tip = tipNow() } = news;
    await states.follow(tip, news.snapshot);
    if (tip !== tipNow()) moved(tip);
    return news.commit;
  }

  /** Coins as they are stored; see `BitcoinChain.coins`. */
  async coins(outpoints: readonly OutPoint[]): Promise<FoundCoins | undefined> {
    const { store, states } = this.#parts;
    for (let reads = 1;; reads++) {
      const at = await store.coinsAt() ?? 0;
      if (states.coins === undefined) return undefined;
      // Not of what memory keeps beside them, which knows the store as it was at the start.
      const coins = (await store.coins(outpoints.map(coinKey))).map((coin) => coin && decodeCoin(coin));
      // Between two answers the writer may have brought others to disk.
      if ((await store.coinsAt() ?? 0) !== at && reads < READS_MAX) continue;
      await this.#know(at);
      return { at, coins };
    }
  }

  /** All coins as they are stored; see `BitcoinStore.readCoins`. */
  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T> {
    return this.#parts.store.readCoins(async (reading) => {
      await this.#know(reading.at ?? 0);
      return await use(reading);
    });
  }

  /** The coins may be of a block that is not known here yet. */
  async #know(row: number): Promise<void> {
    if (row >= this.#parts.headers.length) await this.follow();
  }
}

/** Takes over headers and their statuses. */
export function takeHeaders(
  headers: HeaderChain,
  news: Pick<StoreNews, "headers" | "statuses">,
  changed: (row: number, before: number, after: number) => void = () => {},
): void {
  headers.follow(HeaderBatch.fromBytes(news.headers), rowsOf(news.statuses), changed);
}

function* rowsOf(runs: readonly StatusRun[]): Generator<readonly [row: number, status: number]> {
  for (const { firstRow, bits } of runs) for (const [i, status] of bits.entries()) yield [firstRow + i, status];
}
