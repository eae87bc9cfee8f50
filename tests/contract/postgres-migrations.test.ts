/**
 * Migrations on a server, where others may migrate at the same time and the schema may be somebody else's.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";
import { describe, test } from "node:test";
import { openSqlChiaStore } from "../../lib/chia/store/sql.ts";
import { openPostgres, type PostgresDatabase, type PostgresOptions } from "../../lib/platform/node/postgres.ts";
import { migrate, type Migration } from "../../lib/storage/migrate.ts";
import { postgresServer, postgresSkip, schemaOf } from "./every-database.ts";
import { blockOf } from "./store-blocks.ts";

const identity = { chain: "chia", network: "simulator0", genesis: "07" };
const STEPS: readonly Migration[] = [
  { number: 1, name: "tables", sql: "CREATE TABLE done (step INTEGER); INSERT INTO done VALUES (1)" },
  { number: 2, name: "slow", sql: "SELECT pg_sleep(0.3); INSERT INTO done VALUES (2)" },
];

let schemas = 0;

/** Several databases of one schema, as several nodes have them. */
async function withNodes(
  count: number,
  work: (nodes: PostgresDatabase[]) => Promise<void>,
  options: PostgresOptions = {},
): Promise<void> {
  const { url } = await postgresServer();
  const schema = schemaOf(`migrations ${++schemas} ${process.pid}`);
  const nodes = await Promise.all(Array.from({ length: count }, () => openPostgres(url, { schema, ...options })));
  try {
    await work(nodes);
  } finally {
    for (const node of nodes) await node.close();
  }
}

describe("migrate() on a server", { skip: postgresSkip }, () => {
  test("of several nodes at once one migrates, and the others wait and find it done", () =>
    withNodes(5, async (nodes) => {
      await Promise.all(nodes.map((node) => migrate(node, STEPS, identity)));
      assert.deepEqual(await nodes[0]!.all("SELECT step FROM done ORDER BY step"), [{ step: 1 }, { step: 2 }]);
      await Promise.all(nodes.map((node) => migrate(node, STEPS, identity)));
      await assert.rejects(migrate(nodes[1]!, STEPS.slice(0, 1), identity), { code: "DATABASE_NEWER" });
      await assert.rejects(migrate(nodes[2]!, STEPS, { ...identity, chain: "bitcoin" }), { code: "DATABASE_FOREIGN" });
    }));

  test("stores that are opened at once are all usable", () =>
    withNodes(3, async (nodes) => {
      const options = { network: "simulator0", genesisChallenge: new Uint8Array(32) };
      const stores = await Promise.all(nodes.map((node) => openSqlChiaStore(node, options)));
      await stores[0]!.commit({ blocks: [blockOf(1, 0)], events: [] });
      for (const store of stores) assert.equal((await store.counts()).blocks, 1);
    }));

  test("one that fails leaves nothing behind, and who waited for it tries it himself", () =>
    withNodes(2, async ([first, second]) => {
      const broken: readonly Migration[] = [...STEPS, {
        number: 3,
        name: "broken",
        sql: "INSERT INTO nowhere VALUES (1)",
      }];
      const failing = migrate(first!, broken, identity);
      await Promise.all([
        assert.rejects(failing, { code: "DATABASE_STATEMENT", message: /nowhere/ }),
        migrate(second!, STEPS, identity),
      ]);
      assert.deepEqual(await first!.all("SELECT step FROM done ORDER BY step"), [{ step: 1 }, { step: 2 }]);
      assert.deepEqual(await first!.get("SELECT value FROM gemel_meta WHERE name = 'version'"), { value: "2" });
    }));

  test("a schema with tables of another program is refused and left as it was", () =>
    withNodes(1, async ([node]) => {
      await node!.script("CREATE TABLE customers (id INTEGER)");
      await assert.rejects(migrate(node!, STEPS, identity), {
        code: "DATABASE_FOREIGN",
        message: /"customers" of another program; choose another schema/,
      });
      const tables = await node!.all(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY 1",
      );
      assert.deepEqual(tables.map(({ name }) => name), ["customers", "gemel_writers"]);
    }));

  test("who waits for a migration that does not end is told", () =>
    withNodes(2, async ([first, second]) => {
      const gate = Promise.withResolvers<void>();
      const held = first!.transaction(async (within) => {
        await within.run("SELECT pg_advisory_xact_lock(hashtext('gemel migrations'), hashtext(current_schema()))");
        gate.resolve();
        await assert.rejects(migrate(second!, STEPS, identity), { code: "DATABASE_SLOW" });
      });
      await gate.promise;
      await held;
      await migrate(second!, STEPS, identity);
    }, { statementTimeoutMs: 500 }));
});
