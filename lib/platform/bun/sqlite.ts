/**
 * `bun:sqlite` behind the `Database` port.
 *
 * @module
 */
import { Database as BunDatabase } from "bun:sqlite";
import { NodeError } from "../../core/errors.ts";
import type { Database, SqlRow, SqlValue } from "../../core/ports.ts";
import { openSqlite, type SqliteDriver } from "../node/sql.ts";
import type { DatabaseOptions } from "../platform.ts";

/** Opens or makes an SQLite file with `bun:sqlite`; see `Platform.openDatabase`. */
export async function openDatabase(path: string, options: DatabaseOptions = {}): Promise<Database> {
  return openSqlite(path, options, openDriver);
}

function openDriver(path: string): SqliteDriver {
  const database = new BunDatabase(path, { create: true, readwrite: true, safeIntegers: true });
  return {
    prepare: (sql) => {
      const statement = database.prepare<Record<string, SqlValue | bigint>, SqlValue[]>(sql);
      return {
        run: (parameters) => Number(statement.run(...bind(parameters)).changes),
        all: (parameters) => statement.all(...bind(parameters)).map(row),
        get: (parameters) => {
          const found = statement.get(...bind(parameters));
          return found === null || found === undefined ? undefined : row(found);
        },
        finalize: () => statement.finalize(),
      };
    },
    exec: (sql) => void database.exec(sql),
    close: () => database.close(),
  };
}

const bind = (parameters: readonly SqlValue[]): SqlValue[] => [...parameters];

/** Integers come as bigint so that one above 2^53 is refused, as `node:sqlite` does, and not rounded in silence. */
function row(found: Record<string, SqlValue | bigint>): SqlRow {
  for (const name in found) {
    const value = found[name];
    if (typeof value !== "bigint") continue;
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
      throw new NodeError("DATABASE_STATEMENT", "self", `column ${name} holds ${value}, above 2^53`);
    }
    found[name] = number;
  }
  return found as SqlRow;
}
