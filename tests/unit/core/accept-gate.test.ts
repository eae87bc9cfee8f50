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
});
