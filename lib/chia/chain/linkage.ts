/**
 * The linkage validator: every hash that binds a block to its parent and to its body, and all arithmetic between them.
 * Proofs of space, VDF proofs, signatures and generators are taken as given; nothing here says that work was done.
 *
 * @see chia-blockchain 2.7.5 `block_header_validation.py` (step numbers), spec section i.2
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaConstants } from "../networks/network.ts";
import { RewardChainBlock, RewardChainBlockUnfinished } from "../types/mod.ts";
import { judgeBody } from "./body.ts";
import { deficitAfter } from "./deficit.ts";
import { canFinish, nextPace, type Pace } from "./epochs.ts";
import { ipItersOf, isOverflow, requiredItersOf, spIters } from "./iterations.ts";
import { makeRecord } from "./record.ts";
import { firstOfSubSlot, hashSlots, judgeSlots, type SlotHashes } from "./slots.ts";
import { NO_CHANGES } from "../coin-set.ts";
import type { BlockValidator, Frame, Linked, Spent } from "./validator.ts";
import { type Candidate, type Refusal, refuse } from "./verdict.ts";
import { type AncestorView, lastTransactionBlock, parentOf } from "./view.ts";
import type { BlockRecord } from "../types/mod.ts";

/** Where one block stands against its parent; computed once, used by each rule. */
interface Place {
  readonly constants: ChiaConstants;
  readonly view: AncestorView;
  readonly candidate: Candidate;
  readonly parent: BlockRecord | undefined;
  readonly lastTransaction: BlockRecord | undefined;
  readonly overflow: boolean;
  readonly pace: Pace;
  readonly slots: readonly SlotHashes[];
}

/** 27, 28: height and weight. */
function judgePlace({ candidate, parent, pace, constants }: Place): Refusal | undefined {
  const { height, weight } = candidate.block.rewardChainBlock;
  if (parent === undefined) {
    if (height !== 0) return refuse("INVALID_HEIGHT", `height ${height} after the genesis challenge`);
    return weight === constants.DIFFICULTY_STARTING ? undefined : refuse("INVALID_WEIGHT", "genesis");
  }
  if (height !== parent.height + 1) return refuse("INVALID_HEIGHT", `height ${height} after ${parent.height}`);
  return weight === parent.weight + pace.difficulty
    ? undefined
    : refuse("INVALID_WEIGHT", `weight ${weight}, expected ${parent.weight + pace.difficulty}`);
}

/** 18, 32: the foliage commits to the reward chain block, finished and unfinished. */
function judgeRewardChain({ candidate }: Place, rewardChainBlockHash: Uint8Array): Refusal | undefined {
  const { rewardChainBlock, foliage } = candidate.block;
  if (!equalBytes(rewardChainBlockHash, foliage.rewardBlockHash)) {
    return refuse("INVALID_REWARD_BLOCK_HASH", "reward chain block");
  }
  const unfinished = RewardChainBlockUnfinished.hash(rewardChainBlock);
  return equalBytes(unfinished, foliage.foliageBlockData.unfinishedRewardBlockHash)
    ? undefined
    : refuse("INVALID_URSB_HASH", "unfinished reward chain block");
}

/** 4: a sub-slot holds so many blocks and no more. */
function judgeCrowd({ constants, view, parent, slots }: Place): Refusal | undefined {
  if (parent === undefined || slots.length > 0) return undefined;
  const first = firstOfSubSlot(view, parent);
  const blocks = parent.height - first.height + 2;
  return blocks > constants.MAX_SUB_SLOT_BLOCKS ? refuse("TOO_MANY_BLOCKS", `${blocks} in one sub-slot`) : undefined;
}

/** 5a: the challenge of the proof of space is that of the sub-slot in which its signage point lies. */
function judgeChallenge({ constants, view, candidate, parent, overflow, slots }: Place): Refusal | undefined {
  // Newest first. An overflow block's signage point lies one sub-slot back.
  const challenges = slots.map((slot) => slot.challenge).reverse();
  const wanted = overflow ? 1 : 0;
  let current = parent;
  while (challenges.length <= wanted && current !== undefined) {
    const first = firstOfSubSlot(view, current);
    challenges.push(...[...(first.finishedChallengeSlotHashes ?? [])].reverse());
    current = first.height === 0 ? undefined : parentOf(view, first);
  }
  if (parent === undefined) challenges.push(constants.GENESIS_CHALLENGE);
  const expected = challenges[wanted];
  return expected !== undefined && equalBytes(expected, candidate.block.rewardChainBlock.posSsCcChallengeHash)
    ? undefined
    : refuse("INVALID_CC_CHALLENGE", "challenge of the proof of space");
}

/** 10: total iterations up to the start of the sub-slot in which the block is infused. */
function slotStartIters({ constants, parent, pace, slots }: Place): bigint {
  if (parent === undefined) return pace.subSlotIters * BigInt(slots.length);
  const parentStart = parent.totalIters - ipItersOf(constants, parent);
  if (slots.length === 0) return parentStart;
  return parentStart + parent.subSlotIters + pace.subSlotIters * BigInt(slots.length - 1);
}

/** 8, 11, 13 without the proofs: signage point VDFs are there when there is a signage point, and state its iterations. */
function judgeSignagePoint({ constants, candidate, pace }: Place): Refusal | undefined {
  const { rewardChainBlock: reward, challengeChainSpProof, rewardChainSpProof } = candidate.block;
  const atSlotStart = reward.signagePointIndex === 0;
  const parts = [reward.challengeChainSpVdf, challengeChainSpProof, reward.rewardChainSpVdf, rewardChainSpProof];
  if (parts.some((part) => (part === null) !== atSlotStart)) {
    return refuse("INVALID_SP_INDEX", "signage point VDFs and index disagree");
  }
  const iterations = spIters(constants, pace.subSlotIters, reward.signagePointIndex);
  if (reward.challengeChainSpVdf !== null && reward.challengeChainSpVdf.numberOfIterations !== iterations) {
    return refuse("INVALID_CC_SP_VDF", "iterations");
  }
  return undefined;
}

/** 29, 30 without the proofs: the infusion VDFs start where the chain stood. This binds the finished sub-slots. */
function judgeInfusion(place: Place, infusionIters: bigint): Refusal | undefined {
  const { constants, view, candidate, parent, slots } = place;
  const reward = candidate.block.rewardChainBlock;
  const last = slots.at(-1);
  const rcChallenge = last?.reward ?? parent?.rewardInfusionNewChallenge ?? constants.GENESIS_CHALLENGE;
  const rcIters = parent !== undefined && last === undefined ? reward.totalIters - parent.totalIters : infusionIters;
  const rc = reward.rewardChainIpVdf;
  if (!equalBytes(rc.challenge, rcChallenge) || rc.numberOfIterations !== rcIters) {
    return refuse("INVALID_RC_IP_VDF", "challenge or iterations");
  }
  const ccChallenge = last?.challenge ??
    (parent === undefined
      ? constants.GENESIS_CHALLENGE
      : firstOfSubSlot(view, parent).finishedChallengeSlotHashes?.at(-1));
  const cc = reward.challengeChainIpVdf;
  if (ccChallenge === undefined || !equalBytes(cc.challenge, ccChallenge) || cc.numberOfIterations !== infusionIters) {
    return refuse("INVALID_CC_IP_VDF", "challenge or iterations");
  }
  return undefined;
}

/** 15, 24, 26b, 33: whether this is a transaction block, and that it follows the last one. */
function judgeTransactionBlock(place: Place, signagePointTotal: bigint): Refusal | undefined {
  const { constants, candidate, lastTransaction } = place;
  const { rewardChainBlock, foliageTransactionBlock: foliage } = candidate.block;
  const expected = lastTransaction === undefined || signagePointTotal > lastTransaction.totalIters;
  if (rewardChainBlock.isTransactionBlock !== expected) {
    return refuse("INVALID_IS_TRANSACTION_BLOCK", expected ? "must be one" : "must not be one");
  }
  if (foliage === null) return undefined;
  const previous = lastTransaction?.headerHash ?? constants.GENESIS_CHALLENGE;
  if (!equalBytes(foliage.prevTransactionBlockHash, previous)) {
    return refuse("INVALID_PREV_BLOCK_HASH", "previous transaction block");
  }
  return lastTransaction?.timestamp !== undefined && foliage.timestamp <= (lastTransaction.timestamp ?? 0n)
    ? refuse("TIMESTAMP_TOO_FAR_IN_PAST", `timestamp ${foliage.timestamp}`)
    : undefined;
}

/** 31 without the proof: the infused chain is there exactly when the deficit says so. */
function judgeInfusedChain({ candidate, parent }: Place, deficit: number, most: number): Refusal | undefined {
  const vdf = candidate.block.rewardChainBlock.infusedChallengeChainIpVdf;
  const proof = candidate.block.infusedChallengeChainIpProof;
  const expected = parent !== undefined && deficit < most - 1;
  return (vdf !== null) === expected && (proof !== null) === expected
    ? undefined
    : refuse("INVALID_ICC_VDF", `deficit ${deficit}`);
}

const NOTHING_SPENT: Spent = { ok: true, coins: NO_CHANGES };

/** Checks linkage and nothing more. */
export class LinkageValidator implements BlockValidator {
  readonly level = "linkage";
  readonly #constants: ChiaConstants;

  constructor(constants: ChiaConstants) {
    this.#constants = constants;
  }

  link(candidate: Candidate, view: AncestorView): Linked | Refusal {
    const constants = this.#constants;
    const { block } = candidate;
    const { rewardChainBlock: reward, foliage } = block;
    if (reward.signagePointIndex >= constants.NUM_SPS_SUB_SLOT) {
      return refuse("INVALID_SP_INDEX", `signage point ${reward.signagePointIndex}`);
    }
    const parent = view.record(foliage.prevBlockHash);
    if (parent === undefined && !equalBytes(foliage.prevBlockHash, constants.GENESIS_CHALLENGE)) {
      return refuse("INVALID_PREV_BLOCK_HASH", "unknown parent");
    }
    const newSlot = block.finishedSubSlots.length > 0;
    let place: Place;
    try {
      place = {
        constants,
        view,
        candidate,
        parent,
        lastTransaction: parent === undefined ? undefined : lastTransactionBlock(view, parent),
        overflow: isOverflow(constants, reward.signagePointIndex),
        pace: nextPace(constants, view, parent, newSlot),
        slots: hashSlots(block.finishedSubSlots),
      };
    } catch (thrown) {
      // An epoch that lasted no time divides by zero, as it does in the reference: no block can follow it.
      if (thrown instanceof RangeError) return refuse("INVALID_NEW_DIFFICULTY", "an epoch without duration");
      throw thrown;
    }
    return this.#judge(place, newSlot);
  }

  #judge(place: Place, newSlot: boolean): Linked | Refusal {
    const { constants, view, candidate, parent, pace, overflow } = place;
    const { block } = candidate;
    const reward = block.rewardChainBlock;
    const rewardChainBlockHash = RewardChainBlock.hash(reward);
    const early = judgePlace(place) ?? judgeRewardChain(place, rewardChainBlockHash) ?? judgeBody(constants, block) ??
      judgeCrowd(place) ?? judgeChallenge(place) ?? judgeSignagePoint(place);
    if (early !== undefined) return early;

    const ends = newSlot && parent !== undefined
      ? canFinish(constants, view, parent, parent.subEpochSummaryIncluded !== null)
      : { subEpoch: false, epoch: false };
    const slots = judgeSlots({ constants, view, parent, pace, ends }, block, place.slots);
    if ("refusal" in slots) return slots.refusal;
    // 9. The first sub-slot of an epoch has its own pace, which an overflow block's signage point did not know.
    if (overflow && ends.epoch && block.finishedSubSlots.length < 2) {
      return refuse("NO_OVERFLOWS_IN_FIRST_SUB_SLOT_NEW_EPOCH", "overflow block");
    }

    const start = slotStartIters(place);
    const infusionIters = reward.totalIters - start;
    const requiredIters = requiredItersOf(constants, pace.subSlotIters, reward.signagePointIndex, infusionIters);
    // Not fewer than the parent's: then its VDF would have to run backwards. As many are possible, and the reference takes
    // them: two blocks of one signage point whose proofs need the same iterations.
    if (requiredIters === undefined || (parent !== undefined && reward.totalIters < parent.totalIters)) {
      return refuse("INVALID_TOTAL_ITERS", `total iterations ${reward.totalIters}`);
    }
    const signagePointTotal = start + spIters(constants, pace.subSlotIters, reward.signagePointIndex) -
      (overflow ? pace.subSlotIters : 0n);
    const deficit = deficitAfter(constants, parent, overflow, block.finishedSubSlots.length);
    const late = judgeTransactionBlock(place, signagePointTotal) ?? judgeInfusion(place, infusionIters) ??
      judgeInfusedChain(place, deficit, constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK);
    if (late !== undefined) return late;

    const record = makeRecord(constants, candidate, {
      rewardChainBlockHash,
      subSlotIters: pace.subSlotIters,
      requiredIters,
      deficit,
      overflow,
      previousTransactionHeight: place.lastTransaction?.height ?? 0,
      slots: place.slots,
      summary: slots.summary,
    });
    return { ok: true, frame: { candidate, record, parent, pace } };
  }

  /** Takes all proofs as given. */
  prove(frames: readonly Frame[]): Promise<readonly undefined[]> {
    return Promise.resolve(frames.map(() => undefined));
  }

  /** Takes all spends as given, and tells of no coin. */
  spend(): Promise<Spent> {
    return Promise.resolve(NOTHING_SPENT);
  }
}
