/**
 * Blocks without their transactions, for light clients and weight proofs.
 *
 * @module
 */
import { bytes, type Infer, list, option, struct } from "../streamable/mod.ts";
import { Foliage, FoliageTransactionBlock, TransactionsInfo } from "./foliage.ts";
import { RewardChainBlock, RewardChainBlockUnfinished } from "./reward-chain.ts";
import { EndOfSubSlotBundle } from "./slots.ts";
import { VDFProof } from "./vdf.ts";

/**
 * A block whose generator is replaced by a BIP-158 filter of what it touches. Shares its first fields with {@link
 * FullBlock}.
 */
export const HeaderBlock = struct("HeaderBlock", {
  finishedSubSlots: list(EndOfSubSlotBundle),
  rewardChainBlock: RewardChainBlock,
  challengeChainSpProof: option(VDFProof),
  challengeChainIpProof: VDFProof,
  rewardChainSpProof: option(VDFProof),
  rewardChainIpProof: VDFProof,
  infusedChallengeChainIpProof: option(VDFProof),
  foliage: Foliage,
  foliageTransactionBlock: option(FoliageTransactionBlock),
  transactionsFilter: bytes,
  transactionsInfo: option(TransactionsInfo),
});
/** The value of the struct of this name. */
export type HeaderBlock = Infer<typeof HeaderBlock>;

/** A header block before the infusion of its proofs of time. */
export const UnfinishedHeaderBlock = struct("UnfinishedHeaderBlock", {
  finishedSubSlots: list(EndOfSubSlotBundle),
  rewardChainBlock: RewardChainBlockUnfinished,
  challengeChainSpProof: option(VDFProof),
  rewardChainSpProof: option(VDFProof),
  foliage: Foliage,
  foliageTransactionBlock: option(FoliageTransactionBlock),
  transactionsFilter: bytes,
});
/** The value of the struct of this name. */
export type UnfinishedHeaderBlock = Infer<typeof UnfinishedHeaderBlock>;

/** A block's slots and reward chain part alone. */
export const ProofBlockHeader = struct("ProofBlockHeader", {
  finishedSubSlots: list(EndOfSubSlotBundle),
  rewardChainBlock: RewardChainBlock,
});
/** The value of the struct of this name. */
export type ProofBlockHeader = Infer<typeof ProofBlockHeader>;
