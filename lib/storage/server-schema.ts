/**
 * What only a database on a server has to be asked: who else migrates it, and whose its tables are. PostgreSQL's own words.
 *
 * @module
 */
import type { Database } from "../core/ports.ts";

/** Waits until nobody else migrates this schema; until the transaction ends nobody else does. */
export async function lockMigrations(within: Database): Promise<void> {
  await within.run("SELECT pg_advisory_xact_lock(hashtext('gemel migrations'), hashtext(current_schema()))");
}

/** A table or view of another program, in a schema that is not ours yet. `gemel_writers` and `gemel_lease` are the driver's. */
export async function strangeTable(within: Database): Promise<string | undefined> {
  const found = await within.get(
    "SELECT relname AS name FROM pg_catalog.pg_class WHERE relnamespace = current_schema()::regnamespace " +
      "AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname NOT IN ('gemel_writers', 'gemel_lease') " +
      "AND to_regclass(current_schema() || '.gemel_meta') IS NULL ORDER BY relname LIMIT 1",
  );
  return found && String(found.name);
}

/** How long a table that is to be emptied is waited for when others read it. */
const EMPTY_WAIT = "1s";

/**
 * Empties a table at once, whatever its size, and gives its room back. Inside a transaction.
 * @throws NodeError `DATABASE_BUSY` when others are still reading it; nothing is changed
 */
export async function emptyTable(within: Database, table: string): Promise<void> {
  if (within.dialect === "sqlite") await within.run(`DELETE FROM ${table}`);
  else await within.script(`SET LOCAL lock_timeout = '${EMPTY_WAIT}'; TRUNCATE ${table}`);
}

/** Bytes of a table with its indexes; of a file, which is not asked for more than these, the bytes of its columns. */
export async function tableBytes(database: Database, table: string, columns: readonly string[]): Promise<number> {
  const sum = columns.map((column) => `LENGTH(${column})`).join(" + ");
  const found = database.dialect === "sqlite"
    ? await database.get(`SELECT SUM(${sum}) AS bytes FROM ${table}`)
    : await database.get("SELECT pg_total_relation_size(?::text::regclass) AS bytes", [table]);
  return Number(found?.bytes ?? 0);
}
