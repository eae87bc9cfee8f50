/**
 * The record that the chain keeps of a block: what later blocks need to know of it.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/full_block_to_block_record.py`
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import { type BlockRecord, ChallengeBlockInfo, type SubEpochSummary } from "../types/mod.ts";
import type { SlotHashes } from "./slots.ts";
import type { Candidate } from "./verdict.ts";

/** What was computed about a block and is not in its bytes. */
export interface Derived {
  readonly rewardChainBlockHash: Uint8Array;
  readonly subSlotIters: bigint;
  readonly requiredIters: bigint;
  readonly deficit: number;
  readonly overflow: boolean;
  readonly previousTransactionHeight: number;
  readonly slots: readonly SlotHashes[];
  readonly summary: SubEpochSummary | null;
}

/** Puts the record of a block together. */
export function makeRecord(constants: ChiaConstants, candidate: Candidate, derived: Derived): BlockRecord {
  const { block, headerHash } = candidate;
  const { rewardChainBlock: reward, foliage, foliageTransactionBlock, transactionsInfo } = block;
  const genesis = reward.height === 0;
  const ended = derived.slots.length > 0;
  const start = genesis ? [constants.GENESIS_CHALLENGE] : null;
  return {
    headerHash,
    prevHash: foliage.prevBlockHash,
    height: reward.height,
    weight: reward.weight,
    totalIters: reward.totalIters,
    signagePointIndex: reward.signagePointIndex,
    challengeVdfOutput: reward.challengeChainIpVdf.output,
    infusedChallengeVdfOutput: reward.infusedChallengeChainIpVdf?.output ?? null,
    rewardInfusionNewChallenge: derived.rewardChainBlockHash,
    challengeBlockInfoHash: ChallengeBlockInfo.hash({
      proofOfSpace: reward.proofOfSpace,
      challengeChainSpVdf: reward.challengeChainSpVdf,
      challengeChainSpSignature: reward.challengeChainSpSignature,
      challengeChainIpVdf: reward.challengeChainIpVdf,
    }),
    subSlotIters: derived.subSlotIters,
    poolPuzzleHash: foliage.foliageBlockData.poolTarget.puzzleHash,
    farmerPuzzleHash: foliage.foliageBlockData.farmerRewardPuzzleHash,
    requiredIters: derived.requiredIters,
    deficit: derived.deficit,
    overflow: derived.overflow,
    prevTransactionBlockHeight: derived.previousTransactionHeight,
    timestamp: foliageTransactionBlock?.timestamp ?? null,
    prevTransactionBlockHash: foliageTransactionBlock?.prevTransactionBlockHash ?? null,
    fees: transactionsInfo?.fees ?? null,
    rewardClaimsIncorporated: transactionsInfo?.rewardClaimsIncorporated ?? null,
    finishedChallengeSlotHashes: ended ? derived.slots.map((slot) => slot.challenge) : start,
    finishedInfusedChallengeSlotHashes: ended
      ? derived.slots.flatMap((slot) => (slot.infused === null ? [] : [slot.infused]))
      : null,
    finishedRewardSlotHashes: ended ? derived.slots.map((slot) => slot.reward) : start,
    subEpochSummaryIncluded: derived.summary,
  };
}
