/**
 * What every driver of the `Database` port keeps to.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { NodeError } from "../../lib/core/errors.ts";
import type { Database, SqlValue } from "../../lib/core/ports.ts";
import * as node from "../../lib/platform/node/sqlite.ts";
import type { Platform } from "../../lib/platform/platform.ts";
import { everyDriver, postgresSkip } from "./every-database.ts";

const sqlite: Record<string, Platform["openDatabase"]> = { "node:sqlite": node.openDatabase };
if (process.versions["bun"] !== undefined) {
  sqlite["bun:sqlite"] = (await import("../../lib/platform/bun/sqlite.ts")).openDatabase;
}

const code = (expected: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof NodeError, String(thrown));
  assert.equal(thrown.code, expected);
  assert.equal(thrown.fault, "self");
  assert.doesNotMatch(thrown.message, /\n/);
  return true;
};

const withFile = async (work: (file: string) => Promise<void>) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-database-"));
  try {
    await work(path.join(folder, "test.sqlite"));
  } finally {
    await rm(folder, { recursive: true });
  }
};

/** Runs a test in a new database of two tables. */
const withTables =
  (open: (file: string) => Promise<Database>) => (work: (database: Database, file: string) => Promise<void>) =>
    withFile(async (file) => {
      const database = await open(file);
      try {
        await database.script(
          "CREATE TABLE t (a INTEGER PRIMARY KEY, b BIGINT, x FLOAT8, s TEXT, y BYTEA); " +
            "CREATE TABLE u (a INTEGER REFERENCES t (a))",
        );
        await work(database, file);
      } finally {
        await database.close();
      }
    });

const count = async (database: Database) => (await database.get("SELECT count(*) AS n FROM t"))?.["n"];

test("a PostgreSQL server can be started here", { skip: postgresSkip }, () => {});

for (const driver of everyDriver) {
  const { name } = driver;
  const openDatabase = (file: string) => driver.open(file);
  const withDatabase = withTables(openDatabase);

  describe(`Database on ${name}`, () => {
    test("keeps every kind of value", () =>
      withDatabase(async (database) => {
        const kept: [column: string, value: SqlValue][] = [
          ...[null, 0, -1, 2 ** 31, 2 ** 53 - 1, 1 - 2 ** 53].map((value): [string, SqlValue] => ["b", value]),
          ...[1.5, -0.1, 1e300].map((value): [string, SqlValue] => ["x", value]),
          ...[null, "", "☂", "it's 100% ?", "\\x00 $1"].map((value): [string, SqlValue] => ["s", value]),
          ...[new Uint8Array(), Uint8Array.of(0, 255), new Uint8Array(70_000).fill(7)]
            .map((value): [string, SqlValue] => ["y", value]),
        ];
        for (const [i, [column, value]] of kept.entries()) {
          assert.equal(await database.run(`INSERT INTO t (a, ${column}) VALUES (?, ?)`, [i, value]), 1);
          const row = await database.get(`SELECT ${column} AS value FROM t WHERE a = ?`, [i]);
          assert.deepEqual(row, { value });
        }
        assert.deepEqual(await database.all("SELECT b, s FROM t WHERE a IN (?, ?) ORDER BY a", [1, 2]), [
          { b: 0, s: null },
          { b: -1, s: null },
        ]);
      }));

    test("question marks in texts, names and comments are no parameters", () =>
      withDatabase(async (database) => {
        await database.run("INSERT INTO t (a, s) VALUES (?, 'it''s ?') -- why?", [1]);
        const row = await database.get(`SELECT s AS "what?", a FROM /* ? */ t WHERE s <> '?' AND a = ?`, [1]);
        assert.deepEqual(row, { "what?": "it's ?", a: 1 });
      }));

    test("runMany() runs a statement for each row, in their order, and counts what they changed", () =>
      withDatabase(async (database) => {
        const rows = Array.from({ length: 3_000 }, (_, i) => [i, i % 7, new Uint8Array(32).fill(i)]);
        assert.equal(await database.runMany("INSERT INTO t (a, b, y) VALUES (?, ?, ?)", rows), 3_000);
        assert.deepEqual(await database.get("SELECT b, y FROM t WHERE a = 2999"), {
          b: 2_999 % 7,
          y: new Uint8Array(32).fill(2_999),
        });
        const again = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO NOTHING";
        assert.equal(await database.runMany(again, [[1, 9], [5_000, 9], [5_000, 10], [2, 9]]), 1);
        const other = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b";
        assert.equal(await database.runMany(other, [[1, 100], [6_000, 1], [1, 200], [6_000, 2]]), 4);
        assert.deepEqual(
          await database.all("SELECT a, b FROM t WHERE a IN (1, 2, 5000, 6000) ORDER BY a"),
          [{ a: 1, b: 200 }, { a: 2, b: 2 }, { a: 5_000, b: 9 }, { a: 6_000, b: 2 }],
        );
        const change = Array.from({ length: 500 }, (_, i) => [null, 2 * i]);
        assert.equal(await database.runMany("UPDATE t SET b = ? WHERE a = ?", [...change, [1, 77_777]]), 500);
        assert.equal(await database.runMany("DELETE FROM t WHERE b = ?", [[3], [3], [-5]]), 358);
        assert.equal(await database.runMany("DELETE FROM t WHERE a = ?", []), 0);
      }));

    test("runMany() is done as a whole or not at all", () =>
      withDatabase(async (database) => {
        const rows = [[1, 1], [2, 2], [1, 3]];
        for (const sql of ["INSERT INTO t (a, b) VALUES (?, ?)", "INSERT INTO t (a, b) SELECT ?, CAST(? AS BIGINT)"]) {
          await assert.rejects(database.runMany(sql, rows), code("DATABASE_STATEMENT"));
          assert.equal(await count(database), 0);
          await assert.rejects(
            database.transaction(async (within) => {
              await within.run("INSERT INTO t (a) VALUES (7)");
              await within.runMany(sql, rows);
            }),
            code("DATABASE_STATEMENT"),
          );
          assert.equal(await count(database), 0);
        }
        await database.transaction(async (within) => {
          assert.equal(await within.runMany("INSERT INTO t (a, b) VALUES (?, ?)", rows.slice(0, 2)), 2);
        });
        assert.equal(await count(database), 2);
      }));

    test("runMany() changes a row as often as it is named, far apart or at once, whatever the key is made of", () =>
      withDatabase(async (database) => {
        await database.script("CREATE TABLE pairs (a BYTEA, s TEXT, n BIGINT, PRIMARY KEY (a, s))");
        const add = "INSERT INTO pairs (a, s, n) VALUES (?, ?, ?) " +
          "ON CONFLICT (a, s) DO UPDATE SET n = pairs.n + excluded.n";
        const key = (i: number) => Uint8Array.of(i >> 8, i & 255);
        const rows = Array.from({ length: 2_500 }, (_, i): SqlValue[] => [key(i % 1_100), `${i % 2}`, i]);
        assert.equal(await database.runMany(add, [...rows, ...rows.slice(-2), ...rows.slice(-2)]), 2_504);
        const sum = await database.get("SELECT count(*) AS rows, SUM(n) AS n FROM pairs");
        assert.deepEqual(sum, { rows: 1_100, n: (2_499 * 2_500) / 2 + 2 * (2_498 + 2_499) });
        assert.equal(await database.runMany("DELETE FROM pairs WHERE a = ?", [[key(3)], [key(9_999)], [key(3)]]), 1);
        const keys = Array.from({ length: 1_099 }, (_, i) => [key(i + 1)]);
        assert.equal(await database.runMany("DELETE FROM pairs WHERE a = ?", keys), 1_098);
        assert.deepEqual(await database.all("SELECT a, s FROM pairs"), [{ a: key(0), s: "0" }]);
      }));

    test("snapshot() sees what was there when it was asked for, holds nobody up, and changes nothing", () =>
      withDatabase(async (database) => {
        const before = database.run("INSERT INTO t (a) VALUES (1)");
        let kept: Database | undefined;
        const seen = await database.snapshot(async (within) => {
          kept = within;
          for (let a = 2; a < 5; a++) {
            await database.run("INSERT INTO t (a) VALUES (?)", [a]);
            assert.deepEqual(await within.all("SELECT a FROM t"), [{ a: 1 }]);
          }
          const both = database.snapshot(count);
          assert.equal(await count(within), 1);
          assert.equal(await both, 4);
          return "seen";
        });
        assert.equal(await before, 1);
        assert.equal(seen, "seen");
        await assert.rejects(kept!.all("SELECT a FROM t"), TypeError);
        const failure = new Error("no");
        await assert.rejects(database.snapshot(() => Promise.reject(failure)), failure);
        await assert.rejects(database.snapshot((within) => within.run("DELETE FROM t")));
        await assert.rejects(database.snapshot((within) => within.transaction(async () => {})), TypeError);
        await database.transaction((inside) => assert.rejects(inside.snapshot(async () => {}), TypeError));
        assert.equal(await count(database), 4);
        await database.close();
        await assert.rejects(database.snapshot(count), TypeError);
      }));

    test("checkpoint() tells whether what is committed is safe", () =>
      withDatabase(async (database) => {
        const pending = database.run("INSERT INTO t (a) VALUES (1)");
        assert.equal(await database.checkpoint(), true);
        assert.equal(await pending, 1);
        await database.transaction((inside) => assert.rejects(inside.checkpoint(), TypeError));
      }));

    test("run() tells how many rows changed, get() undefined for none", () =>
      withDatabase(async (database) => {
        await database.run("INSERT INTO t (a, b) VALUES (1, 1), (2, 1), (3, 2)");
        assert.equal(await database.run("UPDATE t SET b = 5 WHERE b = ?", [1]), 2);
        assert.equal(await database.run("DELETE FROM t WHERE a = ?", [99]), 0);
        assert.equal(await database.get("SELECT a FROM t WHERE a = ?", [99]), undefined);
        assert.deepEqual(await database.all("SELECT a FROM t WHERE a = ?", [99]), []);
      }));

    test("an integer above 2^53 is refused and not rounded", () =>
      withDatabase(async (database) => {
        await assert.rejects(database.get("SELECT 9007199254740993 AS x"));
      }));

    test("a mistake in SQL is an error of one line, and the database goes on", () =>
      withDatabase(async (database) => {
        await assert.rejects(database.run("INSERT INTO nowhere VALUES (1)"), code("DATABASE_STATEMENT"));
        assert.equal(await count(database), 0);
      }));

    test("a transaction is whole or not at all", () =>
      withDatabase(async (database) => {
        const result = await database.transaction(async (inside) => {
          await inside.run("INSERT INTO t (a, b) VALUES (1, 1)");
          return "made";
        });
        assert.equal(result, "made");
        const failure = new Error("no");
        await assert.rejects(
          database.transaction(async (inside) => {
            await inside.run("INSERT INTO t (a, b) VALUES (2, 1)");
            throw failure;
          }),
          failure,
        );
        assert.equal(await count(database), 1);
      }));

    test("transactions run one after the other, and statements outside wait for them", () =>
      withDatabase(async (database) => {
        const order: string[] = [];
        const gate = Promise.withResolvers<void>();
        const first = database.transaction(async (inside) => {
          order.push("first");
          await inside.run("INSERT INTO t (a, b) VALUES (1, 1)");
          await gate.promise;
          order.push("first ends");
          throw new Error("roll back");
        });
        const second = database.transaction(async (inside) => {
          order.push("second");
          await inside.run("INSERT INTO t (a, b) VALUES (2, 1)");
        });
        await new Promise((resolve) => setTimeout(resolve, 5));
        assert.deepEqual(order, ["first"]);
        // On one connection this would otherwise be rolled back with the first.
        const outside = database.run("INSERT INTO t (a, b) VALUES (3, 1)");
        gate.resolve();
        await assert.rejects(first, /roll back/);
        await Promise.all([second, outside]);
        assert.deepEqual(order, ["first", "first ends", "second"]);
        assert.deepEqual(await database.all("SELECT a FROM t ORDER BY a"), [{ a: 2 }, { a: 3 }]);
      }));

    test("committed() sees no change before it is committed, and each that is; inside a transaction its own", () =>
      withDatabase(async (database) => {
        const asked = "SELECT a FROM t WHERE a > ? ORDER BY a";
        const gate = Promise.withResolvers<void>();
        const change = database.transaction(async (inside) => {
          await inside.run("INSERT INTO t (a) VALUES (1)");
          assert.deepEqual(await inside.committed(asked, [0]), [{ a: 1 }]);
          await gate.promise;
        });
        const beside = database.committed(asked, [0]);
        // A server answers now, a file when the transaction is over.
        const isServer = driver.dialect === "postgresql";
        const late = new Promise<string>((resolve) => setTimeout(resolve, isServer ? 4_000 : 20, "waits"));
        assert.deepEqual(await Promise.race([beside, late]), isServer ? [] : "waits");
        gate.resolve();
        await change;
        assert.deepEqual(await beside, isServer ? [] : [{ a: 1 }]);
        assert.deepEqual(await database.committed(asked, [0]), [{ a: 1 }]);
        await database.close();
        await assert.rejects(database.committed(asked, [0]), TypeError);
      }));

    test("a transaction's handle is dead after it, and transactions do not nest", () =>
      withDatabase(async (database) => {
        let kept: Database | undefined;
        await database.transaction(async (inside) => {
          kept = inside;
          await assert.rejects(inside.transaction(async () => {}), TypeError);
        });
        await assert.rejects(kept!.run("INSERT INTO t (a, b) VALUES (1, 1)"), TypeError);
      }));

    test("close() lets the transactions end that were asked for, then refuses", () =>
      withDatabase(async (database, file) => {
        const pending = database.transaction(async (inside) => void await inside.run("INSERT INTO t (a) VALUES (1)"));
        await database.close();
        await pending;
        await database.close();
        await assert.rejects(database.run("DELETE FROM t"), TypeError);
        await assert.rejects(database.get("SELECT 1"), TypeError);
        const again = await openDatabase(file);
        assert.equal(await count(again), 1);
        await again.close();
      }));

    test("more statements than are kept compiled still run", () =>
      withDatabase(async (database) => {
        for (let round = 0; round < 2; round++) {
          for (let i = 0; i < 300; i++) {
            assert.deepEqual(await database.get(`SELECT ${i} + a AS x FROM (SELECT 1 AS a) AS one WHERE a = ?`, [1]), {
              x: i + 1,
            });
          }
        }
      }));
  });
}

for (const [name, openDatabase] of Object.entries(sqlite)) {
  const withDatabase = withTables(openDatabase);

  describe(`SQLite by ${name}`, () => {
    test("is in WAL mode, with foreign keys, flushed as asked", () =>
      withDatabase(async (database, file) => {
        assert.deepEqual(await database.get("PRAGMA journal_mode"), { journal_mode: "wal" });
        assert.deepEqual(await database.get("PRAGMA synchronous"), { synchronous: 1 });
        await assert.rejects(database.run("INSERT INTO u VALUES (7)"), code("DATABASE_STATEMENT"));
        const full = await openDatabase(`${file}.full`, { synchronous: "full" });
        assert.deepEqual(await full.get("PRAGMA synchronous"), { synchronous: 2 });
        await full.close();
      }));

    test("in memory has no second connection, and refuses a snapshot", async () => {
      const database = await openDatabase(":memory:");
      await assert.rejects(database.snapshot(async () => {}), TypeError);
      await database.close();
    });

    test("another writer's lock is DATABASE_BUSY after the timeout", () =>
      withDatabase(async (database, file) => {
        const other = await openDatabase(file, { busyTimeoutMs: 1 });
        await database.transaction(async (inside) => {
          await inside.run("INSERT INTO t (a, b) VALUES (1, 1)");
          await assert.rejects(other.run("INSERT INTO t (a, b) VALUES (2, 2)"), code("DATABASE_BUSY"));
          // WAL: readers do not wait for a writer.
          assert.equal(await count(other), 0);
        });
        assert.equal(await other.run("INSERT INTO t (a, b) VALUES (2, 2)"), 1);
        await other.close();
      }));

    test("a file that is no database is DATABASE_DAMAGED", () =>
      withFile(async (file) => {
        await writeFile(file, "this was never a database, whatever its name says. ".repeat(100));
        await assert.rejects(openDatabase(file), code("DATABASE_DAMAGED"));
      }));

    test("a database that is cut short is DATABASE_DAMAGED", () =>
      withFile(async (file) => {
        const database = await openDatabase(file);
        await database.script("CREATE TABLE t (a, b)");
        for (let i = 0; i < 100; i++) {
          await database.run("INSERT INTO t (a, b) VALUES (?, ?)", [i, new Uint8Array(1_000)]);
        }
        await database.close();
        await truncate(file, 8_192);
        await assert.rejects(
          (async () => {
            const cut = await openDatabase(file);
            try {
              await cut.all("SELECT * FROM t");
            } finally {
              await cut.close();
            }
          })(),
          code("DATABASE_DAMAGED"),
        );
      }));

    test("a folder that is not there is DATABASE_UNAVAILABLE", () =>
      withFile(async (file) => {
        await assert.rejects(openDatabase(path.join(file, "no", "such.sqlite")), code("DATABASE_UNAVAILABLE"));
      }));
  });
}
