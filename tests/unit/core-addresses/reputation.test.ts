import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge, type Offence, POINTS_MAX, type Price, PRICES, Score } from "../../../lib/core/peers/reputation.ts";

describe("judge()", () => {
  test("what Core punishes at once costs all points: disconnect and discourage", () => {
    for (const offence of ["oversized_list", "false_work", "invalid_body", "index_out_of_range"] as const) {
      assert.deepEqual(judge(0, offence), { points: 100, isOut: true, banSeconds: 86_400, effect: "discourage" });
    }
  });

  test("Chia's reasons carry the reference's durations", () => {
    const expected: readonly (readonly [Offence, number])[] = [
      ["bad_handshake", 10],
      ["protocol", 10],
      ["malformed_body", 10],
      ["flood", 300],
      ["unsolicited", 300],
      ["consensus", 600],
      ["false_claim", 600],
    ];
    for (const [offence, banSeconds] of expected) {
      assert.deepEqual(judge(0, offence), { points: 100, isOut: true, banSeconds, effect: "ban" });
    }
  });

  test("a timeout or a refusal costs nothing, not even whoever has nothing left", () => {
    for (const offence of ["timeout", "refusal", "network", "future_head"] as const) {
      assert.deepEqual(judge(99, offence), { points: 99, isOut: false, banSeconds: 0, effect: "none" });
    }
  });

  test("every price is between nothing and everything, and has a duration when it bans", () => {
    for (const [offence, price] of Object.entries(PRICES) as [Offence, Price][]) {
      assert.ok(price.points >= 0 && price.points <= POINTS_MAX, offence);
      assert.equal(price.banSeconds > 0, price.effect !== "none", offence);
      assert.equal(price.points > 0, price.effect !== "none", offence);
    }
  });
});

describe("Score", () => {
  test("three heads that are not delivered cost the connection; one a day does not", () => {
    const score = new Score();
    assert.equal(score.charge("unserved", 0).isOut, false);
    assert.equal(score.charge("unserved", 5_000).isOut, false);
    assert.deepEqual(score.charge("unserved", 10_000), { points: 100, isOut: true, banSeconds: 600, effect: "ban" });
    const patient = new Score();
    for (let day = 0; day < 10; day++) assert.equal(patient.charge("unserved", day * 86_400_000).isOut, false);
    assert.equal(patient.points(9 * 86_400_000), 34);
    assert.equal(patient.points(9 * 86_400_000 + 10 * 60_000), 24);
  });
});
