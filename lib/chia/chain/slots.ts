/**
 * The sub-slots that ended between two blocks. They are not under the header hash: only the challenges of the VDFs bind
 * them, so each link of that chain is checked here. The VDF proofs themselves wait for full validation.
 *
 * Step names (2a …) are those of the reference.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/block_header_validation.py`, steps 2 and 3
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaConstants } from "../networks/network.ts";
import {
  type BlockRecord,
  ChallengeChainSubSlot,
  type EndOfSubSlotBundle,
  type FullBlock,
  InfusedChallengeChainSubSlot,
  RewardChainSubSlot,
  SubEpochSummary,
  type VDFInfo,
} from "../types/mod.ts";
import type { Pace } from "./epochs.ts";
import { ipItersOf } from "./iterations.ts";
import { summaryAfter } from "./summary.ts";
import { type Refusal, refuse } from "./verdict.ts";
import { type AncestorView, isFirstInSubSlot, MissingAncestor, parentOf } from "./view.ts";

/** Hashes of the three sub-slots of a bundle. */
export interface SlotHashes {
  readonly challenge: Uint8Array;
  readonly infused: Uint8Array | null;
  readonly reward: Uint8Array;
}

/** Hashes the sub-slots of a block, each once. */
export function hashSlots(slots: readonly EndOfSubSlotBundle[]): SlotHashes[] {
  return slots.map((slot) => ({
    challenge: ChallengeChainSubSlot.hash(slot.challengeChain),
    infused: slot.infusedChallengeChain === null ? null : InfusedChallengeChainSubSlot.hash(slot.infusedChallengeChain),
    reward: RewardChainSubSlot.hash(slot.rewardChain),
  }));
}

/** The nearest of `record` and its ancestors that began a sub-slot (genesis counts). */
export function firstOfSubSlot(view: AncestorView, record: BlockRecord): BlockRecord {
  let current = record;
  while (!isFirstInSubSlot(current)) current = parentOf(view, current);
  return current;
}

/** Whether a block began the infused challenge chain of its sub-slot. */
export function isChallengeBlock(constants: ChiaConstants, record: BlockRecord): boolean {
  return record.deficit === constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK - 1;
}

/** What the slots of one block are held against. */
export interface SlotContext {
  readonly constants: ChiaConstants;
  readonly view: AncestorView;
  readonly parent: BlockRecord | undefined;
  readonly pace: Pace;
  readonly ends: { readonly subEpoch: boolean; readonly epoch: boolean };
}

function claims(info: VDFInfo, challenge: Uint8Array, iterations: bigint): boolean {
  return equalBytes(info.challenge, challenge) && info.numberOfIterations === iterations;
}

/** Challenge and committed iterations of the infused chain at the end of slot `n`; null when there is no such chain. */
function infusedStart(context: SlotContext, block: FullBlock, hashes: readonly SlotHashes[], n: number) {
  const { constants, view, parent } = context;
  if (parent === undefined || parent.deficit >= constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK) return null;
  if (n > 0) {
    const before = block.finishedSubSlots[n - 1];
    const hash = hashes[n - 1]?.infused ?? null;
    const goesOn = (before?.rewardChain.deficit ?? 0) < constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK;
    return goesOn && hash !== null ? { challenge: hash, iterations: parent.subSlotIters } : null;
  }
  let current = parent;
  while (!isChallengeBlock(constants, current) && !isFirstInSubSlot(current)) current = parentOf(view, current);
  if (isChallengeBlock(constants, current)) {
    return {
      challenge: current.challengeBlockInfoHash,
      iterations: parent.subSlotIters - ipItersOf(constants, current),
    };
  }
  const challenge = current.finishedInfusedChallengeSlotHashes?.at(-1);
  if (challenge === undefined) throw new MissingAncestor(`height ${current.height} has no finished infused slot`);
  return { challenge, iterations: parent.subSlotIters };
}

/** 2d to 2k: the infused challenge chain is there exactly when it must be, and is committed to where it must be. */
function judgeInfused(
  context: SlotContext,
  block: FullBlock,
  hashes: readonly SlotHashes[],
  slot: EndOfSubSlotBundle,
  n: number,
): Refusal | undefined {
  const expected = infusedStart(context, block, hashes, n);
  const { infusedChallengeChain: infused, challengeChain, rewardChain } = slot;
  const inChallenge = challengeChain.infusedChallengeChainSubSlotHash;
  const inReward = rewardChain.infusedChallengeChainSubSlotHash;
  if (infused === null) {
    if (expected !== null) return refuse("SHOULD_HAVE_ICC", `slot ${n}`);
    if (inChallenge !== null) return refuse("INVALID_ICC_HASH_CC", `slot ${n}`);
    return inReward === null ? undefined : refuse("INVALID_ICC_HASH_RC", `slot ${n}`);
  }
  if (expected === null) return refuse("SHOULD_NOT_HAVE_ICC", `slot ${n}`);
  if (!claims(infused.infusedChallengeChainEndOfSlotVdf, expected.challenge, expected.iterations)) {
    return refuse("INVALID_ICC_EOS_VDF", `slot ${n}: wrong challenge or iterations`);
  }
  const hash = hashes[n]?.infused ?? new Uint8Array(0);
  const full = rewardChain.deficit === context.constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK;
  if (full ? inChallenge === null || !equalBytes(inChallenge, hash) : inChallenge !== null) {
    return refuse("INVALID_ICC_HASH_CC", `slot ${n}`);
  }
  if (inReward === null || !equalBytes(inReward, hash)) return refuse("INVALID_ICC_HASH_RC", `slot ${n}`);
  return undefined;
}

/** 2l to 2n: what an ending sub-epoch or epoch announces. */
function judgeAnnouncements(context: SlotContext, slot: EndOfSubSlotBundle, n: number): Refusal | undefined {
  const { subepochSummaryHash, newSubSlotIters, newDifficulty } = slot.challengeChain;
  if (n > 0 && subepochSummaryHash !== null) return refuse("INVALID_SUB_EPOCH_SUMMARY_HASH", `in slot ${n}`);
  const due = context.ends.epoch && subepochSummaryHash !== null;
  if (newSubSlotIters !== (due ? context.pace.subSlotIters : null)) {
    return refuse("INVALID_NEW_SUB_SLOT_ITERS", `slot ${n}`);
  }
  if (newDifficulty !== (due ? context.pace.difficulty : null)) return refuse("INVALID_NEW_DIFFICULTY", `slot ${n}`);
  return undefined;
}

/** 2a to 2c, 2o to 2q: each slot goes on from the one before it. */
function judgeChain(
  context: SlotContext,
  hashes: readonly SlotHashes[],
  slot: EndOfSubSlotBundle,
  n: number,
): Refusal | undefined {
  const { constants, view, parent, pace } = context;
  const { challengeChain, rewardChain } = slot;
  const own = hashes[n];
  const before = n > 0 ? hashes[n - 1] : undefined;
  if (own === undefined) return refuse("INVALID_PREV_CHALLENGE_SLOT_HASH", `slot ${n}`);
  const start = before !== undefined
    ? before.challenge
    : parent === undefined
    ? constants.GENESIS_CHALLENGE
    : firstOfSubSlot(view, parent).finishedChallengeSlotHashes?.at(-1);
  if (start === undefined) throw new MissingAncestor("no finished challenge slot before this block");
  const ccVdf = challengeChain.challengeChainEndOfSlotVdf;
  if (!equalBytes(ccVdf.challenge, start)) return refuse("INVALID_PREV_CHALLENGE_SLOT_HASH", `slot ${n}`);
  if (!equalBytes(own.challenge, rewardChain.challengeChainSubSlotHash)) {
    return refuse("INVALID_CHALLENGE_SLOT_HASH_RC", `slot ${n}`);
  }
  const rcStart = before?.reward ?? parent?.rewardInfusionNewChallenge ?? constants.GENESIS_CHALLENGE;
  const rcIters = n === 0 && parent !== undefined
    ? parent.subSlotIters - ipItersOf(constants, parent)
    : pace.subSlotIters;
  if (!claims(rewardChain.endOfSlotVdf, rcStart, rcIters)) {
    return refuse("INVALID_RC_EOS_VDF", `slot ${n}: wrong challenge or iterations`);
  }
  const ccIters = parent === undefined
    ? constants.SUB_SLOT_ITERS_STARTING
    : n === 0
    ? parent.subSlotIters
    : pace.subSlotIters;
  if (ccVdf.numberOfIterations !== ccIters) return refuse("INVALID_CC_EOS_VDF", `slot ${n}: wrong iterations`);
  return undefined;
}

/** 2r to 2t: the deficit that a slot hands on. */
function judgeDeficit(context: SlotContext, slot: EndOfSubSlotBundle, n: number): Refusal | undefined {
  const { constants, parent } = context;
  const expected = parent === undefined || parent.deficit === 0
    ? constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK
    : parent.deficit;
  return slot.rewardChain.deficit === expected ? undefined : refuse("INVALID_DEFICIT", `slot ${n}`);
}

/** Judges all finished sub-slots of a block, and the sub-epoch summary that they announce. */
export function judgeSlots(
  context: SlotContext,
  block: FullBlock,
  hashes: readonly SlotHashes[],
): { readonly refusal: Refusal } | { readonly summary: SubEpochSummary | null } {
  for (const [n, slot] of block.finishedSubSlots.entries()) {
    const refusal = judgeChain(context, hashes, slot, n) ?? judgeInfused(context, block, hashes, slot, n) ??
      judgeAnnouncements(context, slot, n) ?? judgeDeficit(context, slot, n);
    if (refusal !== undefined) return { refusal };
  }
  const announced = block.finishedSubSlots[0]?.challengeChain.subepochSummaryHash ?? null;
  if (announced === null) {
    // 3d. A sub-epoch that can end must end.
    return context.ends.subEpoch
      ? { refusal: refuse("INVALID_SUB_EPOCH_SUMMARY", "the sub-epoch ends here, but no summary is included") }
      : { summary: null };
  }
  // 3a, 3b.
  if (context.parent === undefined || !context.ends.subEpoch) {
    return { refusal: refuse("INVALID_SUB_EPOCH_SUMMARY_HASH", "a summary where no sub-epoch can end") };
  }
  const summary = summaryAfter(
    context.constants,
    context.view,
    context.parent,
    context.ends.epoch ? context.pace : null,
  );
  // 3c.
  return equalBytes(SubEpochSummary.hash(summary), announced)
    ? { summary }
    : { refusal: refuse("INVALID_SUB_EPOCH_SUMMARY", "not the summary that follows from the chain") };
}
