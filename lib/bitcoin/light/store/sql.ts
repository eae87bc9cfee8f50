/**
 * The light client's store in the tables of the Bitcoin store's database, whose schema is up to date.
 *
 * @module
 */
import type { Database, SqlRow } from "../../../core/ports.ts";
import { bytesOf } from "../../../storage/columns.ts";
import { insertEvents } from "../../../storage/event-log.ts";
import type { NewEvent } from "../../../storage/events.ts";
import { rowsAmong } from "../../../storage/lookup.ts";
import type { Match, NewMatch, Watched } from "../service.ts";
import type { LightStep, LightStore } from "../store.ts";
import { FILTER_HEADERS_PER_PAGE } from "./schema.ts";

const HEADER_BYTES = 32;
const PAGE_BYTES = FILTER_HEADERS_PER_PAGE * HEADER_BYTES;

/** {@link LightStore} on a {@link Database}. One commit is one transaction, events included. */
export class SqlLightStore implements LightStore {
  readonly #database: Database;
  readonly #onEvents: () => void;

  /** `onEvents` is told after a commit that appended events; it must not throw. */
  constructor(database: Database, onEvents: () => void = () => {}) {
    this.#database = database;
    this.#onEvents = onEvents;
  }

  async *filterHeaders(): AsyncGenerator<Uint8Array> {
    for (let page = 0;; page++) {
      const row = await this.#database.get("SELECT bytes FROM bitcoin_filter_headers WHERE page = ?", [page]);
      if (row === undefined) return;
      yield bytesOf(row.bytes);
    }
  }

  async tipHash(): Promise<Uint8Array | undefined> {
    const row = await this.#database.get("SELECT bytes FROM bitcoin_light_state WHERE name = 'tip'");
    return row === undefined ? undefined : bytesOf(row.bytes);
  }

  async watched(): Promise<readonly Watched[]> {
    const rows = await this.#database.all("SELECT script, birth, scanned FROM bitcoin_watched ORDER BY script");
    return rows.map(({ script, birth, scanned }) => ({
      script: bytesOf(script),
      from: Number(birth),
      scanned: Number(scanned),
    }));
  }

  async commit(step: LightStep): Promise<void> {
    const { undone, rewind, filterHeaders, unwatch = [], watch = [], matches = [], scanned, events = [] } = step;
    let count = 0;
    await this.#database.transaction(async (within) => {
      const told = undone === undefined ? [] : await undo(within, undone);
      // Nothing below its birth is ever searched, so that is where a rewind ends.
      if (rewind !== undefined) {
        await within.run(
          "UPDATE bitcoin_watched SET scanned = CASE WHEN birth > ? THEN birth - 1 ELSE ? END WHERE scanned > ?",
          [rewind, rewind, rewind],
        );
      }
      if (filterHeaders !== undefined) await writeFilterHeaders(within, filterHeaders);
      const forgotten = unwatch.map((script) => [script]);
      await within.runMany("DELETE FROM bitcoin_watched WHERE script = ?", forgotten);
      await within.runMany("DELETE FROM bitcoin_matches WHERE script = ?", forgotten);
      await within.runMany(
        "INSERT INTO bitcoin_watched (script, birth, scanned) VALUES (?, ?, ?) " +
          "ON CONFLICT (script) DO UPDATE SET birth = excluded.birth, scanned = excluded.scanned",
        watch.map(({ script, from, scanned: reached }) => [script, from, reached]),
      );
      await insertMatches(within, matches);
      if (scanned !== undefined) {
        await within.run("UPDATE bitcoin_watched SET scanned = ? WHERE scanned < ?", [scanned, scanned]);
      }
      count = (await insertEvents(within, [...told, ...events])).length;
    });
    if (count > 0) this.#onEvents();
  }

  async matches(since: number, limit: number): Promise<readonly Match[]> {
    const sql = "SELECT * FROM bitcoin_matches WHERE id > ? ORDER BY id LIMIT ?";
    return (await this.#database.all(sql, [since, limit])).map(matchOf);
  }

  async matchesIn(hash: Uint8Array): Promise<readonly Match[]> {
    return (await this.#database.all("SELECT * FROM bitcoin_matches WHERE hash = ? ORDER BY id", [hash])).map(matchOf);
  }

  async payments(txids: readonly Uint8Array[]): Promise<readonly Match[]> {
    const sqlOf = (places: string) =>
      `SELECT * FROM bitcoin_matches WHERE txid IN (${places}) AND spent_txid IS NULL ORDER BY id`;
    return (await rowsAmong(this.#database, txids, sqlOf)).map(matchOf);
  }
}

/** Takes matches back; the events that tell of it. */
async function undo(
  within: Database,
  { above, event }: NonNullable<LightStep["undone"]>,
): Promise<readonly NewEvent[]> {
  // The plus keeps SQLite from reading all matches in the order of their ids, which it prefers to sorting these few.
  const gone = await within.all("SELECT * FROM bitcoin_matches WHERE height > ? ORDER BY +id", [above]);
  await within.run("DELETE FROM bitcoin_matches WHERE height > ?", [above]);
  return event === undefined ? [] : gone.map((row) => event(matchOf(row)));
}

async function writeFilterHeaders(
  within: Database,
  { startHeight, bytes, tipHash }: NonNullable<LightStep["filterHeaders"]>,
): Promise<void> {
  const first = Math.floor(startHeight / FILTER_HEADERS_PER_PAGE);
  const kept = (startHeight % FILTER_HEADERS_PER_PAGE) * HEADER_BYTES;
  const row = await within.get("SELECT bytes FROM bitcoin_filter_headers WHERE page = ?", [first]);
  const before = row === undefined ? new Uint8Array() : bytesOf(row.bytes).subarray(0, kept);
  if (before.length < kept) throw new RangeError(`filter headers from ${startHeight} on would leave a gap`);
  await within.run("DELETE FROM bitcoin_filter_headers WHERE page >= ?", [first]);
  const all = new Uint8Array(kept + bytes.length);
  all.set(before);
  all.set(bytes, kept);
  const pages: [number, Uint8Array][] = [];
  for (let at = 0; at < all.length; at += PAGE_BYTES) {
    pages.push([first + pages.length, all.slice(at, at + PAGE_BYTES)]);
  }
  await within.runMany("INSERT INTO bitcoin_filter_headers (page, bytes) VALUES (?, ?)", pages);
  await writeState(within, "tip", 0, tipHash);
}

async function insertMatches(within: Database, matches: readonly NewMatch[]): Promise<void> {
  if (matches.length === 0) return;
  const row = await within.get("SELECT value FROM bitcoin_light_state WHERE name = 'next_match'");
  const first = Number(row?.value ?? 1);
  await within.runMany(
    "INSERT INTO bitcoin_matches (id, height, hash, txid, script, value, vout, spent_txid, vin) " +
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    matches.map(({ height, hash, txid, script, value, vout, spend }, i) => [
      first + i,
      height,
      hash,
      txid,
      script,
      Number(value),
      vout,
      spend?.txid ?? null,
      spend?.vin ?? null,
    ]),
  );
  await writeState(within, "next_match", first + matches.length, new Uint8Array());
}

async function writeState(within: Database, name: string, value: number, bytes: Uint8Array): Promise<void> {
  await within.run(
    "INSERT INTO bitcoin_light_state (name, value, bytes) VALUES (?, ?, ?) " +
      "ON CONFLICT (name) DO UPDATE SET value = excluded.value, bytes = excluded.bytes",
    [name, value, bytes],
  );
}

function matchOf(row: SqlRow): Match {
  const isSpend = row.spent_txid !== null;
  return {
    id: Number(row.id),
    height: Number(row.height),
    hash: bytesOf(row.hash),
    txid: bytesOf(row.txid),
    script: bytesOf(row.script),
    direction: isSpend ? "out" : "in",
    // All the money there is fits into 51 bits.
    value: BigInt(Number(row.value)),
    vout: Number(row.vout),
    spend: isSpend ? { txid: bytesOf(row.spent_txid), vin: Number(row.vin) } : undefined,
  };
}
