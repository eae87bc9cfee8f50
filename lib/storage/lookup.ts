/**
 * Questions about many values.
 *
 * @module
 */
import type { Database, SqlRow, SqlValue } from "../core/ports.ts";

/** Values that one statement asks about: databases bound their parameters. */
const LOOKUP_MAX = 200;

/** The rows of a question about each of some values. `sqlOf` gets the places of values, for `… IN (${places})`. */
export async function rowsAmong(
  database: Database,
  values: readonly SqlValue[],
  sqlOf: (places: string) => string,
): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  for (let from = 0; from < values.length; from += LOOKUP_MAX) {
    const some = values.slice(from, from + LOOKUP_MAX);
    rows.push(...await database.all(sqlOf(some.map(() => "?").join(", ")), some));
  }
  return rows;
}
