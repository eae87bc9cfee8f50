/**
 * The drivers of SQLite that this runtime has: `node:sqlite` everywhere, `bun:sqlite` on Bun. `every-database.ts` has a
 * server beside them.
 *
 * @module
 */
import process from "node:process";
import type { Database, SqlDialect } from "../../lib/core/ports.ts";
import { openDatabase } from "../../lib/platform/node/sqlite.ts";

/** A way to open a database. */
export interface DatabaseDriver {
  readonly name: string;
  readonly dialect: SqlDialect;
  /** Opens the file of a path, or what stands for it on a server. */
  open(path: string): Promise<Database>;
}

/** Drivers that can be tried here. */
export const databaseDrivers: DatabaseDriver[] = [
  { name: "node:sqlite", dialect: "sqlite", open: (path) => openDatabase(path) },
];

if (process.versions.bun !== undefined) {
  const bun = await import("../../lib/platform/bun/sqlite.ts");
  databaseDrivers.push({ name: "bun:sqlite", dialect: "sqlite", open: (path) => bun.openDatabase(path) });
}
