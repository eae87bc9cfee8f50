/**
 * The part of a block that proofs of time commit to.
 *
 * @module
 */
import {
  bool,
  bytes32,
  g2,
  type Infer,
  option,
  packedFirst,
  packedSecond,
  struct,
  u128,
  u32,
  u8,
} from "../streamable/mod.ts";
import { ProofOfSpace } from "./proof-of-space.ts";
import { VDFInfo } from "./vdf.ts";

/** A reward chain block before its infusion: signage point and proof of space. */
export const RewardChainBlockUnfinished = struct("RewardChainBlockUnfinished", {
  totalIters: u128,
  signagePointIndex: u8,
  posSsCcChallengeHash: bytes32,
  proofOfSpace: ProofOfSpace,
  challengeChainSpVdf: option(VDFInfo),
  challengeChainSpSignature: g2,
  rewardChainSpVdf: option(VDFInfo),
  rewardChainSpSignature: g2,
});
/** The value of the struct of this name. */
export type RewardChainBlockUnfinished = Infer<typeof RewardChainBlockUnfinished>;

/**
 * A reward chain block: height, weight, proof of space and the proofs of time up to its infusion.
 * Wire (Streamable): `infusedChallengeChainIpVdf` and `headerMmrRoot` share one prefix byte, so a block without the
 * latter has the bytes of the layout before it was added.
 */
export const RewardChainBlock = struct("RewardChainBlock", {
  weight: u128,
  height: u32,
  totalIters: u128,
  signagePointIndex: u8,
  posSsCcChallengeHash: bytes32,
  proofOfSpace: ProofOfSpace,
  challengeChainSpVdf: option(VDFInfo),
  challengeChainSpSignature: g2,
  challengeChainIpVdf: VDFInfo,
  rewardChainSpVdf: option(VDFInfo),
  rewardChainSpSignature: g2,
  rewardChainIpVdf: VDFInfo,
  infusedChallengeChainIpVdf: packedFirst(VDFInfo),
  headerMmrRoot: packedSecond(bytes32),
  isTransactionBlock: bool,
});
/** The value of the struct of this name. */
export type RewardChainBlock = Infer<typeof RewardChainBlock>;
