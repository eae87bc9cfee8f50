/** Iterations of signage points and infusion points within a sub-slot and across its end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ipItersOf, requiredItersOf, spTotalIters } from "../../../lib/chia/chain/iterations.ts";
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
