/**
 * The connection is lost, the server ends or is killed: what was acknowledged is there, what was refused is not, and the
 * database goes on by itself when the server is back.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { NodeError } from "../../lib/core/errors.ts";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "../../lib/platform/node/postgres.ts";
import { effort, seed } from "../support/effort.ts";
import { PostgresProxy } from "../support/postgres-proxy.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { postgresSkip } from "./every-database.ts";

const away = { name: "NodeError", code: "DATABASE_AWAY", fault: "network" } as const;

describe("a PostgreSQL server that is lost", { skip: postgresSkip }, () => {
  let server: PostgresServer;
  let proxy: PostgresProxy;
  let schemas = 0;
  before(async () => {
    // What is committed has to be on disk before a process that is killed has said so; the machine itself goes on.
    server = await PostgresServer.start();
    proxy = await PostgresProxy.start(server.port);
  });
  after(async () => {
    await proxy.stop();
    await server.stop();
  });

  const withTable = async (
    work: (database: PostgresDatabase) => Promise<void>,
    options: PostgresOptions = {},
    isBehindProxy = false,
  ) => {
    const schema = `s${++schemas}`;
    const url = isBehindProxy ? server.tcpUrl().replace(`:${server.port}/`, `:${proxy.port}/`) : server.url;
    const database = await openPostgres(url, { schema, ...options });
    try {
      await database.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      await work(database);
    } finally {
      proxy.isShut = false;
      await database.close();
    }
  };
  const rowsOf = async (database: PostgresDatabase) =>
    (await database.all("SELECT a FROM t ORDER BY a")).map(({ a }) => a);
  const insert = (database: PostgresDatabase, a: number) =>
    database.transaction((inside) => inside.run("INSERT INTO t VALUES (?)", [a]));
  /** Ends all connections of ours from the server's side. */
  const terminate = () =>
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gemel'");

  test("a connection that is ended while nobody uses it is made anew, unnoticed", () =>
    withTable(async (database) => {
      await insert(database, 1);
      terminate();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(await rowsOf(database), [1]);
      terminate();
      await insert(database, 2);
      assert.deepEqual(await rowsOf(database), [1, 2]);
    }));

  test("a connection that is ended in the middle of a transaction takes it back, and the next call has another", () =>
    withTable(async (database) => {
      const lost = database.transaction(async (inside) => {
        await inside.run("INSERT INTO t VALUES (1)");
        terminate();
        await inside.run("INSERT INTO t VALUES (2)");
      });
      await assert.rejects(lost, away);
      assert.deepEqual(await rowsOf(database), []);
      const passedOver = database.transaction(async (inside) => {
        await inside.run("INSERT INTO t VALUES (3)");
        terminate();
        await inside.run("INSERT INTO t VALUES (4)").catch(() => {});
        // Were the connection made anew in silence, this would stand by itself.
        await inside.run("INSERT INTO t VALUES (5)").catch(() => {});
      });
      await assert.rejects(passedOver, away);
      const many = database.transaction(async (inside) => {
        const rows = Array.from({ length: 1_000 }, (_, i) => [i]);
        const asked = inside.runMany("UPDATE t SET a = a WHERE a = ?", rows);
        terminate();
        await asked;
        await inside.run("INSERT INTO t VALUES (6)");
      });
      await assert.rejects(many, away);
      await insert(database, 7);
      assert.deepEqual(await rowsOf(database), [7]);
    }));

  test("a snapshot whose connection is ended says so, and never goes on in another", () =>
    withTable(async (database) => {
      await insert(database, 1);
      const lost = database.snapshot(async (within) => {
        assert.equal((await within.all("SELECT a FROM t")).length, 1);
        terminate();
        return await within.all("SELECT a FROM t");
      });
      await assert.rejects(lost, away);
      await insert(database, 2);
      assert.deepEqual(await rowsOf(database), [1, 2]);
    }));

  test("no more than eight snapshots are read at once", () =>
    withTable(async (database) => {
      const gate = Promise.withResolvers<void>();
      const readers = Array.from({ length: 8 }, () => database.snapshot(() => gate.promise));
      await assert.rejects(database.snapshot(() => gate.promise), { code: "DATABASE_CROWDED", fault: "self" });
      await insert(database, 1);
      gate.resolve();
      await Promise.all(readers);
      assert.equal(await database.snapshot(async (within) => (await within.all("SELECT a FROM t")).length), 1);
    }));

  test("a server that is stopped: each call says so, and calls after its start go on", () =>
    withTable(async (database) => {
      await insert(database, 1);
      await server.halt();
      for (const ask of [() => insert(database, 2), () => rowsOf(database), () => database.run("DELETE FROM t")]) {
        await assert.rejects(ask(), away);
      }
      await server.restart();
      await insert(database, 3);
      assert.deepEqual(await rowsOf(database), [1, 3]);
    }));

  test("a commit whose answer is lost was made, and is told as made", () =>
    withTable(
      async (database) => {
        proxy.fate = "unanswered";
        await insert(database, 1);
        proxy.fate = "unanswered";
        assert.equal(await database.run("INSERT INTO t VALUES (2)"), 1);
        assert.deepEqual(await rowsOf(database), [1, 2]);
      },
      {},
      true,
    ));

  test("a commit that does not reach the server was not made, and cannot be made later", () =>
    withTable(
      async (database) => {
        proxy.fate = "kept";
        await assert.rejects(insert(database, 1), away);
        assert.deepEqual(await rowsOf(database), []);
        assert.match(await proxy.release(), /division by zero/);
        await insert(database, 2);
        assert.deepEqual(await rowsOf(database), [2]);
      },
      {},
      true,
    ));

  test("a commit of which nothing can be found out is told as such", () =>
    withTable(
      async (database) => {
        proxy.fate = "unanswered";
        proxy.isShut = true;
        await assert.rejects(insert(database, 1), {
          code: "DATABASE_OUTCOME_UNKNOWN",
          fault: "network",
          message: /may have been made or not/,
        });
        proxy.isShut = false;
        assert.deepEqual(await rowsOf(database), [1]);
      },
      { lookupTimeoutMs: 300 },
      true,
    ));

  test("a server that says nothing any more is given up", () =>
    withTable(async (database) => {
      await assert.rejects(database.script("SET LOCAL statement_timeout = 0; SELECT pg_sleep(60)"), away);
      await insert(database, 1);
    }, { statementTimeoutMs: 200, graceMs: 300 }));

  test("killed at any moment of a commit, server or connection: nothing acknowledged is lost, nothing comes twice", {
    timeout: 300_000,
  }, () =>
    withTable(async (database) => {
      const points = effort("kills of a PostgreSQL server and its connections", 8, 200);
      let state = seed;
      const random = () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
      const acknowledged: number[] = [];
      const refused: number[] = [];
      let next = 0;
      for (let point = 0; point < points; point++) {
        let isOver = false;
        const writing = (async () => {
          while (!isOver) {
            const a = next++;
            try {
              await database.transaction(async (inside) => {
                await inside.run("INSERT INTO t VALUES (?)", [2 * a]);
                await inside.runMany("INSERT INTO t VALUES (?)", [[2 * a + 1]]);
              });
              acknowledged.push(2 * a, 2 * a + 1);
            } catch (thrown) {
              assert.ok(thrown instanceof NodeError && thrown.code === "DATABASE_AWAY", String(thrown));
              refused.push(2 * a, 2 * a + 1);
            }
          }
        })();
        await new Promise((resolve) => setTimeout(resolve, random() * 40));
        if (point % 2 === 0) terminate();
        else {
          server.kill9();
          await server.restart();
        }
        const before = acknowledged.length;
        for (let i = 0; acknowledged.length === before && i < 1_000; i++) {
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        assert.ok(acknowledged.length > before, "it goes on by itself");
        isOver = true;
        await writing;
      }
      assert.deepEqual(await rowsOf(database), acknowledged);
      assert.ok(refused.length > 0, "some were refused");
    }));
});
