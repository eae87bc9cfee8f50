import { poissonDelay } from "../../../lib/core/random.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AddressBook, KnownAddress } from "../../../lib/core/addresses/book.ts";
import {
  candidate,
  type CandidateRules,
  extraToEnd,
  heldSlots,
  idleMs,
  nextDue,
  nextOutbound,
  type OutboundState,
} from "../../../lib/core/dialling/outbound.ts";
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
    const none = { slots: { full: 8, blockRelay: 0 }, counts: counts({ "block-relay": 0 }) };
    assert.equal(kindOf({ ...none, now: 2_000, nextFeeler: 9_000 }), undefined);
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

describe("candidate()", () => {
  type Told = Partial<KnownAddress> & { readonly host: string };
  const NOW_S = 10_000;

  /** A book that draws these addresses one after the other, the last of them for ever. */
  function drawing(draws: readonly Told[], { total = 1_000, collision }: { total?: number; collision?: Told } = {}) {
    const told = { draws: 0, resolved: 0, options: [] as unknown[] };
    const known = (each: Told) => ({ network: "ipv4", lastTryS: 0, ...each }) as KnownAddress;
    const book = {
      size: { total },
      resolveCollisions: () => void (told.resolved += 1),
      selectCollision: () => collision && known(collision),
      some: (fits: (address: KnownAddress) => boolean) => draws.map(known).some(fits),
      select: (options: unknown) => {
        told.options.push(options);
        const drawn = draws[Math.min(told.draws++, draws.length - 1)];
        return drawn && known(drawn);
      },
    } as unknown as AddressBook;
    const choose = (more: Partial<CandidateRules> = {}) =>
      candidate({
        ...{ book, kind: "outbound", nowS: NOW_S, retryS: 600 },
        isAllowed: ({ host }) => host !== "banned",
        isGroupTaken: ({ host }) => host === "grouped",
        offersEnough: ({ host }) => host !== "poor",
        ...more,
      })?.host;
    return { choose, told };
  }

  test("is the first that is allowed, offers enough and is of a group of its own; a feeler may go to any group", () => {
    const draws = [{ host: "banned" }, { host: "poor" }, { host: "grouped" }, { host: "good" }];
    assert.equal(drawing(draws).choose(), "good");
    assert.equal(drawing(draws).choose({ kind: "feeler" }), "grouped");
    assert.equal(drawing(draws, { total: 4 }).choose(), "good");
  });

  test("draws a hundred times at most, and not again from a book that has nothing to draw", () => {
    const banned = drawing([{ host: "banned" }]);
    assert.deepEqual([banned.choose(), banned.told.draws], [undefined, 100]);
    const empty = drawing([]);
    assert.deepEqual([empty.choose(), empty.told.draws], [undefined, 1]);
  });

  test("passes over what was tried lately, for thirty draws", () => {
    const late = { host: "late", lastTryS: NOW_S - 599 };
    const patient = drawing([late]);
    assert.deepEqual([patient.choose(), patient.told.draws], ["late", 31]);
    const early = drawing([late, { host: "early", lastTryS: NOW_S - 600 }]);
    assert.deepEqual([early.choose(), early.told.draws], ["early", 2]);
  });

  test("takes what was tried lately at once from a book of up to a hundred where all that fit were", () => {
    const late = { host: "late", lastTryS: NOW_S - 1 };
    const all = [{ host: "banned" }, late];
    for (const [total, draws] of [[100, 2], [101, 31]] as const) {
      const book = drawing(all, { total });
      assert.deepEqual([book.choose(), book.told.draws], ["late", draws]);
    }
    const other = drawing([late, late, { host: "good" }], { total: 3 });
    assert.deepEqual([other.choose(), other.told.draws], ["good", 3]);
  });

  test("of a feeler is what a newcomer would displace, after what can be decided is, and else a new address", () => {
    const feeler = { kind: "feeler" } as const;
    for (
      const [host, more, chosen] of [
        ["old", {}, "old"],
        ["old", { networks: ["ipv4"] }, "old"],
        ["old", { networks: ["onion"] }, "new"],
        ["banned", {}, "new"],
      ] as const
    ) {
      const book = drawing([{ host: "new" }], { collision: { host } });
      assert.equal(book.choose({ ...feeler, ...more }), chosen);
      assert.equal(book.told.resolved, 1);
    }
    const { choose, told } = drawing([{ host: "new" }], { collision: { host: "old" } });
    assert.equal(choose(), "new");
    assert.deepEqual(told.options, [{ newOnly: false }]);
    const some = drawing([{ host: "new" }]);
    some.choose({ ...feeler, networks: ["onion"] });
    assert.deepEqual(some.told.options, [{ newOnly: true, networks: ["onion"] }]);
  });
});

describe("heldSlots()", () => {
  const dial = (since: number, kind: "outbound" | "block-relay" | "feeler" = "outbound", isExtra = false) => ({
    kind,
    isExtra,
    since,
  });

  test("passes over a dial that has had no answer for five seconds, and tells when the next one is so far", () => {
    const dials = [dial(1_000), dial(2_000, "block-relay"), dial(3_000, "outbound")];
    assert.deepEqual(heldSlots(dials, 5_999), { held: ["outbound", "block-relay", "outbound"], slowAt: 6_000 });
    assert.deepEqual(heldSlots(dials, 6_000), { held: ["block-relay", "outbound"], slowAt: 7_000 });
    assert.deepEqual(heldSlots(dials, 9_000), { held: [], slowAt: Infinity });
  });

  test("passes over four at a time, and neither a feeler nor an extra connection", () => {
    const dials = [1, 2, 3, 4, 5, 6].map((since) => dial(since));
    assert.deepEqual(heldSlots(dials, 60_000).held, ["outbound", "outbound"]);
    const others = [dial(0, "feeler"), dial(0, "block-relay", true), dial(0, "outbound", true)];
    assert.deepEqual(heldSlots(others, 60_000).held, ["feeler", "block-relay", "outbound"]);
  });
});

describe("idleMs()", () => {
  test("is the time to what comes next, and half a minute at most", () => {
    const far = { ...full, nextFeeler: 90_000, nextExtra: 90_000 };
    assert.equal(idleMs(far, Infinity), 30_000);
    assert.equal(idleMs(far, 5_000.5), 4_001);
    assert.equal(idleMs({ ...far, nextFeeler: 8_000 }, 9_000), 7_000);
    assert.equal(idleMs({ ...far, nextExtra: 7_000, nextFeeler: 8_000 }, 9_000), 6_000);
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
    for (const few of [[], [peer(1)]]) assert.equal(extraToEnd("block-relay", few), undefined);
  });
  test("of full peers whoever has given no block for longest, of equals the youngest", () => {
    assert.equal(extraToEnd("outbound", [peer(1, 9), peer(2, 3), peer(3, 5)]), 2);
    assert.equal(extraToEnd("outbound", [peer(1), peer(2, 3), peer(3)]), 3);
    assert.equal(extraToEnd("outbound", []), undefined);
  });
});
