import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PeerChainKnowledge } from "../../../lib/chia/peers/knowledge.ts";

const bytes = (n: number) => new Uint8Array(32).fill(n);

describe("PeerChainKnowledge", () => {
  test("standsOn() holds for what a peer announced last and for what it answered since, and for nothing else", () => {
    const knowledge = new PeerChainKnowledge();
    const stands = () => [1, 2, 3].filter((n) => knowledge.standsOn(bytes(n)));
    assert.deepEqual([knowledge.peak, stands()], [undefined, []]);
    knowledge.announces({ headerHash: bytes(1), height: 5, weight: 50n });
    assert.deepEqual(stands(), [1]);
    knowledge.confirms(bytes(2));
    assert.deepEqual(stands(), [1, 2]);
    // What it said of the chain that it left no longer counts.
    knowledge.announces({ headerHash: bytes(3), height: 6, weight: 60n });
    assert.deepEqual(stands(), [3]);
  });

  test("announces() copies what lies in a message, and makes another announcement of the same peak", () => {
    const knowledge = new PeerChainKnowledge();
    const message = { headerHash: bytes(1), height: 5, weight: 50n, more: new Uint8Array(9) };
    knowledge.announces(message);
    const first = knowledge.peak;
    message.headerHash.fill(9);
    assert.deepEqual(first, { headerHash: bytes(1), height: 5, weight: 50n });
    knowledge.announces({ headerHash: bytes(1), height: 5, weight: 50n });
    assert.notEqual(knowledge.peak, first);
  });
});
