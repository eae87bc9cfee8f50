/**
 * The coins of a simulated node: each block makes one, whose id is its hash, and spends that of its parent. They are in the
 * node's own database, so that a crash takes them back together with the blocks.
 *
 * @module
 */
import type { CoinSet, CoinStep, CoinView } from "../../chia/coin-set.ts";
import type { CoinRecord } from "../../chia/types/mod.ts";
import { NodeError } from "../../core/errors.ts";
import type { Database } from "../../core/ports.ts";

/** The coin that the block of a hash and a height makes. */
export function coinOf(headerHash: Uint8Array, height: number): CoinRecord {
  const coin = { parentCoinInfo: headerHash, puzzleHash: headerHash, amount: 1n };
  return { coin, confirmedBlockIndex: height, spentBlockIndex: 0, coinbase: true, timestamp: 0n };
}

class SimCoins implements CoinSet {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  viewAt(height: number): CoinView {
    const find = async (id: Uint8Array): Promise<CoinRecord | undefined> => {
      const row = await this.#database.get("SELECT confirmed, spent FROM sim_coins WHERE id = ?", [id]);
      if (row === undefined || Number(row.confirmed) > height) return undefined;
      const spent = Number(row.spent);
      return { ...coinOf(id, Number(row.confirmed)), spentBlockIndex: spent > height ? 0 : spent };
    };
    return { getMany: (ids) => Promise.all(ids.map(find)) };
  }

  async change({ fromHeight, blocks }: CoinStep, within?: Database): Promise<void> {
    if (within === undefined) throw new NodeError("STORE_NO_COINS", "self", "coins change with a commit only");
    await within.run("DELETE FROM sim_coins WHERE confirmed >= ?", [fromHeight]);
    await within.run("UPDATE sim_coins SET spent = 0 WHERE spent >= ?", [Math.max(1, fromHeight)]);
    // All are made before any is spent: a block spends what one before it made, never what one after it does.
    await within.runMany(
      "INSERT INTO sim_coins (id, confirmed, spent) VALUES (?, ?, 0)",
      blocks.flatMap(({ created }, i) => created.map(({ id }) => [id, fromHeight + i])),
    );
    await within.runMany(
      "UPDATE sim_coins SET spent = ? WHERE id = ?",
      blocks.flatMap(({ spent }, i) => spent.map((id) => [fromHeight + i, id])),
    );
  }
}

/** Opens the coins in a node's database. */
export async function openSimCoins(database: Database): Promise<CoinSet> {
  await database.script(
    "CREATE TABLE IF NOT EXISTS sim_coins (id BLOB PRIMARY KEY, confirmed INTEGER NOT NULL, spent INTEGER NOT NULL)",
  );
  return new SimCoins(database);
}
