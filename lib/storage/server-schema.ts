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
