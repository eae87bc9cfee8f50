/**
 * Numbered migrations, forward only, and the identity of a database: which application, chain and network it belongs to.
 * Statements keep to what SQLite and PostgreSQL share; `BYTEA` is PostgreSQL's name for bytes, and SQLite keeps a blob
 * as it is in a column of that name. What is SQLite's alone is left out by a rule ({@link migrationText}), or a step has
 * a text of its own for PostgreSQL.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Database, SqlDialect } from "../core/ports.ts";
import { lockMigrations, strangeTable } from "./server-schema.ts";

/** One step of the schema. Numbers rise by one from 1 and never change meaning once released. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** The same for PostgreSQL, where the rule of {@link migrationText} does not do. */
  readonly postgresql?: string;
}

/**
 * The statements of a step in a dialect. PostgreSQL has no tables without a rowid, as it has no rowids; and it sorts texts
 * by the language of the server, where we mean the order of code points, as SQLite does.
 */
export function migrationText({ sql, postgresql }: Migration, dialect: SqlDialect): string {
  if (dialect === "sqlite") return sql;
  return postgresql ?? sql.replaceAll(") WITHOUT ROWID", ")").replaceAll(/\bTEXT\b/g, 'TEXT COLLATE "C"');
}

/** The owner of the database. */
export interface DatabaseIdentity {
  readonly chain: string;
  readonly network: string;
  /** Hex of what tells apart two networks of the same name (a simulator's genesis challenge). */
  readonly genesis: string;
}

/** Codes of {@link migrate}. */
export type MigrationCode = "DATABASE_NEWER" | "DATABASE_FOREIGN" | "DATABASE_DAMAGED";

const APPLICATION = "gemel";

/**
 * Brings a database to the newest schema, or refuses: when another program made it, when it belongs to another chain or
 * network, or when a newer gemel wrote it. All steps and the new version are one transaction. Of several nodes that do so
 * at once one does it, and the others wait and find it done.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  identity: DatabaseIdentity,
): Promise<void> {
  migrations.forEach((step, index) => {
    if (step.number !== index + 1) throw new RangeError(`migration ${step.name} is out of order`);
  });
  try {
    await database.transaction((within) => migrateWithin(within, migrations, identity));
  } catch (cause) {
    if (cause instanceof NodeError || cause instanceof RangeError) throw cause;
    throw new NodeError<MigrationCode>(
      "DATABASE_DAMAGED",
      "self",
      `the database cannot be read (${cause instanceof Error ? cause.message : String(cause)}); ` +
        "move the file away and start again, the node syncs anew",
      { cause },
    );
  }
}

async function migrateWithin(
  database: Database,
  migrations: readonly Migration[],
  identity: DatabaseIdentity,
): Promise<void> {
  if (database.dialect === "postgresql") await takeSchema(database);
  await database.script("CREATE TABLE IF NOT EXISTS gemel_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
  const { version, isEmpty } = await versionOf(database, migrations, identity);
  const newest = migrations.length;
  if (!isEmpty && version === newest) return;
  for (const step of migrations.slice(version)) await database.script(migrationText(step, database.dialect));
  const wanted = { application: APPLICATION, ...identity };
  for (const [name, value] of Object.entries({ ...wanted, version: String(newest) })) {
    await database.run(
      "INSERT INTO gemel_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [name, value],
    );
  }
}

/**
 * Why a database cannot be read as it is: nobody has made its tables yet, or an older program made them. Undefined when it
 * can. Changes nothing.
 * @throws NodeError of a {@link MigrationCode}, as {@link migrate} does
 */
export async function unreadableFor(
  database: Database,
  migrations: readonly Migration[],
  identity: DatabaseIdentity,
): Promise<string | undefined> {
  const isThere = database.dialect === "sqlite"
    ? "SELECT name AS found FROM sqlite_master WHERE name = 'gemel_meta'"
    : "SELECT to_regclass('gemel_meta')::text AS found";
  if ((await database.get(isThere))?.found == null) return "its tables are not there yet";
  const { version, isEmpty } = await versionOf(database, migrations, identity);
  if (isEmpty) return "its tables are not there yet";
  if (version === migrations.length) return undefined;
  return `it has schema ${version}, and this gemel reads ${migrations.length}`;
}

/** The schema's number in a database that is ours. */
async function versionOf(
  database: Database,
  migrations: readonly Migration[],
  identity: DatabaseIdentity,
): Promise<{ readonly version: number; readonly isEmpty: boolean }> {
  const meta = new Map((await database.all("SELECT name, value FROM gemel_meta")).map((row) => [row.name, row.value]));
  const wanted = { application: APPLICATION, ...identity };
  if (meta.size > 0) {
    for (const [name, value] of Object.entries(wanted)) {
      const found = meta.get(name);
      if (found === value) continue;
      throw new NodeError<MigrationCode>(
        "DATABASE_FOREIGN",
        "self",
        `the database belongs to ${name} ${JSON.stringify(found ?? null)}, this node is for ${
          JSON.stringify(value)
        }; ` +
          "choose another --data-dir or the network it was made for",
        { data: { name, found: found ?? null, wanted: value } },
      );
    }
  }
  const version = Number(meta.get("version") ?? 0);
  const newest = migrations.length;
  if (!Number.isSafeInteger(version) || version < 0) {
    throw new NodeError<MigrationCode>("DATABASE_DAMAGED", "self", "the database names no schema version; restore it");
  }
  if (version > newest) {
    throw new NodeError<MigrationCode>(
      "DATABASE_NEWER",
      "self",
      `the database has schema ${version}, this gemel knows up to ${newest}; use the newer gemel or another --data-dir`,
      { data: { version, newest } },
    );
  }
  return { version, isEmpty: meta.size === 0 };
}

/** On a server others may do the same at once, and the schema may be somebody else's. A file is locked, and ours by its name. */
async function takeSchema(database: Database): Promise<void> {
  await lockMigrations(database);
  const strange = await strangeTable(database);
  if (strange === undefined) return;
  throw new NodeError<MigrationCode>(
    "DATABASE_FOREIGN",
    "self",
    `the schema has a table ${JSON.stringify(strange)} of another program; choose another schema or database`,
    { data: { table: strange } },
  );
}
