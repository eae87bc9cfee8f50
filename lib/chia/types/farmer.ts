/**
 * A full node and its farmers: signage points out, proofs of space in.
 *
 * @module
 */
import { bool, bytes32, g2, type Infer, option, struct, u32, u64, u8 } from "../streamable/mod.ts";
import { FoliageBlockData, FoliageTransactionBlock, PoolTarget } from "./foliage.ts";
import { ProofOfSpace } from "./proof-of-space.ts";
import { RewardChainBlockUnfinished } from "./reward-chain.ts";
import { ChallengeChainSubSlot, RewardChainSubSlot } from "./slots.ts";
import { ClassgroupElement } from "./vdf.ts";

/** The ends of sub-slots behind a signage point with index 0. */
export const SPSubSlotSourceData = struct("SPSubSlotSourceData", {
  ccSubSlot: ChallengeChainSubSlot,
  rcSubSlot: RewardChainSubSlot,
});
/** The value of the struct of this name. */
export type SPSubSlotSourceData = Infer<typeof SPSubSlotSourceData>;

/**
 * The proofs of time behind any other signage point.
 * Wire (Streamable): 200 bytes.
 */
export const SPVDFSourceData = struct("SPVDFSourceData", {
  ccVdf: ClassgroupElement,
  rcVdf: ClassgroupElement,
});
/** The value of the struct of this name. */
export type SPVDFSourceData = Infer<typeof SPVDFSourceData>;

/** What a signer needs to check a signage point for itself. */
export const SignagePointSourceData = struct("SignagePointSourceData", {
  subSlotData: option(SPSubSlotSourceData),
  vdfData: option(SPVDFSourceData),
});
/** The value of the struct of this name. */
export type SignagePointSourceData = Infer<typeof SignagePointSourceData>;

/** A signage point to look for proofs at. */
export const NewSignagePoint = struct("NewSignagePoint", {
  challengeHash: bytes32,
  challengeChainSp: bytes32,
  rewardChainSp: bytes32,
  difficulty: u64,
  subSlotIters: u64,
  signagePointIndex: u8,
  peakHeight: u32,
  lastTxHeight: u32,
  spSourceData: option(SignagePointSourceData),
  filterChallenge: option(bytes32),
});
/** The value of the struct of this name. */
export type NewSignagePoint = Infer<typeof NewSignagePoint>;

/** A proof of space that wins a block, with the farmer's signatures. */
export const DeclareProofOfSpace = struct("DeclareProofOfSpace", {
  challengeHash: bytes32,
  challengeChainSp: bytes32,
  signagePointIndex: u8,
  rewardChainSp: bytes32,
  proofOfSpace: ProofOfSpace,
  challengeChainSpSignature: g2,
  rewardChainSpSignature: g2,
  farmerPuzzleHash: bytes32,
  poolTarget: option(PoolTarget),
  poolSignature: option(g2),
  includeSignatureSourceData: bool,
});
/** The value of the struct of this name. */
export type DeclareProofOfSpace = Infer<typeof DeclareProofOfSpace>;

/** Asks the farmer to sign the block that was made with its proof. */
export const RequestSignedValues = struct("RequestSignedValues", {
  qualityString: bytes32,
  foliageBlockDataHash: bytes32,
  foliageTransactionBlockHash: bytes32,
  foliageBlockData: option(FoliageBlockData),
  foliageTransactionBlockData: option(FoliageTransactionBlock),
  rcBlockUnfinished: option(RewardChainBlockUnfinished),
});
/** The value of the struct of this name. */
export type RequestSignedValues = Infer<typeof RequestSignedValues>;

/**
 * The signatures that were asked for.
 * Wire (Streamable): 224 bytes.
 */
export const SignedValues = struct("SignedValues", {
  qualityString: bytes32,
  foliageBlockDataSignature: g2,
  foliageTransactionBlockSignature: g2,
});
/** The value of the struct of this name. */
export type SignedValues = Infer<typeof SignedValues>;

/**
 * Statistics of one lookup; `lookupTime` in milliseconds.
 * Wire (Streamable): 92 bytes.
 */
export const FarmingInfo = struct("FarmingInfo", {
  challengeHash: bytes32,
  spHash: bytes32,
  timestamp: u64,
  passed: u32,
  proofs: u32,
  totalPlots: u32,
  lookupTime: u64,
});
/** The value of the struct of this name. */
export type FarmingInfo = Infer<typeof FarmingInfo>;

/**
 * Asks for a block at once, in simulators.
 * Wire (Streamable): 32 bytes.
 */
export const FarmNewBlockProtocol = struct("FarmNewBlockProtocol", {
  puzzleHash: bytes32,
});
/** The value of the struct of this name. */
export type FarmNewBlockProtocol = Infer<typeof FarmNewBlockProtocol>;
