/**
 * Sub-epoch summaries: what a sub-epoch leaves to the next one.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/make_sub_epoch_summary.py`
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import { type BlockRecord, SubEpochSummary } from "../types/mod.ts";
import type { Pace } from "./epochs.ts";
import { type AncestorView, MissingAncestor, parentOf } from "./view.ts";

/**
 * The summary that the block after `parent` must include when it ends a sub-epoch.
 *
 * @param pace the new difficulty and sub-slot iterations when it ends an epoch too, else null
 */
export function summaryAfter(
  constants: ChiaConstants,
  view: AncestorView,
  parent: BlockRecord,
  pace: Pace | null,
): SubEpochSummary {
  const height = parent.height + 1;
  if (Math.floor((height + constants.MAX_SUB_SLOT_BLOCKS) / constants.SUB_EPOCH_BLOCKS) <= 1) {
    return {
      prevSubepochSummaryHash: constants.GENESIS_CHALLENGE,
      rewardChainHash: constants.GENESIS_CHALLENGE,
      numBlocksOverflow: 0,
      newDifficulty: null,
      newSubSlotIters: null,
      challengeMerkleRoot: null,
    };
  }
  let previous = parentOf(view, parent);
  while (previous.subEpochSummaryIncluded === null) previous = parentOf(view, previous);
  const slots = previous.finishedRewardSlotHashes;
  const rewardChainHash = slots?.[slots.length - 1];
  if (rewardChainHash === undefined) throw new MissingAncestor(`height ${previous.height} has no finished reward slot`);
  return {
    prevSubepochSummaryHash: SubEpochSummary.hash(previous.subEpochSummaryIncluded),
    rewardChainHash,
    numBlocksOverflow: previous.height % constants.SUB_EPOCH_BLOCKS,
    newDifficulty: pace?.difficulty ?? null,
    newSubSlotIters: pace?.subSlotIters ?? null,
    challengeMerkleRoot: null,
  };
}
