import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PerPeer } from "../../../lib/core/peers/per-peer.ts";

describe("PerPeer", () => {
  test("of() makes the state of a peer once, and gives each peer its own", () => {
    const made: string[] = [];
    const states = new PerPeer(({ name }: { readonly name: string }) => {
      made.push(name);
      return { name, count: 0 };
    });
    const [one, other] = [{ name: "one" }, { name: "other" }];
    states.of(one).count += 1;
    states.of(one).count += 1;
    assert.deepEqual([states.of(one), states.of(other)], [{ name: "one", count: 2 }, { name: "other", count: 0 }]);
    assert.deepEqual(made, ["one", "other"]);
  });
});
