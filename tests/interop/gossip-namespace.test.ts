/**
 * Addresses travel between gemel and btcd, and between gemel and chia-blockchain, and are dialled. Both references drop
 * private addresses, so the nodes have addresses as on the open network, in a network namespace that has nothing but its
 * loopback. The story is in `gossip-namespace-story.ts`.
 */
import { before, test } from "node:test";
import assert from "node:assert/strict";
import { namespaceMissing, story } from "../support/namespace.ts";
import { binaryMissing, suite } from "./binary.ts";
import { btcdMissing } from "./btcd.ts";
import type { GossipFound } from "./gossip-namespace-story.ts";
import { simulatorMissing } from "./simulator.ts";

const TIMEOUT_MS = 400_000;

for (
  const [chain, name, peerMissing] of [
    ["bitcoin", "btcd", btcdMissing],
    ["chia", "chia-blockchain", simulatorMissing],
  ] as const
) {
  suite(`gossip between gemel and ${name}`, binaryMissing() ?? namespaceMissing() ?? peerMissing(), () => {
    let found: GossipFound;
    before(async () => {
      found = await story<GossipFound>("interop/gossip-namespace-story.ts", [chain], TIMEOUT_MS);
    }, { timeout: TIMEOUT_MS + 10_000 });

    test(`the addresses of gemel's nodes arrive in ${name}'s table`, () => {
      for (const host of found.gemels.slice(0, -1)) assert.ok(found.referenceKnows.includes(host), host);
    });

    test(`${name} dials nodes of gemel that it heard of`, () => {
      assert.ok(found.referenceDialled.length > 0);
      for (const host of found.referenceDialled) assert.ok(found.gemels.includes(host), host);
    });

    test(`both list each other while gemel is the one that dialled`, () => {
      assert.deepEqual(found.listedByBoth, found.gemels);
    });

    test(`a node of gemel that knows ${name} only hears of others from it, and dials them`, () => {
      const [newcomer] = found.gemels.slice(-1);
      const heard = found.newcomerKnows
        .filter(([host, source]) => source === found.reference && found.gemels.includes(host) && host !== newcomer)
        .map(([host]) => host);
      assert.ok(heard.length > 0, JSON.stringify(found.newcomerKnows));
      const dialled = found.newcomerDialled.filter((host) => host !== found.reference);
      assert.ok(dialled.length > 0);
      for (const host of dialled) assert.ok(found.gemels.includes(host), host);
    });

    test(`what ${name} heard of goes on through gemel to another node of ${name}`, () => {
      // Either answers with 23% of its table.
      assert.ok(found.rumoursKnown.length > 20, `${found.rumoursKnown.length}`);
      const passed = found.secondKnows.filter((host) => found.rumours.includes(host));
      assert.ok(passed.length >= 3, found.secondKnows.join());
      for (const host of passed) assert.ok(found.rumoursKnown.includes(host), host);
    });
  });
}
