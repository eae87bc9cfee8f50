/**
 * `node:sqlite` behind the `Database` port.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Database, SqlRow, SqlValue } from "../../core/ports.ts";
import type { DatabaseOptions } from "../platform.ts";
import { openSqlite, type SqliteDriver } from "./sql.ts";

/** Opens or makes an SQLite file with `node:sqlite`; see `Platform.openDatabase`. */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<Database> {
  return openSqlite(path, options, openDriver);
}

function openDriver(path: string): SqliteDriver {
  const database = new DatabaseSync(path);
  return {
    prepare: (sql) => {
      const statement: StatementSync = database.prepare(sql);
      return {
        run: (parameters) => Number(statement.run(...bind(parameters)).changes),
        all: (parameters) => statement.all(...bind(parameters)).map(row),
        get: (parameters) => {
          const found = statement.get(...bind(parameters));
          return found === undefined ? undefined : row(found);
        },
      };
    },
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
  };
}

const bind = (parameters: readonly SqlValue[]): SqlValue[] => [...parameters];

/** Rows have no prototype here; ours are plain objects, as `bun:sqlite` gives them. */
const row = (found: object): SqlRow => ({ ...found }) as SqlRow;
