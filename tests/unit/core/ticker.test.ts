import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ticker } from "../../../lib/core/work/ticker.ts";
import { simClock } from "./sim.ts";

function world() {
  const clock = simClock();
  const ticks: number[] = [];
  const state = { isIdle: true };
  const ticker = new Ticker({
    clock,
    everyMs: 1_000,
    idleMs: 30_000,
    isIdle: () => state.isIdle,
    tick: () => void ticks.push(clock.monotonic()),
  });
  const stop = new AbortController();
  return { clock, ticks, state, ticker, stop, running: ticker.run(stop.signal) };
}

describe("Ticker", () => {
  test("ticks seldom while nothing is under way, and every second while something is", async () => {
    const { clock, ticks, state, stop, running } = world();
    await clock.advance(90_000);
    assert.deepEqual(ticks, [30_000, 60_000, 90_000]);
    state.isIdle = false;
    await clock.advance(32_000);
    // What began is seen at the next tick.
    assert.deepEqual(ticks.slice(3), [120_000, 121_000, 122_000]);
    stop.abort();
    await running;
    assert.equal(clock.pending, 0);
  });

  test("wake() brings the next tick as near as while work is under way", async () => {
    const { clock, ticks, ticker, stop, running } = world();
    await clock.advance(10_000);
    ticker.wake();
    await clock.advance(999);
    assert.deepEqual(ticks, []);
    await clock.advance(1);
    assert.deepEqual(ticks, [11_000]);
    await clock.advance(30_000);
    assert.deepEqual(ticks, [11_000, 41_000]);
    stop.abort();
    await running;
    ticker.wake();
  });

  test("ends with its signal, in a rest and in a wait, without one more tick", async () => {
    for (const isIdle of [true, false]) {
      const { clock, ticks, state, stop, running } = world();
      await clock.advance(30_000);
      state.isIdle = isIdle;
      await clock.advance(30_500);
      const before = ticks.length;
      stop.abort();
      await running;
      assert.equal(ticks.length, before);
      assert.equal(clock.pending, 0);
    }
  });
});
