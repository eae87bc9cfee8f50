/**
 * The database drivers that this runtime has: `node:sqlite` everywhere, `bun:sqlite` on Bun.
 *
 * @module
 */
import process from "node:process";
import type { Database } from "../../lib/core/ports.ts";
import { openDatabase } from "../../lib/platform/node/sqlite.ts";

/** A way to open a database file. */
export interface DatabaseDriver {
  readonly name: string;
  open(path: string): Promise<Database>;
}

/** Drivers that can be tried here. */
export const databaseDrivers: DatabaseDriver[] = [{ name: "node:sqlite", open: (path) => openDatabase(path) }];

if (process.versions.bun !== undefined) {
  const bun = await import("../../lib/platform/bun/sqlite.ts");
  databaseDrivers.push({ name: "bun:sqlite", open: (path) => bun.openDatabase(path) });
}
