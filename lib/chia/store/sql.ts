/**
 * The Chia store on a SQL database. One commit is one transaction, events included.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { NodeError } from "../../core/errors.ts";
import type { Database } from "../../core/ports.ts";
import { Validation, validationOf } from "../../core/validation.ts";
import { insertEvents } from "../../storage/event-log.ts";
import { ByteCache } from "../../storage/lru.ts";
import { migrate, unreadableFor } from "../../storage/migrate.ts";
import { rowsAmong } from "../../storage/lookup.ts";
import { type CoinSet, type CoinView, NO_COINS } from "../coin-set.ts";
import type {
  ChainCommit,
  ChiaStore,
  FollowedChiaStore,
  PlacedBlock,
  PlacedSummary,
  StoreCounts,
  StoredBlock,
} from "../store.ts";
import { BlockRecord, SubEpochSummary } from "../types/mod.ts";
import { CHIA_MIGRATIONS } from "./schema.ts";

/** What a SQL store is told. */
export interface SqlStoreOptions {
  /** The network's name; a database of another one is refused. */
  readonly network: string;
  /** The genesis challenge, which tells apart networks of one name. */
  readonly genesisChallenge: Uint8Array;
  /** Bound of the cache of raw blocks; 0 switches it off. */
  readonly cacheBytesMax?: number;
  /** Told the newest id after a commit that appended events. Must not throw. */
  readonly onEvents?: (newest: number) => void;
  /** Opens the coins, which are part of every commit; none are kept when absent. */
  readonly openCoins?: (database: Database) => Promise<CoinSet>;
}

/** Codes of a store that was asked for the impossible. */
export type StoreCode = "STORE_UNKNOWN_BLOCK" | "STORE_BROKEN_CHAIN";

/** Opens the store: brings the schema up to date or refuses (see {@link migrate}). The caller closes the database. */
export async function openSqlChiaStore(database: Database, options: SqlStoreOptions): Promise<SqlChiaStore> {
  await migrate(database, CHIA_MIGRATIONS, identityOf(options));
  const coins = await options.openCoins?.(database);
  return new SqlChiaStore(database, { ...options, ...(coins && { coins }) });
}

const identityOf = ({ network, genesisChallenge }: Pick<SqlStoreOptions, "network" | "genesisChallenge">) => ({
  chain: "chia",
  network,
  genesis: toHex(genesisChallenge),
});

/**
 * Opens the store that another process writes, as it is; why not, when its writer has not made it so far. The caller closes
 * the database. No block is held in memory: one that the writer forgets is gone here as well.
 * @throws NodeError as {@link migrate} does
 */
export async function openFollowedChiaStore(
  database: Database,
  options: Pick<SqlStoreOptions, "network" | "genesisChallenge">,
): Promise<FollowedChiaStore | string> {
  return await unreadableFor(database, CHIA_MIGRATIONS, identityOf(options)) ?? new SqlChiaStore(database, {});
}

/** {@link ChiaStore} over a {@link Database} whose schema is up to date; made by {@link openSqlChiaStore}. */
export class SqlChiaStore implements FollowedChiaStore {
  readonly #database: Database;
  readonly #cache: ByteCache;
  readonly #onEvents: (newest: number) => void;
  readonly #coins: CoinSet;

  constructor(
    database: Database,
    options: Pick<SqlStoreOptions, "cacheBytesMax" | "onEvents"> & { readonly coins?: CoinSet },
  ) {
    this.#coins = options.coins ?? NO_COINS;
    this.#database = database;
    this.#cache = new ByteCache(options.cacheBytesMax ?? 0);
    this.#onEvents = options.onEvents ?? (() => {});
  }

  async commit(step: ChainCommit): Promise<readonly number[]> {
    let inserted: StoredBlock[] = [];
    const ids = await this.#database.transaction(async (within) => {
      inserted = await insertBlocks(within, step.blocks);
      if (step.main !== undefined) await moveMain(within, step.main.fromHeight, step.main.hashes);
      await raise(within, step.raised);
      const gone = await forget(within, step.removed ?? []);
      await count(within, inserted, gone, step.main);
      const coins = step.coins ?? (step.main && { fromHeight: step.main.fromHeight, blocks: [] });
      if (coins !== undefined) await this.#coins.change(coins, within);
      return await insertEvents(within, step.events);
    });
    // Only now: what a rolled back transaction held must not be found in the cache.
    // At the peak there is one, which peers ask for now. Of a long run nobody asks for most of them again.
    const last = inserted.at(-1);
    if (last !== undefined) this.#cache.set(toHex(last.record.headerHash), last.raw);
    for (const hash of step.removed ?? []) this.#cache.delete(toHex(hash));
    const newest = ids.at(-1);
    if (newest !== undefined) this.#onEvents(newest);
    return ids;
  }

  async commits(): Promise<number> {
    return Number((await this.#database.get("SELECT commits FROM chia_counts WHERE id = 1"))?.commits ?? 0);
  }

  moment<T>(ask: (store: ChiaStore, commit: number) => Promise<T>): Promise<T> {
    return this.#database.snapshot(async (within) => {
      const store = new SqlChiaStore(within, { coins: this.#coins });
      return await ask(store, await store.commits());
    });
  }

  async peak(): Promise<BlockRecord | undefined> {
    const row = await this.#database.get("SELECT record FROM chia_blocks WHERE main = 1 ORDER BY height DESC LIMIT 1");
    return row && BlockRecord.decode(row.record as Uint8Array);
  }

  async record(headerHash: Uint8Array): Promise<BlockRecord | undefined> {
    const row = await this.#database.get("SELECT record FROM chia_blocks WHERE header_hash = ?", [headerHash]);
    return row && BlockRecord.decode(row.record as Uint8Array);
  }

  storedAmong(headerHashes: readonly Uint8Array[]): Promise<ReadonlySet<string>> {
    return storedAmong(this.#database, headerHashes);
  }

  async hashAt(height: number): Promise<Uint8Array | undefined> {
    const row = await this.#database.get("SELECT header_hash FROM chia_blocks WHERE main = 1 AND height = ?", [height]);
    return row?.header_hash as Uint8Array | undefined;
  }

  async mainRecords(from: number, to: number): Promise<BlockRecord[]> {
    const rows = await this.#database.all(
      "SELECT record FROM chia_blocks WHERE main = 1 AND height >= ? AND height < ? ORDER BY height",
      [from, to],
    );
    return rows.map((row) => BlockRecord.decode(row.record as Uint8Array));
  }

  async block(headerHash: Uint8Array): Promise<Uint8Array | undefined> {
    const key = toHex(headerHash);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const row = await this.#database.get(
      "SELECT raw FROM chia_bodies WHERE number = (SELECT number FROM chia_blocks WHERE header_hash = ?)",
      [headerHash],
    );
    if (row === undefined) return undefined;
    const raw = row.raw as Uint8Array;
    this.#cache.set(key, raw);
    return raw;
  }

  async mainBlocks(from: number, to: number): Promise<Uint8Array[]> {
    const rows = await this.#database.all(
      "SELECT raw FROM chia_blocks JOIN chia_bodies ON chia_bodies.number = chia_blocks.number " +
        "WHERE main = 1 AND height >= ? AND height < ? ORDER BY height",
      [from, to],
    );
    return rows.map((row) => row.raw as Uint8Array);
  }

  async blocksAt(from: number, to: number, limit: number): Promise<PlacedBlock[]> {
    const rows = await this.#database.all(
      "SELECT record, main, validation, raw FROM chia_blocks JOIN chia_bodies ON chia_bodies.number = chia_blocks.number " +
        "WHERE height >= ? AND height < ? ORDER BY height, chia_blocks.number LIMIT ?",
      [from, to, limit],
    );
    return rows.map((row) => ({
      record: BlockRecord.decode(row.record as Uint8Array),
      raw: row.raw as Uint8Array,
      validation: validationOf(Number(row.validation)),
      main: row.main === 1,
    }));
  }

  async isMain(headerHash: Uint8Array): Promise<boolean | undefined> {
    const row = await this.#database.get("SELECT main FROM chia_blocks WHERE header_hash = ?", [headerHash]);
    return row && row.main === 1;
  }

  async sideRecords(fromHeight: number, limit: number): Promise<BlockRecord[]> {
    const rows = await this.#database.all(
      "SELECT record FROM chia_blocks WHERE main = 0 AND height >= ? ORDER BY height LIMIT ?",
      [fromHeight, limit],
    );
    return rows.map((row) => BlockRecord.decode(row.record as Uint8Array));
  }

  async firstBelow(level: Validation): Promise<number | undefined> {
    const heights: number[] = [];
    // One question for each level, of which there are few: each is answered by the first entry of the index.
    for (let lower = 1; lower < Validation[level]; lower++) {
      const row = await this.#database.get(
        "SELECT MIN(height) AS height FROM chia_blocks WHERE main = 1 AND validation = ?",
        [lower],
      );
      if (row?.height != null) heights.push(Number(row.height));
    }
    return heights.length === 0 ? undefined : Math.min(...heights);
  }

  coinsAt(height: number): CoinView {
    return this.#coins.viewAt(height);
  }

  async summaries(): Promise<PlacedSummary[]> {
    const rows = await this.#database.all(
      "SELECT height, header_hash, summary FROM chia_summaries JOIN chia_blocks " +
        "ON chia_blocks.number = chia_summaries.number WHERE main = 1 ORDER BY height",
    );
    return rows.map((row) => ({
      height: Number(row.height),
      headerHash: row.header_hash as Uint8Array,
      summary: SubEpochSummary.decode(row.summary as Uint8Array),
    }));
  }

  async validation(): Promise<Validation | undefined> {
    const row = await this.#database.get("SELECT MIN(validation) AS least FROM chia_blocks WHERE main = 1");
    return row?.least == null ? undefined : validationOf(Number(row.least));
  }

  async counts(): Promise<StoreCounts> {
    const row = await this.#database.get(
      "SELECT blocks, main_blocks, bytes FROM chia_counts WHERE id = 1",
    );
    return { blocks: Number(row?.blocks), mainBlocks: Number(row?.main_blocks), bytes: Number(row?.bytes) };
  }
}

/** Stores what is not stored yet; returns those blocks. */
async function insertBlocks(within: Database, blocks: readonly StoredBlock[]): Promise<StoredBlock[]> {
  if (blocks.length === 0) return [];
  const known = await storedAmong(within, blocks.map(({ record }) => record.headerHash));
  const fresh: StoredBlock[] = [];
  for (const block of blocks) {
    const key = toHex(block.record.headerHash);
    if (known.has(key)) continue;
    known.add(key);
    fresh.push(block);
  }
  const newest = await within.get("SELECT MAX(number) AS newest FROM chia_blocks");
  const first = Number(newest?.newest ?? 0) + 1;
  await within.runMany(
    "INSERT INTO chia_blocks (number, header_hash, height, weight, main, bytes, record, validation) " +
      "VALUES (?, ?, ?, ?, 0, ?, ?, ?)",
    fresh.map(({ record, raw, validation }, i) => [
      first + i,
      record.headerHash,
      record.height,
      weightBytes(record.weight),
      raw.length,
      BlockRecord.encode(record),
      Validation[validation],
    ]),
  );
  await within.runMany(
    "INSERT INTO chia_bodies (number, raw) VALUES (?, ?)",
    fresh.map(({ raw }, i) => [first + i, raw]),
  );
  await within.runMany(
    "INSERT INTO chia_summaries (number, summary) VALUES (?, ?)",
    fresh.flatMap(({ record: { subEpochSummaryIncluded: summary } }, i) =>
      summary === null ? [] : [[first + i, SubEpochSummary.encode(summary)]]
    ),
  );
  return fresh;
}

/** Which of these hashes, in hex, have their block stored. */
async function storedAmong(within: Database, hashes: readonly Uint8Array[]): Promise<Set<string>> {
  const sqlOf = (places: string) => `SELECT header_hash FROM chia_blocks WHERE header_hash IN (${places})`;
  const rows = await rowsAmong(within, hashes, sqlOf);
  return new Set(rows.map((row) => toHex(row.header_hash as Uint8Array)));
}

/** Puts the main chain where a commit wants it; refuses what would leave a hole or a block at the wrong height. */
async function moveMain(within: Database, fromHeight: number, hashes: readonly Uint8Array[]): Promise<void> {
  if (fromHeight > 0) {
    const below = await within.get("SELECT number FROM chia_blocks WHERE main = 1 AND height = ?", [fromHeight - 1]);
    if (below === undefined) {
      throw new NodeError<StoreCode>("STORE_BROKEN_CHAIN", "self", `no main block below height ${fromHeight}`);
    }
  }
  await within.run("UPDATE chia_blocks SET main = 0 WHERE main = 1 AND height >= ?", [fromHeight]);
  const changed = await within.runMany(
    "UPDATE chia_blocks SET main = 1 WHERE header_hash = ? AND height = ?",
    hashes.map((hash, index) => [hash, fromHeight + index]),
  );
  if (changed === hashes.length) return;
  for (const [index, hash] of hashes.entries()) {
    const height = fromHeight + index;
    const found = await within.get("SELECT height FROM chia_blocks WHERE header_hash = ?", [hash]);
    if (found !== undefined && Number(found.height) === height) continue;
    const text = `block ${toHex(hash)} of height ${height} is not stored`;
    throw new NodeError<StoreCode>("STORE_UNKNOWN_BLOCK", "self", text);
  }
}

/** Notes that blocks were checked further. */
async function raise(within: Database, raised: ChainCommit["raised"]): Promise<void> {
  if (raised === undefined) return;
  const level = Validation[raised.validation];
  await within.runMany(
    "UPDATE chia_blocks SET validation = ? WHERE header_hash = ? AND validation < ?",
    raised.hashes.map((hash) => [level, hash, level]),
  );
}

/** Forgets blocks. How many there were, and of how many bytes. */
async function forget(within: Database, hashes: readonly Uint8Array[]): Promise<{ blocks: number; bytes: number }> {
  const gone = { blocks: 0, bytes: 0 };
  const numbers = new Set<number>();
  for (const hash of hashes) {
    const row = await within.get("SELECT number, main, bytes FROM chia_blocks WHERE header_hash = ?", [hash]);
    if (row === undefined || numbers.has(Number(row.number))) continue;
    if (row.main === 1) {
      throw new NodeError<StoreCode>("STORE_BROKEN_CHAIN", "self", `block ${toHex(hash)} is on the main chain`);
    }
    numbers.add(Number(row.number));
    gone.blocks += 1;
    gone.bytes += Number(row.bytes);
  }
  const rows = [...numbers].map((number) => [number]);
  await within.runMany("DELETE FROM chia_bodies WHERE number = ?", rows);
  await within.runMany("DELETE FROM chia_summaries WHERE number = ?", rows);
  await within.runMany("DELETE FROM chia_blocks WHERE number = ?", rows);
  return gone;
}

/** Keeps the counts. The main chain has no holes: its length follows from where it was changed. */
async function count(
  within: Database,
  inserted: readonly StoredBlock[],
  gone: { readonly blocks: number; readonly bytes: number },
  main: ChainCommit["main"],
): Promise<void> {
  const bytes = inserted.reduce((sum, { raw }) => sum + raw.length, 0);
  await within.run(
    "UPDATE chia_counts SET commits = commits + 1, blocks = blocks + ?, bytes = bytes + ?, " +
      "main_blocks = COALESCE(CAST(? AS BIGINT), main_blocks) WHERE id = 1",
    [
      inserted.length - gone.blocks,
      bytes - gone.bytes,
      main === undefined ? null : main.fromHeight + main.hashes.length,
    ],
  );
}

/** u128 as 16 bytes, big-endian: the order of the bytes is the order of the numbers. */
export function weightBytes(weight: bigint): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, weight >> 64n);
  view.setBigUint64(8, weight & 0xffff_ffff_ffff_ffffn);
  return bytes;
}
