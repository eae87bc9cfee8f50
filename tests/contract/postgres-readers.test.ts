/** A database on a server that is only read: nothing of it changes, and no right to change it is needed. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { regtest } from "../../lib/bitcoin/networks/regtest.ts";
import { openFollowedStore } from "../../lib/bitcoin/store/followed.ts";
import { BITCOIN_MIGRATIONS } from "../../lib/bitcoin/store/schema.ts";
import { openSqlBitcoinStore } from "../../lib/bitcoin/store/sql.ts";
import { openPostgres, type PostgresDatabase } from "../../lib/platform/node/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { chainStep } from "./bitcoin-store-suite.ts";
import { postgresSkip } from "./every-database.ts";

const refused = { name: "NodeError", code: "DATABASE_READ_ONLY", fault: "self" } as const;

describe("a database that is only read", { skip: postgresSkip }, () => {
  let server: PostgresServer;
  let schemas = 0;
  before(async () => void (server = await PostgresServer.start()));
  after(() => server.stop());

  /** A database that is written, and the same as a user has it who may only read. */
  const withBoth = async (work: (writer: PostgresDatabase, reader: PostgresDatabase) => Promise<void>) => {
    const schema = `r${++schemas}`;
    const writer = await openPostgres(server.url, { schema });
    const opened = [writer];
    try {
      await writer.script(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'guest') THEN CREATE ROLE guest LOGIN; END IF; END $$;" +
          `GRANT USAGE ON SCHEMA ${schema} TO guest; ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT SELECT ON TABLES TO guest`,
      );
      const url = server.url.replace(/\/\/[^@]*@/, "//guest@");
      opened.push(await openPostgres(url, { schema, readOnly: true }));
      await work(writer, opened[1]!);
    } finally {
      for (const each of opened) await each.close();
    }
  };

  test("refuses every change, by its own word and by the server's, and leaves no trace", () =>
    withBoth(async (writer, reader) => {
      await writer.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      await writer.run("INSERT INTO t VALUES (1)");
      const traces = await writer.all("SELECT writer FROM gemel_writers");
      assert.equal(traces.length, 1);
      await assert.rejects(reader.run("INSERT INTO t VALUES (2)"), refused);
      await assert.rejects(reader.script("DROP TABLE t"), refused);
      await assert.rejects(reader.transaction(() => Promise.resolve(1)), refused);
      await assert.rejects(reader.lease("reader"), refused);
      // Questions are a way around only the first.
      await assert.rejects(reader.all("INSERT INTO t VALUES (2) RETURNING a"), refused);
      assert.deepEqual(await reader.all("SELECT a FROM t"), [{ a: 1 }]);
      assert.equal(await reader.snapshot((within) => within.get("SELECT a FROM t").then((row) => row?.a)), 1);
    }));

  test("tells who writes, also where nobody ever has", () =>
    withBoth(async (writer, reader) => {
      assert.equal(await reader.leaseHolder(), undefined);
      const lease = await writer.lease("one");
      assert.equal(await reader.leaseHolder(), "one");
      await lease!.release();
      assert.equal(await reader.leaseHolder(), undefined);
    }));

  test("a schema that is not there, is older or has no block yet is waited for; a newer or another one is refused", () =>
    withBoth(async (writer, reader) => {
      const open = () => openFollowedStore(reader, { network: regtest });
      assert.equal(await open(), "its tables are not there yet");
      const store = await openSqlBitcoinStore(writer, { network: regtest });
      assert.equal(await open(), "it has no block yet");
      await store.commit(chainStep(0, 4));
      const opened = await open();
      assert.ok(typeof opened === "object");
      await store.commit(chainStep(4, 7));
      assert.equal((await opened.news()).tip, 6);
      const newest = BITCOIN_MIGRATIONS.length;
      const version = (number: number) =>
        writer.run("UPDATE gemel_meta SET value = ? WHERE name = 'version'", [String(number)]);
      await version(newest - 1);
      assert.equal(await open(), `it has schema ${newest - 1}, and this gemel reads ${newest}`);
      await version(newest + 1);
      await assert.rejects(open(), { code: "DATABASE_NEWER" });
      await version(newest);
      await writer.run("UPDATE gemel_meta SET value = 'chia' WHERE name = 'chain'");
      await assert.rejects(open(), { code: "DATABASE_FOREIGN" });
      await store.close();
    }));
});
