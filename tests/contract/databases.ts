/**
 * The database drivers that this runtime has.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import type { Database, SqlRow, SqlValue } from "../../lib/core/ports.ts";

/** Placeholder */
export function openNodeSqlite(path: string): Database {
  const db = new DatabaseSync(path);
  let tail: Promise<unknown> = Promise.resolve();
  const inner: Database = {
    dialect: "sqlite",
    run: (sql, p = []) => Promise.resolve(Number(db.prepare(sql).run(...(p as SqlValue[])).changes)),
    all: (sql, p = []) => Promise.resolve(db.prepare(sql).all(...(p as SqlValue[])) as SqlRow[]),
    get: (sql, p = []) =>
      Promise.resolve((db.prepare(sql).get(...(p as SqlValue[])) ?? undefined) as SqlRow | undefined),
    script: (sql) => Promise.resolve(db.exec(sql)),
    transaction: (work) => work(inner),
    close: () => Promise.resolve(db.close()),
  };
  const queue = <T>(work: () => Promise<T>): Promise<T> => {
    const next = tail.then(work, work);
    tail = next.catch(() => {});
    return next;
  };
  return {
    dialect: "sqlite",
    run: (s, p) => queue(() => inner.run(s, p)),
    all: (s, p) => queue(() => inner.all(s, p)),
    get: (s, p) => queue(() => inner.get(s, p)),
    script: (s) => queue(() => inner.script(s)),
    transaction: (work) =>
      queue(async () => {
        db.exec("BEGIN");
        try {
          const result = await work(inner);
          db.exec("COMMIT");
          return result;
        } catch (error) {
          db.exec("ROLLBACK");
          throw error;
        }
      }),
    close: () => queue(() => inner.close()),
  };
}

/** x */
export const databaseDrivers = [{ name: "node:sqlite", open: (p: string) => Promise.resolve(openNodeSqlite(p)) }];
