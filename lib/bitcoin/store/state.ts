/**
 * Single numbers that the Bitcoin store remembers.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database } from "../../core/ports.ts";
import type { BitcoinStoreCode } from "./step.ts";

/**
 * `tip` and `coins_at`: rows; `coins_transactions`: those of all blocks up to `coins_at`; the same with `_1`: of the second
 * place for coins; `coins_place`: the place of the active chain's; `coins_spare`: whether the other may hold coins that
 * nobody needs; `commits`: the number of the last commit; `in_database`: whether block bytes and coins are in tables; `reindexing` and `transaction_index`: 0 or 1; `blocks` and `block_bytes`: how many blocks are stored, and
 * their bytes, in files those of all that is indexed.
 */
export type StateName =
  | "tip"
  | "coins_at"
  | "coins_at_1"
  | "coins_transactions"
  | "coins_transactions_1"
  | "coins_place"
  | "coins_spare"
  | "commits"
  | "in_database"
  | "reindexing"
  | "transaction_index"
  | "blocks"
  | "block_bytes";

/** The number of a name; undefined when there was none yet. */
export async function readState(database: Database, name: StateName): Promise<number | undefined> {
  const row = await database.get("SELECT value FROM bitcoin_state WHERE name = ?", [name]);
  return row && Number(row.value);
}

/** Remembers a number. */
export async function writeState(database: Database, name: StateName, value: number): Promise<void> {
  await writeStates(database, [[name, value]]);
}

/** Remembers numbers. */
export async function writeStates(
  database: Database,
  numbers: readonly (readonly [StateName, number])[],
): Promise<void> {
  await database.runMany(
    "INSERT INTO bitcoin_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    numbers,
  );
}

/** All numbers, by their names. */
export async function readStates(database: Database): Promise<ReadonlyMap<string, number>> {
  const rows = await database.all("SELECT name, value FROM bitcoin_state");
  return new Map(rows.map(({ name, value }) => [String(name), Number(value)]));
}

/** Forgets a number. */
export async function forgetState(database: Database, name: StateName): Promise<void> {
  await database.run("DELETE FROM bitcoin_state WHERE name = ?", [name]);
}

/** Adds to a number that begins at 0. */
export async function addToState(database: Database, name: StateName, value: number): Promise<void> {
  await database.run(
    "INSERT INTO bitcoin_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE " +
      "SET value = bitcoin_state.value + excluded.value",
    [name, value],
  );
}

/**
 * Settles whether block bytes and coins are in tables of the database or in files beside it; an empty store may be either.
 * @throws NodeError `STORE_ELSEWHERE` when they are where they are not looked for
 */
export async function settleWhere(database: Database, isInDatabase: boolean, isEmpty: boolean): Promise<void> {
  const wasInDatabase = (await readState(database, "in_database")) === 1;
  if (wasInDatabase === isInDatabase) return;
  if (!isEmpty) {
    const where = wasInDatabase ? "in the database itself" : "in files beside the database";
    const text = `the blocks of this store are ${where}; open it so, or name another database`;
    throw new NodeError<BitcoinStoreCode>("STORE_ELSEWHERE", "self", text);
  }
  await writeState(database, "in_database", Number(isInDatabase));
}

/**
 * Begins or ends the transaction index. It is whole or not there: blocks that joined without it are not in it.
 * @throws NodeError `STORE_NO_INDEX`
 */
export async function useTransactionIndex(database: Database, wanted: boolean): Promise<void> {
  const present = (await readState(database, "transaction_index")) === 1;
  if (present === wanted) return;
  if (wanted && ((await readState(database, "tip")) ?? 0) > 0) {
    throw new NodeError<BitcoinStoreCode>(
      "STORE_NO_INDEX",
      "self",
      "the blocks were stored without a transaction index; start once with --reindex, or go on without it",
    );
  }
  await database.transaction(async (within) => {
    if (!wanted) await within.run("DELETE FROM bitcoin_transactions");
    await writeState(within, "transaction_index", wanted ? 1 : 0);
  });
}
