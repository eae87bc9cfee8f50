import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fitToDescriptors } from "../../../lib/core/peers/descriptor-fit.ts";

const BITCOIN = { peersMax: 125, outbound: 8, name: "bitcoin" };
const CHIA = { peersMax: 40, outbound: 8, name: "chia" };

describe("fitToDescriptors()", () => {
  test("changes nothing when there are enough, or when nobody knows how many there are", () => {
    for (const limit of [undefined, 1_024, 1_048_576]) {
      const fitted = fitToDescriptors(limit, [BITCOIN, CHIA], 2);
      assert.equal(fitted.warning, undefined, `${limit}`);
      assert.deepEqual(fitted.chains, [BITCOIN, CHIA]);
      assert.equal(fitted.openingMax, 128);
      assert.equal(fitted.rpcConnectionsMax, 256);
    }
  });

  test("keeps 32 of whatever there is, and leaves a node that works", () => {
    for (let limit = 64; limit < 900; limit += 7) {
      for (const chains of [[BITCOIN], [CHIA], [BITCOIN, CHIA]]) {
        const fitted = fitToDescriptors(limit, chains, 1);
        const peers = fitted.chains.reduce((sum, { peersMax }) => sum + peersMax + 3 + fitted.openingMax, 0);
        const rpc = fitted.rpcConnectionsMax;
        assert.ok(peers + Math.max(0, rpc - 8) <= limit - 32 + 8, `${limit}: ${peers} for peers, ${rpc} for RPC`);
        assert.ok(rpc >= 4);
        for (const { peersMax, outbound } of fitted.chains) assert.ok(outbound >= 1 && outbound < peersMax);
      }
    }
  });

  test("says what was made less, and how many would do", () => {
    const { warning = "", chains } = fitToDescriptors(64, [BITCOIN], 1);
    assert.match(warning, /only 64 file descriptors: at most 15 peers.*raise the limit.*at least 544/);
    assert.equal(chains[0]?.name, "bitcoin");
  });

  test("takes no more of outgoing connections than it must, and of nothing else", () => {
    const some = fitToDescriptors(300, [BITCOIN, CHIA], 1);
    assert.deepEqual(some.chains.map(({ outbound }) => outbound), [8, 8]);
    const least = fitToDescriptors(0, [BITCOIN, CHIA], 2);
    assert.deepEqual(least.chains.map(({ peersMax, outbound }) => [peersMax, outbound]), [[2, 1], [2, 1]]);
    assert.deepEqual([least.openingMax, least.rpcConnectionsMax], [4, 4]);
    // One more than too few is enough, and changes nothing.
    const enough = 32 + (125 + 3 + 128) + 256;
    assert.equal(fitToDescriptors(enough, [BITCOIN], 1).warning, undefined);
    assert.match(fitToDescriptors(enough - 1, [BITCOIN], 1).warning ?? "", new RegExp(`at least ${enough}`));
  });
});
