import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "./sim.ts";

describe("SimClock", () => {
  test("advance() fires timers by time, then in the order of setting, and shows each its own moment", async () => {
    const clock = simClock();
    const fired: string[] = [];
    for (const [name, ms] of [["c", 30], ["a", 10], ["b", 10], ["never", 31], ["d", 30]] as const) {
      clock.after(ms, () => fired.push(`${name}@${clock.monotonic()}`));
    }
    clock.after(10, () => clock.after(5, () => fired.push(`nested@${clock.monotonic()}`)));
    await clock.advance(30);
    assert.deepEqual(fired, ["a@10", "b@10", "nested@15", "c@30", "d@30"]);
    assert.equal(clock.pending, 1);
    assert.equal(clock.now() - 1_750_000_000_000, 30);
  });

  test("the heap keeps its order over a thousand random timers, a third of them cancelled", async () => {
    const clock = simClock();
    const random = new SeededRandom(7);
    const fired: number[] = [];
    let kept = 0;
    for (let i = 0; i < 1_000; i++) {
      const at = random.below(400);
      const cancel = clock.after(at, () => fired.push(at));
      if (i % 3 === 0) cancel();
      else kept += 1;
    }
    assert.equal(clock.pending, kept);
    await clock.advance(400);
    assert.equal(fired.length, kept);
    assert.deepEqual(fired, [...fired].sort((a, b) => a - b));
    assert.equal(clock.pending, 0);
  });

  test("sleep() rejects with the signal's reason and leaves no timer", async () => {
    const clock = simClock();
    const stop = new AbortController();
    const sleeping = clock.sleep(1_000, stop.signal);
    assert.equal(clock.pending, 1);
    stop.abort(new Error("enough"));
    await assert.rejects(sleeping, /enough/);
    await assert.rejects(clock.sleep(5, stop.signal), /enough/);
    assert.equal(clock.pending, 0);
  });

  test("until() moves time only as far as the promise needs, and says when nothing can settle it", async () => {
    const clock = simClock();
    assert.equal(await clock.until(clock.sleep(70).then(() => "done")), "done");
    assert.equal(clock.monotonic(), 70);
    await assert.rejects(clock.until(new Promise(() => {})), { code: "stuck" });
  });
});

describe("SeededRandom", () => {
  test("repeats for a seed, differs between seeds, and is even enough to choose with", () => {
    const draw = (seed: number) => Array.from({ length: 8 }, ((r) => () => r.below(1_000))(new SeededRandom(seed)));
    assert.deepEqual(draw(1), draw(1));
    assert.notDeepEqual(draw(1), draw(2));
    const random = new SeededRandom(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) counts[random.below(10)]! += 1;
    assert.ok(counts.every((count) => count > 850 && count < 1_150), String(counts));
    assert.equal(random.bytes(5).length, 5);
    assert.throws(() => random.below(0), RangeError);
  });
});
