import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chooseEviction, type EvictionCandidate } from "../../../lib/core/peers/eviction.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

/** A peer with nothing in its favour. The later its id, the younger it is. */
function peer(id: number, change: Partial<EvictionCandidate> = {}): EvictionCandidate {
  return {
    id,
    direction: "in",
    isExempt: false,
    keyedGroup: 0n,
    sinceMs: 1_000 + id,
    pingMinMs: Infinity,
    lastNewsMs: 0,
    lastHeadMs: 0,
    relaysNews: true,
    filtersNews: false,
    isUseful: true,
    goesFirst: false,
    network: "ipv4",
    isLocal: false,
    ...change,
  };
}

const peers = (count: number, change: (id: number) => Partial<EvictionCandidate> = () => ({})) =>
  Array.from({ length: count }, (_, id) => peer(id, change(id)));

/** The peers that are closed when one newcomer after another wants a slot, until nobody is left to close. */
function closed(candidates: readonly EvictionCandidate[]): number[] {
  const order: number[] = [];
  let left = [...candidates];
  for (;;) {
    const id = chooseEviction(left);
    if (id === undefined) return order;
    assert.ok(left.some((each) => each.id === id));
    order.push(id);
    left = left.filter((each) => each.id !== id);
  }
}

/** Whether these peers outlast a hundred others that came later, with only this in their favour. */
function outlasts(count: number, favour: Partial<EvictionCandidate>, others: Partial<EvictionCandidate> = {}): boolean {
  const favoured = Array.from({ length: count }, (_, i) => peer(500 + i, { keyedGroup: 7n, ...favour }));
  const rest = Array.from({ length: 100 }, (_, i) => peer(i, { keyedGroup: BigInt(i), pingMinMs: 50, ...others }));
  const victim = chooseEviction([...rest, ...favoured]);
  return !favoured.some(({ id }) => id === victim);
}

describe("chooseEviction()", () => {
  test("closes nobody as long as the protections cover everyone", () => {
    assert.equal(chooseEviction([]), undefined);
    // 4 by group, 8 by ping, 4 and 4 by what they gave.
    assert.equal(chooseEviction(peers(20)), undefined);
    assert.notEqual(chooseEviction(peers(21)), undefined);
    // Those that take no part in the relay have eight places more.
    assert.equal(chooseEviction(peers(28, () => ({ relaysNews: false }))), undefined);
    assert.notEqual(chooseEviction(peers(29, () => ({ relaysNews: false }))), undefined);
  });

  test("never closes an outbound or exempt peer", () => {
    const many = peers(200, (id) => id % 2 === 0 ? { direction: "out" } : id % 3 === 0 ? { isExempt: true } : {});
    const order = closed(many);
    assert.ok(order.length > 30);
    assert.ok(order.every((id) => id % 2 !== 0 && id % 3 !== 0));
  });

  test("closes the youngest of the fullest group", () => {
    const spread = peers(60, (id) => ({ keyedGroup: BigInt(id), pingMinMs: 10 }));
    const crowd = Array.from({ length: 40 }, (_, i) => peer(100 + i, { keyedGroup: 3n, pingMinMs: 10 }));
    // The youngest four hold a place by what they gave, which is nothing: Core breaks such ties for the old ones.
    assert.equal(chooseEviction([...spread, ...crowd]), 139);
    const [first, second] = closed([...spread, ...crowd]);
    assert.deepEqual([first, second], [139, 138]);
  });

  test("protects four peers by the key of their group", () => {
    assert.equal(outlasts(4, { keyedGroup: 10n ** 9n, pingMinMs: Infinity }), true);
    assert.equal(outlasts(20, { pingMinMs: Infinity }), false);
  });

  test("protects the eight nearest", () => {
    assert.equal(outlasts(8, { pingMinMs: 1 }), true);
    assert.equal(outlasts(8, { pingMinMs: 51 }), false);
    assert.equal(outlasts(20, { pingMinMs: 1 }), false);
  });

  test("protects four that gave news, eight that only follow the chain, and four that extended it", () => {
    const far = { pingMinMs: Infinity };
    assert.equal(outlasts(4, { ...far, lastNewsMs: 9 }), true);
    assert.equal(outlasts(13, { ...far, lastNewsMs: 9 }), false);
    assert.equal(outlasts(4, { ...far, lastHeadMs: 9 }), true);
    assert.equal(outlasts(13, { ...far, lastHeadMs: 9 }), false);
    assert.equal(outlasts(8, { ...far, relaysNews: false, lastHeadMs: 9 }), true);
    assert.equal(outlasts(8, { ...far, relaysNews: false, lastHeadMs: 9, isUseful: false }), false);
  });

  test("keeps a quarter for disadvantaged networks, the rarest first", () => {
    // 100 candidates after 20 protected: 50 are kept for their age, 25 of them for onion, I2P, CJDNS and local peers.
    const slow = { pingMinMs: Infinity, keyedGroup: 5n };
    for (const favour of [{ network: "onion" }, { network: "i2p" }, { network: "cjdns" }, { isLocal: true }]) {
      assert.equal(outlasts(12, { ...slow, ...favour }), true, JSON.stringify(favour));
      assert.equal(outlasts(40, { ...slow, ...favour }), false, JSON.stringify(favour));
    }
    const onion = Array.from({ length: 60 }, (_, i) => peer(500 + i, { ...slow, network: "onion" }));
    const cjdns = Array.from({ length: 3 }, (_, i) => peer(900 + i, { ...slow, network: "cjdns" }));
    const order = closed([...peers(60, () => ({ pingMinMs: 5 })), ...onion, ...cjdns]);
    assert.ok(order.findIndex((id) => id >= 900) > 50 || !order.some((id) => id >= 900), "the few outlast the many");
  });

  test("of groups that are equally full the one with the youngest peer loses it", () => {
    const many = peers(60, (id) => ({ keyedGroup: BigInt(Math.floor(id / 2) * 7 % 30), pingMinMs: 5 }));
    const sizes = new Map<bigint, number>();
    for (const { keyedGroup } of many) sizes.set(keyedGroup, (sizes.get(keyedGroup) ?? 0) + 1);
    assert.deepEqual([...new Set(sizes.values())], [2]);
    // The two groups with the highest keys are protected whole, and the oldest half with everything else.
    const [first] = closed(many.map((each) => each.keyedGroup >= 28n ? { ...each, sinceMs: 1 } : each));
    assert.equal(first, 59);
  });

  test("takes the discouraged first", () => {
    const many = peers(100, (id) => ({ keyedGroup: BigInt(id % 5), pingMinMs: 5, goesFirst: id === 90 }));
    assert.equal(chooseEviction(many), 90);
  });

  test("one attacker's group cannot push out honest peers of other groups", () => {
    const random = new SeededRandom(7);
    const honest = peers(32, (id) => ({ keyedGroup: BigInt(random.below(2 ** 30)), pingMinMs: 20 + id }));
    let slots = [...honest];
    for (let i = 0; i < 1_000; i++) {
      slots.push(peer(1_000 + i, { keyedGroup: 4_000_000_000n, pingMinMs: 1, lastNewsMs: i, lastHeadMs: i }));
      if (slots.length <= 114) continue;
      const victim = chooseEviction(slots);
      slots = slots.filter(({ id }) => id !== victim);
    }
    const kept = slots.filter(({ id }) => id < 1_000).length;
    assert.equal(kept, honest.length);
  });
});
