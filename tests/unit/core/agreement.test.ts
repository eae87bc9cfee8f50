import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { agreementOf } from "../../../lib/core/sync/agreement.ts";
import { ClockCheck } from "../../../lib/core/sync/clock-check.ts";
import type { Peer, PeerKind } from "../../../lib/core/peers/peer.ts";
import { SYNCED_GRACE_MS, SyncedLatch } from "../../../lib/core/sync/synced.ts";
import { simClock } from "./sim.ts";

const peer = (host: string, kind: PeerKind, namedAs?: string) =>
  ({ host, kind, namedAs, direction: kind === "inbound" ? "in" : "out" }) as Peer;

describe("agreementOf()", () => {
  test("counts hosts that we dialled, each once, and nobody who dialled us", () => {
    const peers = [
      peer("1.1.1.1", "outbound"),
      peer("1.1.1.1", "manual"),
      peer("2.2.2.2", "block-relay"),
      peer("3.3.3.3", "feeler"),
      ...Array.from({ length: 50 }, (_, i) => peer(`9.9.9.${i}`, "inbound")),
    ];
    assert.deepEqual(agreementOf(peers, 0, () => true), { agree: 2, of: 2, isEnough: true });
    assert.deepEqual(agreementOf(peers.slice(0, 2), 0, () => true), { agree: 1, of: 1, isEnough: false });
    assert.deepEqual(agreementOf(peers, 0, ({ host }) => host === "2.2.2.2"), { agree: 1, of: 2, isEnough: false });
  });

  test("counts a host that one of its connections stands for, whatever another of them does", () => {
    const peers = [peer("1.1.1.1", "outbound"), peer("1.1.1.1", "manual"), peer("2.2.2.2", "outbound")];
    assert.equal(agreementOf(peers, 0, ({ kind }) => kind === "outbound").agree, 2);
    assert.equal(agreementOf(peers, 0, ({ kind }) => kind === "manual").agree, 1);
  });

  test("with --connect counts what it names, each once, whatever else was dialled by hand", () => {
    const named = [peer("127.0.0.1", "manual", "127.0.0.1:1"), peer("127.0.0.1", "manual", "127.0.0.1:2")];
    const others = Array.from({ length: 5 }, () => peer("127.0.0.1", "manual"));
    assert.deepEqual(agreementOf([...named, ...others], 2, () => true), { agree: 2, of: 2, isEnough: true });
    assert.deepEqual(agreementOf([named[0]!, ...others], 2, () => true), { agree: 1, of: 2, isEnough: false });
    const twice = [named[0]!, peer("127.0.0.1", "inbound", "127.0.0.1:1")];
    assert.deepEqual(agreementOf(twice, 1, () => true), { agree: 1, of: 1, isEnough: true });
  });
});

describe("SyncedLatch", () => {
  const near = { isReached: false, isNear: true };

  test("becomes synced only when the tip is reached, and stays so for a minute near it", async () => {
    const clock = simClock();
    let looks = 0;
    const latch = new SyncedLatch(clock, () => (looks += 1));
    assert.equal(latch.update(near), false);
    assert.equal(latch.update({ isReached: true, isNear: true }), true);
    assert.equal(latch.update(near), true);
    await clock.advance(SYNCED_GRACE_MS - 1);
    assert.equal(latch.update(near), true);
    assert.equal(looks, 0);
    await clock.advance(1);
    assert.equal(looks, 1, "the end of the grace is told");
    assert.equal(latch.update(near), false);
    assert.equal(latch.update(near), false);
    latch.close();
    assert.equal(clock.pending, 0);
  });

  test("the grace begins anew each time that the tip is reached, and ends at once when the tip is far behind", async () => {
    const clock = simClock();
    const latch = new SyncedLatch(clock, () => {});
    for (let i = 0; i < 5; i++) {
      assert.equal(latch.update({ isReached: true, isNear: true }), true);
      await clock.advance(SYNCED_GRACE_MS - 1);
      assert.equal(latch.update(near), true);
    }
    assert.equal(latch.update({ isReached: false, isNear: false }), false);
    assert.equal(clock.pending, 0);
    latch.close();
  });

  test("close() leaves no timer, nor does what comes after it", () => {
    const clock = simClock();
    const latch = new SyncedLatch(clock, () => {});
    latch.update({ isReached: true, isNear: true });
    latch.update(near);
    latch.close();
    latch.update({ isReached: true, isNear: true });
    latch.update(near);
    assert.equal(clock.pending, 0);
  });
});

describe("ClockCheck", () => {
  function checked(voicesMin: number) {
    const clock = simClock();
    const state = { offsets: [] as number[], said: [] as string[] };
    const check = new ClockCheck({
      clock,
      offsets: () => state.offsets,
      voicesMin: () => voicesMin,
      notice: (level, text) => void state.said.push(`${level} ${text}`),
    });
    return { clock, state, check };
  }

  test("warns when the median of the peers is more than ten minutes off, once, and says when it is right again", () => {
    const { state, check } = checked(3);
    state.offsets = [10_800, 10_801];
    assert.equal(check.warning(), undefined, "two voices are too few");
    state.offsets = [-5, 10_800, 10_801];
    assert.match(check.warning() ?? "", /180 minutes behind/);
    check.warning();
    state.offsets = [-5, 600, 10_801];
    assert.equal(check.warning(), undefined);
    state.offsets = [-4_000, -3_600, 5];
    assert.match(check.warning() ?? "", /60 minutes ahead of/);
    assert.deepEqual(state.said.map((each) => each.split(" ")[0]), ["warning", "info", "warning"]);
  });

  test("one liar of three changes nothing", () => {
    const { state, check } = checked(3);
    for (const lie of [-1e9, 1e9]) {
      state.offsets = [0, lie, 2];
      assert.equal(check.warning(), undefined);
    }
    for (let i = 0; i < 100; i++) check.tooNew("6.6.6.6", "a header of tomorrow");
    assert.equal(check.warning(), undefined);
  });

  test("headers that are too new of enough hosts speak against the clock, for an hour or until one is accepted", async () => {
    const { clock, check } = checked(2);
    check.tooNew("1.1.1.1", "height 7: 10800 s ahead of our clock");
    assert.equal(check.warning(), undefined);
    check.tooNew("2.2.2.2", "height 7: 10800 s ahead of our clock");
    assert.match(check.warning() ?? "", /10800 s ahead of our clock/);
    await clock.advance(3_600_000);
    assert.notEqual(check.warning(), undefined);
    await clock.advance(1);
    assert.equal(check.warning(), undefined);
    check.tooNew("1.1.1.1", "");
    check.tooNew("2.2.2.2", "");
    assert.notEqual(check.warning(), undefined);
    check.accepted();
    assert.equal(check.warning(), undefined);
  });
});
