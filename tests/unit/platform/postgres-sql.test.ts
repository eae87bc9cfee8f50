/** Our statements in PostgreSQL's words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { batchOf, postgresText, statementOf } from "../../../lib/platform/node/postgres-sql.ts";

describe("postgresText()", () => {
  test("numbers the question marks that are parameters, and leaves all others", () => {
    const cases: [sql: string, text: string, parameters: number][] = [
      ["SELECT 1", "SELECT 1", 0],
      ["SELECT ?, ? WHERE a = ?", "SELECT $1, $2 WHERE a = $3", 3],
      ["SELECT '?', ?, 'it''s ?', ?", "SELECT '?', $1, 'it''s ?', $2", 2],
      ["SELECT E'\\'?', ?", "SELECT E'\\'?', $1", 1],
      ["SELECT '\\', ?, '?'", "SELECT '\\', $1, '?'", 1],
      ['SELECT "a?""?" FROM t WHERE b = ?', 'SELECT "a?""?" FROM t WHERE b = $1', 1],
      ["SELECT ? -- why?\n, ?", "SELECT $1 -- why?\n, $2", 2],
      ["SELECT /* ? * / ? */ ?", "SELECT /* ? * / ? */ $1", 1],
      ["DO $$ ? $$, ?, $tag$ ? $$ ? $tag$, ?", "DO $$ ? $$, $1, $tag$ ? $$ ? $tag$, $2", 2],
      ["SELECT tree'?', ?", "SELECT tree'?', $1", 1],
      ["SELECT a-?, b/?", "SELECT a-$1, b/$2", 2],
    ];
    for (const [sql, text, parameters] of cases) {
      const found = postgresText(sql);
      assert.deepEqual([found.text, found.parameters], [text, parameters]);
    }
  });

  test("more rows go into one statement where that means the same", () => {
    const several = (sql: string, rows: number) => {
      const { row, parameters } = postgresText(sql);
      return row && statementOf(row, parameters, rows);
    };
    assert.equal(
      several("INSERT INTO t (a, b, c) VALUES (?, 0, ?)", 3),
      "INSERT INTO t (a, b, c) VALUES ($1, 0, $2), ($3, 0, $4), ($5, 0, $6)",
    );
    assert.equal(
      several("INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING", 2),
      "INSERT INTO t (a) VALUES ($1), ($2) ON CONFLICT (a) DO NOTHING",
    );
    assert.equal(
      several("INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b", 2),
      "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
    );
    assert.equal(several("DELETE FROM t WHERE a = ?", 3), "DELETE FROM t WHERE a IN ($1, $2, $3)");
    for (
      const sql of [
        "INSERT INTO t (a, b) VALUES (0, ?) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
        "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT (a) DO UPDATE SET b = ?",
        "INSERT INTO t (b) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = excluded.b",
        "DELETE FROM t WHERE a = ? AND b = 1",
        "DELETE FROM t WHERE a > ?",
        "INSERT INTO t (a) SELECT ?",
        "INSERT INTO t (a) VALUES ('(?)')",
        "INSERT INTO t (a) VALUES (?) RETURNING a",
        "UPDATE t SET a = ?",
      ]
    ) assert.equal(several(sql, 2), undefined, sql);
  });

  test("a statement has no more parameters than the protocol can count", () => {
    for (const parameters of [0, 1, 7, 100, 1_000, 60_000]) {
      const row = new Array<number>(parameters).fill(1);
      const text = postgresText(`INSERT INTO t (a) VALUES (${row.map(() => "?").join(", ") || 0})`);
      const batch = batchOf(text, new Array<number[]>(2_000).fill(row), 0, Infinity);
      const { length } = batch.rows;
      assert.ok(length >= 1 && length <= 1_000 && length * parameters < 65_535, `${parameters}: ${length}`);
      assert.equal(batch.isFull, true);
    }
  });

  test("no statement changes a row twice, nor grows above its bytes by more than a row", () => {
    const text = postgresText(
      "INSERT INTO t (a, b, c) VALUES (?, ?, ?) ON CONFLICT (c, a) DO UPDATE SET b = excluded.b",
    );
    const bytes = (value: number) => new Uint8Array(10).fill(value);
    const rows = [[1, 0, bytes(1)], [1, 0, bytes(2)], [2, 0, bytes(1)], [1, 5, bytes(2)], [3, 0, bytes(3)]];
    const lengths = (bytesMax: number) => {
      const found: number[] = [];
      for (let from = 0; from < rows.length; from += found.at(-1)!) {
        found.push(batchOf(text, rows, from, bytesMax).rows.length);
      }
      return found;
    };
    assert.deepEqual(lengths(1_000), [3, 2]);
    assert.deepEqual(lengths(27), [2, 2, 1]);
    assert.deepEqual(lengths(0), [1, 1, 1, 1, 1]);
    const apart = postgresText("DELETE FROM t WHERE a = ?");
    assert.equal(batchOf(apart, [[1], [1], [2]], 0, 1_000).rows.length, 3);
    assert.equal(batchOf(postgresText("UPDATE t SET a = ?"), rows, 0, 1_000).rows.length, 1);
  });

  test("texts that were forgotten are translated again", () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 600; i++) assert.equal(postgresText(`SELECT ${i} + ?`).text, `SELECT ${i} + $1`);
    }
  });
});
