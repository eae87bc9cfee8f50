/**
 * One set of coins: where they are, and the block that they are of. There are two places for sets, so that the coins of a
 * snapshot can lie beside those of the chain that is validated behind it.
 *
 * @module
 */
import type { Database, FileFolder } from "../../core/ports.ts";
import type { SortedEntries } from "../../storage/runs/entries.ts";
import type { CoinReading, CoinStep, OtherCoins, StagedCoins } from "../store.ts";
import type { CoinBytes, CoinMoment } from "./coin-bytes.ts";
import { CoinRuns } from "./coin-runs.ts";
import { forgetState, readState, type StateName, writeState } from "./state.ts";
import { TableCoins } from "./table-coins.ts";

/** A place for coins. */
export type CoinPlace = 0 | 1;

const AT = ["coins_at", "coins_at_1"] as const satisfies StateName[];
const TRANSACTIONS = ["coins_transactions", "coins_transactions_1"] as const satisfies StateName[];

/** What a set needs. */
export interface CoinSetParts {
  readonly database: Database;
  readonly place: CoinPlace;
  /** Makes or opens the folder of a place. `database`: coins are in tables. Without it none can be kept. */
  readonly openFolder: ((place: CoinPlace) => Promise<FileFolder>) | "database" | undefined;
  /** Runs what writes to the store, one after another. */
  readonly exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The coins of one place. */
export class CoinSet implements OtherCoins {
  readonly #parts: CoinSetParts;
  #bytes: CoinBytes;
  /** No step names what is in it any more, which is still to be removed. */
  #isForgotten = false;

  constructor(parts: CoinSetParts) {
    this.#parts = parts;
    this.#bytes = this.#open();
  }

  #open(): CoinBytes {
    const { openFolder, place } = this.#parts;
    if (openFolder === "database") return new TableCoins(this.#parts);
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
    return this.#isForgotten ? Promise.resolve(keys.map(() => undefined)) : this.#bytes.get(keys);
  }

  coinBytes(): Promise<number> {
    return this.#bytes.bytes();
  }

  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T> {
    const { place } = this.#parts;
    const momentOf = async (database: Database): Promise<CoinMoment> => ({
      at: await readState(database, AT[place]),
      transactions: await readState(database, TRANSACTIONS[place]),
    });
    return this.#bytes.read(momentOf, use);
  }

  stageCoins(changes: SortedEntries): Promise<StagedCoins> {
    return this.#bytes.stage(changes);
  }

  /** Lays all coins of a snapshot ready, where none counts before the step that names them. */
  loadCoins(coins: SortedEntries): Promise<StagedCoins> {
    return this.#bytes.load(coins);
  }

  /** Resolves when no coins are left to be moved together in the background. */
  rest(): Promise<void> {
    return this.#bytes.rest();
  }

  /** The set is so after a step. Inside its transaction. */
  async change(within: Database, { at, staged, transactions }: CoinStep): Promise<void> {
    const { place } = this.#parts;
    await this.#bytes.name(within, staged);
    await writeState(within, AT[place], at);
    if (transactions === undefined) await forgetState(within, TRANSACTIONS[place]);
    else await writeState(within, TRANSACTIONS[place], transactions);
  }

  /** The step is durable. */
  async changed({ staged }: CoinStep): Promise<void> {
    await this.#bytes.named(staged);
  }

  /** Nothing changes it any more but steps: it is about to be forgotten. */
  halt(): Promise<void> {
    return this.#bytes.halt();
  }

  /** No coins are left in it. Inside a step's transaction. */
  async forget(within: Database): Promise<void> {
    await forgetPlace(within, this.#parts.place);
  }

  /** The step that forgot it is durable. */
  forgotten(): void {
    this.#isForgotten = true;
  }

  /** Removes what no step names. Readings that are under way get their bytes. */
  async clean(): Promise<void> {
    await this.#bytes.close();
    this.#bytes = this.#open();
    await this.#bytes.clean();
    this.#isForgotten = false;
  }

  /** Ends what goes on by itself, and closes all files. */
  close(): Promise<void> {
    return this.#bytes.close();
  }
}

/** No step names what is in a place any more. Inside a transaction; it is removed by {@link CoinSet.clean}. */
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
