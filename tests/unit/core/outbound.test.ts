import { poissonDelay } from "../../../lib/core/random.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { extraToEnd, nextDue, nextOutbound, type OutboundState } from "../../../lib/core/dialling/outbound.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const full: OutboundState = {
  slots: { full: 8, blockRelay: 2 },
  counts: { manual: 0, outbound: 8, "block-relay": 2, feeler: 0 },
  anchor: undefined,
  isTipStale: false,
  isSynced: true,
  now: 1_000,
  nextFeeler: 2_000,
  nextExtra: 2_000,
};
const counts = (more: Partial<OutboundState["counts"]>) => ({ ...full.counts, ...more });
const kindOf = (more: Partial<OutboundState>) => {
  const choice = nextOutbound({ ...full, ...more });
  return choice && `${choice.kind} from ${choice.from}`;
};

describe("nextOutbound()", () => {
  test("dials nothing when every slot is taken and no timer is due", () => {
    assert.equal(nextOutbound(full), undefined);
    assert.equal(kindOf({ counts: counts({ manual: 5 }) }), undefined, "named peers have slots of their own");
  });

  test("takes anchors first, then full connections, then those for blocks", () => {
    const empty = counts({ outbound: 0, "block-relay": 0 });
    assert.equal(kindOf({ counts: empty, anchor: "block-relay" }), "block-relay from anchors");
    assert.equal(kindOf({ counts: empty, anchor: "outbound" }), "outbound from anchors");
    assert.equal(kindOf({ counts: empty }), "outbound from book");
    assert.equal(kindOf({ counts: counts({ "block-relay": 1 }) }), "block-relay from book");
    assert.equal(kindOf({ counts: counts({ outbound: 7 }), anchor: "block-relay" }), "outbound from book");
    assert.equal(kindOf({ counts: counts({ "block-relay": 1 }), anchor: "outbound" }), "block-relay from book");
  });

  test("one full connection more while the tip is stale", () => {
    assert.equal(kindOf({ isTipStale: true }), "outbound from book");
    assert.equal(kindOf({ isTipStale: true, counts: counts({ outbound: 9 }) }), undefined);
  });

  test("one connection for blocks more now and then, after the first sync", () => {
    assert.equal(kindOf({ now: 2_000, nextFeeler: 9_000 }), "block-relay from book");
    assert.equal(kindOf({ now: 2_000, nextFeeler: 9_000, isSynced: false }), undefined);
    assert.equal(kindOf({ now: 2_000, nextFeeler: 9_000, counts: counts({ "block-relay": 3 }) }), undefined);
  });

  test("one feeler at a time, when its time has come and all slots are full", () => {
    const due = { now: 2_000, nextExtra: 9_000 };
    assert.equal(kindOf(due), "feeler from book");
    assert.equal(kindOf({ ...due, counts: counts({ feeler: 1 }) }), undefined);
    assert.equal(kindOf({ ...due, counts: counts({ outbound: 3 }) }), "outbound from book");
  });

  test("an extra connection, of whatever kind, or a feeler, and never two of them at once", () => {
    const due = { now: 2_000, isTipStale: true };
    assert.equal(kindOf({ ...due, counts: counts({ "block-relay": 3 }) }), undefined);
    assert.equal(kindOf({ ...due, counts: counts({ feeler: 1 }) }), undefined);
    assert.equal(kindOf({ ...due, counts: counts({ outbound: 9 }) }), undefined);
    assert.equal(nextDue({ ...full, counts: counts({ outbound: 9 }) }), Infinity, "and no timer wakes for one");
    assert.equal(nextDue(full), 2_000);
  });
});

test("poissonDelay() has its mean, and most waits are shorter", () => {
  const random = new SeededRandom(1);
  const waits = Array.from({ length: 20_000 }, () => poissonDelay(1_000, (bound) => random.below(bound)));
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  assert.ok(Math.abs(mean - 1_000) < 30, `${mean}`);
  const shorter = waits.filter((wait) => wait < 1_000).length / waits.length;
  assert.ok(Math.abs(shorter - (1 - 1 / Math.E)) < 0.02, `${shorter}`);
  assert.ok(waits.every((wait) => wait >= 0 && Number.isFinite(wait)));
});

describe("extraToEnd()", () => {
  const peer = (id: number, lastHeadMs = 0) => ({ id, lastHeadMs });
  test("of block-relay peers the youngest goes, unless it gave a block after the second youngest did", () => {
    assert.equal(extraToEnd("block-relay", [peer(1), peer(2), peer(3)]), 3);
    assert.equal(extraToEnd("block-relay", [peer(1, 9), peer(2, 5), peer(3, 5)]), 3);
    assert.equal(extraToEnd("block-relay", [peer(1), peer(2, 5), peer(3, 6)]), 2);
  });
  test("of full peers whoever has given no block for longest, of equals the youngest", () => {
    assert.equal(extraToEnd("outbound", [peer(1, 9), peer(2, 3), peer(3, 5)]), 2);
    assert.equal(extraToEnd("outbound", [peer(1), peer(2, 3), peer(3)]), 3);
    assert.equal(extraToEnd("outbound", []), undefined);
  });
});
