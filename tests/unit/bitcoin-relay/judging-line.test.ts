import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { JudgingLine, Waster } from "../../../lib/bitcoin/relay/judging-line.ts";
import { simClock } from "../core/sim.ts";

/** A line, and judging that takes as long as it is told, whatever else is judged. */
function scene() {
  const clock = simClock();
  const line = new JudgingLine(clock);
  const order: string[] = [];
  const judge = (name: string, of: Waster, ms: number, isInVain: boolean) =>
    line.judge(of, () => {
      order.push(name);
      return clock.sleep(ms);
    }, () => isInVain);
  /** One whose transactions have cost so much already. */
  const waster = (ms: number) => {
    const made = new Waster();
    made.add(ms, clock.monotonic());
    return made;
  };
  return { clock, line, order, judge, waster };
}

describe("JudgingLine", () => {
  test("judge() takes 16 at once, and the next when one is done", async () => {
    const { clock, order, judge } = scene();
    const all = Array.from({ length: 40 }, (_, i) => judge(`${i}`, new Waster(), 10 + i, false));
    await clock.advance(9);
    assert.equal(order.length, 16);
    await clock.advance(2);
    assert.equal(order.length, 18);
    await clock.until(Promise.all(all));
    assert.deepEqual(order, Array.from({ length: 40 }, (_, i) => `${i}`));
  });

  test("judge() takes one at a time of those whose transactions cost time in vain, those that wasted least first", async () => {
    const { clock, order, judge, waster } = scene();
    const all = [300, 100, 200].map((ms) => judge(`${ms}`, waster(ms), 10, false));
    all.push(judge("free", new Waster(), 10, false), judge("49", waster(49), 10, false));
    await clock.advance(5);
    // The first came when nobody else was there.
    assert.deepEqual(order, ["300", "free", "49"]);
    await clock.until(Promise.all(all));
    assert.deepEqual(order.slice(3), ["100", "200"]);
  });

  test("judge() counts only what was wasted, and of that the share of each", async () => {
    const { clock, judge } = scene();
    const [bad, good, other] = [new Waster(), new Waster(), new Waster()];
    await clock.until(Promise.all([judge("bad", bad, 100, true), judge("good", good, 100, false)]));
    assert.equal(Math.round(bad.wasted(clock.monotonic())), 50);
    assert.equal(good.wasted(clock.monotonic()), 0);
    await clock.until(judge("alone", other, 100, true));
    assert.equal(Math.round(other.wasted(clock.monotonic())), 100);
  });

  test("judge() of an honest peer waits for nobody, however many wait with costly ones", async () => {
    const { clock, line, judge, waster } = scene();
    const attack = Array.from({ length: 200 }, (_, i) => judge("flood", waster(100 + i), 1_000, true));
    await clock.advance(500);
    assert.equal(line.size, 199);
    const began = clock.monotonic();
    await clock.until(judge("honest", new Waster(), 1, false));
    assert.equal(clock.monotonic() - began, 1);
    await clock.until(Promise.all(attack));
  });

  test("wasted() is forgotten by half in a minute", () => {
    const waster = new Waster();
    waster.add(80, 0);
    assert.equal(waster.wasted(60_000), 40);
    waster.add(10, 120_000);
    assert.equal(waster.wasted(120_000), 30);
  });

  test("judge() goes on when judging fails", async () => {
    const { clock, line, order, judge, waster } = scene();
    const failing = line.judge(waster(100), () => Promise.reject(new Error("no")), () => false);
    const next = judge("next", waster(100), 1, false);
    await assert.rejects(failing, /no/);
    await clock.until(next);
    assert.deepEqual(order, ["next"]);
    assert.equal(line.size, 0);
  });
});
