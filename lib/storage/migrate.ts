/**
 * Numbered migrations, forward only, and the identity of a database: which application, chain and network it belongs to.
 * Statements keep to what SQLite and PostgreSQL share; `BYTEA` is PostgreSQL's name for bytes, and SQLite keeps a blob
 * as it is in a column of that name.
 *
 * @module
 */
import { NodeError } from "../core/errors.ts";
import type { Database } from "../core/ports.ts";

/** One step of the schema. Numbers rise by one from 1 and never change meaning once released. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
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
 * network, or when a newer gemel wrote it. All steps and the new version are one transaction.
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
  await database.script("CREATE TABLE IF NOT EXISTS gemel_meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
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
  if (meta.size > 0 && version === newest) return;
  for (const step of migrations.slice(version)) await database.script(step.sql);
  for (const [name, value] of Object.entries({ ...wanted, version: String(newest) })) {
    await database.run(
      "INSERT INTO gemel_meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      [name, value],
    );
  }
}
