/** Verdicts that come late. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SimClock } from "../../../lib/sim/clock.ts";
import { LATEST_MS, LateVerdicts } from "../../../lib/sim/late-verdicts.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { turn } from "../core/sim.ts";

/** How late each of many verdicts is, in their order. */
async function delays(seed: number, isRefusal: boolean): Promise<number[]> {
  const clock = new SimClock({ turn });
  const late = new LateVerdicts(clock, new SeededRandom(seed));
  const given = Array.from({ length: 200 }, () => late.give("yes", isRefusal).then(() => clock.monotonic()));
  return await clock.until(Promise.all(given));
}

describe("LateVerdicts", () => {
  test("give() is the same for the same seed, mostly quick, never later than a minute", async () => {
    const all: number[] = [];
    for (let seed = 0; seed < 20; seed++) {
      const [one, other] = [await delays(seed, false), await delays(seed, false)];
      assert.deepEqual(one, other);
      all.push(...one);
    }
    assert.ok(Math.max(...all) <= LATEST_MS);
    assert.ok(Math.max(...all) > LATEST_MS / 2);
    assert.ok(all.filter((ms) => ms < 1_000).length > 0.8 * all.length);
  });

  test("give() is later with a refusal", async () => {
    const sum = (each: readonly number[]) => each.reduce((total, ms) => total + ms, 0);
    let [yes, no] = [0, 0];
    for (let seed = 0; seed < 20; seed++) {
      yes += sum(await delays(seed, false));
      no += sum(await delays(seed, true));
    }
    assert.ok(no > 1.3 * yes, `${no} and ${yes}`);
  });

  test("give() ends early when it is withdrawn, or answers all the same", async () => {
    const clock = new SimClock({ turn });
    const ended: string[] = [];
    for (let seed = 0; seed < 20; seed++) {
      const stop = new AbortController();
      const late = new LateVerdicts(clock, new SeededRandom(seed));
      const given = Array.from({ length: 20 }, () => late.give("answer", true, stop.signal).catch(() => "withdrawn"));
      stop.abort(new Error("withdrawn"));
      ended.push(...await clock.until(Promise.all(given)));
    }
    assert.deepEqual([...new Set(ended)].sort(), ["answer", "withdrawn"]);
  });
});
