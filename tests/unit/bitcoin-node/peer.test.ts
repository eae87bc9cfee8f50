import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BitcoinPeer } from "../../../lib/bitcoin/peers/peer.ts";
import type { BitcoinSession } from "../../../lib/bitcoin/peers/session.ts";

describe("BitcoinPeer", () => {
  test("its session knows that blocks are awaited until the last of them has come", () => {
    const session = { peer: { services: 9n }, remote: { host: "10.0.0.1", port: 1 } } as unknown as BitcoinSession;
    const peer = new BitcoinPeer({ id: 1, kind: "inbound", session, since: 0 });
    assert.equal(session.awaitsMore(), false);
    peer.inFlight.set(7, 0);
    peer.inFlight.set(8, 0);
    peer.inFlight.delete(7);
    assert.equal(session.awaitsMore(), true);
    peer.inFlight.delete(8);
    assert.equal(session.awaitsMore(), false);
  });
});
