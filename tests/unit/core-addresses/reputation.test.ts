import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judge, type Offence, POINTS_MAX, type Price, PRICES } from "../../../lib/core/reputation.ts";

const stranger = { points: 0, isExempt: false, isLocal: false };

describe("judge()", () => {
  test("what Core punishes at once costs all points: disconnect and discourage", () => {
    for (const offence of ["oversized_list", "false_work", "invalid_body", "index_out_of_range"] as const) {
      assert.deepEqual(judge(stranger, offence), {
        ...{ points: 100, disconnect: true, banSeconds: 86_400, effect: "discourage" },
      });
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
      assert.deepEqual(judge(stranger, offence), { points: 100, disconnect: true, banSeconds, effect: "ban" });
    }
  });

  test("a timeout or a refusal costs nothing, not even whoever has nothing left", () => {
    for (const offence of ["timeout", "refusal", "network", "future_head"] as const) {
      const verdict = judge({ ...stranger, points: 99 }, offence);
      assert.deepEqual(verdict, { points: 99, disconnect: false, banSeconds: 0, effect: "none" });
    }
  });

  test("never bans a whitelisted peer, and only disconnects one on this machine", () => {
    for (const offence of Object.keys(PRICES) as Offence[]) {
      assert.equal(judge({ ...stranger, isExempt: true }, offence).disconnect, false);
      assert.equal(judge({ ...stranger, isLocal: true }, offence).banSeconds, 0);
    }
    assert.equal(judge({ ...stranger, isLocal: true }, "consensus").disconnect, true);
  });

  test("every price is between nothing and everything, and has a duration when it bans", () => {
    for (const [offence, price] of Object.entries(PRICES) as [Offence, Price][]) {
      assert.ok(price.points >= 0 && price.points <= POINTS_MAX, offence);
      assert.equal(price.banSeconds > 0, price.effect !== "none", offence);
      assert.equal(price.points > 0, price.effect !== "none", offence);
    }
  });
});
