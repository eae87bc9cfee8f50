/** Which server a URL means. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { postgresTarget } from "../../../lib/platform/node/postgres-target.ts";

const environment = { HOME: "/no/such/home" };
const read = (url: string, more: Readonly<Record<string, string>> = {}) => {
  const { host, port, user, database, schema, sslMode, password, name } = postgresTarget(url, {
    environment: { ...environment, ...more },
  });
  return { host, port, user, database, schema, sslMode, password, name };
};

describe("postgresTarget()", () => {
  test("reads host, port, user, database and the rest", () => {
    assert.deepEqual(read("postgres://ann:p%40ss@db.example:6000/coins?schema=mainnet&sslmode=verify-full"), {
      host: "db.example",
      port: 6_000,
      user: "ann",
      database: "coins",
      schema: "mainnet",
      sslMode: "verify-full",
      password: "p@ss",
      name: "postgres://ann@db.example:6000/coins",
    });
    const plain = read("postgresql://ann@db.example");
    assert.deepEqual([plain.port, plain.database, plain.schema, plain.sslMode, plain.password], [
      5_432,
      "ann",
      "gemel",
      "prefer",
      "",
    ]);
    assert.deepEqual([read("postgres://a@[::1]:7/b").host, read("postgres://a@[::1]:7/b").name], [
      "::1",
      "postgres://a@[::1]:7/b",
    ]);
  });

  test("reads a Unix socket's folder, in the query or as the host", () => {
    for (const url of ["postgres://a@/b?host=/run/pg&port=7", "postgres://a@%2Frun%2Fpg:7/b"]) {
      const { host, port, database } = read(url);
      assert.deepEqual([host, port, database], ["/run/pg", 7, "b"], url);
    }
    assert.equal(read("postgres:///b?host=/run/pg&port=7", { PGUSER: "eve" }).user, "eve");
  });

  test("the environment says what the URL does not", () => {
    const found = read("postgres:///", {
      PGHOST: "h",
      PGPORT: "9",
      PGUSER: "u",
      PGDATABASE: "d",
      PGPASSWORD: "p",
      PGSSLMODE: "require",
    });
    const { name, password, sslMode } = found;
    assert.deepEqual([name, password, sslMode], ["postgres://u@h:9/d", "p", "require"]);
    assert.equal(read("postgres://u:url@h/d", { PGPASSWORD: "p" }).password, "url");
  });

  test(".pgpass is read as libpq reads it: the first line that fits, with stars and escapes", () => {
    const folder = mkdtempSync(join(tmpdir(), "gemel-pgpass-"));
    try {
      const file = join(folder, ".pgpass");
      const lines = ["# a note", "h:5432:d:u:one", "h:*:*:u:two\\:\\\\", "localhost:7:*:*:local", "::", "*:*:*:last:"];
      writeFileSync(file, lines.join("\n"));
      chmodSync(file, 0o600);
      const home = { HOME: folder };
      const passwords = ["u@h/d", "u@h/other", "u@h:1/d", "v@h/d", "last@h/d"].map((who) =>
        read(`postgres://${who}`, home).password
      );
      assert.deepEqual(passwords, ["one", "two:\\", "two:\\", "", ""]);
      assert.equal(read("postgres://a@/b?host=/run/pg&port=7", home).password, "local");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
