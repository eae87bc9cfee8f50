import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeError } from "../../../lib/core/errors.ts";
import { exitFor, isOurFailure, Peer, placesOf } from "../../../lib/core/peers/peer.ts";

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

describe("placesOf()", () => {
  test("gives the places of a list of peers, the same for the same list", () => {
    const peer = (host: string) =>
      new Peer({ id: 1, kind: "outbound", since: 0, session: { remote: { host, port: 5 } } as never });
    const peers = [peer("10.0.0.1"), peer("10.0.0.2")];
    const places = placesOf(peers);
    assert.deepEqual(places.map(({ host, port, direction }) => [host, port, direction]), [
      ["10.0.0.1", 5, "out"],
      ["10.0.0.2", 5, "out"],
    ]);
    assert.equal(placesOf(peers), places);
    assert.notEqual(placesOf([...peers]), places);
  });
});
