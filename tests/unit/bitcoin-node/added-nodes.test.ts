import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AddedNodes, parsePlace } from "../../../lib/bitcoin/peers/added-nodes.ts";
import type { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { PeerAddress } from "../../../lib/core/ports.ts";

describe("parsePlace()", () => {
  for (
    const [text, host, port] of [
      ["10.0.0.1", "10.0.0.1", 8333],
      ["10.0.0.1:5", "10.0.0.1", 5],
      ["node.example:18444", "node.example", 18_444],
      ["[::1]", "::1", 8333],
      ["[2001:db8::1]:5", "2001:db8::1", 5],
      ["2001:db8::1", "2001:db8::1", 8333],
    ] as const
  ) test(text, () => assert.deepEqual(parsePlace(text, 8333), { host, port }));
});

describe("AddedNodes", () => {
  function list(peers: readonly BitcoinPeer[] = []) {
    const kept: { readonly place: PeerAddress; readonly signal: AbortSignal }[] = [];
    const added = new AddedNodes({
      defaultPort: 8333,
      peers: () => peers,
      keep: (place, signal) => void kept.push({ place, signal }),
    });
    return { added, kept };
  }

  test("keeps each node once, until it is removed, with how it is to be dialled", () => {
    const { added, kept } = list();
    assert.equal(added.add("10.0.0.1", { v1Only: true }), true);
    assert.equal(added.add("10.0.0.1"), false);
    assert.equal(added.add("10.0.0.1:5"), true);
    assert.deepEqual(kept.map(({ place }) => place), [
      { host: "10.0.0.1", port: 8333, v1Only: true },
      { host: "10.0.0.1", port: 5 },
    ]);
    assert.deepEqual([8333, 5, 6].map((port) => added.has({ host: "10.0.0.1", port })), [true, true, false]);
    assert.equal(added.has({ host: "10.0.0.2", port: 5 }), false);
    assert.equal(added.remove("10.0.0.1"), true);
    assert.equal(added.remove("10.0.0.1"), false);
    assert.deepEqual(kept.map(({ signal }) => signal.aborted), [true, false]);
    added.close();
    assert.deepEqual(kept.map(({ signal }) => signal.aborted), [true, true]);
  });

  test("shows a node as connected by the connection that we made, not by one from there", () => {
    const peer = (direction: "in" | "out", host: string, port: number) =>
      ({ direction, session: { remote: { host, port } } }) as unknown as BitcoinPeer;
    const { added } = list([peer("in", "10.0.0.1", 8333), peer("out", "10.0.0.2", 8333), peer("out", "10.0.0.3", 5)]);
    for (const node of ["10.0.0.1", "10.0.0.2", "10.0.0.3"]) added.add(node);
    assert.deepEqual(added.list(), [
      { node: "10.0.0.1", connected: undefined },
      { node: "10.0.0.2", connected: { host: "10.0.0.2", port: 8333, direction: "out" } },
      { node: "10.0.0.3", connected: undefined },
    ]);
  });
});
