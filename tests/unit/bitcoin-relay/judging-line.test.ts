import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { JudgingLine, wasteMax, Waster } from "../../../lib/bitcoin/relay/judging-line.ts";
import type { TransactionVerdict } from "../../../lib/bitcoin/mempool/mempool.ts";
import { refuseTransaction } from "../../../lib/bitcoin/mempool/verdict.ts";
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
    }, () => isInVain ? Infinity : 0);
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

  test("judge() lets honest ones that come one after another have their turns before the next costly one", async () => {
    const { clock, line, order, judge, waster } = scene();
    const attack = Array.from({ length: 3 }, () => judge("flood", waster(100), 1_000, true));
    await clock.advance(1_000);
    for (let i = 0; i < 5; i++) {
      await clock.until(judge("honest", new Waster(), 300, false));
      await clock.advance(1);
    }
    assert.deepEqual(order, ["flood", ...Array.from({ length: 5 }, () => "honest")]);
    await clock.advance(2_000 - 5 * 301 - 1);
    assert.equal(order.at(-1), "honest");
    await clock.advance(1);
    assert.equal(order.at(-1), "flood");
    await clock.until(Promise.all(attack));
    assert.equal(clock.pending, 0);
    // Nobody is left waiting for the end of a rest when the line is closed.
    const stopped = [1, 2].map((n) => judge(`last ${n}`, waster(100), 1, true));
    assert.equal(clock.pending, 1);
    line.close();
    await clock.until(Promise.all(stopped));
    assert.deepEqual([clock.pending, order.slice(-2)], [0, ["last 1", "last 2"]]);
  });

  test("judge() holds no more against a peer than the result says that it can have cost", async () => {
    const { clock, line, waster } = scene();
    const [cheap, dear] = [new Waster(), new Waster()];
    await clock.until(Promise.all([
      line.judge(cheap, () => clock.sleep(1_000), () => 0.5),
      line.judge(dear, () => clock.sleep(1_000), () => Infinity),
    ]));
    const now = clock.monotonic();
    assert.deepEqual([cheap.wasted(now), dear.wasted(now)], [0.5, 500]);
    assert.equal(waster(0).wasted(now), 0);
  });

  test("wasteMax() is what coins cost to look up where no script can have run", () => {
    const of = (verdict: unknown) => wasteMax({ inputCount: 20 }, verdict as TransactionVerdict);
    assert.equal(of({ ok: true }), 0);
    const cheap = [
      { ok: "known" },
      refuseTransaction("missing_inputs", "bad-txns-inputs-missingorspent"),
      refuseTransaction("conflict", "txn-already-known"),
      refuseTransaction("reconsiderable", "min relay fee not met"),
      refuseTransaction("reconsiderable", "mempool min fee not met"),
    ];
    assert.deepEqual(cheap.map(of), cheap.map(() => 2));
    const dear = [
      refuseTransaction("reconsiderable", "mempool full"),
      refuseTransaction("not_standard", "mempool-script-verify-flag-failed"),
    ];
    assert.deepEqual(dear.map(of), dear.map(() => Infinity));
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
    const failing = line.judge(waster(100), () => Promise.reject(new Error("no")), () => 0);
    const next = judge("next", waster(100), 1, false);
    await assert.rejects(failing, /no/);
    await clock.until(next);
    assert.deepEqual(order, ["next"]);
    assert.equal(line.size, 0);
  });
});
