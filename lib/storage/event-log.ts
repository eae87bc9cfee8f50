/**
 * The event log in SQL and in memory. The chain's store appends to it inside its own transaction, by
 * {@link insertEvents}, so that an event is never seen without the rows it tells about.
 *
 * @module
 */
import { Decoder, Encoder } from "cbor-x";
import type { Database, SqlRow } from "../core/ports.ts";
import type { EncodedEvent, EventAge, EventData, EventLog, LoggedEvent, NewEvent } from "./events.ts";

/**
 * The log's table. `data` is CBOR (RFC 8949), a bigint as an integer of 64 bits or, above, as a big number (tag 2).
 * A retention policy must always leave the newest row, because the next id is found from it.
 */
export const EVENTS_SCHEMA = `
CREATE TABLE events (
  id BIGINT PRIMARY KEY,
  topic TEXT NOT NULL,
  time BIGINT NOT NULL,
  chain TEXT,
  network TEXT,
  data BYTEA NOT NULL
);`;

/** Plain maps with string keys, no record extension: any CBOR reader understands what is stored. */
const options = { useRecords: false, mapsAsObjects: true, variableMapSize: true, tagUint8Array: false } as const;
const encoder = new Encoder(options);
const decoder = new Decoder(options);

/** CBOR of an event's data. */
export function encodeEventData(data: EventData): Uint8Array {
  return new Uint8Array(encoder.encode(data));
}

/** The data from its CBOR; a number comes back as a number, a bigint as a bigint. */
export function decodeEventData(bytes: Uint8Array): EventData {
  return decoder.decode(bytes) as EventData;
}

/**
 * Inserts events with the ids that follow; to be called inside a transaction. Returns the ids. `newest` is the last id
 * that was given, where the caller knows it.
 */
export async function insertEvents(
  database: Database,
  events: readonly (NewEvent | EncodedEvent)[],
  newest?: number,
): Promise<number[]> {
  if (events.length === 0) return [];
  const last = newest ?? Number((await database.get("SELECT MAX(id) AS newest FROM events"))?.newest ?? 0);
  const ids = events.map((_, i) => last + 1 + i);
  await database.runMany(
    "INSERT INTO events (id, topic, time, chain, network, data) VALUES (?, ?, ?, ?, ?, ?)",
    events.map(({ topic, time, chain, network, data }, i) => [
      ids[i]!,
      topic,
      time,
      chain,
      network,
      data instanceof Uint8Array ? data : encodeEventData(data),
    ]),
  );
  return ids;
}

function encodedOf(row: SqlRow): EncodedEvent {
  return {
    id: Number(row.id),
    topic: String(row.topic),
    time: Number(row.time),
    chain: row.chain === null || row.chain === undefined ? null : String(row.chain),
    network: row.network === null || row.network === undefined ? null : String(row.network),
    data: row.data as Uint8Array,
  };
}

/** An event with its data as they are. */
const decodedOf = (event: EncodedEvent): LoggedEvent => ({ ...event, data: decodeEventData(event.data) });

/** The log in the `events` table of a database. `onAppend` is told the newest id after each append of its own. */
export class SqlEventLog implements EventLog {
  readonly #database: Database;
  readonly #onAppend: (newest: number) => void;

  constructor(database: Database, onAppend: (newest: number) => void = () => {}) {
    this.#database = database;
    this.#onAppend = onAppend;
  }

  async append(events: readonly NewEvent[]): Promise<readonly number[]> {
    const ids = await this.#database.transaction((within) => insertEvents(within, events));
    const newest = ids.at(-1);
    if (newest !== undefined) this.#onAppend(newest);
    return ids;
  }

  async read(since: number, limit: number): Promise<LoggedEvent[]> {
    return (await this.encoded(since, limit)).map(decodedOf);
  }

  /** See `EventSource.encoded`. */
  async encoded(since: number, limit: number): Promise<EncodedEvent[]> {
    const rows = await this.#database.all("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", [since, limit]);
    return rows.map(encodedOf);
  }

  /** Forgets events up to `id`, but never the newest: the next id follows from it. */
  async trim(id: number): Promise<void> {
    await this.#database.run("DELETE FROM events WHERE id <= ? AND id < (SELECT MAX(id) FROM events)", [id]);
  }

  /** Ids and times of the oldest events, rising, at most `limit`. */
  async eldest(limit: number): Promise<EventAge[]> {
    const rows = await this.#database.all("SELECT id, time FROM events ORDER BY id LIMIT ?", [limit]);
    return rows.map(({ id, time }) => ({ id: Number(id), time: Number(time) }));
  }

  /** Gives space that trimmed events left back to the system, a little at a time; whether there is more. */
  async giveBack(): Promise<boolean> {
    return await this.#database.giveBack?.() ?? false;
  }

  async bounds(): Promise<{ readonly oldest: number; readonly newest: number }> {
    // Two queries in one: SQLite finds a least or a greatest in its index, but for both at once it reads every row.
    const row = await this.#database.get(
      "SELECT (SELECT MIN(id) FROM events) AS oldest, (SELECT MAX(id) FROM events) AS newest",
    );
    return { oldest: Number(row?.oldest ?? 0), newest: Number(row?.newest ?? 0) };
  }
}

/** The log in memory. Keeps the newest `eventsMax` events and forgets the oldest beyond. */
export class MemoryEventLog implements EventLog {
  readonly #events: LoggedEvent[] = [];
  readonly #eventsMax: number;
  readonly #onAppend: (newest: number) => void;
  #newest = 0;

  constructor(options: { readonly eventsMax?: number; readonly onAppend?: (newest: number) => void } = {}) {
    this.#eventsMax = options.eventsMax ?? 100_000;
    this.#onAppend = options.onAppend ?? (() => {});
  }

  append(events: readonly (NewEvent | EncodedEvent)[]): Promise<readonly number[]> {
    const ids = events.map((event) => {
      this.#newest += 1;
      // Through CBOR and back, so that what is read is a copy and is what the SQL log would give.
      const { data } = event;
      const cbor = data instanceof Uint8Array ? data : encodeEventData(data);
      this.#events.push({ ...event, id: this.#newest, data: decodeEventData(cbor) });
      return this.#newest;
    });
    if (this.#events.length > this.#eventsMax) this.#events.splice(0, this.#events.length - this.#eventsMax);
    if (ids.length > 0) this.#onAppend(this.#newest);
    return Promise.resolve(ids);
  }

  read(since: number, limit: number): Promise<LoggedEvent[]> {
    const first = this.#events[0];
    if (first === undefined) return Promise.resolve([]);
    const start = Math.max(0, since + 1 - first.id);
    return Promise.resolve(this.#events.slice(start, start + limit));
  }

  /** See `EventSource.encoded`. */
  async encoded(since: number, limit: number): Promise<EncodedEvent[]> {
    return (await this.read(since, limit)).map((event) => ({ ...event, data: encodeEventData(event.data) }));
  }

  /** Forgets events up to `id`. */
  trim(id: number): Promise<void> {
    const kept = this.#events.findIndex((event) => event.id > id);
    this.#events.splice(0, kept < 0 ? this.#events.length : kept);
    return Promise.resolve();
  }

  /** Ids and times of the oldest events, rising, at most `limit`. */
  eldest(limit: number): Promise<EventAge[]> {
    return Promise.resolve(this.#events.slice(0, limit).map(({ id, time }) => ({ id, time })));
  }

  /** What is forgotten is the collector's. */
  giveBack(): Promise<boolean> {
    return Promise.resolve(false);
  }

  bounds(): Promise<{ readonly oldest: number; readonly newest: number }> {
    return Promise.resolve({ oldest: this.#events[0]?.id ?? 0, newest: this.#events.at(-1)?.id ?? 0 });
  }
}
