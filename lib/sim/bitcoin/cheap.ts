/**
 * Transactions that are valid and pay less than miners ask for: relayed, and in no block.
 *
 * @module
 */
import type { Transaction } from "../../bitcoin/types/mod.ts";
import type { SeededRandom } from "../random.ts";
import type { WorldBlocks } from "./blocks.ts";
import { coinsOf, spendOpen, type WorldCoin, type WorldWallet } from "./wallet.ts";

/** Coins that are made of one. */
const COINS_OF_ONE = 2_000;
/** Transactions that make so many coins each in one block. */
const FANS_PER_BLOCK = 10;
const FAN_SATOSHI = 100_000;
/** Virtual bytes of one of them. */
const VBYTES = 110;
/** Satoshi for 1000 virtual bytes: what the first and the last of them pay, and by how much they differ from their neighbours. */
const [RATE_FIRST, RATE_LAST, RATE_SPREAD] = [150, 650, 100];

/** So many of them, each with a coin of its own that is in the history of the world. */
export class CheapTransactions {
  readonly count: number;
  readonly #coins: WorldCoin[] = [];
  #taken = 0;

  /** Makes the coins, in blocks before the world begins. `now` in milliseconds. */
  constructor(count: number, blocks: WorldBlocks, wallet: WorldWallet, now: number) {
    this.count = count;
    for (let left = count; left > 0;) {
      const fans: Transaction[] = [];
      for (; left > 0 && fans.length < FANS_PER_BLOCK; left -= COINS_OF_ONE) {
        const coin = wallet.take();
        if (coin === undefined) throw new RangeError(`the world has no coins for ${count} transactions`);
        fans.push(spendOpen([coin], FAN_SATOSHI, Math.min(COINS_OF_ONE, left)));
      }
      blocks.extendHistory(now, fans);
      for (const fan of fans) {
        this.#coins.push(...coinsOf(fan));
        wallet.leave(fan);
      }
    }
  }

  /** The next ones: each pays rather more than those before. */
  take(count: number, random: SeededRandom): readonly Transaction[] {
    const coins = this.#coins.slice(this.#taken, this.#taken + count);
    return coins.map((coin) => {
      const rate = RATE_FIRST + (RATE_LAST - RATE_FIRST) * (this.#taken++ / this.count) + random.below(RATE_SPREAD);
      return spendOpen([coin], Math.ceil(rate * VBYTES / 1_000), 1);
    });
  }
}
