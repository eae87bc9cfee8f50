import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AcceptGate } from "../../../lib/core/accept-gate.ts";
import { simClock } from "./sim.ts";

describe("AcceptGate", () => {
  test("a host that connects over and over gets five a second", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock);
    let admitted = 0;
    for (let i = 0; i < 100; i++) if (gate.admit("10.0.0.1", 1n)) admitted += 1;
    assert.equal(admitted, 20);
    await clock.advance(1_000);
    for (let i = 0; i < 100; i++) if (gate.admit("10.0.0.1", 1n)) admitted += 1;
    assert.equal(admitted, 25);
    assert.ok(gate.admit("10.0.0.2", 1n), "another host is another matter");
  });

  test("however many hosts connect, no more than fifty a second get in, and newcomers go first", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock);
    let attackers = 0;
    let newcomers = 0;
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 300; i++) if (gate.admit(`10.66.0.${i}`, BigInt(i % 30))) attackers += 1;
      if (gate.admit(`10.1.0.${second}`, 1_000n + BigInt(second))) newcomers += 1;
      await clock.advance(1_000);
    }
    // In the first second the attackers' groups have their burst.
    assert.ok(newcomers >= 58, String(newcomers));
    assert.ok(attackers <= 100 + 60 * 50, String(attackers));
  });

  test("not even three hundred groups that come ten times a second keep a newcomer out", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock);
    let newcomers = 0;
    for (let tenth = 0; tenth < 300; tenth++) {
      for (let i = 0; i < 300; i++) gate.admit(`10.66.${i >> 8}.${i & 255}`, BigInt(i));
      if (tenth % 10 === 9 && gate.admit(`10.1.0.${tenth % 250}`, 1_000n + BigInt(tenth))) newcomers += 1;
      await clock.advance(100);
    }
    // In the first seconds the attackers have their bursts.
    assert.ok(newcomers >= 25, `${newcomers} of 30`);
  });

  test("keeps no more than it needs of a million hosts", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock);
    for (let i = 0; i < 20_000; i++) {
      gate.admit(`2001:db8::${i.toString(16)}`, BigInt(i));
      if (i % 50 === 0) await clock.advance(1_000);
    }
    assert.ok(gate.size <= 8_192, String(gate.size));
  });
});
