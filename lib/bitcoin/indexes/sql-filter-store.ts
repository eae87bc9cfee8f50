/**
 * Block filters in a database of their own, beside that of the chain: it can be removed, and is made anew then.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Database, SqlRow } from "../../core/ports.ts";
import { bytesOf } from "../../storage/columns.ts";
import { migrate, type Migration } from "../../storage/migrate.ts";
import type { FilterEntry, FilterHead, FilterStore } from "./filter-store.ts";

/** What stands before the filter in a row is read without it. */
const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "filters by block",
    sql: `
CREATE TABLE bitcoin_block_filters (
  id INTEGER PRIMARY KEY,
  block BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  header BYTEA NOT NULL,
  filter BYTEA NOT NULL
);
CREATE UNIQUE INDEX bitcoin_block_filters_block ON bitcoin_block_filters (block);
`,
  },
];
/** Blocks asked about in one statement. */
const LOOKUP_MAX = 200;

/** How filters are opened. */
export interface SqlFilterOptions {
  /** The network's name and the hash of its first block; a database of another one is refused. */
  readonly network: { readonly name: string; readonly genesis: { readonly hash: Uint8Array } };
  /** Forget what is there. */
  readonly reindex?: boolean;
}

/** Opens filters: brings the schema up to date or refuses, see {@link migrate}. The caller closes the database. */
export async function openSqlFilterStore(
  database: Database,
  { network, reindex = false }: SqlFilterOptions,
): Promise<FilterStore> {
  const identity = { chain: "bitcoin filters", network: network.name, genesis: toHex(network.genesis.hash) };
  await migrate(database, MIGRATIONS, identity);
  if (reindex) await database.run("DELETE FROM bitcoin_block_filters");
  return new SqlFilterStore(database);
}

class SqlFilterStore implements FilterStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(entries: readonly FilterEntry[]): Promise<void> {
    await this.#database.transaction(async (within) => {
      for (const { blockHash, filterHash, filterHeader, filter } of entries) {
        await within.run(
          "INSERT INTO bitcoin_block_filters (block, hash, header, filter) VALUES (?, ?, ?, ?) " +
            "ON CONFLICT (block) DO UPDATE SET hash = excluded.hash, header = excluded.header, filter = excluded.filter",
          [blockHash, filterHash, filterHeader, filter],
        );
      }
    });
  }

  async entry(blockHash: Uint8Array): Promise<FilterEntry | undefined> {
    const sql = "SELECT hash, header, filter FROM bitcoin_block_filters WHERE block = ?";
    const row = await this.#database.get(sql, [blockHash]);
    return row && { ...headOf(row), blockHash, filter: bytesOf(row.filter) };
  }

  async heads(blockHashes: readonly Uint8Array[]): Promise<readonly (FilterHead | undefined)[]> {
    const found = new Map<string, FilterHead>();
    for (let from = 0; from < blockHashes.length; from += LOOKUP_MAX) {
      const some = blockHashes.slice(from, from + LOOKUP_MAX);
      const places = some.map(() => "?").join(", ");
      const sql = `SELECT block, hash, header FROM bitcoin_block_filters WHERE block IN (${places})`;
      for (const row of await this.#database.all(sql, some)) found.set(toHex(bytesOf(row.block)), headOf(row));
    }
    return blockHashes.map((hash) => found.get(toHex(hash)));
  }
}

const headOf = ({ hash, header }: SqlRow): FilterHead => ({ filterHash: bytesOf(hash), filterHeader: bytesOf(header) });
