/** One writer at a time: the lease of a schema, and commits that are refused without it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "../../lib/platform/node/postgres.ts";
import { PostgresServer } from "../support/postgres-server.ts";
import { until } from "../interop/call.ts";
import { postgresSkip } from "./every-database.ts";

const overtaken = { name: "NodeError", code: "DATABASE_TAKEN_OVER", fault: "self" } as const;
/** A holder that says nothing any more, as one whose process is stopped. */
const SILENT: PostgresOptions = { leaseMs: 300, renewMs: 60_000 };
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("the lease of a schema", { skip: postgresSkip }, () => {
  let server: PostgresServer;
  let schemas = 0;
  before(async () => void (server = await PostgresServer.start()));
  after(() => server.stop());

  /** A schema with a table, and as many open databases of it as there are options. */
  const withMany = async (
    options: readonly PostgresOptions[],
    work: (...databases: PostgresDatabase[]) => Promise<void>,
  ) => {
    const schema = `s${++schemas}`;
    const opened: PostgresDatabase[] = [];
    try {
      for (const each of options) opened.push(await openPostgres(server.url, { schema, ...each }));
      await opened[0]!.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      await work(...opened);
    } finally {
      for (const each of opened) await each.close();
    }
  };
  const put = (database: PostgresDatabase, a: number) => database.run("INSERT INTO t VALUES (?)", [a]);
  const rowsOf = async (database: PostgresDatabase) =>
    (await database.all("SELECT a FROM t ORDER BY a")).map(({ a }) => a);

  test("is one database's, until it gives it back; epochs rise", () =>
    withMany([{}, {}], async (first, second) => {
      const lease = await first.lease("one");
      assert.equal(lease?.epoch, 1);
      assert.equal(await second.lease("two"), undefined);
      assert.equal(await second.leaseHolder(), "one");
      await put(first, 1);
      await lease.release();
      assert.equal(await second.leaseHolder(), undefined);
      assert.equal((await second.lease("two"))?.epoch, 2);
      await put(second, 2);
      await assert.rejects(put(first, 3), overtaken);
      assert.deepEqual(await rowsOf(first), [1, 2]);
      // A question needs no lease.
      await second.close();
      assert.equal(await first.leaseHolder(), undefined, "closing gives it back");
    }));

  test("is kept as long as its holder lives", () =>
    withMany([{ leaseMs: 400 }, {}], async (first, second) => {
      const lease = await first.lease("one");
      for (let i = 0; i < 6; i++) {
        await later(200);
        assert.equal(await second.lease("two"), undefined);
      }
      assert.equal(lease?.lost.aborted, false);
      await put(first, 1);
    }));

  test("goes to another when its holder is not heard of, who cannot commit any more, and is told so", () =>
    withMany([SILENT, {}], async (first, second) => {
      const lease = await first.lease("one");
      await put(first, 1);
      assert.equal(await second.lease("two"), undefined);
      await later(320);
      // Late, but nobody has taken over.
      await put(first, 2);
      assert.equal((await second.lease("two"))?.epoch, 2);
      const refused = { ...overtaken, message: /has another writer now \(schema s\d+\) \(two, epoch 2\)$/ };
      await assert.rejects(put(first, 3), refused);
      assert.equal(lease?.lost.aborted, true);
      assert.equal(lease?.lost.reason.code, "DATABASE_TAKEN_OVER");
      await assert.rejects(put(first, 3), refused);
      await put(second, 4);
      assert.deepEqual(await rowsOf(first), [1, 2, 4]);
      // What it gives back is not its own any more.
      await lease.release();
      await put(second, 5);
      assert.equal(await first.lease("one"), undefined);
    }));

  test("a transaction that began before another took over is refused at its end", () =>
    withMany([SILENT, {}], async (first, second) => {
      await first.lease("one");
      await later(320);
      await assert.rejects(
        first.transaction(async (inside) => {
          await inside.run("INSERT INTO t VALUES (1)");
          assert.equal((await second.lease("two"))?.epoch, 2);
          await inside.run("INSERT INTO t VALUES (2)");
        }),
        overtaken,
      );
      assert.deepEqual(await rowsOf(second), []);
    }));

  test("whoever is stopped in the middle of a transaction is not in the way of who takes over, by what it has locked", () =>
    withMany([SILENT, {}], async (first, second) => {
      await first.lease("one");
      await put(first, 1);
      const change = "UPDATE t SET a = a + 1 WHERE a = 1";
      const woken = Promise.withResolvers<void>();
      const stopped = first.transaction(async (inside) => {
        await inside.run(change);
        await woken.promise;
        await inside.run("SELECT 1");
      });
      stopped.catch(() => {});
      await later(320);
      await second.lease("two");
      const began = performance.now();
      await second.run("UPDATE t SET a = 7 WHERE a = 1");
      assert.ok(performance.now() - began < 5_000);
      woken.resolve();
      await assert.rejects(stopped);
      assert.deepEqual(await rowsOf(second), [7]);
    }));

  test("what fails in a transaction since another writes is told as that", () =>
    withMany([SILENT, {}], async (first, second) => {
      await first.lease("one");
      await later(320);
      await second.lease("two");
      await put(second, 1);
      await assert.rejects(first.transaction(() => Promise.reject(new Error("it is not as it was"))), overtaken);
    }));

  test("a holder that lives finds out by itself that another has taken over", () =>
    withMany([{ leaseMs: 400 }, {}], async (first, second) => {
      const lease = await first.lease("one");
      await second.run("UPDATE gemel_lease SET until = now() - interval '1 s'");
      assert.equal((await second.lease("two"))?.epoch, 2);
      await until("the news", 5_000, () => Promise.resolve(lease?.lost.aborted || undefined));
    }));

  test("is kept when the server is away for a while, and nobody took over", async () => {
    const other = await PostgresServer.start();
    const database = await openPostgres(other.url, { leaseMs: 400 });
    try {
      const lease = await database.lease("one");
      await database.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      other.kill9();
      await later(600);
      await assert.rejects(put(database, 1), { code: "DATABASE_AWAY" });
      await other.restart();
      await until("a commit", 10_000, async () => await put(database, 2).then(() => true, () => undefined));
      assert.deepEqual(await rowsOf(database), [2]);
      assert.equal(lease?.lost.aborted, false);
    } finally {
      await database.close();
      await other.stop();
    }
  });

  test("of one database fences others of the server that belong to it", () =>
    withMany([SILENT, {}], async (first, second) => {
      const beside = await openPostgres(server.url, { schema: `s${schemas}_beside` });
      try {
        await beside.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
        const lease = await first.lease("one");
        beside.fence(lease!);
        await put(beside, 1);
        await later(320);
        await second.lease("two");
        await assert.rejects(put(beside, 2), overtaken);
        assert.deepEqual(await rowsOf(beside), [1]);
        assert.throws(() => beside.fence({ epoch: 1, lost: lease!.lost, release: () => Promise.resolve() }), TypeError);
      } finally {
        await beside.close();
      }
    }));

  test("is one's when several ask at the same time for the first", () =>
    withMany(Array.from({ length: 6 }, () => ({})), async (...all) => {
      const taken = await Promise.all(all.map((each, i) => each.lease(`${i}`)));
      assert.equal(taken.filter((each) => each !== undefined).length, 1);
    }));
});
