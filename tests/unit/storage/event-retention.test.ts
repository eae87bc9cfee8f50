/** How much of the node's log is kept: in small steps, by number and by age, the newest always, on every database. */
import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { describe, test } from "node:test";
import { subscribeEvents } from "../../../lib/core/events/reader.ts";
import type { Database } from "../../../lib/core/ports.ts";
import * as node from "../../../lib/platform/node/sqlite.ts";
import type { Platform } from "../../../lib/platform/platform.ts";
import { turn } from "../../../lib/platform/node/clock.ts";
import { SimClock } from "../../../lib/sim/clock.ts";
import { EventRetention, type EventsKeep, TRIM_STEP_EVENTS_MAX } from "../../../lib/storage/event-retention.ts";
import type { NewEvent } from "../../../lib/storage/events.ts";
import { migrate } from "../../../lib/storage/migrate.ts";
import { MemoryNodeLog, NODE_LOG_MIGRATIONS, type NodeLog, SqlNodeLog } from "../../../lib/storage/node-log.ts";
import { everyDriver } from "../../contract/every-database.ts";

const event = (time: number): NewEvent => ({ topic: "t", time, chain: null, network: null, data: {} });
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function sqlLog(database: Database): Promise<SqlNodeLog> {
  await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
  return new SqlNodeLog(database, () => {});
}

const logs: readonly (readonly [string, () => Promise<{ log: NodeLog; close: () => Promise<void> }>])[] = [
  ["memory", () => Promise.resolve({ log: new MemoryNodeLog(), close: () => Promise.resolve() })],
  ...everyDriver.map((driver) =>
    [driver.name, async () => {
      const database = await driver.open(":memory:");
      return { log: await sqlLog(database), close: () => database.close() };
    }] as const
  ),
];

const retentionOf = (log: NodeLog, keep: EventsKeep, clock = new SimClock({ turn })) => ({
  clock,
  retention: new EventRetention(keep, { log, clock, failed: assert.fail }),
});

/** Lets time pass until something is so. A server takes a little of the real time as well. */
async function passUntil(clock: SimClock, isSo: () => Promise<boolean>): Promise<void> {
  for (let seconds = 0; !await isSo(); seconds++) {
    assert.ok(seconds < 600, "it is not so after ten minutes");
    await clock.advance(1_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe("EventRetention", () => {
  for (const [name, open] of logs) {
    test(`${name}: keeps so many of the newest, and lets the others go in small steps`, async () => {
      const { log, close } = await open();
      await log.append(upTo(1_700).map(event));
      const { retention } = retentionOf(log, { eventsMax: 100 });
      const left: number[] = [];
      for (let isMore = true; isMore;) {
        isMore = await retention.step();
        left.push((await log.bounds()).oldest);
      }
      const step = TRIM_STEP_EVENTS_MAX;
      assert.deepEqual(left, [step + 1, 2 * step + 1, 3 * step + 1, 1_601]);
      assert.deepEqual(await log.bounds(), { oldest: 1_601, newest: 1_700 });
      await close();
    });

    test(`${name}: keeps events of the last so many milliseconds, and what follows one that it keeps`, async () => {
      const { log, close } = await open();
      const { retention, clock } = retentionOf(log, { ageMsMax: 1_000 });
      const now = clock.now();
      await log.append([-5_000, -3_000, -1_000, -999, -4_000, -10].map((ago) => event(now + ago)));
      assert.equal(await retention.step(), false);
      assert.deepEqual(await log.bounds(), { oldest: 4, newest: 6 });
      await close();
    });

    test(`${name}: of two bounds the tighter holds; the newest event stays whatever its age, and ids go on`, async () => {
      const { log, close } = await open();
      await log.append(upTo(10).map(event));
      const { retention } = retentionOf(log, { eventsMax: 4, ageMsMax: 1 });
      await retention.step();
      assert.deepEqual(await log.bounds(), { oldest: 10, newest: 10 });
      assert.deepEqual(await log.append([event(11)]), [11]);
      const { retention: wide } = retentionOf(log, {});
      assert.equal(await wide.step(), false);
      assert.deepEqual(await log.bounds(), { oldest: 10, newest: 11 });
      await close();
    });

    test(`${name}: trims while it runs, and a reader that comes too late is told which events are gone`, async () => {
      const { log, close } = await open();
      const { retention, clock } = retentionOf(log, { eventsMax: 50 });
      retention.start();
      await log.append(upTo(2_000).map(event));
      await passUntil(clock, async () => (await log.bounds()).oldest === 1_951);
      await log.append(upTo(10).map(event));
      await passUntil(clock, async () => (await log.bounds()).oldest === 1_961);
      await retention.stop();
      assert.equal(clock.pending, 0);
      const subscription = subscribeEvents(log, () => () => {}, { since: 7 });
      assert.deepEqual((await subscription.next()).value, { gap: { since: 7, oldest: 1_961 } });
      assert.equal((await subscription.next()).value?.id, 1_961);
      await subscription.return?.();
      await close();
    });
  }

  test("what goes wrong is told, and it goes on", async () => {
    const log = new MemoryNodeLog();
    await log.append(upTo(5).map(event));
    const clock = new SimClock({ turn });
    const told: string[] = [];
    let isFull = true;
    const failing = {
      bounds: () => log.bounds(),
      eldest: (limit: number) => log.eldest(limit),
      trim: (id: number) => isFull ? Promise.reject(new Error("the disk is full")) : log.trim(id),
      giveBack: () => log.giveBack(),
    };
    const retention = new EventRetention({ eventsMax: 2 }, { log: failing, clock, failed: (text) => told.push(text) });
    retention.start();
    await clock.advance(1_000);
    isFull = false;
    await clock.advance(60_000);
    await retention.stop();
    assert.deepEqual(told, ["old events could not be removed: the disk is full"]);
    assert.deepEqual(await log.bounds(), { oldest: 4, newest: 5 });
  });
});

const sqlite: Record<string, Platform["openDatabase"]> = { "node:sqlite": node.openDatabase };
if (process.versions.bun !== undefined) {
  sqlite["bun:sqlite"] = (await import("../../../lib/platform/bun/sqlite.ts")).openDatabase;
}

describe("SQLite's file", () => {
  for (const [name, openDatabase] of Object.entries(sqlite)) {
    const sizeAfter = async (shrinks: boolean) => {
      const folder = await mkdtemp(path.join(os.tmpdir(), "gemel-retention-"));
      try {
        const file = path.join(folder, "events.sqlite");
        const database = await openDatabase(file, { shrinks });
        const log = await sqlLog(database);
        const text = "x".repeat(1_000);
        for (let i = 0; i < 10; i++) await log.append(upTo(1_000).map((time) => ({ ...event(time), data: { text } })));
        await database.checkpoint();
        const before = (await stat(file)).size;
        const { retention } = retentionOf(log, { eventsMax: 1_000 });
        while (await retention.step());
        let steps = 1;
        while (await log.giveBack()) steps++;
        await database.checkpoint();
        const after = (await stat(file)).size;
        assert.equal((await log.read(0, 10_000)).length, 1_000);
        await log.append(upTo(200).map((time) => ({ ...event(time), data: { text } })));
        await database.checkpoint();
        const later = (await stat(file)).size;
        await database.close();
        return { before, after, later, steps };
      } finally {
        await rm(folder, { recursive: true });
      }
    };

    test(`${name}: shrinks in steps when it was made to, and keeps some room`, async () => {
      const { before, after, later, steps } = await sizeAfter(true);
      assert.ok(before > 10_000_000, `${before}`);
      assert.ok(after < 0.25 * before, `${before} became ${after}`);
      assert.ok(steps > 4, `${steps} steps`);
      assert.equal(later, after, "what came then went into the room that was kept");
    });

    test(`${name}: of any other file the space is used again`, async () => {
      const { before, after, later } = await sizeAfter(false);
      assert.deepEqual([after, later], [before, before]);
    });
  }
});
