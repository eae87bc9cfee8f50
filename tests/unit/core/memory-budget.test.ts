import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MemoryBudget } from "../../../lib/core/peers/memory-budget.ts";
import { simClock } from "./sim.ts";

/** A budget of 1,000 bytes, and connections that take note of their end. */
function world(bytesMax = 1_000) {
  const clock = simClock();
  const budget = new MemoryBudget(clock, bytesMax);
  const ended: string[] = [];
  const connect = (name: string, isInbound: boolean, isAwaited = () => false) =>
    budget.open({
      ...{ isInbound, isAwaited },
      end: (error) => {
        assert.equal(error.code, "memory_budget");
        ended.push(name);
      },
    });
  return { budget, clock, ended, connect };
}

describe("MemoryBudget", () => {
  test("counts what each connection holds, both ways, and takes back what it gives", () => {
    const { budget, ended, connect } = world();
    const one = connect("one", true);
    const two = connect("two", true);
    one.set("in", 300);
    one.set("out", 200);
    two.set("in", 400);
    assert.equal(budget.used, 900);
    one.set("in", 0);
    assert.equal(budget.used, 600);
    one.close();
    two.close();
    assert.equal(budget.used, 0);
    assert.deepEqual(ended, []);
  });

  test("when it is passed, whoever holds most goes, inbound before outbound", () => {
    const { budget, ended, connect } = world();
    const chosen = connect("chosen", false);
    const little = connect("little", true);
    const much = connect("much", true);
    chosen.set("in", 600);
    little.set("in", 100);
    much.set("out", 250);
    assert.deepEqual(ended, []);
    little.set("in", 200);
    assert.deepEqual(ended, ["much"]);
    assert.equal(budget.used, 800);
    chosen.set("in", 900);
    assert.deepEqual(ended, ["much", "little"]);
    chosen.set("in", 1_001);
    assert.deepEqual(ended, ["much", "little", "chosen"]);
    assert.equal(budget.used, 0);
  });

  // 100 peers that begin a message and fall silent, and one that delivers a block longer than each of theirs.
  test("when it is passed, what does not move goes before what is just coming, however much that is", async () => {
    const { budget, clock, ended, connect } = world();
    const idle = [connect("one", true), connect("two", true), connect("three", true)];
    for (const each of idle) each.set("in", 190);
    await clock.advance(10_000);
    const honest = connect("honest", true);
    for (let came = 50; came <= 390; came += 50) {
      honest.set("in", came);
      await clock.advance(100);
    }
    honest.set("in", 450);
    assert.deepEqual(ended, ["one"]);
    honest.set("in", 0);
    await clock.advance(10_000);
    // It has given back what it held, and begins anew; a ping in between makes nobody young again.
    idle[1]?.set("in", 180);
    honest.set("in", 700);
    assert.deepEqual(ended, ["one", "three"]);
    assert.equal(budget.used, 880);
  });

  test("a line that is fair goes for its bytes, not for being slower than others", async () => {
    const { clock, ended, connect } = world(10_000_000);
    const honest = connect("honest", true);
    const stranger = connect("stranger", true);
    // Half a megabyte a second against two: both are fair.
    for (let second = 1; second <= 4; second++) {
      honest.set("in", second * 500_000);
      await clock.advance(1_000);
    }
    stranger.set("in", 3_000_000);
    await clock.advance(1_000);
    connect("newcomer", true).set("in", 5_100_000);
    assert.deepEqual(ended, ["newcomer"]);
    connect("another", true).set("in", 5_100_000);
    stranger.set("in", 3_000_000);
    connect("late", true).set("in", 2_990_000);
    assert.deepEqual(ended.filter((name) => name === "honest"), []);
  });

  test("what the node asked for weighs less than what nobody asked for", () => {
    const { ended, connect } = world();
    connect("idle", true).set("in", 300);
    connect("asked", true, () => true).set("in", 800);
    assert.deepEqual(ended, ["idle"]);
  });

  test("an answer that is awaited is no licence to hold: the little of others does not go for it", () => {
    const { ended, connect } = world();
    connect("little", true).set("in", 50);
    connect("asked", true, () => true).set("in", 960);
    assert.deepEqual(ended, ["asked"]);
  });

  test("what a connection says after its end counts no more", () => {
    const { budget, connect } = world();
    const one = connect("one", true);
    one.set("in", 5_000);
    one.set("in", 10);
    one.close();
    assert.equal(budget.used, 0);
  });

  test("what was handed over and waits counts until it is given back, also when the connection is gone", () => {
    const { budget, ended, connect } = world();
    const one = connect("one", true);
    const releases = [one.hold(300, () => assert.fail("let go")), one.hold(200, () => assert.fail("let go"))];
    one.set("in", 100);
    assert.equal(budget.used, 600);
    one.close();
    assert.equal(budget.used, 500, "only what came and what is to go is gone with the connection");
    for (const release of releases) release();
    for (const release of releases) release();
    assert.equal(budget.used, 0, "each is given back once");
    one.hold(10, () => assert.fail("let go"))();
    assert.equal(budget.used, 0, "after the end too");
    assert.deepEqual(ended, []);
  });

  test("what waits makes its giver the one that goes, and is let go with it", () => {
    const { budget, ended, connect } = world();
    const giver = connect("giver", true);
    const other = connect("other", true);
    const dropped: number[] = [];
    giver.hold(300, () => dropped.push(1));
    const release = giver.hold(200, () => dropped.push(2));
    other.set("in", 499);
    other.set("out", 2);
    assert.deepEqual([ended, dropped], [["other"], []], "501 are more than 500");
    connect("third", true).set("in", 400);
    giver.hold(101, () => dropped.push(3));
    assert.deepEqual([ended, dropped], [["other", "giver"], [1, 2, 3]], "and what passed the budget is let go at once");
    assert.equal(budget.used, 400);
    release();
    assert.equal(budget.used, 400, "what was let go is not given back again");
  });

  test("what a connection left behind is let go before another connection ends for it", () => {
    const { budget, ended, connect } = world();
    const gone = connect("gone", true);
    let isLetGo = false;
    gone.hold(900, () => (isLetGo = true));
    gone.close();
    const honest = connect("honest", true);
    honest.set("in", 200);
    assert.deepEqual([isLetGo, ended, budget.used], [true, [], 200]);
  });

  test("charge() counts what no connection's end gives back", () => {
    const { budget, ended, connect } = world();
    const one = connect("one", true);
    one.set("in", 700);
    const release = budget.charge(400);
    assert.deepEqual([ended, budget.used], [["one"], 400]);
    budget.charge(2_000)();
    release();
    release();
    assert.equal(budget.used, 0);
  });

  test("what was shed is collected at the first, then after twelve megabytes or two seconds, whichever comes first", async () => {
    const clock = simClock();
    let collections = 0;
    const budget = new MemoryBudget(clock, 1_000, () => collections++);
    const shed = (bytes: number) => budget.open({ isInbound: true, end: () => {} }).set("in", bytes);
    await clock.advance(10_000);
    shed(2_000);
    assert.equal(collections, 1);
    shed(2_000);
    assert.equal(collections, 1);
    // The bytes of both add up.
    shed(12 * 1024 * 1024 - 2_001);
    assert.equal(collections, 1);
    shed(2_000);
    assert.equal(collections, 2);
    await clock.advance(1_999);
    shed(2_000);
    assert.equal(collections, 2);
    await clock.advance(1);
    shed(2_000);
    assert.equal(collections, 3);
    shed(12 * 1024 * 1024);
    assert.equal(collections, 4, "at exactly so much");
  });
});
