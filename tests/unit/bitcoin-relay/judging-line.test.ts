import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { JudgingLine, Waster } from "../../../lib/bitcoin/relay/judging-line.ts";
import { simClock } from "../core/sim.ts";

function scene() {
  const clock = simClock();
  const line = new JudgingLine(clock);
  const order: string[] = [];
  /** Judges something that takes so long. */
  const judge = (name: string, of: Waster, ms: number, isInVain: boolean) =>
    line.judge(of, () => clock.sleep(ms).then(() => order.push(name)), () => isInVain);
  return { clock, line, order, judge };
}

describe("JudgingLine", () => {
  test("judge() takes one at a time, in the order in which they came", async () => {
    const { clock, order, judge } = scene();
    const all = ["a", "b", "c"].map((name) => judge(name, new Waster(), 10, false));
    await clock.advance(15);
    assert.deepEqual(order, ["a"]);
    await clock.advance(15);
    await Promise.all(all);
    assert.deepEqual(order, ["a", "b", "c"]);
    assert.equal(clock.monotonic(), 30);
  });

  test("judge() takes those last whose transactions cost time in vain", async () => {
    const { clock, order, judge } = scene();
    const [bad, worse, good] = [new Waster(), new Waster(), new Waster()];
    await clock.until(judge("bad", bad, 100, true));
    await clock.until(judge("worse", worse, 200, true));
    // Costly, but it was taken.
    await clock.until(judge("good", good, 500, false));
    order.length = 0;
    const now = judge("now", new Waster(), 1, false);
    const all = [judge("worse", worse, 1, true), judge("bad", bad, 1, true), judge("good", good, 1, false)];
    await clock.until(Promise.all([now, ...all]));
    assert.deepEqual(order, ["now", "good", "bad", "worse"]);
  });

  test("judge() of an honest peer waits for one at most, however many others wait with costly ones", async () => {
    const { clock, judge } = scene();
    const flood = Array.from({ length: 100 }, () => new Waster());
    for (const each of flood) await clock.until(judge("first", each, 100, true));
    const attack = flood.map((each) => judge("flood", each, 100, true));
    await clock.advance(50);
    const began = clock.monotonic();
    await clock.until(judge("honest", new Waster(), 1, false));
    assert.ok(clock.monotonic() - began <= 101, `${clock.monotonic() - began} ms`);
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
    const { clock, line, order, judge } = scene();
    const failing = line.judge(new Waster(), () => Promise.reject(new Error("no")), () => false);
    const next = judge("next", new Waster(), 1, false);
    await assert.rejects(failing, /no/);
    await clock.until(next);
    assert.deepEqual(order, ["next"]);
    assert.equal(line.size, 0);
  });
});
