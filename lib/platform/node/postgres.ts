/**
 * The `Database` port over a PostgreSQL server.
 *
 * @module
 */
import type { Database, Lease, ServerDatabase, SqlRow, SqlValue } from "../../core/ports.ts";
import { mayRunAgain, onlyRead } from "./postgres-errors.ts";
import { type LeaseOptions, PostgresLease } from "./postgres-lease.ts";
import type { PostgresLink } from "./postgres-link.ts";
import { type PoolOptions, PostgresPool } from "./postgres-pool.ts";
import { type PostgresTarget, postgresTarget, type TargetOptions } from "./postgres-target.ts";
import { PostgresWriter } from "./postgres-writer.ts";

/** How {@link openPostgres} opens a database. */
export interface PostgresOptions extends TargetOptions, PoolOptions, LeaseOptions {
  /** How long a server is waited for that was lost in the middle of a commit; 30,000 by default. */
  readonly lookupTimeoutMs?: number;
}

/** How often a transaction is run that others got in the way of. */
const RUNS_MAX = 6;
const AGAIN_MS = 20;
/** A reader of a snapshot that asks nothing for so long is ended by the server, which keeps old rows for it. */
const SNAPSHOT_IDLE_MS = 600_000;

/**
 * Opens a database on a PostgreSQL server; see `postgresTarget` for the URL. All tables are in one schema, which is made
 * when it is not there, unless the database is only read. As with SQLite, transactions and changes run one after another, and questions wait for those that
 * were asked for before them.
 *
 * @throws NodeError of a {@link PostgresCode}, and `CONFIG_INVALID` for a URL that cannot be read
 */
export async function openPostgres(url: string, options: PostgresOptions = {}): Promise<PostgresDatabase> {
  const target = postgresTarget(url, options);
  const pool = new PostgresPool(target, options);
  try {
    // Who only reads leaves no trace, and waits elsewhere for a server that is away.
    const writer = options.readOnly === true
      ? undefined
      : await PostgresWriter.open(pool, target, options.lookupTimeoutMs);
    if (writer === undefined) await pool.use((link) => link.script("SELECT 1"));
    return new PostgresDatabase(pool, writer, target, options);
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
}

/** A database on a server; made by {@link openPostgres}. */
export class PostgresDatabase implements ServerDatabase {
  readonly dialect = "postgresql";
  readonly #pool: PostgresPool;
  /** Absent where nothing is changed. */
  readonly #writer: PostgresWriter | undefined;
  readonly #target: PostgresTarget;
  readonly #leaseOptions: LeaseOptions;
  #lease: PostgresLease | undefined;
  /** Settles, never rejects, when the last change that was asked for has ended. */
  #tail: Promise<void> = Promise.resolve();
  #changes = 0;
  /** Whether the table of the lease was seen. */
  #hasLease = false;
  #closed = false;

  constructor(
    pool: PostgresPool,
    writer: PostgresWriter | undefined,
    target: PostgresTarget,
    leaseOptions: LeaseOptions = {},
  ) {
    this.#pool = pool;
    this.#writer = writer;
    this.#target = target;
    this.#leaseOptions = leaseOptions;
  }

  /** Where it is, without the password. */
  get name(): string {
    return `${this.#target.name}, schema ${this.#target.schema}`;
  }

  async lease(name: string): Promise<Lease | undefined> {
    this.#check();
    if (this.#writer === undefined) throw onlyRead(this.#target);
    const lease = await PostgresLease.take(this.#pool, this.#target, name, this.#leaseOptions);
    if (lease === undefined) return undefined;
    this.#lease = lease;
    this.fence(lease);
    return lease;
  }

  fence(lease: Lease): void {
    if (!(lease instanceof PostgresLease)) throw new TypeError("the lease is of another kind of database");
    if (this.#writer === undefined) throw onlyRead(this.#target);
    this.#writer.fence(lease);
  }

  async leaseHolder(): Promise<string | undefined> {
    // Nobody has ever written where there is no table of it.
    this.#hasLease ||= (await this.get("SELECT to_regclass('gemel_lease')::text AS found"))?.found !== null;
    if (!this.#hasLease) return undefined;
    const found = await this.get("SELECT name FROM gemel_lease WHERE id = 1 AND until >= now()");
    return found && String(found.name);
  }

  /** Round trips to the server so far. */
  get roundTrips(): number {
    return this.#pool.roundTrips;
  }

  run(sql: string, parameters: readonly SqlValue[] = []): Promise<number> {
    return this.transaction((within) => within.run(sql, parameters));
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    if (rows.length === 0) return Promise.resolve(0);
    return this.transaction((within) => within.runMany(sql, rows));
  }

  script(sql: string): Promise<void> {
    return this.transaction((within) => within.script(sql));
  }

  async all(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    if (this.#changes > 0) await this.#tail;
    return await this.committed(sql, parameters);
  }

  /** Over another connection than the one that changes something now. */
  async committed(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow[]> {
    this.#check();
    return (await this.#pool.use((link) => link.query(sql, parameters))).rows;
  }

  async get(sql: string, parameters: readonly SqlValue[] = []): Promise<SqlRow | undefined> {
    return (await this.all(sql, parameters))[0];
  }

  async transaction<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const before = this.#tail;
    const ended = Promise.withResolvers<void>();
    this.#tail = ended.promise;
    this.#changes++;
    try {
      await before;
      this.#check();
      return await this.#transact(work);
    } finally {
      this.#changes--;
      ended.resolve();
    }
  }

  /** A transaction of its own that only reads; the server keeps for it what it sees. */
  async snapshot<T>(work: (database: Database) => Promise<T>): Promise<T> {
    if (this.#changes > 0) await this.#tail;
    this.#check();
    return await this.#pool.alone(async (link) => {
      // What is seen is settled by the first question. Its reader may have much else to do between two of them.
      await link.script(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; " +
          `SET LOCAL idle_in_transaction_session_timeout = ${SNAPSHOT_IDLE_MS}; SELECT 1`,
      );
      const inside = new Inside(link);
      try {
        return await work(inside);
      } finally {
        inside.end();
      }
    });
  }

  /** What is committed is on the server's disk. */
  async checkpoint(): Promise<boolean> {
    while (this.#changes > 0) await this.#tail;
    return true;
  }

  async close(): Promise<void> {
    while (this.#changes > 0) await this.#tail;
    if (this.#closed) return;
    this.#closed = true;
    await this.#lease?.release();
    await this.#writer?.close();
    await this.#pool.close();
  }

  #check(): void {
    if (this.#closed) throw new TypeError("the database is closed");
  }

  async #transact<T>(work: (database: Database) => Promise<T>): Promise<T> {
    for (let runs = 1;; runs++) {
      try {
        return await this.#once(work);
      } catch (thrown) {
        if (!mayRunAgain(thrown) || runs >= RUNS_MAX) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * 2 ** runs * (0.5 + Math.random())));
      }
    }
  }

  async #once<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const writer = this.#writer;
    if (writer === undefined) throw onlyRead(this.#target);
    // Nothing has happened when BEGIN fails: a connection that was lost while nobody used it is made anew.
    const link = await this.#pool.take((each) => each.script(writer.begin));
    const inside = new Inside(link);
    try {
      const result = await work(inside);
      inside.end();
      // What the work was refused, even where it has passed over it: the server has taken the transaction back.
      if (inside.refused !== undefined) throw inside.refused;
      await writer.commit(link);
      this.#pool.give(link);
      return result;
    } catch (thrown) {
      inside.end();
      await this.#takeBack(link);
      throw await writer.causeOf(thrown);
    }
  }

  async #takeBack(link: PostgresLink): Promise<void> {
    try {
      if (!link.isLost) await link.script("ROLLBACK");
    } catch {
      // The server takes back what a lost connection began; the first error is the one to tell.
      link.destroy();
    }
    this.#pool.give(link);
  }
}

/** The handle of one transaction. */
class Inside implements Database {
  readonly dialect = "postgresql";
  readonly #link: PostgresLink;
  #isOver = false;
  /** The first refusal. After it the server refuses everything but to take the transaction back. */
  refused: unknown;

  constructor(link: PostgresLink) {
    this.#link = link;
  }

  end(): void {
    this.#isOver = true;
  }

  async #open<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#isOver) throw new TypeError("the transaction is over");
    if (this.refused !== undefined) throw this.refused;
    try {
      return await ask();
    } catch (thrown) {
      this.refused ??= thrown;
      throw thrown;
    }
  }

  run(sql: string, parameters?: readonly SqlValue[]): Promise<number> {
    return this.#open(async () => (await this.#link.query(sql, parameters)).count);
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    return this.#open(() => this.#link.many(sql, rows));
  }

  all(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow[]> {
    return this.#open(async () => (await this.#link.query(sql, parameters)).rows);
  }

  committed(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow[]> {
    return this.all(sql, parameters);
  }

  async get(sql: string, parameters?: readonly SqlValue[]): Promise<SqlRow | undefined> {
    return (await this.all(sql, parameters))[0];
  }

  async script(sql: string): Promise<void> {
    await this.#open(() => this.#link.script(sql));
  }

  transaction(): Promise<never> {
    return Promise.reject(new TypeError("transactions do not nest"));
  }

  snapshot(): Promise<never> {
    return Promise.reject(new TypeError("a transaction sees what it changed, and gives no snapshot"));
  }

  checkpoint(): Promise<never> {
    return Promise.reject(new TypeError("a transaction cannot be durable before its end"));
  }

  close(): Promise<never> {
    return Promise.reject(new TypeError("a transaction cannot close its database"));
  }
}
