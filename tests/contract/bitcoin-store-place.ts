/**
 * A folder with a Bitcoin store in it: a database, and block files of two blocks each, or a database alone.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileFolder } from "#platform";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { BlockFiles } from "../../lib/bitcoin/store/block-files.ts";
import { openSqlBitcoinStore, type SqlBitcoinStore, type SqlBitcoinStoreOptions } from "../../lib/bitcoin/store/sql.ts";
import type { Database, FileFolder } from "../../lib/core/ports.ts";
import { SqlEventLog } from "../../lib/storage/event-log.ts";
import type { DatabaseDriver } from "./databases.ts";

/** A store that a test opened. */
export interface OpenedSqlStore {
  readonly store: SqlBitcoinStore;
  readonly database: Database;
  readonly events: SqlEventLog;
  close(): Promise<void>;
}

type Options = Partial<Omit<SqlBitcoinStoreOptions, "blocks">>;

/** Where it lies. */
export interface SqlPlace {
  /** Path of the database. */
  readonly database: string;
  /** Path of the folder of block files. */
  readonly blocks: string;
  /** Path of the folder of coins. */
  readonly coins: string;
  open(options?: Options): Promise<OpenedSqlStore>;
  /** The block files that are there. */
  files(): Promise<readonly { readonly file: number; readonly size: number }[]>;
  /** Closes what a test that failed left open, and removes everything. */
  remove(): Promise<void>;
}

/** Block files of two blocks of the tests' usual size. */
export const blockFilesOf = (folder: FileFolder): BlockFiles =>
  new BlockFiles(folder, { magic: regtest.magic, fileBytesMax: 300_000 });

/** Where a store has its blocks and coins. */
export type Where = "files" | "database";

/** A new place. `always` are options of every opening. */
export async function sqlPlace(
  driver: DatabaseDriver,
  always: Options = {},
  where: Where = "files",
): Promise<SqlPlace> {
  const folder = await mkdtemp(join(tmpdir(), "gemel-bitcoin-store-"));
  const opened = new Set<() => Promise<void>>();
  const place = {
    database: join(folder, "bitcoin.sqlite"),
    blocks: join(folder, "blocks"),
    coins: join(folder, "coins"),
  };
  return {
    ...place,
    open: async (options = {}) => {
      const database = await driver.open(place.database);
      try {
        const store = await openSqlBitcoinStore(database, {
          network: regtest,
          ...(where === "files" && {
            blocks: blockFilesOf(await openFileFolder(place.blocks)),
            openCoins: (number: number) => openFileFolder(`${place.coins}-${number}`),
          }),
          ...always,
          ...options,
        });
        const close = async () => {
          opened.delete(close);
          await store.close();
          await database.close();
        };
        opened.add(close);
        return { store, database, events: new SqlEventLog(database), close };
      } catch (thrown) {
        await database.close();
        throw thrown;
      }
    },
    files: async () => await blockFilesOf(await openFileFolder(place.blocks)).list(),
    remove: async () => {
      for (const close of opened) await close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs a test in a place of its own. */
export async function withSqlPlace(
  driver: DatabaseDriver,
  work: (place: SqlPlace) => Promise<void>,
  where: Where = "files",
): Promise<void> {
  const place = await sqlPlace(driver, {}, where);
  try {
    await work(place);
  } finally {
    await place.remove();
  }
}
