import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AcceptGate, PLAIN_RATE, TLS_RATE } from "../../../lib/core/peers/accept-gate.ts";
import { simClock } from "./sim.ts";

describe("AcceptGate", () => {
  test("a host that behaves may come as often as it likes while there is room: NAT, onion service, load test", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock, PLAIN_RATE);
    for (let i = 0; i < 200; i++) assert.ok(gate.admit("127.0.0.1", 1n), `${i}`);
    for (let second = 0; second < 60; second++) {
      await clock.advance(1_000);
      for (let i = 0; i < 150; i++) assert.ok(gate.admit("127.0.0.1", 1n), `${second} ${i}`);
    }
    assert.deepEqual(gate.refused, { rate: 0, host: 0, group: 0, failures: 0 });
  });

  test("a host has its share only, where connections are scarce or their handshakes do not end", async () => {
    const clock = simClock();
    for (const [free, before] of [[1, 51], [0.4, 3]] as const) {
      const gate = new AcceptGate(clock, TLS_RATE);
      let admitted = 0;
      for (let i = 0; i < 200; i++) if (gate.admit("10.0.0.1", 1n, free)) admitted += 1;
      assert.equal(admitted, before);
      assert.equal(gate.refused.host + gate.refused.group, 200 - admitted);
      assert.ok(gate.admit("10.0.0.2", 2n, free), "another host is another matter");
      await clock.advance(10_000);
    }
  });

  test("a host whose connections fail again and again gets five a second, and others what they want", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock, PLAIN_RATE);
    let admitted = 0;
    const come = () => {
      if (!gate.admit("10.0.0.1", 1n)) return;
      admitted += 1;
      gate.failed("10.0.0.1");
    };
    for (let i = 0; i < 100; i++) come();
    assert.equal(admitted, 20);
    await clock.advance(1_000);
    for (let i = 0; i < 100; i++) come();
    assert.equal(admitted, 25);
    assert.equal(gate.refused.failures, 175);
    assert.ok(gate.admit("10.0.0.2", 1n));
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

  test("all newcomers together, each of a host and a group of its own, get the rate and no more", async () => {
    for (const [rate, name] of [[TLS_RATE, "TLS"], [PLAIN_RATE, "plain"]] as const) {
      const clock = simClock();
      const gate = new AcceptGate(clock, rate);
      let next = 0n;
      const come = (count: number) => {
        let admitted = 0;
        for (let i = 0; i < count; i++) if (gate.admit(`2001:db8::${++next}`, next)) admitted += 1;
        return admitted;
      };
      assert.equal(come(4_000), rate.burst, name);
      assert.equal(gate.refused.rate, 4_000 - rate.burst, name);
      await clock.advance(1_000);
      assert.equal(come(4_000), rate.perSecond, name);
      // The burst comes back, and no more than it.
      await clock.advance(3_600_000);
      assert.equal(come(4_000), rate.burst, name);
    }
  });

  test("scarcity begins below half of the places, and the last fifth is for groups that have not come", () => {
    const enter = (free: number, groups: readonly bigint[]) => {
      const gate = new AcceptGate(simClock(), PLAIN_RATE);
      return groups.map((group, i) => gate.admit(`10.0.0.${i}`, group, free));
    };
    const four = [1n, 1n, 1n, 1n];
    assert.deepEqual(enter(0.5, four), [true, true, true, true]);
    assert.deepEqual(enter(0.49, four), [true, true, true, false]);
    assert.deepEqual(enter(0.2, [1n, 1n, 2n]), [true, true, true]);
    assert.deepEqual(enter(0.19, [1n, 1n, 2n]), [true, false, true]);
  });

  test("a host that is refused for its share keeps its place in the rate, and gets its share back with time", async () => {
    const clock = simClock();
    const gate = new AcceptGate(clock, PLAIN_RATE);
    const come = (count: number) => {
      let admitted = 0;
      // Each time of another group, so that the host's own share is what is bounded.
      for (let i = 0; i < count; i++) {
        if (gate.admit("10.0.0.1", BigInt(clock.monotonic() * 1_000 + i), 0.4)) admitted += 1;
      }
      return admitted;
    };
    assert.equal(come(50), 20);
    assert.deepEqual(gate.refused, { rate: 0, host: 30, group: 0, failures: 0 });
    await clock.advance(1_000);
    assert.equal(come(50), 5);
    await clock.advance(100_000);
    assert.equal(come(50), 20);
  });
});
