/**
 * A full node and its timelords.
 *
 * @module
 */
import { bool, bytes32, type Infer, list, option, struct, tuple, u128, u32, u64, u8 } from "../streamable/mod.ts";
import { Foliage } from "./foliage.ts";
import { RewardChainBlock, RewardChainBlockUnfinished } from "./reward-chain.ts";
import { EndOfSubSlotBundle } from "./slots.ts";
import { SubEpochSummary } from "./sub-epoch.ts";
import { VDFInfo, VDFProof } from "./vdf.ts";

/** The chain has a new tip to build on. */
export const NewPeakTimelord = struct("NewPeakTimelord", {
  rewardChainBlock: RewardChainBlock,
  difficulty: u64,
  deficit: u8,
  subSlotIters: u64,
  subEpochSummary: option(SubEpochSummary),
  previousRewardChallenges: list(tuple(bytes32, u128)),
  lastChallengeSbOrEosTotalIters: u128,
  passesSesHeightButNotYetIncluded: bool,
});
/** The value of the struct of this name. */
export type NewPeakTimelord = Infer<typeof NewPeakTimelord>;

/** A block that waits for its proofs of time. */
export const NewUnfinishedBlockTimelord = struct("NewUnfinishedBlockTimelord", {
  rewardChainBlock: RewardChainBlockUnfinished,
  difficulty: u64,
  subSlotIters: u64,
  foliage: Foliage,
  subEpochSummary: option(SubEpochSummary),
  rcPrev: bytes32,
  headerMmrRoot: option(bytes32),
});
/** The value of the struct of this name. */
export type NewUnfinishedBlockTimelord = Infer<typeof NewUnfinishedBlockTimelord>;

/** The proofs of time of a block's infusion point. */
export const NewInfusionPointVDF = struct("NewInfusionPointVDF", {
  unfinishedRewardHash: bytes32,
  challengeChainIpVdf: VDFInfo,
  challengeChainIpProof: VDFProof,
  rewardChainIpVdf: VDFInfo,
  rewardChainIpProof: VDFProof,
  infusedChallengeChainIpVdf: option(VDFInfo),
  infusedChallengeChainIpProof: option(VDFProof),
});
/** The value of the struct of this name. */
export type NewInfusionPointVDF = Infer<typeof NewInfusionPointVDF>;

/** The proofs of time of a signage point. */
export const NewSignagePointVDF = struct("NewSignagePointVDF", {
  indexFromChallenge: u8,
  challengeChainSpVdf: VDFInfo,
  challengeChainSpProof: VDFProof,
  rewardChainSpVdf: VDFInfo,
  rewardChainSpProof: VDFProof,
});
/** The value of the struct of this name. */
export type NewSignagePointVDF = Infer<typeof NewSignagePointVDF>;

/** The proofs of time of the end of a sub-slot. */
export const NewEndOfSubSlotVDF = struct("NewEndOfSubSlotVDF", {
  endOfSubSlotBundle: EndOfSubSlotBundle,
});
/** The value of the struct of this name. */
export type NewEndOfSubSlotVDF = Infer<typeof NewEndOfSubSlotVDF>;

/**
 * Asks a timelord for a compact proof.
 * Wire (Streamable): 177 bytes.
 */
export const RequestCompactProofOfTime = struct("RequestCompactProofOfTime", {
  newProofOfTime: VDFInfo,
  headerHash: bytes32,
  height: u32,
  fieldVdf: u8,
});
/** The value of the struct of this name. */
export type RequestCompactProofOfTime = Infer<typeof RequestCompactProofOfTime>;

/** The compact proof that was asked for. */
export const RespondCompactProofOfTime = struct("RespondCompactProofOfTime", {
  vdfInfo: VDFInfo,
  vdfProof: VDFProof,
  headerHash: bytes32,
  height: u32,
  fieldVdf: u8,
});
/** The value of the struct of this name. */
export type RespondCompactProofOfTime = Infer<typeof RespondCompactProofOfTime>;
