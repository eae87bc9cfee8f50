/** Chains' logs copied into the node's: in order, exactly once, also over a crash. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import type { NewEvent } from "../../../lib/storage/events.ts";
import { migrate } from "../../../lib/storage/migrate.ts";
import {
  EventForwarder,
  type EventSource,
  MemoryNodeLog,
  NODE_LOG_MIGRATIONS,
  type NodeLog,
  SqlNodeLog,
} from "../../../lib/storage/node-log.ts";
import { simClock } from "../core/sim.ts";
import { everyDriver, postgresDriver, postgresSkip } from "../../contract/every-database.ts";

const event = (number: number): NewEvent => ({ topic: "t", time: number, chain: "c", network: "n", data: { number } });
const numbers = async (log: NodeLog) => (await log.read(0, 10_000)).map(({ data }) => data.number);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

const logs: readonly (readonly [string, () => Promise<{ log: NodeLog; close: () => Promise<void> }>])[] = [
  ["memory", () => Promise.resolve({ log: new MemoryNodeLog(), close: () => Promise.resolve() })],
  ...everyDriver.map((driver) =>
    [driver.name, async () => {
      const database = await driver.open(":memory:");
      await migrate(database, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
      return { log: new SqlNodeLog(database, () => {}), close: () => database.close() };
    }] as const
  ),
];

describe("EventForwarder", () => {
  for (const [name, open] of logs) {
    test(`${name}: copies all of a source in order, then what comes, beside the node's own events`, async () => {
      const { log, close } = await open();
      const source = new MemoryEventLog();
      await source.append(upTo(1_200).map(event));
      const forwarder = new EventForwarder(log, assert.fail);
      await forwarder.add("chain", source);
      assert.deepEqual(await numbers(log), upTo(1_200));
      await log.append([{ ...event(0), topic: "own" }]);
      await source.append([event(1_201)]);
      forwarder.poke("chain");
      forwarder.poke("chain");
      await forwarder.drain();
      const copied = await log.read(1_199, 10);
      assert.deepEqual(copied.map(({ id, topic }) => [id, topic]), [[1_200, "t"], [1_201, "own"], [1_202, "t"]]);
      assert.deepEqual((await source.bounds()).newest === 0 || (await source.bounds()).newest === 1_201, true);
      await close();
    });

    test(`${name}: copied() waits for what a source has told of, and not for what comes later`, async () => {
      const { log, close } = await open();
      const source = new MemoryEventLog();
      const forwarder = new EventForwarder(log, assert.fail);
      await forwarder.add("chain", source);
      for (let round = 0; round < 20; round++) {
        await source.append([event(2 * round)]);
        forwarder.poke("chain");
        // In some rounds the pass that runs has read before the second event was there.
        for (let turns = 0; turns < round % 5; turns++) await Promise.resolve();
        await source.append([event(2 * round + 1)]);
        forwarder.poke("chain");
        const copied = forwarder.copied();
        await source.append([event(-1)]);
        await copied;
        await log.append([{ ...event(round), topic: "own" }]);
        await forwarder.drain();
        const all = await log.read(0, 10_000);
        const own = all.findIndex(({ topic, data }) => topic === "own" && data.number === round);
        const last = all.findIndex(({ data, topic }) => topic === "t" && data.number === 2 * round + 1);
        assert.ok(last >= 0 && last < own, `round ${round}: ${last} before ${own}`);
        forwarder.poke("chain");
        await forwarder.drain();
      }
      await close();
    });

    test(`${name}: a crash between the copy and the source's trim copies nothing twice`, async () => {
      const { log, close } = await open();
      const source = new MemoryEventLog();
      await source.append(upTo(700).map(event));
      let trims = 0;
      const dying: EventSource = {
        encoded: (since, limit) => source.encoded(since, limit),
        bounds: () => source.bounds(),
        trim: () => (++trims === 1 ? Promise.reject(new Error("the power failed")) : Promise.resolve()),
      };
      const failures: string[] = [];
      await new EventForwarder(log, (text) => failures.push(text)).add("chain", dying);
      assert.match(failures.join(), /power failed/);
      await new EventForwarder(log, assert.fail).add("chain", source);
      assert.deepEqual(await numbers(log), upTo(700));
      await close();
    });

    test(`${name}: a source that lost its newest events with the power, or all, is copied from where it stands`, async () => {
      const { log, close } = await open();
      const source = new MemoryEventLog();
      await source.append(upTo(8).map(event));
      await new EventForwarder(log, assert.fail).add("chain", source);
      const shorter = new MemoryEventLog();
      await shorter.append(upTo(5).map(event));
      const forwarder = new EventForwarder(log, assert.fail);
      await forwarder.add("chain", shorter);
      assert.deepEqual(await numbers(log), upTo(8), "what is there was copied");
      await shorter.append([event(60)]);
      forwarder.poke("chain");
      await forwarder.drain();
      assert.deepEqual(await numbers(log), [...upTo(8), 60]);
      const anew = new MemoryEventLog();
      const last = new EventForwarder(log, assert.fail);
      await last.add("chain", anew);
      await anew.append([event(100)]);
      last.poke("chain");
      await last.drain();
      assert.deepEqual(await numbers(log), [...upTo(8), 60, 100]);
      await close();
    });

    test(`${name}: two chains are told apart`, async () => {
      const { log, close } = await open();
      const forwarder = new EventForwarder(log, assert.fail);
      const [one, other] = [new MemoryEventLog(), new MemoryEventLog()];
      await one.append([event(1)]);
      await other.append([event(2), event(3)]);
      await forwarder.add("one", one);
      await forwarder.add("other", other);
      assert.deepEqual(await numbers(log), [1, 2, 3]);
      assert.deepEqual([await log.position("one"), await log.position("other")], [1, 2]);
      await close();
    });

    test(`${name}: what another process has copied meanwhile is not copied again`, async () => {
      const { log, close } = await open();
      const source = new MemoryEventLog();
      const failures: string[] = [];
      const late = new EventForwarder(log, (text) => failures.push(text));
      await late.add("chain", source);
      await source.append(upTo(3).map(event));
      // It has read them, and is held up before it writes.
      const read = await source.encoded(0, 10);
      const other = new EventForwarder(log, assert.fail);
      await other.add("chain", source);
      await assert.rejects(log.take("chain", 0, 3, read), { code: "EVENTS_COPIED" });
      assert.deepEqual(await numbers(log), upTo(3));
      await source.append([event(4)]);
      late.poke("chain");
      await late.drain();
      assert.deepEqual([await numbers(log), failures], [upTo(4), []]);
      await close();
    });
  }
});

test("a copy that failed is tried again by itself, until the log is there again; not after the end", async () => {
  const clock = simClock();
  const log = new MemoryNodeLog();
  const { take } = log;
  let isAway = true;
  log.take = (...args) => isAway ? Promise.reject(new Error("is away")) : take.apply(log, args);
  const failures: string[] = [];
  const forwarder = new EventForwarder(log, (text) => failures.push(text), { clock });
  const source = new MemoryEventLog();
  await source.append([event(1)]);
  await forwarder.add("chain", source);
  await clock.advance(5_000);
  assert.equal(failures.length, 2);
  isAway = false;
  await clock.advance(5_000);
  assert.deepEqual([await numbers(log), failures.length, clock.pending], [[1], 2, 0]);
  isAway = true;
  await source.append([event(2)]);
  forwarder.poke("chain");
  await clock.advance(0);
  assert.equal(clock.pending, 1);
  await forwarder.close();
  assert.equal(clock.pending, 0);
});

test(
  "two nodes that write to one log on a server have one numbering, without a gap",
  { skip: postgresSkip },
  async () => {
    const path = `shared ${Math.random()}`;
    const databases = [await postgresDriver.open(path), await postgresDriver.open(path)];
    for (const each of databases) {
      await migrate(each, NODE_LOG_MIGRATIONS, { chain: "events", network: "all", genesis: "" });
    }
    const [one, other] = databases.map((each) => new SqlNodeLog(each, () => {}));
    const seen: number[] = [];
    let isOver = false;
    const reading = (async () => {
      // Nobody sees an id before those below it.
      for (let last = 0; !isOver || last < 80;) {
        for (const { id } of await other!.read(last, 100)) {
          seen.push(id);
          last = id;
        }
      }
    })();
    await Promise.all([one, other].map(async (log, which) => {
      for (let i = 0; i < 20; i++) await log!.append([event(which), event(which)]);
    }));
    isOver = true;
    await reading;
    assert.deepEqual(seen, upTo(80));
    for (const each of databases) await each.close();
  },
);
