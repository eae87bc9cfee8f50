import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mainnet } from "../../../lib/bitcoin/networks/mod.ts";
import { MovableClock } from "../../../lib/core/movable-clock.ts";
import { argumentFromWord } from "../../../lib/rpc/bitcoin/methods.ts";
import { simClock } from "../core/sim.ts";
import { bitcoinNode } from "./support.ts";

describe("echo and echojson", () => {
  test("give back whatever they are given, by place and by name", async () => {
    const { call, reply } = await bitcoinNode();
    for (const method of ["echo", "echojson"]) {
      assert.deepEqual(await call(method), []);
      assert.deepEqual(await call(method, 1, "two", { three: [null] }, true), [1, "two", { three: [null] }, true]);
      assert.deepEqual((await reply(method, { arg2: 5 })).result, [null, null, 5]);
      assert.equal((await reply(method, Array(11).fill(0))).error?.code, -1);
    }
    assert.deepEqual([argumentFromWord("echo", 0, "1"), argumentFromWord("echojson", 0, "1")], ["1", 1]);
  });
});

describe("setmocktime and mockscheduler", () => {
  test("are for regtest only", async () => {
    const { failure } = await bitcoinNode({ network: mainnet });
    for (const method of ["setmocktime", "mockscheduler"]) {
      assert.deepEqual(await failure(method, 1), {
        code: -1,
        message: `${method} is for regression testing (-regtest mode) only`,
      });
    }
  });

  test("set the clock and bring timers forward", async () => {
    const clock = simClock();
    const time = new MovableClock(clock);
    const { call, failure } = await bitcoinNode({ overrides: { time } });
    assert.equal(await call("setmocktime", 1_600_000_000), null);
    assert.equal(time.now(), 1_600_000_000_000);
    assert.equal(await call("setmocktime", 0), null);
    assert.equal(time.now(), clock.now());
    let fired = 0;
    time.after(60_000, () => fired++);
    assert.equal(await call("mockscheduler", 60), null);
    await clock.advance(1);
    assert.equal(fired, 1);
    assert.deepEqual(await failure("setmocktime", -1), {
      code: -8,
      message: "Mocktime must be in the range [0, 9223372036], not -1.",
    });
    assert.equal((await failure("setmocktime", 9_223_372_037)).code, -8);
    for (const seconds of [0, 3_601]) {
      assert.deepEqual(await failure("mockscheduler", seconds), {
        code: -1,
        message: "delta_time must be between 1 and 3600 seconds (1 hr)",
      });
    }
  });
});

describe("MovableClock", () => {
  test("is the clock below it until somebody moves it, and leaves no timer behind", async () => {
    const clock = simClock();
    const time = new MovableClock(clock);
    assert.deepEqual([time.now(), time.monotonic()], [clock.now(), clock.monotonic()]);
    let fired = 0;
    const cancel = time.after(1_000, () => fired++);
    time.after(2_000, () => fired++);
    cancel();
    await clock.advance(1_999);
    assert.equal(fired, 0);
    await clock.advance(1);
    assert.equal(fired, 1);
    const stop = new AbortController();
    const sleeping = time.sleep(5_000, stop.signal);
    stop.abort(new Error("enough"));
    await assert.rejects(sleeping, /enough/);
    await assert.rejects(time.sleep(1, stop.signal), /enough/);
    const slept = time.sleep(5_000);
    time.forward(4_000);
    await clock.advance(999);
    assert.equal(clock.pending, 1, "not all of it was brought forward");
    await clock.advance(1);
    await slept;
    assert.equal(clock.pending, 0);
  });
});

test("syncwithvalidationinterfacequeue waits until what was mined is stored", async () => {
  const { call, mine, node, store } = await bitcoinNode();
  await mine(2);
  assert.equal(await call("syncwithvalidationinterfacequeue"), null);
  assert.equal((await store.counts()).blocks, 3);
  assert.equal(node.service.headers.height(node.service.tip), 2);
});
