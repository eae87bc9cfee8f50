/**
 * A database on a simulated disk: a real SQLite in memory for each run of the node, and a journal that outlives it.
 *
 * SQLite keeps each transaction whole or not at all, and in `synchronous = NORMAL` a loss of power takes back the newest
 * ones, up to the last checkpoint. The journal has just that: the statements of each committed transaction in their
 * order. A run begins with a new database that is given those which are left. So the node's own schema, migrations and
 * statements run in the simulated world, and only the pages and the journal file of SQLite, which are not ours to test,
 * do not. Files of SQLite itself would need a virtual file system in the runtime's binding; neither runtime offers one.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Database, SqlRow, SqlValue } from "../core/ports.ts";
import type { Journal, Statement } from "./disk.ts";

/** What a database needs of the disk and of the run that it belongs to. */
export interface SimDatabaseParts {
  readonly journal: Journal;
  readonly path: string;
  readonly mount: {
    reading(): Promise<void>;
    admit(path: string): boolean;
  };
}

/** Transactions between two checkpoints. */
const CHECKPOINT_EVERY = 8;
/** A journal of so many bytes is written anew, as the rows that are there. */
const JOURNAL_BYTES_MAX = 512 * 1024;
/** What ends a transaction whose node has died. */
const DEAD = Symbol("dead");

/** Brings an empty database to where the journal stands. @throws NodeError `DATABASE_DAMAGED` */
export async function openSimDatabase(inner: Database, parts: SimDatabaseParts): Promise<Database> {
  const { journal, path } = parts;
  if (journal.isMalformed) {
    throw new NodeError("DATABASE_DAMAGED", "self", `${path} is damaged or not a database (malformed)`, {
      data: { path },
    });
  }
  for (const transaction of journal.transactions) await inner.transaction((within) => replay(within, transaction));
  return new SimDatabase(inner, parts);
}

async function replay(within: Database, statements: readonly Statement[]): Promise<void> {
  for (const { sql, parameters } of statements) {
    if (parameters === undefined) await within.script(sql);
    else await within.run(sql, parameters);
  }
}

class SimDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #inner: Database;
  readonly #parts: SimDatabaseParts;

  constructor(inner: Database, parts: SimDatabaseParts) {
    this.#inner = inner;
    this.#parts = parts;
  }

  run(sql: string, parameters: Statement["parameters"] = []): Promise<number> {
    return this.transaction((within) => within.run(sql, parameters));
  }

  runMany(sql: string, rows: readonly (readonly SqlValue[])[]): Promise<number> {
    return this.transaction((within) => within.runMany(sql, rows));
  }

  script(sql: string): Promise<void> {
    return this.transaction((within) => within.script(sql));
  }

  async all(sql: string, parameters: Statement["parameters"] = []): Promise<SqlRow[]> {
    await this.#parts.mount.reading();
    return await this.#inner.all(sql, parameters);
  }

  async committed(sql: string, parameters: Statement["parameters"] = []): Promise<SqlRow[]> {
    await this.#parts.mount.reading();
    return await this.#inner.committed(sql, parameters);
  }

  async get(sql: string, parameters: Statement["parameters"] = []): Promise<SqlRow | undefined> {
    await this.#parts.mount.reading();
    return await this.#inner.get(sql, parameters);
  }

  async snapshot<T>(work: (database: Database) => Promise<T>): Promise<T> {
    await this.#parts.mount.reading();
    return await this.#inner.snapshot(work);
  }

  async checkpoint(): Promise<boolean> {
    await this.#parts.mount.reading();
    const { journal } = this.#parts;
    journal.synced = journal.transactions.length;
    return true;
  }

  async transaction<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const { mount, path } = this.#parts;
    await mount.reading();
    try {
      return await this.#inner.transaction(async (inner) => {
        const statements: Statement[] = [];
        const result = await work(recording(inner, statements));
        if (statements.length === 0) return result;
        // A node that dies here leaves nothing of the transaction; SQLite takes it back.
        if (!mount.admit(path)) throw DEAD;
        await this.#keep(inner, statements);
        return result;
      });
    } catch (thrown) {
      if (thrown === DEAD) return await new Promise(() => {});
      if (thrown instanceof NodeError && thrown.code === "DISK_FULL") {
        const told = `${path} cannot be used (database or disk is full)`;
        throw new NodeError("DATABASE_UNAVAILABLE", "self", told, { cause: thrown, data: { path } });
      }
      throw thrown;
    }
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #keep(within: Database, statements: readonly Statement[]): Promise<void> {
    const { journal } = this.#parts;
    journal.transactions.push(statements);
    journal.bytes += bytesOf(statements);
    if (journal.transactions.length - journal.synced < CHECKPOINT_EVERY) return;
    journal.synced = journal.transactions.length;
    if (journal.bytes < JOURNAL_BYTES_MAX) return;
    const anew = await dump(within);
    journal.transactions.length = 0;
    journal.transactions.push(anew);
    journal.synced = 1;
    // What is there now is not to be written anew before as much again has come.
    journal.bytes = -bytesOf(anew);
  }
}

/** A transaction whose changes are noted down. */
function recording(inner: Database, statements: Statement[]): Database {
  return {
    dialect: "sqlite",
    all: (sql, parameters) => inner.all(sql, parameters),
    committed: (sql, parameters) => inner.committed(sql, parameters),
    get: (sql, parameters) => inner.get(sql, parameters),
    run: async (sql, parameters = []) => {
      const changed = await inner.run(sql, parameters);
      statements.push({ sql, parameters: parameters.map(kept) });
      return changed;
    },
    runMany: async (sql, rows) => {
      const changed = await inner.runMany(sql, rows);
      for (const row of rows) statements.push({ sql, parameters: row.map(kept) });
      return changed;
    },
    script: async (sql) => {
      await inner.script(sql);
      statements.push({ sql });
    },
    transaction: (work) => inner.transaction(work),
    snapshot: (work) => inner.snapshot(work),
    checkpoint: () => inner.checkpoint(),
    close: () => inner.close(),
  };
}

/** Bytes are copied: their writer may use the memory again. */
const kept = (value: SqlValue): SqlValue => (value instanceof Uint8Array ? value.slice() : value);

function bytesOf(statements: readonly Statement[]): number {
  let bytes = 0;
  for (const { sql, parameters = [] } of statements) {
    bytes += sql.length;
    for (const value of parameters) {
      bytes += value instanceof Uint8Array || typeof value === "string" ? value.length : 8;
    }
  }
  return bytes;
}

/** Statements that make a database of the same tables, indexes and rows. */
async function dump(within: Database): Promise<Statement[]> {
  const schema = await within.all("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
  const statements: Statement[] = schema.map(({ sql }) => ({ sql: String(sql) }));
  for (const { type, name } of schema) {
    if (type !== "table") continue;
    for (const row of await within.all(`SELECT * FROM ${name}`)) {
      const columns = Object.keys(row);
      const marks = columns.map(() => "?").join(", ");
      const sql = `INSERT INTO ${name} (${columns.join(", ")}) VALUES (${marks})`;
      statements.push({ sql, parameters: columns.map((column) => row[column]!) });
    }
  }
  return statements;
}
