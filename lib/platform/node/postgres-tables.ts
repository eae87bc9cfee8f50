/**
 * The driver's own tables, which are there before any migration.
 *
 * @module
 */
import type { PostgresLink } from "./postgres-link.ts";
import type { PostgresTarget } from "./postgres-target.ts";

/**
 * Makes a table, and the schema that it is in, where they are not there. Both are looked for first: who may use them need
 * not be allowed to make them.
 */
export async function makeTable(
  link: PostgresLink,
  { schema }: PostgresTarget,
  table: string,
  columns: string,
): Promise<void> {
  const there = "SELECT to_regnamespace(?)::text AS schema, to_regclass(?)::text AS found";
  const [known] = (await link.query(there, [schema, `${schema}.${table}`])).rows;
  if (known?.schema !== null && known?.found !== null) return;
  // One transaction, and one at a time: "if not exists" alone may fail when two make the same.
  await link.script(
    `SELECT pg_advisory_xact_lock(hashtext('gemel ${schema}'));` +
      (known?.schema === null ? `CREATE SCHEMA IF NOT EXISTS ${schema};` : "") +
      `CREATE TABLE IF NOT EXISTS ${schema}.${table} (${columns})`,
  );
}
