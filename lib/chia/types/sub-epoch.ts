/**
 * Sub-epochs: the summaries that a chain commits to, and the samples of them in weight proofs.
 *
 * @module
 */
import {
  bytes32,
  type Infer,
  list,
  option,
  packedFirst,
  packedSecond,
  struct,
  u128,
  u32,
  u64,
  u8,
} from "../streamable/mod.ts";
import { ProofOfSpace } from "./proof-of-space.ts";
import { VDFInfo, VDFProof } from "./vdf.ts";

/** The commitment to a sub-epoch (384 blocks), included in the first slot after it. */
export const SubEpochSummary = struct("SubEpochSummary", {
  prevSubepochSummaryHash: bytes32,
  rewardChainHash: bytes32,
  numBlocksOverflow: u8,
  newDifficulty: option(u64),
  newSubSlotIters: packedFirst(u64),
  challengeMerkleRoot: packedSecond(bytes32),
});
/** The value of the struct of this name. */
export type SubEpochSummary = Infer<typeof SubEpochSummary>;

/**
 * A {@link SubEpochSummary} as a weight proof lists it. Mind the order: iterations come before the difficulty here.
 */
export const SubEpochData = struct("SubEpochData", {
  rewardChainHash: bytes32,
  numBlocksOverflow: u8,
  newSubSlotIters: option(u64),
  newDifficulty: packedFirst(u64),
  challengeMerkleRoot: packedSecond(bytes32),
});
/** The value of the struct of this name. */
export type SubEpochData = Infer<typeof SubEpochData>;

/** One sub-slot or block of a sampled segment. */
export const SubSlotData = struct("SubSlotData", {
  proofOfSpace: option(ProofOfSpace),
  ccSignagePoint: option(VDFProof),
  ccInfusionPoint: option(VDFProof),
  iccInfusionPoint: option(VDFProof),
  ccSpVdfInfo: option(VDFInfo),
  signagePointIndex: option(u8),
  ccSlotEnd: option(VDFProof),
  iccSlotEnd: option(VDFProof),
  ccSlotEndInfo: option(VDFInfo),
  iccSlotEndInfo: option(VDFInfo),
  ccIpVdfInfo: option(VDFInfo),
  iccIpVdfInfo: option(VDFInfo),
  totalIters: option(u128),
});
/** The value of the struct of this name. */
export type SubSlotData = Infer<typeof SubSlotData>;

/** The sub-slots of one sampled challenge of a sub-epoch. */
export const SubEpochChallengeSegment = struct("SubEpochChallengeSegment", {
  subEpochN: u32,
  subSlots: list(SubSlotData),
  rcSlotEndInfo: option(VDFInfo),
});
/** The value of the struct of this name. */
export type SubEpochChallengeSegment = Infer<typeof SubEpochChallengeSegment>;

/** The segments of one sub-epoch, as the store keeps them. */
export const SubEpochSegments = struct("SubEpochSegments", {
  challengeSegments: list(SubEpochChallengeSegment),
});
/** The value of the struct of this name. */
export type SubEpochSegments = Infer<typeof SubEpochSegments>;
