/** Iterations of signage points and infusion points within a sub-slot and across its end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ipIters, ipItersOf, isOverflow, requiredItersOf, spTotalIters } from "../../../lib/chia/chain/iterations.ts";
import { simulator0 } from "../../../lib/chia/networks/simulator0.ts";
import { recordOf } from "../../contract/store-blocks.ts";

const { constants } = simulator0;
const SUB_SLOT_ITERS = 64_000n;

test("spTotalIters() is one sub-slot back for a block that overflows", () => {
  const fields = { subSlotIters: SUB_SLOT_ITERS, totalIters: 10_000_000n, requiredIters: 5n };
  const record = recordOf(1, 5, { ...fields, signagePointIndex: 63, overflow: true });
  const same = { ...record, overflow: false };
  assert.equal(spTotalIters(constants, same) - spTotalIters(constants, record), SUB_SLOT_ITERS);
  assert.equal(
    spTotalIters(constants, { ...record, overflow: false, signagePointIndex: 4 }),
    10_000_000n - ipItersOf(constants, { ...record, signagePointIndex: 4 }) +
      4n * (SUB_SLOT_ITERS / BigInt(constants.NUM_SPS_SUB_SLOT)),
  );
});

test("requiredItersOf() solves what ipItersOf() gives, and refuses what is outside of the sub-slot", () => {
  for (const signagePointIndex of [0, 1, 30, 63]) {
    const record = recordOf(1, 5, { subSlotIters: SUB_SLOT_ITERS, requiredIters: 5n, signagePointIndex });
    const infusion = ipItersOf(constants, record);
    assert.equal(requiredItersOf(constants, SUB_SLOT_ITERS, signagePointIndex, infusion), 5n);
  }
  assert.equal(requiredItersOf(constants, SUB_SLOT_ITERS, 3, -1n), undefined);
  assert.equal(requiredItersOf(constants, SUB_SLOT_ITERS, 61, SUB_SLOT_ITERS + 5n), undefined);
});

test("requiredItersOf() takes what is between two signage points, and neither of them", () => {
  const interval = SUB_SLOT_ITERS / BigInt(constants.NUM_SPS_SUB_SLOT);
  const earliest = interval * BigInt(3 + constants.NUM_SP_INTERVALS_EXTRA);
  const at = (iterations: bigint) => requiredItersOf(constants, SUB_SLOT_ITERS, 3, earliest + iterations);
  assert.deepEqual([-1n, 0n, 1n, interval - 1n, interval].map(at), [
    undefined,
    undefined,
    1n,
    interval - 1n,
    undefined,
  ]);
});

test("requiredItersOf() takes an infusion at the very start of a sub-slot, and none at its end", () => {
  // Ten more than the signage points divide: with the last but three of them the infusion comes around to 0.
  const length = SUB_SLOT_ITERS + 10n;
  const index = constants.NUM_SPS_SUB_SLOT - constants.NUM_SP_INTERVALS_EXTRA;
  assert.equal(ipIters(constants, length, index, 10n), 0n);
  assert.equal(requiredItersOf(constants, length, index, 0n), 10n);
  assert.equal(requiredItersOf(constants, length, index, length), undefined);
});

test("isOverflow() begins where the infusion would come after the end of the sub-slot", () => {
  const first = constants.NUM_SPS_SUB_SLOT - constants.NUM_SP_INTERVALS_EXTRA;
  assert.deepEqual([first - 1, first].map((index) => isOverflow(constants, index)), [false, true]);
});
