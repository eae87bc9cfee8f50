import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Clock } from "../../../lib/core/ports.ts";
import { Turns } from "../../../lib/core/peers/turns.ts";
import { simClock } from "./sim.ts";

/** A clock that moves while one works, too. */
function workingClock() {
  const sim = simClock();
  let worked = 0;
  const clock: Clock = {
    now: () => sim.now() + worked,
    monotonic: () => sim.monotonic() + worked,
    sleep: (ms, signal) => sim.sleep(ms, signal),
    after: (ms, callback) => sim.after(ms, callback),
  };
  return { sim, clock, work: (ms: number) => () => void (worked += ms) };
}

describe("Turns", () => {
  test("nobody waits while there is little to do", () => {
    const { sim, clock, work } = workingClock();
    const turn = new Turns(clock).join();
    for (let i = 0; i < 7; i++) {
      assert.equal(turn.next(), undefined);
      turn.work(work(1));
    }
    assert.equal(sim.pending, 0, "no timer either");
  });

  test("when the slice is used up, those who go on wait in line, one a turn of the loop", async () => {
    const { sim, clock, work } = workingClock();
    const turns = new Turns(clock);
    const order: string[] = [];
    const flood = async (name: string, messages: number) => {
      const turn = turns.join();
      for (let i = 0; i < messages; i++) {
        await turn.next();
        turn.work(work(1));
        if (order.at(-1) !== name) order.push(name);
      }
    };
    await sim.until(Promise.all([flood("a", 20), flood("b", 20), flood("c", 4)]));
    const firstOfC = order.indexOf("c");
    assert.ok(firstOfC >= 0 && firstOfC < 6, order.join(" "));
    assert.ok(order.length > 12, `they alternate: ${order.join(" ")}`);
    assert.equal(sim.pending, 0);
  });

  test("whoever floods without costing time waits too, after many messages", () => {
    const turns = new Turns(simClock());
    const turn = turns.join();
    let count = 0;
    while (turn.next() === undefined && count < 100_000) {
      turn.work(() => {});
      count += 1;
    }
    assert.ok(count < 10_000, String(count));
  });

  test("work that throws is counted all the same", () => {
    const { clock, work } = workingClock();
    const turn = new Turns(clock).join();
    const fail = () => {
      work(9)();
      throw new Error("no");
    };
    assert.throws(() => turn.work(fail), /no/);
    assert.notEqual(turn.next(), undefined);
  });

  test("a turn is thirty-two messages, or two milliseconds, whichever is used up first", async () => {
    for (const [ms, expected] of [[0, 32], [0.25, 8], [1, 2], [3, 1]] as const) {
      const { sim, clock, work } = workingClock();
      const turns = new Turns(clock);
      // The slice is used up, and others wait in line.
      turns.spent(8);
      const mine = turns.join();
      const first = mine.next();
      void turns.join().next();
      assert.notEqual(first, undefined);
      await sim.until(Promise.resolve(first));
      let handled = 0;
      for (; mine.next() === undefined; handled++) mine.work(work(ms));
      assert.equal(handled, expected, `${ms} ms a message`);
      await sim.advance(10);
    }
  });

  test("the slice is eight milliseconds or 4,096 messages of all together", () => {
    const busy = new Turns(simClock());
    busy.spent(7.9);
    assert.equal(busy.take(), undefined);
    busy.spent(0.1);
    assert.notEqual(busy.take(), undefined);
    const chatty = new Turns(simClock());
    for (let i = 0; i < 4_095; i++) chatty.spent(0);
    assert.equal(chatty.take(), undefined);
    chatty.spent(0);
    assert.notEqual(chatty.take(), undefined);
  });
});
