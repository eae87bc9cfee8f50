/** Inbound slots are scarce: who gets in when they are full, and who stays. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Actor, BitcoinWorld } from "./bitcoin-world.ts";

const NODE = "10.0.0.1";
const SLOTS = 40;

/** An attacker that has one /16 and dials from each address of it in turn. */
function attacker(world: BitcoinWorld): (count: number) => Promise<Actor[]> {
  let next = 0;
  return async (count) => {
    const made: Actor[] = [];
    for (let i = 0; i < count; i++) {
      made.push(await world.dialIn(`10.200.${next >> 8}.${next & 255}`, NODE));
      next += 1;
      await world.clock.advance(100);
    }
    return made;
  };
}

describe("inbound slots that are all taken", () => {
  test("who comes from elsewhere gets in, for one of those that are many of a kind", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { inboundMax: SLOTS });
    const attackers = await attacker(world)(SLOTS);
    assert.equal(node.node.service.peers().length, SLOTS);
    const honest = await world.dialIn("10.1.0.1", NODE);
    await world.clock.advance(1_000);
    assert.equal(node.node.service.peers().length, SLOTS);
    assert.equal(honest.isClosed(), false);
    assert.equal(attackers.filter((each) => each.isClosed()).length, 1);
    const evicted = attackers.findIndex((each) => each.isClosed());
    assert.ok(evicted >= SLOTS / 2, `${evicted}: to have come early is all that an attacker can have earned`);
    await world.end();
  });

  test("one group that dials for ever pushes out nobody but itself", async () => {
    const world = new BitcoinWorld();
    const node = await world.node(NODE, { inboundMax: SLOTS });
    const honest: Actor[] = [];
    for (let i = 0; i < 20; i++) honest.push(await world.dialIn(`10.${i + 1}.0.1`, NODE));
    await world.clock.advance(60_000);
    const attack = attacker(world);
    for (let round = 0; round < 10; round++) {
      await attack(30);
      assert.ok(node.node.service.peers().length <= SLOTS);
    }
    assert.deepEqual(honest.map((each) => each.isClosed()), honest.map(() => false));
    await world.end();
  });
});
