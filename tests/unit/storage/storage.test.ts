import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { weightBytes } from "../../../lib/chia/store/sql.ts";
import { decodeEventData, encodeEventData, MemoryEventLog } from "../../../lib/storage/event-log.ts";
import type { EventData } from "../../../lib/storage/events.ts";
import { ByteCache } from "../../../lib/storage/lru.ts";
import { migrate, type Migration } from "../../../lib/storage/migrate.ts";
import { everyDriver } from "../../contract/every-database.ts";

const identity = { chain: "chia", network: "simulator0", genesis: "00" };
const step = (number: number, sql: string): Migration => ({ number, name: `step ${number}`, sql });

describe("migrate()", () => {
  for (const driver of everyDriver) {
    test(`${driver.name}: takes a database from step to step and runs none twice`, async () => {
      const database = await driver.open(":memory:");
      const one = step(1, "CREATE TABLE a (x BIGINT); INSERT INTO a (x) VALUES (1)");
      const two = step(2, "INSERT INTO a (x) VALUES (2)");
      await migrate(database, [one], identity);
      await migrate(database, [one, two], identity);
      await migrate(database, [one, two], identity);
      assert.deepEqual(
        await database.all("SELECT x FROM a ORDER BY x"),
        [{ x: 1 }, { x: 2 }].map((row) => ({ ...row })),
      );
      await assert.rejects(migrate(database, [one], identity), {
        code: "DATABASE_NEWER",
        message: /schema 2.*up to 1/,
      });
      await database.close();
    });

    test(`${driver.name}: a step that fails leaves the database as it was`, async () => {
      const database = await driver.open(":memory:");
      await migrate(database, [step(1, "CREATE TABLE a (x BIGINT)")], identity);
      const bad = step(2, "CREATE TABLE b (x BIGINT); INSERT INTO nowhere VALUES (1)");
      await assert.rejects(migrate(database, [step(1, ""), bad], identity));
      await assert.rejects(database.all("SELECT * FROM b"));
      await migrate(database, [step(1, ""), step(2, "CREATE TABLE b (x BIGINT)")], identity);
      await database.close();
    });
  }

  test("numbers must rise by one", async () => {
    const database = await everyDriver[0]!.open(":memory:");
    await assert.rejects(migrate(database, [step(2, "")], identity), RangeError);
    await database.close();
  });
});

describe("event data in CBOR", () => {
  test("whatever JSON and bigint can say comes back the same", () => {
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }),
      fc.string(),
      // JSON has no minus zero either.
      fc.double({ noNaN: true }).map((value) => value + 0),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }),
        fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tie("tree"), { maxKeys: 4 }),
      ),
    }));
    fc.assert(fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tree), (data) => {
      const plain = Object.fromEntries(Object.entries(data)) as EventData;
      assert.deepEqual(toPlain(decodeEventData(encodeEventData(plain))), toPlain(plain));
    }));
  });

  test("the bytes are plain CBOR of another maker's making too", () => {
    const bytes = () => Uint8Array.from([0xa2, 0x61, 0x68, 0x07, 0x61, 0x77, 0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual(decodeEventData(bytes()), { h: 7, w: 2n ** 64n });
    assert.deepEqual(encodeEventData({ h: 7, w: 2n ** 64n }), bytes());
  });
});

/** Objects without prototypes and such made alike. */
function toPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toPlain(item)]));
}

describe("MemoryEventLog", () => {
  test("keeps the newest and goes on counting", async () => {
    const log = new MemoryEventLog({ eventsMax: 3 });
    const event = { topic: "t", time: 0, chain: null, network: null, data: {} };
    await log.append([event, event, event, event]);
    assert.deepEqual(await log.append([event]), [5]);
    assert.deepEqual(await log.bounds(), { oldest: 3, newest: 5 });
    assert.deepEqual((await log.read(0, 9)).map(({ id }) => id), [3, 4, 5]);
    assert.deepEqual((await log.read(4, 9)).map(({ id }) => id), [5]);
  });
});

describe("ByteCache", () => {
  test("never holds more than its bound and drops what was used longest ago", () => {
    const cache = new ByteCache(400);
    for (const key of ["a", "b", "c", "d"]) cache.set(key, new Uint8Array(100));
    cache.get("a");
    cache.set("e", new Uint8Array(100));
    assert.equal(cache.get("b"), undefined);
    assert.ok(cache.get("a") && cache.get("e"));
    assert.equal(cache.bytes, 400);
    cache.set("a", new Uint8Array(50));
    assert.equal(cache.bytes, 350, "a value that is replaced counts once");
    cache.set("big", new Uint8Array(101));
    assert.equal(cache.get("big"), undefined, "one value may not push out all the others");
    cache.delete("a");
    assert.equal(cache.bytes, 300);
  });
});

test("weightBytes() keeps the order of numbers", () => {
  const u128 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });
  fc.assert(fc.property(u128, u128, (a, b) => {
    const hex = (x: bigint) => Array.from(weightBytes(x), (byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(hex(a) < hex(b), a < b);
    assert.equal(BigInt("0x" + hex(a)), a);
  }));
});
