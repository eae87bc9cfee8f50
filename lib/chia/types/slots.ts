/**
 * Sub-slots: the ends of the three chains of proofs of time.
 *
 * @module
 */
import { bytes32, type Infer, option, struct, u64, u8 } from "../streamable/mod.ts";
import { VDFInfo, VDFProof } from "./vdf.ts";

/** The end of a challenge chain sub-slot; its hash is the next challenge. */
export const ChallengeChainSubSlot = struct("ChallengeChainSubSlot", {
  challengeChainEndOfSlotVdf: VDFInfo,
  infusedChallengeChainSubSlotHash: option(bytes32),
  subepochSummaryHash: option(bytes32),
  newSubSlotIters: option(u64),
  newDifficulty: option(u64),
});
/** The value of the struct of this name. */
export type ChallengeChainSubSlot = Infer<typeof ChallengeChainSubSlot>;

/**
 * The end of an infused challenge chain sub-slot.
 * Wire (Streamable): 140 bytes.
 */
export const InfusedChallengeChainSubSlot = struct("InfusedChallengeChainSubSlot", {
  infusedChallengeChainEndOfSlotVdf: VDFInfo,
});
/** The value of the struct of this name. */
export type InfusedChallengeChainSubSlot = Infer<typeof InfusedChallengeChainSubSlot>;

/** The end of a reward chain sub-slot. `deficit` counts the blocks still missing for a challenge block. */
export const RewardChainSubSlot = struct("RewardChainSubSlot", {
  endOfSlotVdf: VDFInfo,
  challengeChainSubSlotHash: bytes32,
  infusedChallengeChainSubSlotHash: option(bytes32),
  deficit: u8,
});
/** The value of the struct of this name. */
export type RewardChainSubSlot = Infer<typeof RewardChainSubSlot>;

/** The proofs for an {@link EndOfSubSlotBundle}. */
export const SubSlotProofs = struct("SubSlotProofs", {
  challengeChainSlotProof: VDFProof,
  infusedChallengeChainSlotProof: option(VDFProof),
  rewardChainSlotProof: VDFProof,
});
/** The value of the struct of this name. */
export type SubSlotProofs = Infer<typeof SubSlotProofs>;

/** The end of a sub-slot on all chains, with proofs. */
export const EndOfSubSlotBundle = struct("EndOfSubSlotBundle", {
  challengeChain: ChallengeChainSubSlot,
  infusedChallengeChain: option(InfusedChallengeChainSubSlot),
  rewardChain: RewardChainSubSlot,
  proofs: SubSlotProofs,
});
/** The value of the struct of this name. */
export type EndOfSubSlotBundle = Infer<typeof EndOfSubSlotBundle>;
