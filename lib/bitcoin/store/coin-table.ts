/**
 * The coins in SQL: one row a coin, by its outpoint.
 *
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { Database } from "../../core/ports.ts";
import type { CoinStep } from "../store.ts";
import { writeState } from "./state.ts";

/** Coins that one statement asks for. */
const AT_ONCE = 200;

/** Makes a step's changes. Inside a transaction. */
export async function changeCoins(within: Database, { at, changed, undo }: CoinStep): Promise<void> {
  for (const [outpoint, coin] of changed) {
    if (coin === undefined) await within.run("DELETE FROM bitcoin_coins WHERE outpoint = ?", [fromHex(outpoint)]);
    else {
      await within.run(
        "INSERT INTO bitcoin_coins (outpoint, coin) VALUES (?, ?) ON CONFLICT (outpoint) DO UPDATE SET coin = excluded.coin",
        [fromHex(outpoint), coin],
      );
    }
  }
  for (const [row, spent] of undo) {
    if (spent === undefined) await forgetUndo(within, [row]);
    else {
      await within.run(
        "INSERT INTO bitcoin_coin_undo (header, spent) VALUES (?, ?) ON CONFLICT (header) DO UPDATE SET spent = excluded.spent",
        [row, spent],
      );
    }
  }
  await writeState(within, "coins_at", at);
}

/** Blocks can no longer be taken back: they are deep below the tip, or were taken back. Inside a transaction. */
export async function forgetUndo(within: Database, rows: readonly number[]): Promise<void> {
  for (const row of rows) await within.run("DELETE FROM bitcoin_coin_undo WHERE header = ?", [row]);
}

/** The coins of outpoints in hexadecimal, in the order of the question. */
export async function readCoins(
  database: Database,
  outpoints: readonly string[],
): Promise<readonly (Uint8Array | undefined)[]> {
  const found = new Map<string, Uint8Array>();
  for (let at = 0; at < outpoints.length; at += AT_ONCE) {
    const keys = outpoints.slice(at, at + AT_ONCE).map(fromHex);
    const marks = keys.map(() => "?").join(", ");
    const rows = await database.all(`SELECT outpoint, coin FROM bitcoin_coins WHERE outpoint IN (${marks})`, keys);
    for (const { outpoint, coin } of rows) found.set(toHex(outpoint as Uint8Array), coin as Uint8Array);
  }
  return outpoints.map((key) => found.get(key));
}

/** What takes the block of a row back. */
export async function readUndo(database: Database, row: number): Promise<Uint8Array | undefined> {
  const found = await database.get("SELECT spent FROM bitcoin_coin_undo WHERE header = ?", [row]);
  return found?.spent as Uint8Array | undefined;
}
