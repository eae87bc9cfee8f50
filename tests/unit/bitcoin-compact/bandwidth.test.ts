import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bandwidth } from "../../../lib/bitcoin/compact/bandwidth.ts";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";
import { SendCmpct } from "../../../lib/bitcoin/wire/mod.ts";

/** A peer that takes note of each `sendcmpct` that it is sent. */
function peerOf(change: { compactBlocks?: boolean; wantsCompactBlocks?: boolean; commonVersion?: number } = {}) {
  const told: number[] = [];
  const ended = new AbortController();
  const session = {
    peer: { services: 9n, compactBlocks: true, wantsCompactBlocks: false, commonVersion: 70_016, ...change },
    remote: { host: "10.0.0.1", port: 1 },
    signal: ended.signal,
    post: (message: unknown, { announce, version }: { announce: number; version: bigint }) => {
      assert.deepEqual([message, version], [SendCmpct, 2n]);
      told.push(announce);
    },
  } as unknown as BitcoinSession;
  return { peer: new BitcoinPeer({ id: 1, kind: "inbound", session, since: 0 }), told, end: () => ended.abort() };
}

describe("Bandwidth", () => {
  test("offers compact blocks to peers that know them", () => {
    const bandwidth = new Bandwidth();
    const [knows, older] = [peerOf({ commonVersion: 70_014 }), peerOf({ commonVersion: 70_013 })];
    for (const { peer } of [knows, older]) bandwidth.joined(peer);
    assert.deepEqual([knows.told, older.told], [[0], []]);
  });

  test("chooses no peer that has gone, nor one that offers none", () => {
    const bandwidth = new Bandwidth();
    const [gone, silent, good] = [peerOf(), peerOf({ compactBlocks: false }), peerOf()];
    gone.end();
    for (const { peer } of [gone, silent, good]) bandwidth.choose(peer);
    assert.deepEqual([gone.told, silent.told, good.told], [[], [], [1]]);
    assert.deepEqual([gone, silent, good].map(({ peer }) => bandwidth.isChosen(peer)), [false, false, true]);
  });

  test("knows what a peer said before hands were shaken, and what it says later, in the version that is spoken", () => {
    const bandwidth = new Bandwidth();
    const { peer } = peerOf({ wantsCompactBlocks: true });
    const other = peerOf({ compactBlocks: false }).peer;
    const says = (announce: number, version: bigint) => {
      const [handler] = bandwidth.handlers;
      void handler!.handle(other, { message: SendCmpct, body: { announce, version } });
      return [bandwidth.offers(other), bandwidth.wants(other)];
    };
    assert.deepEqual([bandwidth.offers(peer), bandwidth.wants(peer)], [true, true]);
    assert.deepEqual(says(1, 1n), [false, false]);
    assert.deepEqual(says(1, 2n), [true, true]);
    assert.deepEqual(says(0, 1n), [true, true]);
    assert.deepEqual(says(0, 2n), [true, false]);
  });
});
