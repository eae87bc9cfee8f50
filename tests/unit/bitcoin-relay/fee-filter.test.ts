import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeeFilters, feeSteps, roundFeeRate } from "../../../lib/bitcoin/relay/fee-filter.ts";
import { FeeFilter } from "../../../lib/bitcoin/wire/inventory.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { Pretended, type PretendPeer } from "./pretend.ts";

function scene(options?: PretendPeer) {
  const clock = simClock();
  const peer = new Pretended(options);
  const state = { rate: 100, loading: false };
  const filters = new FeeFilters({
    ...{ clock, random: new SeededRandom(1), relayFeeRate: 100, incrementalFeeRate: 100 },
    minimumFeeRate: () => state.rate,
    initialBlockDownload: () => state.loading,
  });
  const told = () => peer.posted.splice(0).map(({ body }) => Number((body as { feeRate: bigint }).feeRate));
  /** Looks at it every 10 seconds. */
  const wait = async (minutes: number) => {
    for (let i = 0; i < minutes * 6; i++) {
      await clock.advance(10_000);
      filters.tell(peer.peer);
    }
  };
  return { clock, peer, state, filters, told, wait };
}

describe("feeSteps()", () => {
  test("grow by a tenth, from half the incremental rate up to 0.1 BTC", () => {
    const steps = feeSteps(1_000);
    assert.deepEqual(steps.slice(0, 4).map((step) => Math.floor(step)), [0, 500, 550, 605]);
    // The rate of a peer of Core's that wants nothing, with 1000 as the incremental rate.
    assert.equal(Math.floor(steps.at(-1)!), 9_170_997);
  });
});

describe("roundFeeRate()", () => {
  test("gives the step below two times of three and the one above else, so that it is no mark", () => {
    const steps = feeSteps(1_000);
    const random = new SeededRandom(2);
    const found = Array.from({ length: 3_000 }, () => roundFeeRate(steps, 580, random));
    const lower = found.filter((each) => each === 550).length;
    assert.ok(lower > 1_850 && lower < 2_150, `${lower}`);
    assert.deepEqual([...new Set(found)].sort(), [550, 605]);
  });

  test("gives the highest step for more than it, and nothing for nothing", () => {
    const steps = feeSteps(1_000);
    assert.equal(roundFeeRate(steps, 1e15, new SeededRandom(1)), 9_170_997);
    assert.equal(roundFeeRate(steps, 0, new SeededRandom(1)), 0);
  });
});

describe("FeeFilters.tell()", () => {
  test("tells a peer at once, and again only when it has changed", async () => {
    const { filters, peer, told, state, wait } = scene();
    filters.tell(peer.peer);
    await wait(180);
    // Rounding goes either way, but never below what is asked for in any case.
    const rates = told();
    assert.deepEqual([...new Set(rates)].sort(), [100, 107]);
    assert.ok(rates.every((rate, i) => rate !== rates[i - 1]));
    state.rate = 50_000;
    await wait(5.5);
    const [rate = 0] = told();
    assert.ok(rate > 45_000 && rate < 56_000, `${rate}`);
  });

  test("tells within five minutes of a change that matters, and of others when it is time", async () => {
    const { filters, peer, told, state, wait, clock } = scene();
    const waits: number[] = [];
    state.rate = 1_000;
    filters.tell(peer.peer);
    for (let i = 0; i < 40; i++) {
      told();
      state.rate *= i % 2 === 0 ? 3 : 1 / 3;
      const began = clock.monotonic();
      while (peer.posted.length === 0) await wait(1 / 6);
      waits.push(clock.monotonic() - began);
    }
    // Those that were due by then came sooner.
    assert.ok(Math.max(...waits) <= 5 * 60_000 + 10_000);
    assert.ok(Math.max(...waits) > 2 * 60_000);
  });

  test("wants nothing while blocks are behind, and tells the true rate when they are there", async () => {
    const { filters, peer, told, state, wait } = scene();
    state.loading = true;
    filters.tell(peer.peer);
    assert.deepEqual(told(), [Math.floor(feeSteps(100).at(-1)!)]);
    assert.equal(filters.isHoldingOff, true);
    state.loading = false;
    await wait(1 / 6);
    assert.equal(filters.isHoldingOff, false);
    const [rate = 0] = told();
    assert.ok(rate === 100 || rate === 107, `${rate}`);
  });

  test("isHoldingOff is over when the last peer that holds back has gone", () => {
    const { filters, peer, state } = scene();
    state.loading = true;
    filters.tell(peer.peer);
    filters.left(peer.peer);
    assert.equal(filters.isHoldingOff, false);
  });

  for (
    const [what, options] of [
      ["for blocks only", { kind: "block-relay" }],
      ["that may force us", { permissions: ["forcerelay"] }],
    ] as const
  ) {
    test(`tells nothing to a peer ${what}`, () => {
      const { filters, peer } = scene(options);
      filters.tell(peer.peer);
      assert.deepEqual(peer.posted, []);
    });
  }

  test("the message has the rate of the peer's protocol: older peers hear nothing", () => {
    const { filters, peer } = scene();
    (peer.peer.session.peer as { commonVersion: number }).commonVersion = FeeFilter.sinceVersion - 1;
    filters.tell(peer.peer);
    assert.deepEqual(peer.posted, []);
  });
});
