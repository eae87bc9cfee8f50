/**
 * What takes blocks back, in SQL: one row a block. It is the same whenever the block is connected, so a row stays until
 * its block is pruned.
 *
 * @module
 */
import type { Database } from "../../core/ports.ts";

/** Remembers what takes blocks back. Inside a transaction. */
export async function keepUndo(within: Database, undo: ReadonlyMap<number, Uint8Array>): Promise<void> {
  await within.runMany(
    "INSERT INTO bitcoin_coin_undo (header, spent) VALUES (?, ?) ON CONFLICT (header) DO UPDATE SET spent = excluded.spent",
    [...undo],
  );
}

/** Blocks can no longer be taken back: they are deep below the tip. Inside a transaction. */
export async function forgetUndo(within: Database, rows: readonly number[]): Promise<void> {
  await within.runMany("DELETE FROM bitcoin_coin_undo WHERE header = ?", rows.map((row) => [row]));
}

/** What takes the block of a row back. */
export async function readUndo(database: Database, row: number): Promise<Uint8Array | undefined> {
  const found = await database.get("SELECT spent FROM bitcoin_coin_undo WHERE header = ?", [row]);
  return found?.spent as Uint8Array | undefined;
}
