/**
 * Every database driver that there is here: those of SQLite, and PostgreSQL where a server can be started.
 *
 * @module
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { after } from "node:test";
import { openPostgres } from "../../lib/platform/node/postgres.ts";
import { postgresMissing, PostgresServer } from "../support/postgres-server.ts";
import { type DatabaseDriver, databaseDrivers } from "./databases.ts";

/** Why PostgreSQL is not among {@link everyDriver}, if it is not; for `test(…, { skip })`. */
export const postgresSkip: string | false = postgresMissing() ?? false;

let server: Promise<PostgresServer> | undefined;

/** The server of this file's tests, started by the first that asks for it. */
export function postgresServer(): Promise<PostgresServer> {
  return server ??= PostgresServer.start();
}

let inMemory = 0;

/** The schema that stands for a file; a new one for each database in memory. */
export function schemaOf(path: string): string {
  const name = path === ":memory:" ? `${path} ${process.pid} ${Math.random()} ${++inMemory}` : path;
  return `t_${createHash("sha256").update(name).digest("hex").slice(0, 20)}`;
}

/** PostgreSQL: one server for all tests of a file, and in it a schema for each path. */
export const postgresDriver: DatabaseDriver = {
  name: "PostgreSQL",
  dialect: "postgresql",
  open: async (path) => await openPostgres((await postgresServer()).url, { schema: schemaOf(path) }),
};

/** Drivers that can be tried here. */
export const everyDriver: readonly DatabaseDriver[] = postgresSkip === false
  ? [...databaseDrivers, postgresDriver]
  : databaseDrivers;

// Bun has one copy of this module for all files that it tests, which share the server; it ends with the process.
if (process.versions.bun === undefined) after(async () => await (await server)?.stop());

/** Makes the table of events refuse rows, as a full disk would; the returned SQL ends that. */
export function refusingEvents(driver: DatabaseDriver): { readonly begin: string; readonly end: string } {
  if (driver.dialect === "sqlite") {
    return {
      begin: "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END",
      end: "DROP TRIGGER full",
    };
  }
  return {
    begin: "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS " +
      "$$ BEGIN RAISE EXCEPTION 'disk full'; END $$; " +
      "CREATE TRIGGER full_disk BEFORE INSERT ON events EXECUTE FUNCTION full_disk()",
    end: "DROP TRIGGER full_disk ON events; DROP FUNCTION full_disk",
  };
}
