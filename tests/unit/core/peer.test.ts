import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { exitFor, isOurFailure } from "../../../lib/core/peers/peer.ts";

describe("isOurFailure()", () => {
  test("tells what failed here from what this node decided, and from what strangers do", () => {
    const of = (thrown: unknown) => isOurFailure(exitFor(thrown));
    assert.equal(of(new Error("a damaged block")), true);
    assert.equal(of(new NodeError("DISK_FULL", "self", "no room")), true);
    assert.equal(of(new NodeError("stopped", "self", "the node stops")), false);
    assert.equal(of(new NodeError("memory_budget", "self", "held too much")), false);
    assert.equal(of(new NodeError("closed", "network", "gone")), false);
    assert.equal(of(new NodeError("bad", "peer", "wrong")), false);
  });
});
