/**
 * A set of coins in memory.
 *
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { CoinReading, CoinStep, OtherCoins, StagedCoins } from "../store.ts";

/** The coins, and the block that they are of. */
export class MemoryCoins implements OtherCoins {
  readonly #coins = new Map<string, Uint8Array>();
  #at: number | undefined;
  #transactions: number | undefined;

  /** The set is so after a step. */
  change({ at, staged, transactions }: CoinStep): void {
    if (!(staged instanceof StagedMap)) throw new TypeError("these coins were staged elsewhere");
    this.#at = at;
    this.#transactions = transactions;
    for (const [key, coin] of staged.changed) {
      if (coin === undefined) this.#coins.delete(key);
      else this.#coins.set(key, coin);
    }
  }

  coinsAt(): Promise<number | undefined> {
    return Promise.resolve(this.#at);
  }

  coinTransactions(): Promise<number | undefined> {
    return Promise.resolve(this.#transactions);
  }

  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.resolve(keys.map((key) => this.#coins.get(toHex(key))));
  }

  coinBytes(): Promise<number> {
    let bytes = 0;
    for (const [key, coin] of this.#coins) bytes += key.length / 2 + coin.length;
    return Promise.resolve(bytes);
  }

  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T> {
    const coins = [...this.#coins].sort(([a], [b]) => (a < b ? -1 : 1));
    const all: CoinReading["all"] = async (take, signal) => {
      for (const [name, bytes] of coins) {
        signal?.throwIfAborted();
        const key: Uint8Array = fromHex(name);
        await take({ key, keyLength: key.length, bytes, valueAt: 0, valueLength: bytes.length });
      }
    };
    return use({ at: this.#at, transactions: this.#transactions, all });
  }

  async stageCoins(changes: SortedEntries): Promise<StagedCoins> {
    const staged = new StagedMap();
    for await (const _ of changes.drain((...entry) => staged.take(...entry)));
    return staged;
  }
}

/** Changes that no step has named yet. */
class StagedMap implements StagedCoins {
  readonly changed = new Map<string, Uint8Array | undefined>();

  get count(): number {
    return this.changed.size;
  }

  take: Parameters<SortedEntries["drain"]>[0] = (key, keyAt, keyLength, value, valueAt, valueLength) => {
    const coin = valueLength < 0 ? undefined : value.slice(valueAt, valueAt + valueLength);
    this.changed.set(toHex(key.subarray(keyAt, keyAt + keyLength)), coin);
  };
}
