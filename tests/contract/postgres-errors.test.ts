/**
 * What goes wrong with a PostgreSQL server is told by a code, in words that say what to do and hold no password.
 *
 * @module
 */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { inspect } from "node:util";
import { NodeError } from "../../lib/core/errors.ts";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "../../lib/platform/node/postgres.ts";
import { POSTGRES_PASSWORD, type PostgresServer } from "../support/postgres-server.ts";
import { postgresServer, postgresSkip } from "./every-database.ts";

const SECRET = "hunter2 is no word";

/** Checks code, fault and one line without any password; what else it says. */
const refusal = (code: string, fault: string, message: RegExp = /./) => (thrown: unknown) => {
  assert.ok(thrown instanceof NodeError, String(thrown));
  assert.deepEqual([thrown.code, thrown.fault], [code, fault], thrown.message);
  assert.match(thrown.message, message);
  assert.doesNotMatch(thrown.message, /\n/);
  const all = `${inspect(thrown, { depth: 10, showHidden: true })} ${thrown.stack} ${JSON.stringify(thrown)}`;
  for (const secret of [SECRET, POSTGRES_PASSWORD, encodeURIComponent(SECRET), encodeURIComponent(POSTGRES_PASSWORD)]) {
    assert.ok(!all.includes(secret), "the password is in the error");
  }
  return true;
};

/** Opens, does something and closes. */
async function within(
  url: string,
  work: (database: PostgresDatabase) => Promise<unknown> = () => Promise.resolve(),
  options: PostgresOptions = {},
): Promise<void> {
  const database = await openPostgres(url, options);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

describe("openPostgres() on a server of its own", { skip: postgresSkip }, () => {
  let server: PostgresServer;
  before(async () => {
    server = await postgresServer();
    server.sql(`CREATE ROLE few LOGIN PASSWORD '${SECRET}' CONNECTION LIMIT 1; CREATE ROLE poor LOGIN`);
    server.sql("CREATE DATABASE old");
    server.sql("ALTER DATABASE old SET default_transaction_read_only = on");
  });

  test("the password is taken from the URL, the environment, a file, or .pgpass, which must be private", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gemel-pgpass-"));
    try {
      const file = join(folder, "password");
      writeFileSync(file, `${POSTGRES_PASSWORD}\n`);
      const pgpass = join(folder, "pgpass");
      writeFileSync(pgpass, `# ours\nother:*:*:*:no\n127.0.0.1:${server.port}:*:gemel:${POSTGRES_PASSWORD}\n`);
      chmodSync(pgpass, 0o600);
      const bare = server.tcpUrl({ password: "" });
      const nothing = { HOME: folder };
      await within(server.tcpUrl(), undefined, { environment: nothing });
      await within(bare, undefined, { environment: { ...nothing, PGPASSWORD: POSTGRES_PASSWORD } });
      await within(bare, undefined, { environment: nothing, passwordFile: file });
      await within(bare, undefined, { environment: { ...nothing, PGPASSFILE: pgpass } });
      const login = refusal("DATABASE_LOGIN", "self", /check user, password/);
      await assert.rejects(within(bare, undefined, { environment: nothing }), login);
      chmodSync(pgpass, 0o644);
      await assert.rejects(within(bare, undefined, { environment: { ...nothing, PGPASSFILE: pgpass } }), login);
      await assert.rejects(within(server.tcpUrl({ password: SECRET })), login);
      await assert.rejects(within(server.tcpUrl({ user: "nobody_here" })), login);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("a URL that cannot be read is not repeated, nor is one with an unknown word", async () => {
    const secret = encodeURIComponent(SECRET);
    for (
      const url of [
        `postgres://gemel:${secret}@[::1/x`,
        `mysql://gemel:${secret}@localhost/x`,
        `postgres://gemel:${secret}@localhost:99999/x`,
        `postgres://gemel:${secret}@localhost/x?sslmode=maybe`,
        `postgres://gemel:${secret}@localhost/x?schema=a%22b`,
        `postgres://gemel:${secret}@localhost/x?what=1`,
        `postgres://gemel:${secret}%zz@localhost/x`,
        `postgres://gemel:${secret}@localhost/x?sslrootcert=/no/such.pem`,
      ]
    ) await assert.rejects(within(url), refusal("CONFIG_INVALID", "self"));
  });

  test("a server that is not there, a database that is not there", async () => {
    const away = server.tcpUrl({ password: SECRET }).replace(`:${server.port}/`, ":1/");
    await assert.rejects(within(away), refusal("DATABASE_AWAY", "network", /127\.0\.0\.1:1\/gemel is away; see that/));
    await assert.rejects(within(server.url.replace("%2Ftmp", "%2Ftmp%2Fno")), refusal("DATABASE_AWAY", "network"));
    const missing = server.tcpUrl({ database: "nowhere" });
    await assert.rejects(within(missing), refusal("DATABASE_MISSING", "self", /createdb/));
  });

  test("too many connections, no rights, no changes", async () => {
    const few = server.tcpUrl({ user: "few", password: SECRET });
    server.sql("CREATE SCHEMA few; GRANT ALL ON SCHEMA few TO few");
    await within(few, async () => {
      const other = within(few, undefined, { schema: "few" });
      await assert.rejects(other, refusal("DATABASE_CROWDED", "self", /max_connections/));
    }, { schema: "few" });
    const poor = server.url.replace("gemel@", "poor@");
    await assert.rejects(within(poor, undefined, { schema: "poor" }), refusal("DATABASE_FORBIDDEN", "self", /GRANT/));
    const old = server.url.replace("/gemel?", "/old?");
    await assert.rejects(within(old), refusal("DATABASE_READ_ONLY", "self", /not a standby/));
  });

  test("a statement that takes too long, and one that the disk has no room for", () =>
    within(server.url, async (database) => {
      const started = performance.now();
      await assert.rejects(database.all("SELECT pg_sleep(20)"), refusal("DATABASE_SLOW", "self"));
      assert.ok(performance.now() - started < 5_000);
      for (const [state, code] of [["53100", "DATABASE_UNAVAILABLE"], ["XX001", "DATABASE_DAMAGED"]] as const) {
        const raise = `DO $$ BEGIN RAISE EXCEPTION 'could not extend' USING ERRCODE = '${state}'; END $$`;
        await assert.rejects(database.script(raise), refusal(code, "self", /could not extend/));
      }
      assert.deepEqual(await database.get("SELECT 1 AS one"), { one: 1 });
    }, { schema: "slow", statementTimeoutMs: 300 }));

  test("a transaction that others got in the way of is run again from its beginning, a few times", () =>
    within(server.url, async (database) => {
      await database.script(
        "CREATE TABLE t (a INTEGER PRIMARY KEY); CREATE SEQUENCE tries; CREATE FUNCTION often() RETURNS trigger " +
          "LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') < 3 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; " +
          "END IF; RETURN NEW; END $$; CREATE TRIGGER often BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION often()",
      );
      let runs = 0;
      const insert = () =>
        database.transaction(async (inside) => {
          runs++;
          await inside.run("INSERT INTO t VALUES (?)", [1]);
        });
      await insert();
      assert.equal(runs, 3);
      assert.deepEqual(await database.all("SELECT a FROM t"), [{ a: 1 }]);
      await database.script(
        "DELETE FROM t; ALTER SEQUENCE tries RESTART; ALTER SEQUENCE tries MINVALUE -1000 RESTART -1000",
      );
      runs = 0;
      await assert.rejects(insert(), refusal("DATABASE_BUSY", "self"));
      assert.ok(runs > 3 && runs < 10, `${runs} runs`);
    }, { schema: "often" }));

  test("what a work passes over is told all the same: the server has taken its transaction back", () =>
    within(server.url, async (database) => {
      await database.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      await assert.rejects(
        database.transaction(async (inside) => {
          await inside.run("INSERT INTO t VALUES (1)");
          await inside.run("INSERT INTO t VALUES (1)").catch(() => {});
        }),
        refusal("DATABASE_STATEMENT", "self", /duplicate key/),
      );
      assert.deepEqual(await database.all("SELECT a FROM t"), []);
    }, { schema: "passed" }));

  test("an answer that is larger than any of ours is not taken in", () =>
    within(server.url, async (database) => {
      const many = "SELECT repeat('x', 1000) AS x FROM generate_series(1, 100000)";
      await assert.rejects(database.all(many), refusal("DATABASE_STATEMENT", "self", /too much/));
      assert.equal((await database.all(`${many} LIMIT 500`)).length, 500);
      assert.equal((await database.all(`${many} LIMIT 500`)).length, 500);
    }, { schema: "large", answerBytesMax: 1_000_000 }));

  test("many callers share a few connections, and questions go beside one another", () =>
    within(server.url, async (database) => {
      await database.script("CREATE TABLE t (a INTEGER PRIMARY KEY)");
      const asked = Array.from(
        { length: 200 },
        (_, i) => database.get("SELECT ? + 0 AS a, pg_sleep(0.001)::text", [i]),
      );
      const changed = Array.from({ length: 20 }, (_, i) => database.run("INSERT INTO t VALUES (?)", [i]));
      const rows = await Promise.all(asked);
      assert.deepEqual(rows.map((row) => row?.a), Array.from({ length: 200 }, (_, i) => i));
      await Promise.all(changed);
      const [open] = await database.all("SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'gemel'");
      assert.ok(Number(open?.n) <= 3, `${open?.n} connections`);
    }, { schema: "shared", connectionsMax: 3 }));
});
