/**
 * The `Database` port over any synchronous SQLite binding. `node:sqlite` and `bun:sqlite` differ only in what
 * {@link SqliteDriver} names.
 *
 * @module
 */
import { closeSync, openSync } from "node:fs";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Database, SqlRow, SqlValue } from "../../core/ports.ts";
import type { DatabaseOptions } from "../platform.ts";

/** One compiled statement. */
export interface SqliteStatement {
  run(parameters: readonly SqlValue[]): number;
  all(parameters: readonly SqlValue[]): SqlRow[];
  get(parameters: readonly SqlValue[]): SqlRow | undefined;
  /** Frees the statement where the binding asks for it. */
  finalize?(): void;
}

/** An open SQLite file. */
export interface SqliteDriver {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): void;
  close(): void;
}

/** Compiled statements that are kept; the one unused for longest goes first. */
const STATEMENTS_MAX = 256;
const BUSY_TIMEOUT_MS = 5_000;
/** Pages that are given back in one step: a megabyte. */
const GIVEN_PAGES_MAX = 256;
/** One page in so many may be free: what will be written next has room, and the file does not shrink and grow all the time. */
const FREE_PAGES_PER = 4;

/** Opens `path` with `open` and sets it up: WAL, foreign keys, how eagerly it is flushed. */
export function openSqlite(path: string, options: DatabaseOptions, open: (path: string) => SqliteDriver): Database {
  const { busyTimeoutMs = BUSY_TIMEOUT_MS, synchronous = "normal", shrinks = false } = options;
  if (!Number.isSafeInteger(busyTimeoutMs) || busyTimeoutMs < 0) throw new RangeError(`busyTimeoutMs ${busyTimeoutMs}`);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw databaseFailure(cause, path);
    }
  };
  const driver = guarded(() => {
    keepPrivate(path);
    return open(path);
  });
  try {
    guarded(() => {
      driver.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
      // Before anything is written to the file, or it has no effect.
      if (shrinks) driver.exec("PRAGMA auto_vacuum = INCREMENTAL");
      driver.exec("PRAGMA journal_mode = WAL");
      driver.exec(`PRAGMA synchronous = ${synchronous.toUpperCase()}`);
      driver.exec("PRAGMA foreign_keys = ON");
      // Reads the schema, so that a file that is no database is refused here and not at its first query.
      const probe = driver.prepare("SELECT count(*) AS n FROM sqlite_schema");
      probe.get([]);
      // A statement that is left open would keep the file from being closed, and its WAL from being folded in.
      probe.finalize?.();
    });
  } catch (failure) {
    driver.close();
    throw failure;
  }
  const again = () => {
    if (isMemory(path)) throw new TypeError("a database in memory has no second connection");
    return guarded(() => open(path));
  };
  return new SqliteDatabase(driver, guarded, again);
}

/** Whether a path is of no file that a second connection could open. */
const isMemory = (path: string): boolean => path === "" || path.startsWith(":") || path.startsWith("file:");

/** A new file is its owner's alone (who connected and when is in it), and so are the files that SQLite puts beside it. */
function keepPrivate(path: string): void {
  if (isMemory(path)) return;
  try {
    closeSync(openSync(path, "a", 0o600));
  } catch {
    // What is wrong with the path is told by SQLite, in its own words.
  }
}

/** Statements outside a transaction wait for the open one: on a single connection they would become part of it. */
class SqliteDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #driver: SqliteDriver;
  readonly #guarded: <T>(work: () => T) => T;
  /** Opens the same file once more. */
  readonly #again: () => SqliteDriver;
  readonly #statements = new Map<string, SqliteStatement>();
  /** Settles, never rejects, when the last transaction that was asked for has ended. */
  #tail: Promise<void> = Promise.resolve();
  #transactions = 0;
  #closed = false;

  constructor(driver: SqliteDriver, guarded: <T>(work: () => T) => T, again: () => SqliteDriver) {
    this.#driver = driver;
    this.#guarded = guarded;
    this.#again = again;
  }

  async run(sql: string, parameters: readonly SqlValue[] = []): Promise<number> {
    if (this.#transactions > 0) await this.#tail;
    return this.#run(sql, parameters);
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    return this.transaction((within) => within.runMany(sql, rows));
  }

  async all(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    if (this.#transactions > 0) await this.#tail;
    return this.#all(sql, parameters);
  }

  /** One connection cannot answer beside a transaction: its changes would be seen. */
  committed(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return this.all(sql, parameters);
  }

  async get(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow | undefined> {
    if (this.#transactions > 0) await this.#tail;
    return this.#get(sql, parameters);
  }

  async script(sql: string): Promise<void> {
    if (this.#transactions > 0) await this.#tail;
    this.#script(sql);
  }

  async transaction<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const before = this.#tail;
    const ended = Promise.withResolvers<void>();
    this.#tail = ended.promise;
    this.#transactions++;
    try {
      await before;
      return await this.#transact(work);
    } finally {
      this.#transactions--;
      ended.resolve();
    }
  }

  async snapshot<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.#transactions > 0) await this.#tail;
    if (this.#closed) throw new TypeError("the database is closed");
    const driver = this.#again();
    const reader = new SqliteDatabase(driver, this.#guarded, this.#again);
    try {
      reader.#script(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA query_only = ON; BEGIN`);
      // What is seen is settled by the first question.
      reader.#get("SELECT count(*) AS n FROM sqlite_schema", []);
      return await work(reader.#handle());
    } finally {
      await reader.close();
    }
  }

  async checkpoint(): Promise<boolean> {
    const row = await this.get("PRAGMA wal_checkpoint(FULL)");
    return Number(row?.busy ?? 0) === 0;
  }

  async giveBack(): Promise<boolean> {
    if (this.#transactions > 0) await this.#tail;
    const free = Number(this.#get("PRAGMA freelist_count", [])?.freelist_count ?? 0);
    const pages = Number(this.#get("PRAGMA page_count", [])?.page_count ?? 0);
    const kept = Math.ceil(pages / FREE_PAGES_PER);
    // A file that was not made to shrink keeps its size, and uses the pages again.
    if (free <= kept || this.#get("PRAGMA auto_vacuum", [])?.auto_vacuum !== 2) return false;
    const given = Math.min(free - kept, GIVEN_PAGES_MAX);
    this.#script(`PRAGMA incremental_vacuum(${given})`);
    return given === GIVEN_PAGES_MAX;
  }

  async close(): Promise<void> {
    while (this.#transactions > 0) await this.#tail;
    if (this.#closed) return;
    this.#closed = true;
    for (const statement of this.#statements.values()) statement.finalize?.();
    this.#statements.clear();
    this.#guarded(() => this.#driver.close());
  }

  async #transact<T>(work: (database: Database) => Promise<T>): Promise<T> {
    // IMMEDIATE takes the write lock at once: a deferred one could fail half-way, where no busy timeout helps.
    this.#run("BEGIN IMMEDIATE", []);
    let over = false;
    try {
      const result = await work(this.#handle(() => over));
      over = true;
      this.#run("COMMIT", []);
      return result;
    } catch (cause) {
      over = true;
      try {
        this.#script("ROLLBACK");
      } catch {
        // SQLite has rolled back by itself (disk full, damaged file); the first error is the one to tell.
      }
      throw cause;
    }
  }

  /** What is open to the work of a transaction, until it is over. */
  #handle(isOver: () => boolean = () => this.#closed): Database {
    const open = <R>(statement: () => R): Promise<R> => {
      if (isOver()) return Promise.reject(new TypeError("the transaction is over"));
      try {
        return Promise.resolve(statement());
      } catch (cause) {
        return Promise.reject(cause);
      }
    };
    return {
      dialect: "sqlite",
      run: (sql, parameters = []) => open(() => this.#run(sql, parameters)),
      runMany: (sql, rows) => open(() => this.#runMany(sql, rows)),
      all: (sql, parameters = []) => open(() => this.#all(sql, parameters)),
      committed: (sql, parameters = []) => open(() => this.#all(sql, parameters)),
      get: (sql, parameters = []) => open(() => this.#get(sql, parameters)),
      script: (sql) => open(() => this.#script(sql)),
      transaction: () => Promise.reject(new TypeError("transactions do not nest")),
      snapshot: () => Promise.reject(new TypeError("a transaction sees what it changed, and gives no snapshot")),
      checkpoint: () => Promise.reject(new TypeError("a transaction cannot be durable before its end")),
      close: () => Promise.reject(new TypeError("a transaction cannot close its database")),
    };
  }

  #run(sql: string, parameters: readonly SqlValue[]): number {
    return this.#guarded(() => this.#statement(sql).run(parameters));
  }

  #runMany(sql: string, rows: readonly (readonly SqlValue[])[]): number {
    if (rows.length === 0) return 0;
    return this.#guarded(() => {
      const statement = this.#statement(sql);
      let changed = 0;
      // A savepoint, so that a row that is refused takes back those before it and the transaction can go on.
      this.#driver.exec("SAVEPOINT many");
      try {
        for (const row of rows) changed += statement.run(row);
      } catch (thrown) {
        try {
          this.#driver.exec("ROLLBACK TO many; RELEASE many");
        } catch {
          // SQLite has rolled all of the transaction back by itself; the first error is the one to tell.
        }
        throw thrown;
      }
      this.#driver.exec("RELEASE many");
      return changed;
    });
  }

  #all(sql: string, parameters: readonly SqlValue[]): SqlRow[] {
    return this.#guarded(() => this.#statement(sql).all(parameters));
  }

  #get(sql: string, parameters: readonly SqlValue[]): SqlRow | undefined {
    return this.#guarded(() => this.#statement(sql).get(parameters));
  }

  #script(sql: string): void {
    if (this.#closed) throw new TypeError("the database is closed");
    this.#guarded(() => this.#driver.exec(sql));
  }

  #statement(sql: string): SqliteStatement {
    if (this.#closed) throw new TypeError("the database is closed");
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#driver.prepare(sql);
      if (this.#statements.size >= STATEMENTS_MAX) {
        const [oldest, unused] = this.#statements.entries().next().value!;
        this.#statements.delete(oldest);
        unused.finalize?.();
      }
    } else {
      this.#statements.delete(sql);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

/**
 * What SQLite's refusal means for us. Recognised by the English text, which is SQLite's own and the same in both
 * bindings, while the codes are not (Deno gives none).
 */
function databaseFailure(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof TypeError || thrown instanceof RangeError) return thrown;
  const text = messageOf(thrown);
  const options = { cause: thrown, data: { path } };
  if (/not a database|malformed|database corruption/i.test(text)) {
    return new NodeError("DATABASE_DAMAGED", "self", `${path} is damaged or not a database (${text})`, options);
  }
  if (/database (table |schema )?is locked|is busy/i.test(text)) {
    return new NodeError("DATABASE_BUSY", "self", `${path} is locked by another program`, options);
  }
  if (/unable to open|readonly database|disk I\/O|is full|authorization denied/i.test(text)) {
    return new NodeError("DATABASE_UNAVAILABLE", "self", `${path} cannot be used (${text})`, options);
  }
  return new NodeError("DATABASE_STATEMENT", "self", `SQL refused: ${text}`, options);
}
