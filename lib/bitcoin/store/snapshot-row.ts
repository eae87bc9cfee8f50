/**
 * The snapshot whose coins are the active chain's while it is not validated, in SQL: one row, and which of the two places
 * for coins is whose.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database } from "../../core/ports.ts";
import type { BitcoinStep, StoredSnapshot } from "../store.ts";
import { type CoinPlace, type CoinSet, forgetPlace, otherPlace } from "./coin-set.ts";
import { readState, writeState } from "./state.ts";
import { emptyCoins } from "./table-coins.ts";

/** The snapshot that is not validated. */
export async function readSnapshot(database: Database): Promise<StoredSnapshot | undefined> {
  const found = await database.get("SELECT header, hash FROM bitcoin_snapshot LIMIT 1");
  return found && { base: Number(found.header), hash: found.hash as Uint8Array };
}

/**
 * Forgets the coins of the active chain, which are made anew from the blocks then.
 * @throws NodeError `SNAPSHOT_UNVALIDATED` when they cannot be, as the blocks behind a snapshot are still to come
 */
export async function forgetCoins(database: Database, place: CoinPlace): Promise<void> {
  if (await readSnapshot(database) !== undefined) {
    const text =
      "the unspent outputs are of a snapshot that is still being validated: start without --reindex-chainstate";
    throw new NodeError("SNAPSHOT_UNVALIDATED", "self", text);
  }
  await database.transaction(async (within) => {
    await forgetPlace(within, place);
    await emptyCoins(within, place);
  });
}

/** A snapshot is taken, or it is validated or refused, where the active chain's coins are in `place`. Inside a transaction. */
export async function changeSnapshot(
  within: Database,
  snapshot: NonNullable<BitcoinStep["snapshot"]>,
  sets: readonly [CoinSet, CoinSet],
  place: CoinPlace,
): Promise<void> {
  const other = otherPlace(place);
  if (snapshot !== "validated") await writeState(within, "coins_place", other);
  if (typeof snapshot === "object") {
    await within.run("INSERT INTO bitcoin_snapshot (header, hash) VALUES (?, ?)", [snapshot.base, snapshot.hash]);
    // From now on nothing in it is spare.
    await writeState(within, "coins_spare", 0);
    return;
  }
  await within.run("DELETE FROM bitcoin_snapshot");
  await sets[snapshot === "validated" ? other : place].forget(within);
  await writeState(within, "coins_spare", 1);
}

/** Whether the place that is not the active chain's may hold coins that nobody needs. */
export async function hasSpare(database: Database): Promise<boolean> {
  return (await readState(database, "coins_spare")) === 1;
}

/** The place that is not the active chain's may hold such coins, or holds none any more. */
export async function noteSpare(database: Database, isSpare: boolean): Promise<void> {
  await writeState(database, "coins_spare", Number(isSpare));
}
