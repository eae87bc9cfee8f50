/** Our statements in PostgreSQL's words. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { insertOf, postgresText, rowsPerInsert } from "../../../lib/platform/node/postgres-sql.ts";

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

  test("more rows go into one INSERT where that means the same", () => {
    const several = (sql: string, rows: number) => {
      const { row, parameters } = postgresText(sql);
      return row && insertOf(row, parameters, rows);
    };
    assert.equal(
      several("INSERT INTO t (a, b, c) VALUES (?, 0, ?)", 3),
      "INSERT INTO t (a, b, c) VALUES ($1, 0, $2), ($3, 0, $4), ($5, 0, $6)",
    );
    assert.equal(
      several("INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING", 2),
      "INSERT INTO t (a) VALUES ($1), ($2) ON CONFLICT (a) DO NOTHING",
    );
    for (
      const sql of [
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
        "INSERT INTO t (a) SELECT ?",
        "INSERT INTO t (a) VALUES ('(?)')",
        "INSERT INTO t (a) VALUES (?) RETURNING a",
        "UPDATE t SET a = ?",
      ]
    ) assert.equal(several(sql, 2), undefined, sql);
  });

  test("a statement has no more parameters than the protocol can count", () => {
    for (const parameters of [0, 1, 7, 100, 1_000, 60_000]) {
      const rows = rowsPerInsert(parameters);
      assert.ok(rows >= 1 && rows <= 1_000 && rows * parameters < 65_535, `${parameters}: ${rows}`);
    }
  });

  test("texts that were forgotten are translated again", () => {
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 600; i++) assert.equal(postgresText(`SELECT ${i} + ?`).text, `SELECT ${i} + $1`);
    }
  });
});
