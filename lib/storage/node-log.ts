/**
 * The node's one event log. Events of a chain are written in the transaction of the block that caused them, in the log of
 * that chain's own database; from there they are copied into this one, in order, each exactly once: how far a chain's log
 * was copied is kept in the same transaction. Ids that consumers see are this log's.
 *
 * @module
 */
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock, Database } from "../core/ports.ts";
import { EVENT_GROUPS_SCHEMA } from "./event-groups.ts";
import { EVENTS_SCHEMA, insertEvents, MemoryEventLog, SqlEventLog } from "./event-log.ts";
import type { TrimmableLog } from "./event-retention.ts";
import type { EncodedEvent, EventLog, NewEvent } from "./events.ts";
import type { DatabaseIdentity, Migration } from "./migrate.ts";

/** A chain's own log, from which events are copied. */
export interface EventSource {
  /** Events with an id above `since`, rising, at most `limit`. They are copied as they are stored. */
  encoded(since: number, limit: number): Promise<EncodedEvent[]>;
  /** Forgets events that were copied; the newest may stay. */
  trim(upTo: number): Promise<void>;
  /** Ids of the first and of the last event that is there; 0 when there is none. */
  bounds(): Promise<{ readonly oldest: number; readonly newest: number }>;
}

/** Cursors that are kept with a log: how far those who are sent its events have got. */
export interface EventCursors {
  /** The id up to which a reader has everything; undefined for one that was never here. */
  cursor(reader: string): Promise<number | undefined>;
  /** Moves a reader's cursor, durably. */
  moveCursor(reader: string, position: number): Promise<void>;
}

/** A log into which chains' logs are copied. */
export interface NodeLog extends EventLog, TrimmableLog, EventCursors {
  /** The id in the source's log up to which everything was copied. */
  position(source: string): Promise<number>;
  /**
   * Appends copies and moves the position from where the caller knows it to be to `upTo`, or does neither.
   * @throws NodeError `EVENTS_COPIED` when it is elsewhere: another process has copied them
   */
  take(source: string, from: number, upTo: number, events: readonly EncodedEvent[]): Promise<void>;
}

/** Migrations of the node log's database. */
export const NODE_LOG_MIGRATIONS: readonly Migration[] = [{
  number: 1,
  name: "events, and how far chains' logs were copied",
  sql: `${EVENTS_SCHEMA}
CREATE TABLE event_positions (source TEXT PRIMARY KEY, position BIGINT NOT NULL);`,
}, {
  number: 2,
  name: "groups of consumers",
  sql: EVENT_GROUPS_SCHEMA,
}];

async function setPosition(database: Database, source: string, position: number): Promise<void> {
  await database.run(
    "INSERT INTO event_positions (source, position) VALUES (?, ?) " +
      "ON CONFLICT (source) DO UPDATE SET position = excluded.position",
    [source, position],
  );
}

/** Whose the node log's database is. */
export const NODE_LOG_IDENTITY: DatabaseIdentity = { chain: "events", network: "all", genesis: "" };

/** Stands for all sources in the table of positions: who writes to a log that others write to as well holds its row. */
const EVERY_SOURCE = "";

/**
 * The log in a database of its own. Where it is on a server, any number of nodes write to it, and all have one numbering:
 * one after another, so that nobody sees an id before those below it.
 */
export class SqlNodeLog extends SqlEventLog implements NodeLog {
  readonly #database: Database;
  readonly #onAppend: (newest: number) => void;
  readonly #isShared: boolean;
  /** The last id that was given; undefined when it has to be looked up. */
  #newest: number | undefined;

  /** @param isShared whether others may write to it as well */
  constructor(
    database: Database,
    onAppend: (newest: number) => void,
    isShared: boolean = database.dialect !== "sqlite",
  ) {
    super(database, onAppend);
    this.#database = database;
    this.#onAppend = onAppend;
    this.#isShared = isShared;
  }

  async position(source: string): Promise<number> {
    return await this.cursor(source) ?? 0;
  }

  async take(source: string, from: number, upTo: number, events: readonly EncodedEvent[]): Promise<void> {
    await this.#insert(events, async (within) => {
      const moved = await within.run(
        "INSERT INTO event_positions (source, position) VALUES (?, ?) " +
          "ON CONFLICT (source) DO UPDATE SET position = excluded.position WHERE event_positions.position = ?",
        [source, upTo, from],
      );
      if (moved === 0) throw copied(source);
    });
  }

  async cursor(reader: string): Promise<number | undefined> {
    const row = await this.#database.get("SELECT position FROM event_positions WHERE source = ?", [reader]);
    return row && Number(row.position);
  }

  moveCursor(reader: string, position: number): Promise<void> {
    return setPosition(this.#database, reader, position);
  }

  override append(events: readonly NewEvent[]): Promise<readonly number[]> {
    return this.#insert(events, () => Promise.resolve());
  }

  /** Inserts events, and in the same transaction does the rest. */
  async #insert(
    events: readonly (NewEvent | EncodedEvent)[],
    rest: (within: Database) => Promise<void>,
  ): Promise<readonly number[]> {
    let isAgain = false;
    try {
      const ids = await this.#database.transaction(async (within) => {
        // A transaction that is run again was taken back before.
        if (isAgain || this.#isShared) this.#newest = undefined;
        isAgain = true;
        if (this.#isShared && events.length > 0) await holdLog(within);
        const ids = await insertEvents(within, events, this.#newest);
        this.#newest = ids.at(-1) ?? this.#newest;
        await rest(within);
        return ids;
      });
      if (ids.length > 0) this.#onAppend(ids.at(-1)!);
      return ids;
    } catch (thrown) {
      // What was inserted was taken back.
      this.#newest = undefined;
      throw thrown;
    }
  }
}

/** Keeps all others from writing to the log until the transaction ends. */
async function holdLog(within: Database): Promise<void> {
  await within.run(
    "INSERT INTO event_positions (source, position) VALUES (?, 0) " +
      "ON CONFLICT (source) DO UPDATE SET position = event_positions.position",
    [EVERY_SOURCE],
  );
}

const copied = (source: string) =>
  new NodeError("EVENTS_COPIED", "self", `another process copies the events of ${source}`);

/** The log in memory. */
export class MemoryNodeLog extends MemoryEventLog implements NodeLog {
  readonly #positions = new Map<string, number>();

  async position(source: string): Promise<number> {
    return await this.cursor(source) ?? 0;
  }

  async take(source: string, from: number, upTo: number, events: readonly EncodedEvent[]): Promise<void> {
    if (await this.position(source) !== from) throw copied(source);
    this.#positions.set(source, upTo);
    await this.append(events);
  }

  cursor(reader: string): Promise<number | undefined> {
    return Promise.resolve(this.#positions.get(reader));
  }

  moveCursor(reader: string, position: number): Promise<void> {
    this.#positions.set(reader, position);
    return Promise.resolve();
  }
}

/** Events copied at a time. */
const PAGE = 500;

/** The loop of one source, as long as there is something to copy. */
interface Copying {
  /** Something came after the pass that runs had begun. */
  again: boolean;
  pass: Promise<void>;
  done: Promise<void>;
}

/** When the next pass begins. */
export interface ForwarderTiming {
  /** By which a copy that failed is tried again: the log may be on a server that is away. Without it a poke has to come. */
  readonly clock?: Pick<Clock, "after">;
  /** Waits for more before the next pass, where each takes its time whatever there is to copy. */
  readonly gather?: (() => Promise<void>) | undefined;
}

/** Until a copy that failed is tried again, unless a poke comes before. */
const AGAIN_MS = 5_000;

/** Copies chains' logs into the node's. One loop a source; a poke wakes it. */
export class EventForwarder {
  readonly #log: NodeLog;
  readonly #failed: (text: string) => void;
  readonly #timing: ForwarderTiming;
  /** What cancels the next try, by source. */
  readonly #retries = new Map<string, () => void>();
  #isClosed = false;
  readonly #running = new Map<string, Copying>();
  readonly #sources = new Map<string, EventSource>();

  constructor(log: NodeLog, failed: (text: string) => void, timing: ForwarderTiming = {}) {
    this.#log = log;
    this.#failed = failed;
    this.#timing = timing;
  }

  /** Copies from a source from now on, first what an earlier run left. */
  async add(name: string, source: EventSource): Promise<void> {
    await this.#rewind(name, source);
    this.#sources.set(name, source);
    this.poke(name);
    await this.drain();
  }

  /**
   * Two databases lose different amounts when the power fails, and one may have been made anew: a chain's log that ends
   * before the position gives ids again that were copied already, and what they are given to must not be passed over.
   */
  async #rewind(name: string, source: EventSource): Promise<void> {
    const { newest } = await source.bounds();
    const position = await this.#log.position(name);
    if (position > newest) await this.#log.take(name, position, newest, []);
  }

  /** There may be new events in a source. */
  poke(name: string): void {
    const running = this.#running.get(name);
    if (running !== undefined) running.again = true;
    else this.#start(name);
  }

  /** Resolves when everything is copied that sources have told of so far: what is written next stands after it. */
  async copied(): Promise<void> {
    await Promise.all([...this.#running.values()].map(async (copying) => {
      const isBehind = copying.again;
      await copying.pass.catch(() => {});
      // The loop goes on before this does: it waits for the same pass, and has waited longer.
      if (isBehind) await copying.pass.catch(() => {});
    }));
  }

  /** Resolves when nothing is left to copy. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Resolves when nothing is left to copy; what failed is not tried again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const name of [...this.#retries.keys()]) this.#cancelRetry(name);
    await this.drain();
  }

  #cancelRetry(name: string): void {
    this.#retries.get(name)?.();
    this.#retries.delete(name);
  }

  #start(name: string): void {
    const source = this.#sources.get(name);
    if (source === undefined) return;
    this.#cancelRetry(name);
    const state: Copying = { again: false, pass: Promise.resolve(), done: Promise.resolve() };
    const run = async () => {
      for (let isAgain = false; !isAgain || state.again; isAgain = true) {
        state.again = false;
        state.pass = this.#pass(name, source, isAgain);
        await state.pass;
      }
    };
    this.#running.set(name, state);
    state.done = run()
      .catch((error) => {
        this.#failed(`events of ${name} could not be copied: ${messageOf(error)}`);
        const { clock } = this.#timing;
        if (clock === undefined || this.#isClosed) return;
        this.#retries.set(name, clock.after(AGAIN_MS, () => this.poke(name)));
      })
      .finally(() => this.#running.delete(name));
  }

  async #pass(name: string, source: EventSource, isAgain: boolean): Promise<void> {
    if (isAgain) await this.#timing.gather?.();
    await this.#copy(name, source);
  }

  async #copy(name: string, source: EventSource): Promise<void> {
    let position = await this.#log.position(name);
    for (let isMore = true; isMore;) {
      const events = await source.encoded(position, PAGE);
      const last = events.at(-1);
      if (last === undefined) return;
      await this.#log.take(name, position, last.id, events);
      position = last.id;
      await source.trim(position);
      // What comes from now on has poked.
      isMore = events.length === PAGE;
    }
  }
}
