import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { UnbroadcastSet } from "../../../lib/bitcoin/relay/unbroadcast.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { id } from "./transactions.ts";

describe("UnbroadcastSet", () => {
  test("due() gives all of them every 10 to 15 minutes, at times that nobody can foresee", async () => {
    const clock = simClock();
    const set = new UnbroadcastSet(clock, new SeededRandom(1));
    set.add(id(1));
    set.add(id(2));
    const waits: number[] = [];
    let last = 0;
    while (waits.length < 40) {
      await clock.advance(1_000);
      if (set.due().length === 0) continue;
      waits.push((clock.monotonic() - last) / 60_000);
      last = clock.monotonic();
    }
    assert.ok(Math.min(...waits) >= 10 && Math.max(...waits) < 15.1);
    assert.ok(Math.max(...waits) - Math.min(...waits) > 3);
  });

  test("drop() takes one out", () => {
    const set = new UnbroadcastSet(simClock(), new SeededRandom(1));
    set.add(id(1));
    set.add(id(2));
    set.drop(id(1));
    assert.deepEqual([set.has(id(1)), set.has(id(2)), set.size], [false, true, 1]);
  });
});
