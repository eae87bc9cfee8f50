/**
 * One set of coins on disk: its runs, and the block that they are of. There are two places for sets, so that the coins of a
 * snapshot can lie beside those of the chain that is validated behind it.
 *
 * @module
 */
import type { Database, FileFolder } from "../../core/ports.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { CoinReading, CoinStep, OtherCoins, StagedCoins } from "../store.ts";
import { CoinRuns } from "./coin-runs.ts";
import { forgetState, readState, type StateName, writeState } from "./state.ts";

/** A place for coins. */
export type CoinPlace = 0 | 1;

const AT = ["coins_at", "coins_at_1"] as const satisfies StateName[];
const TRANSACTIONS = ["coins_transactions", "coins_transactions_1"] as const satisfies StateName[];

/** What a set needs. */
export interface CoinSetParts {
  readonly database: Database;
  readonly place: CoinPlace;
  /** Makes or opens the folder of a place. */
  readonly openFolder: ((place: CoinPlace) => Promise<FileFolder>) | undefined;
  /** Runs what writes to the store, one after another. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The coins of one place. */
export class CoinSet implements OtherCoins {
  readonly #parts: CoinSetParts;
  #runs: CoinRuns;
  /** Its list is empty; its files are still to be removed. */
  #isForgotten = false;

  constructor(parts: CoinSetParts) {
    this.#parts = parts;
    this.#runs = this.#open();
  }

  #open(): CoinRuns {
    const { openFolder, place } = this.#parts;
    const absent = () => Promise.reject(new TypeError("there is no place for coins"));
    return new CoinRuns({ ...this.#parts, openFolder: openFolder === undefined ? absent : () => openFolder(place) });
  }

  coinsAt(): Promise<number | undefined> {
    return readState(this.#parts.database, AT[this.#parts.place]);
  }

  coinTransactions(): Promise<number | undefined> {
    return readState(this.#parts.database, TRANSACTIONS[this.#parts.place]);
  }

  coins(keys: readonly Uint8Array[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#isForgotten ? Promise.resolve(keys.map(() => undefined)) : this.#runs.get(keys);
  }

  coinBytes(): Promise<number> {
    return this.#runs.bytes();
  }

  async readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T> {
    // What is read, and of which block it is, belong together; the reading itself keeps nobody from writing.
    const { pinned, at, transactions } = await this.#parts.exclusive(async () => ({
      at: await this.coinsAt(),
      transactions: await this.coinTransactions(),
      pinned: await this.#runs.pin(),
    }));
    try {
      return await use({ at, transactions, all: pinned.all });
    } finally {
      await pinned.release();
    }
  }

  stageCoins(changes: SortedEntries): Promise<StagedCoins> {
    return this.#runs.stage(changes);
  }

  /** Resolves when no coins are left to be moved together in the background. */
  rest(): Promise<void> {
    return this.#runs.rest();
  }

  /** The set is so after a step. Inside its transaction. */
  async change(within: Database, { at, staged, transactions }: CoinStep): Promise<void> {
    const { place } = this.#parts;
    await this.#runs.name(within, staged);
    await writeState(within, AT[place], at);
    if (transactions === undefined) await forgetState(within, TRANSACTIONS[place]);
    else await writeState(within, TRANSACTIONS[place], transactions);
  }

  /** The step is durable. */
  async changed({ staged }: CoinStep): Promise<void> {
    await this.#runs.named(staged);
  }

  /** Nothing changes it any more but steps: it is about to be forgotten. */
  halt(): Promise<void> {
    return this.#runs.halt();
  }

  /** No coins are left in it. Inside a step's transaction. */
  async forget(within: Database): Promise<void> {
    await forgetPlace(within, this.#parts.place);
  }

  /** The step that forgot it is durable. */
  forgotten(): void {
    this.#isForgotten = true;
  }

  /** Removes all files that the database does not name. Readings that are under way get their bytes. */
  async clean(): Promise<void> {
    await this.#runs.close();
    this.#runs = this.#open();
    this.#isForgotten = false;
    await this.#runs.bytes();
  }

  /** Ends what goes on by itself, and closes all files. */
  close(): Promise<void> {
    return this.#runs.close();
  }
}

/** Nothing is in a place any more. Inside a transaction; its files are removed when they are next opened. */
export async function forgetPlace(within: Database, place: CoinPlace): Promise<void> {
  await within.run("DELETE FROM bitcoin_coin_runs WHERE place = ?", [place]);
  await forgetState(within, AT[place]);
  await forgetState(within, TRANSACTIONS[place]);
}

/** Which place the active chain's coins are in. */
export async function activePlace(database: Database): Promise<CoinPlace> {
  return (await readState(database, "coins_place")) === 1 ? 1 : 0;
}

/** The other place. */
export const otherPlace = (place: CoinPlace): CoinPlace => (place === 0 ? 1 : 0);
