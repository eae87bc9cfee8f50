import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Visit, visitorBy } from "../../../lib/core/peers/visit.ts";
import { simClock } from "./sim.ts";

describe("visitorBy()", () => {
  test("dials as a feeler does, and ends when the socket is gone, whatever was said", async () => {
    for (
      const [what, talk] of [
        ["talks", () => Promise.resolve({ height: 5 } as Visit)],
        ["fails", () => Promise.reject(new Error("hung up"))],
      ] as const
    ) {
      const clock = simClock();
      const socket = Promise.withResolvers<void>();
      const asked: unknown[] = [];
      const visit = visitorBy({
        dial: (_address, { kind, banned, enforce, holds }) => {
          asked.push([kind, banned, enforce]);
          holds(socket.promise);
          return Promise.resolve("a session");
        },
      }, talk);
      let ended = "";
      const place = { host: "10.0.0.1", port: 1 };
      visit(place, new AbortController().signal).then(() => (ended = "talks"), () => (ended = "fails"));
      await clock.advance(0);
      assert.equal(ended, "", "its socket is there still");
      socket.reject(new Error("reset"));
      await clock.advance(0);
      assert.deepEqual([ended, asked], [what, [["feeler", false, true]]]);
    }
  });
});
