/** Where sub-epochs and epochs end, and what follows: at each border, and one before and after it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { canBeFirstInEpoch, canFinish, nextPace, truncateToSignificantBits } from "../../../lib/chia/chain/epochs.ts";
import { summaryAfter } from "../../../lib/chia/chain/summary.ts";
import { type AncestorView, MissingAncestor } from "../../../lib/chia/chain/view.ts";
import { simulator0 } from "../../../lib/chia/networks/simulator0.ts";
import type { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { hashOf, recordOf, summaryOf } from "../../contract/store-blocks.ts";

const constants = {
  ...simulator0.constants,
  EPOCH_BLOCKS: 400,
  SUB_EPOCH_BLOCKS: 100,
  MAX_SUB_SLOT_BLOCKS: 20,
  MIN_BLOCKS_PER_CHALLENGE_BLOCK: 4,
  DIFFICULTY_STARTING: 1_000n,
  SUB_SLOT_ITERS_STARTING: 6_400n,
};

/** Records by height, each made when it is asked for. */
function viewOf(make: (height: number) => Partial<BlockRecord> | undefined): AncestorView {
  const at = (height: number) => {
    const more = make(height);
    return more && recordOf(1, height, { subSlotIters: 12_800n, weight: BigInt(height) * 50n, ...more });
  };
  return {
    record: (hash) => at(new DataView(hash.buffer, hash.byteOffset).getUint32(28)),
    ancestorAt: (_, height) => at(height),
  };
}
const plain = viewOf(() => ({}));
const record = (view: AncestorView, height: number) => view.record(hashOf(1, height))!;

describe("nextPace()", () => {
  test("keeps the starting difficulty up to three sub-slots before the end of the first epoch", () => {
    const at = (height: number) => nextPace(constants, plain, record(plain, height - 1), false).difficulty;
    assert.deepEqual([338, 339, 340, 341].map(at), [1_000n, 1_000n, 50n, 50n]);
  });

  test("keeps the starting sub-slot iterations up to the end of the first epoch", () => {
    const at = (height: number) => nextPace(constants, plain, record(plain, height - 1), false).subSlotIters;
    assert.deepEqual([398, 399, 400, 401].map(at), [6_400n, 6_400n, 12_800n, 12_800n]);
  });

  test("keeps what there is right after a block with a summary", () => {
    const view = viewOf((height) => ({ subEpochSummaryIncluded: height === 300 ? summaryOf(1) : null }));
    assert.deepEqual(nextPace(constants, view, record(view, 300), true), { difficulty: 50n, subSlotIters: 12_800n });
  });

  test("says that an ancestor is missing where the view does not reach back an epoch", () => {
    const view = viewOf((height) => (height > 500 ? { deficit: 0 } : undefined));
    const full = viewOf(() => ({ deficit: 0 }));
    const short = { ...full, ancestorAt: view.ancestorAt };
    assert.throws(() => nextPace(constants, short, record(full, 799), true), MissingAncestor);
  });

  /** One block in ten seconds, and a summary at the first block of each sub-epoch. */
  const steady = (more: Partial<BlockRecord> = {}) =>
    viewOf((height) => ({
      deficit: 0,
      timestamp: 1_700_000_000n + BigInt(height) * 10n,
      totalIters: BigInt(height) * 1_000n,
      subEpochSummaryIncluded: height % 100 === 0 && height > 0 ? summaryOf(height) : null,
      ...more,
    }));

  test("measures the epoch that ends, from its last block but one before it began", () => {
    const view = steady();
    const { difficulty, subSlotIters } = nextPace(constants, view, record(view, 799), true);
    // A block weighs 50 and takes 10 s and 1,000 iterations.
    const target = BigInt(constants.SUB_SLOT_TIME_TARGET);
    const precise = 50n * target / (BigInt(constants.SLOT_BLOCKS_TARGET) * 10n);
    const clamp = (value: bigint, old: bigint, least: bigint) => {
      const factor = BigInt(constants.DIFFICULTY_CHANGE_MAX_FACTOR);
      const bounds = value >= old ? [value, factor * old] : [-value, -least, -old / factor];
      const bounded = bounds.reduce((a, b) => (a < b ? a : b));
      return truncateToSignificantBits(bounded < 0n ? -bounded : bounded, constants.SIGNIFICANT_BITS);
    };
    assert.equal(difficulty, clamp(precise, 50n, 1n));
    const spCount = BigInt(constants.NUM_SPS_SUB_SLOT);
    const iters = clamp(100n * target, 12_800n, spCount);
    assert.equal(subSlotIters, iters - iters % spCount);
  });

  test("changes nothing where no sub-slot ends, and where the deficit is not used up", () => {
    const view = steady();
    const kept = { difficulty: 50n, subSlotIters: 12_800n };
    assert.deepEqual(nextPace(constants, view, record(view, 799), false), kept);
    const owing = steady({ deficit: 1 });
    assert.deepEqual(nextPace(constants, owing, record(owing, 799), true), kept);
  });
});

describe("canFinish()", () => {
  const ends = (height: number, more: Partial<BlockRecord> = {}, summaryAt = -1, included = false) => {
    const view = viewOf((at) => ({
      deficit: 0,
      subEpochSummaryIncluded: at === summaryAt ? summaryOf(at) : null,
      ...more,
    }));
    const { subEpoch, epoch } = canFinish(constants, view, record(view, height), included);
    return epoch ? "epoch" : subEpoch ? "sub-epoch" : "no";
  };

  test("is so from the last block of a sub-epoch on, until the next one has begun", () => {
    assert.deepEqual([98, 99, 100, 105].map((height) => ends(height)), ["no", "sub-epoch", "sub-epoch", "sub-epoch"]);
    assert.deepEqual([398, 399, 400].map((height) => ends(height)), ["sub-epoch", "epoch", "epoch"]);
    assert.equal(ends(105, {}, 100), "no", "the sub-epoch's first block told of it");
    assert.deepEqual([101, 105].map((at) => ends(105, {}, at)), ["no", "sub-epoch"]);
    assert.equal(ends(105, {}, 99), "sub-epoch", "that was the one before");
    assert.deepEqual([198, 199, 200].map((height) => ends(height, {}, 103)), ["no", "sub-epoch", "sub-epoch"]);
  });

  test("is not so where the deficit is above 0, nor after a block that told of it", () => {
    assert.equal(ends(399, { deficit: 1 }), "no");
    assert.equal(ends(399, {}, -1, true), "no");
  });
});

test("canBeFirstInEpoch() holds for the whole first sub-epoch of an epoch", () => {
  const heights = [0, 99, 100, 399, 400, 499, 500];
  assert.deepEqual(heights.filter((height) => canBeFirstInEpoch(constants, height)), [0, 99, 400, 499]);
});

test("truncateToSignificantBits() keeps the upper bits, and a number of no more as it is", () => {
  assert.deepEqual([0b1011n, 0b101_1n, 0b111_11n].map((value) => truncateToSignificantBits(value, 3)), [10n, 10n, 28n]);
  assert.deepEqual([0n, 5n, 7n].map((value) => truncateToSignificantBits(value, 3)), [0n, 5n, 7n]);
});

describe("summaryAfter()", () => {
  const view = viewOf((height) => ({
    subEpochSummaryIncluded: height === 103 ? summaryOf(7) : null,
    finishedRewardSlotHashes: height === 103 ? [hashOf(6, 1), hashOf(6, 2)] : null,
  }));
  const after = (height: number) => summaryAfter(constants, view, record(view, height), null);

  test("goes back to the genesis challenge for the first one, and to the summary before for all others", () => {
    const genesis = toHex(constants.GENESIS_CHALLENGE);
    // The first is due at height 100 or in the sub-slot after it; 20 blocks before height 200 it cannot be that one.
    assert.equal(toHex(after(178).prevSubepochSummaryHash), genesis);
    const second = after(179);
    assert.notEqual(toHex(second.prevSubepochSummaryHash), genesis);
    assert.deepEqual(second.rewardChainHash, hashOf(6, 2));
    assert.equal(second.numBlocksOverflow, 3);
  });

  test("has the new pace where there is one", () => {
    const { newDifficulty, newSubSlotIters } = summaryAfter(constants, view, record(view, 199), {
      difficulty: 5n,
      subSlotIters: 6n,
    });
    assert.deepEqual([newDifficulty, newSubSlotIters, after(199).newDifficulty], [5n, 6n, null]);
  });

  test("says that an ancestor is missing where the summary before is not there", () => {
    const bare = viewOf((height) => ({ subEpochSummaryIncluded: height === 103 ? summaryOf(7) : null }));
    assert.throws(() => summaryAfter(constants, bare, record(bare, 199), null), MissingAncestor);
  });
});
