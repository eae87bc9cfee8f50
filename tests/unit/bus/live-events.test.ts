/** Events that are told and not kept. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIVE_LAG_MAX, type LiveEvent, LiveEvents, withLiveEvents } from "../../../lib/core/events/live.ts";
import { subscribeEvents } from "../../../lib/core/events/reader.ts";

interface Told extends LiveEvent {
  readonly n: number;
}

const told = (n: number, topic = "a.live", bytes = 10): Told => ({ topic, bytes, n });

/** A log that grows, live events, and a reader of both. */
function scene(topics: readonly string[] = ["a.live"]) {
  const kept: { id: number; topic: string }[] = [];
  const wakes = new Set<() => void>();
  const log = {
    read: (since: number, limit: number) => Promise.resolve(kept.slice(since, since + limit)),
    bounds: () => Promise.resolve({ oldest: kept.length === 0 ? 0 : 1, newest: kept.length }),
  };
  const hints = (wake: () => void) => {
    wakes.add(wake);
    return () => void wakes.delete(wake);
  };
  const live = new LiveEvents<Told>();
  const controller = new AbortController();
  const { signal } = controller;
  const items = withLiveEvents(subscribeEvents(log, hints, { signal }), live, topics, signal);
  const keep = () => {
    kept.push({ id: kept.length + 1, topic: "b.kept" });
    for (const wake of wakes) wake();
  };
  const next = async () => (await items.next()).value;
  return { live, items, next, keep, controller, wakes };
}

describe("withLiveEvents()", () => {
  test("gives both kinds as they come, and wants nothing once its reader is gone", async () => {
    const { live, items, next, keep, wakes } = scene();
    assert.ok(!live.wants("a.live"), "nobody listens before the first is asked for");
    const first = next();
    await Promise.resolve();
    live.emit(told(1));
    live.emit(told(2, "a.other"));
    assert.deepEqual(await first, told(1));
    keep();
    assert.deepEqual(await next(), { id: 1, topic: "b.kept" });
    live.emit(told(3));
    assert.deepEqual(await next(), told(3));
    const waiting = next();
    keep();
    assert.deepEqual(await waiting, { id: 2, topic: "b.kept" });
    await items.return(undefined);
    assert.ok(!live.wants("a.live"));
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(wakes.size, 0, "nor is the log read on");
  });

  test("says how many a slow reader has missed, in their place, by number and by bytes", async () => {
    for (const [bytes, room] of [[10, LIVE_LAG_MAX], [1024 * 1024, 8]] as const) {
      const { live, next, controller } = scene();
      const first = next();
      await Promise.resolve();
      live.emit(told(0, "a.live", bytes));
      await first;
      for (let n = 1; n <= room + 5; n++) live.emit(told(n, "a.live", bytes));
      for (let n = 1; n <= room; n++) assert.equal((await next() as Told).n, n);
      // What comes before the gap is told belongs to it.
      live.emit(told(-1, "a.live", bytes));
      assert.deepEqual(await next(), { gap: { topics: ["a.live"], missed: 6 } });
      live.emit(told(7, "a.live", bytes));
      assert.equal((await next() as Told).n, 7);
      controller.abort();
    }
  });

  test("ends with the signal, whatever is waited for", async () => {
    const { live, next, controller } = scene();
    const last = next();
    await Promise.resolve();
    controller.abort();
    assert.equal(await last, undefined);
    assert.ok(!live.wants("a.live"));
  });
});
