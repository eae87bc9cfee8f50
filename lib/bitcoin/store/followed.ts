/**
 * The Bitcoin store of another process, on a server that both use: it is read, and what the other commits is noticed.
 *
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import type { Database } from "../../core/ports.ts";
import { unreadableFor } from "../../storage/migrate.ts";
import { HeaderStatus } from "../headers/header-chain.ts";
import type { FollowedStore, StoreNews } from "../store.ts";
import { HEADER_BYTES } from "../types/header.ts";
import { activePlace } from "./coin-set.ts";
import { countHeaders, readHeadersFrom, statusesSince } from "./header-pages.ts";
import { BITCOIN_MIGRATIONS } from "./schema.ts";
import { readSnapshot } from "./snapshot-row.ts";
import { identityOf, SqlBitcoinStore, type SqlBitcoinStoreOptions, type Stored } from "./sql.ts";
import { readState, readStates } from "./state.ts";
import type { BitcoinStoreCode } from "./step.ts";
import { TableBlocks } from "./table-blocks.ts";

/** What a followed store is told. */
export type FollowedOptions = Pick<SqlBitcoinStoreOptions, "network" | "cacheBytesMax">;

/**
 * Opens the store as it is, without changing anything. Why it cannot be opened yet, when its writer has not made it so far:
 * the caller asks again later. The caller closes the store, then the database.
 * @throws NodeError as `migrate` does, and `STORE_ELSEWHERE` when blocks are in files
 */
export async function openFollowedStore(
  database: Database,
  options: FollowedOptions,
): Promise<FollowedBitcoinStore | string> {
  const obstacle = await unreadableFor(database, BITCOIN_MIGRATIONS, identityOf(options.network));
  if (obstacle !== undefined) return obstacle;
  const states = await readStates(database);
  if (states.get("tip") === undefined) return "it has no block yet";
  if (states.get("in_database") !== 1) {
    const text = "the blocks of this store are in files beside the database, which only their owner can read";
    throw new NodeError<BitcoinStoreCode>("STORE_ELSEWHERE", "self", text);
  }
  const stored = {
    bytes: new TableBlocks(database),
    // Counted before anything is read: what is committed from here on comes as news.
    commits: states.get("commits") ?? 0,
    headers: await countHeaders(database),
    reindexing: false,
    place: await activePlace(database),
  };
  return new FollowedBitcoinStore(database, options, stored, states.get("transaction_index") === 1);
}

/** {@link FollowedStore} over a {@link Database}; made by {@link openFollowedStore}. */
export class FollowedBitcoinStore extends SqlBitcoinStore implements FollowedStore {
  readonly #database: Database;
  #known: Pick<Stored, "commits" | "headers">;

  constructor(database: Database, options: FollowedOptions, stored: Stored, transactionIndex: boolean) {
    super(database, { ...options, transactionIndex }, stored);
    this.#database = database;
    this.#known = stored;
  }

  async commits(): Promise<number> {
    return await readState(this.#database, "commits") ?? 0;
  }

  async news(): Promise<StoreNews> {
    const known = this.#known;
    const { place, ...news } = await this.#database.snapshot(async (within) => {
      const states = await readStates(within);
      const commit = states.get("commits") ?? 0;
      const headers = await readHeadersFrom(within, known.headers);
      if (commit < known.commits) throw replaced();
      const snapshot = await readSnapshot(within);
      const place = states.get("coins_place") === 1 ? 1 as const : 0 as const;
      const statuses = await statusesSince(within, known.commits);
      return { commit, headers, statuses, tip: states.get("tip"), snapshot, place };
    });
    const gone: number[] = [];
    for (const { firstRow, bits } of news.statuses) {
      for (const [i, bit] of bits.entries()) if ((bit & HeaderStatus.data) === 0) gone.push(firstRow + i);
    }
    const count = known.headers + news.headers.length / HEADER_BYTES;
    this.#known = { commits: news.commit, headers: count };
    this.followed(count, place, gone);
    return news;
  }
}

const replaced = () =>
  new NodeError<BitcoinStoreCode>("STORE_REPLACED", "self", "the store was begun anew by the node that writes it");
