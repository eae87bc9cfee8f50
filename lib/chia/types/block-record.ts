/**
 * What a node keeps about each block of the chain.
 *
 * @module
 */
import { bool, bytes32, g2, type Infer, list, option, struct, u128, u32, u64, u8 } from "../streamable/mod.ts";
import { Coin } from "./coin.ts";
import { ProofOfSpace } from "./proof-of-space.ts";
import { SubEpochSummary } from "./sub-epoch.ts";
import { ClassgroupElement, VDFInfo } from "./vdf.ts";

/**
 * The consensus state after a block. Transaction fields are null when it is no transaction block; the slot hashes
 * when no sub-slot ended before it.
 */
export const BlockRecord = struct("BlockRecord", {
  headerHash: bytes32,
  prevHash: bytes32,
  height: u32,
  weight: u128,
  totalIters: u128,
  signagePointIndex: u8,
  challengeVdfOutput: ClassgroupElement,
  infusedChallengeVdfOutput: option(ClassgroupElement),
  rewardInfusionNewChallenge: bytes32,
  challengeBlockInfoHash: bytes32,
  subSlotIters: u64,
  poolPuzzleHash: bytes32,
  farmerPuzzleHash: bytes32,
  requiredIters: u64,
  deficit: u8,
  overflow: bool,
  prevTransactionBlockHeight: u32,
  timestamp: option(u64),
  prevTransactionBlockHash: option(bytes32),
  fees: option(u64),
  rewardClaimsIncorporated: option(list(Coin)),
  finishedChallengeSlotHashes: option(list(bytes32)),
  finishedInfusedChallengeSlotHashes: option(list(bytes32)),
  finishedRewardSlotHashes: option(list(bytes32)),
  subEpochSummaryIncluded: option(SubEpochSummary),
});
/** The value of the struct of this name. */
export type BlockRecord = Infer<typeof BlockRecord>;

/** The block that started an infused challenge chain. */
export const ChallengeBlockInfo = struct("ChallengeBlockInfo", {
  proofOfSpace: ProofOfSpace,
  challengeChainSpVdf: option(VDFInfo),
  challengeChainSpSignature: g2,
  challengeChainIpVdf: VDFInfo,
});
/** The value of the struct of this name. */
export type ChallengeBlockInfo = Infer<typeof ChallengeBlockInfo>;

/**
 * How many blocks a challenge has.
 * Wire (Streamable): 36 bytes.
 */
export const SlotChallengeData = struct("SlotChallengeData", {
  challengeHash: bytes32,
  blockCount: u32,
});
/** The value of the struct of this name. */
export type SlotChallengeData = Infer<typeof SlotChallengeData>;
