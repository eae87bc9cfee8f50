import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { Bus } from "../../../lib/core/events/bus.ts";
import { type EventGap, subscribeEvents, topicMatches } from "../../../lib/core/events/reader.ts";
import { MemoryEventLog } from "../../../lib/storage/event-log.ts";
import type { LoggedEvent } from "../../../lib/storage/events.ts";

function world(eventsMax = 100_000) {
  const bus = new Bus<{ events: number }>();
  const log = new MemoryEventLog({ eventsMax, onAppend: (newest) => bus.emit("events", newest) });
  const hints = (wake: () => void) => bus.on("events", wake);
  const append = (count: number, topic = "t") =>
    log.append(Array.from({ length: count }, () => ({ topic, time: 0, chain: null, network: null, data: {} })));
  return { bus, log, hints, append };
}

async function take(items: AsyncIterable<LoggedEvent | EventGap>, count: number): Promise<(number | EventGap)[]> {
  const got: (number | EventGap)[] = [];
  for await (const item of items) {
    got.push("gap" in item ? item : item.id);
    if (got.length === count) break;
  }
  return got;
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe("subscribeEvents()", () => {
  test("replays over many pages and goes on with what comes, each event once and in order", async () => {
    const { log, hints, append } = world();
    await append(350);
    const got = take(subscribeEvents(log, hints, { since: 0 }), 400);
    for (let i = 0; i < 50; i++) await append(1);
    assert.deepEqual(await got, upTo(400));
  });

  test("without follow it ends at what was the newest, whatever comes or goes meanwhile", async () => {
    const { log, hints, append, bus } = world(250);
    await append(120);
    const got: (number | EventGap)[] = [];
    for await (const item of subscribeEvents(log, hints, { since: 0, follow: false })) {
      got.push("gap" in item ? item : item.id);
      if (got.length === 50) await append(20);
    }
    assert.deepEqual(got, upTo(120));
    const overtaken: (number | EventGap)[] = [];
    for await (const item of subscribeEvents(log, hints, { since: 0, follow: false })) {
      overtaken.push("gap" in item ? item : item.id);
      if (overtaken.length === 50) await append(400);
    }
    assert.deepEqual(overtaken, [...upTo(100), { gap: { since: 100, oldest: 291 } }]);
    assert.deepEqual(await take(subscribeEvents(log, hints, { follow: false }), 1), [], "nothing came before it began");
    assert.equal(bus.count("events"), 0);
  });

  test("an event that comes between the read and the wait is not missed", async () => {
    const { log, hints, append, bus } = world();
    const read = log.read.bind(log);
    let once = true;
    log.read = async (since, limit) => {
      const page = await read(since, limit);
      if (once && page.length === 0) {
        once = false;
        await append(1); // Its hint comes while the reader has an empty page in hand.
      }
      return page;
    };
    assert.deepEqual(await take(subscribeEvents(log, hints, { since: 0 }), 1), [1]);
    assert.equal(bus.count("events"), 0, "break ends the registration");
  });

  test("a since older than the log gives the gap first", async () => {
    const { log, hints, append } = world(10);
    await append(25);
    const got = await take(subscribeEvents(log, hints, { since: 3 }), 3);
    assert.deepEqual(got, [{ gap: { since: 3, oldest: 16 } }, 16, 17]);
    assert.deepEqual(
      await take(subscribeEvents(log, hints, { since: 15 }), 1),
      [16],
      "15 is just what comes before 16",
    );
  });

  test("a log that drops events while they are read declares the gap", async () => {
    const { log, hints, append } = world(10);
    await append(5);
    const items = subscribeEvents(log, hints, { since: 0 });
    assert.deepEqual((await items.next()).value.id, 1);
    await append(100);
    const rest = await take(items, 6);
    assert.deepEqual(rest, [2, 3, 4, 5, { gap: { since: 5, oldest: 96 } }, 96]);
  });

  test("a since from the future is of another log: a gap, then everything there is", async () => {
    const { log, hints, append } = world();
    await append(2);
    assert.deepEqual(await take(subscribeEvents(log, hints, { since: 900 }), 3), [
      { gap: { since: 900, oldest: 1 } },
      1,
      2,
    ]);
  });

  test("a reader that was up to date and then falls behind is told, with its last id; a replay is not", async () => {
    const { log, hints, append } = world();
    const items = subscribeEvents(log, hints, { since: 0, lagMax: 300 });
    const first = items.next();
    await append(1);
    assert.equal((await first).value.id, 1);
    await append(1000);
    await assert.rejects(take(items, 1000), { code: "EVENTS_SLOW", data: { lastId: 101 } });
    assert.equal((await take(subscribeEvents(log, hints, { since: 0, lagMax: 300 }), 1001)).length, 1001);
  });

  test("an abort ends a waiting reader and leaves nothing behind", async () => {
    const { log, hints, bus } = world();
    const controller = new AbortController();
    const next = subscribeEvents(log, hints, { signal: controller.signal }).next();
    await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(bus.count("events"), 1);
    controller.abort();
    assert.equal((await next).done, true);
    assert.equal(bus.count("events"), 0);
  });
});

describe("topicMatches()", () => {
  test("stars stand for any run of characters", () => {
    assert.ok(topicMatches("chia.peak", []));
    assert.ok(topicMatches("chia.peak", ["chia.peak"]));
    assert.ok(topicMatches("chia.peak", ["x", "chia.*"]));
    assert.ok(topicMatches("chia.reorg", ["*.reorg"]));
    assert.ok(topicMatches("p2p.connect", ["p*.*t"]));
    assert.ok(!topicMatches("chia.peak", ["chia"]));
    assert.ok(!topicMatches("chia.peak", ["*.reorg"]));
    assert.ok(!topicMatches("ab", ["ab*b"]), "a character is not used twice");
    assert.ok(topicMatches("a", ["*a*"]));
  });

  test("agrees with a regular expression", () => {
    const word = fc.array(fc.constantFrom("a", "b", "."), { maxLength: 6 }).map((x) => x.join(""));
    const pattern = fc.array(fc.constantFrom("a", "b", ".", "*"), { maxLength: 6 }).map((x) => x.join(""));
    fc.assert(fc.property(word, pattern, (topic, glob) => {
      const expected = new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(topic);
      assert.equal(topicMatches(topic, [glob]), expected);
    }));
  });
});
