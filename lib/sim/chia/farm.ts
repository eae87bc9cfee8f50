/**
 * Makes blocks that link: every hash and all arithmetic are those of real ones, and no proof is.
 *
 * The world's sub-slots are those of a challenge chain whose every block begins an infused one
 * (MIN_BLOCKS_PER_CHALLENGE_BLOCK is 1), so that the deficit is always 0 and nothing overflows.
 *
 * @module
 */
import { additionsRoot, removalsRoot, transactionsFilter } from "../../chia/chain/coins.ts";
import { canFinish, nextPace, type Pace } from "../../chia/chain/epochs.ts";
import { ipIters, ipItersOf, spIters } from "../../chia/chain/iterations.ts";
import { firstOfSubSlot } from "../../chia/chain/slots.ts";
import { summaryAfter } from "../../chia/chain/summary.ts";
import { type AncestorView, lastTransactionBlock } from "../../chia/chain/view.ts";
import type { ChiaConstants } from "../../chia/networks/mod.ts";
import {
  type BlockRecord,
  ChallengeChainSubSlot,
  type EndOfSubSlotBundle,
  FoliageTransactionBlock,
  FullBlock,
  InfusedChallengeChainSubSlot,
  RewardChainBlock,
  RewardChainBlockUnfinished,
  RewardChainSubSlot,
  SubEpochSummary,
  TransactionsInfo,
  type VDFInfo,
} from "../../chia/types/mod.ts";
import { sha256 } from "../../codec/sha256.ts";

const zeros = (length: number) => new Uint8Array(length);
/** Compressed points at infinity: what stands where no signature and no key is. */
const NO_G1 = zeros(48).fill(0xc0, 0, 1);
const NO_G2 = zeros(96).fill(0xc0, 0, 1);
const NO_PROOF = { witnessType: 0, witness: zeros(0), normalizedToIdentity: false };
/** Root of an empty list of generator references. */
const NO_REFS_ROOT = zeros(32).fill(1);
/** Unix seconds of the first block: before the world begins, so that no block is from the future. */
const FIRST_TIME = 1_700_000_000n;
/** The last signage point whose block is infused in the same sub-slot, counted from the end. */
const LAST_SIGNAGE_POINTS = 1;

/** What a block is made from. */
export interface FarmParts {
  readonly constants: ChiaConstants;
  readonly view: AncestorView;
  readonly parent: BlockRecord | undefined;
  /** 32 bytes that tell blocks of one parent apart. */
  readonly name: Uint8Array;
  readonly extensionData: Uint8Array;
}

function vdf(challenge: Uint8Array, numberOfIterations: bigint): VDFInfo {
  return { challenge, numberOfIterations, output: { data: zeros(100) } };
}

/** The sub-slot that ends between a block and its child. */
function slotAfter({ constants, view }: FarmParts, parent: BlockRecord, pace: Pace): EndOfSubSlotBundle {
  const ends = canFinish(constants, view, parent, parent.subEpochSummaryIncluded !== null);
  const due = ends.epoch ? pace : null;
  const left = parent.subSlotIters - ipItersOf(constants, parent);
  const infusedChallengeChain = { infusedChallengeChainEndOfSlotVdf: vdf(parent.challengeBlockInfoHash, left) };
  const infused = InfusedChallengeChainSubSlot.hash(infusedChallengeChain);
  const start = firstOfSubSlot(view, parent).finishedChallengeSlotHashes!.at(-1)!;
  const challengeChain = {
    challengeChainEndOfSlotVdf: vdf(start, parent.subSlotIters),
    infusedChallengeChainSubSlotHash: infused,
    subepochSummaryHash: ends.subEpoch ? SubEpochSummary.hash(summaryAfter(constants, view, parent, due)) : null,
    newSubSlotIters: due?.subSlotIters ?? null,
    newDifficulty: due?.difficulty ?? null,
  };
  return {
    challengeChain,
    infusedChallengeChain,
    rewardChain: {
      endOfSlotVdf: vdf(parent.rewardInfusionNewChallenge, left),
      challengeChainSubSlotHash: ChallengeChainSubSlot.hash(challengeChain),
      infusedChallengeChainSubSlotHash: infused,
      deficit: constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK,
    },
    proofs: {
      challengeChainSlotProof: NO_PROOF,
      infusedChallengeChainSlotProof: NO_PROOF,
      rewardChainSlotProof: NO_PROOF,
    },
  };
}

/** The body of a transaction block without spends: one reward, which tells blocks apart. */
function bodyOf(name: Uint8Array, last: BlockRecord | undefined, constants: ChiaConstants) {
  const rewards = [{ parentCoinInfo: name, puzzleHash: name, amount: 1n }];
  const transactionsInfo = {
    generatorRoot: zeros(32),
    generatorRefsRoot: NO_REFS_ROOT,
    aggregatedSignature: NO_G2,
    fees: 0n,
    cost: 0n,
    rewardClaimsIncorporated: rewards,
  };
  const foliageTransactionBlock = {
    prevTransactionBlockHash: last?.headerHash ?? constants.GENESIS_CHALLENGE,
    timestamp: last === undefined ? FIRST_TIME : last.timestamp! + 1n,
    filterHash: sha256(transactionsFilter(rewards, [])),
    additionsRoot: additionsRoot(rewards),
    removalsRoot: removalsRoot([]),
    transactionsInfoHash: TransactionsInfo.hash(transactionsInfo),
  };
  return { transactionsInfo, foliageTransactionBlock };
}

/** A block on `parent`; the first one when there is none. */
export function farm(parts: FarmParts): FullBlock {
  const { constants, view, parent, name, extensionData } = parts;
  const indexMax = constants.NUM_SPS_SUB_SLOT - constants.NUM_SP_INTERVALS_EXTRA - LAST_SIGNAGE_POINTS;
  const next = parent === undefined ? 1 : parent.signagePointIndex + 1 + (name[1]! & 1);
  const isNewSlot = parent !== undefined && next > indexMax;
  const signagePointIndex = isNewSlot ? name[1]! & 1 : next;
  const pace = nextPace(constants, view, parent, isNewSlot);
  const slot = isNewSlot ? slotAfter(parts, parent, pace) : undefined;

  // Blocks of one height differ in it, as real ones do: of two tips of one weight the one with fewer is better.
  const requiredIters = 1n + BigInt(name[0]!) % (pace.subSlotIters / BigInt(constants.NUM_SPS_SUB_SLOT) - 1n);
  const ip = ipIters(constants, pace.subSlotIters, signagePointIndex, requiredIters);
  const parentStart = parent === undefined ? 0n : parent.totalIters - ipItersOf(constants, parent);
  const start = isNewSlot ? parentStart + parent.subSlotIters : parentStart;
  const totalIters = start + ip;
  const sp = spIters(constants, pace.subSlotIters, signagePointIndex);
  const ccStart = slot !== undefined
    ? ChallengeChainSubSlot.hash(slot.challengeChain)
    : parent === undefined
    ? constants.GENESIS_CHALLENGE
    : firstOfSubSlot(view, parent).finishedChallengeSlotHashes!.at(-1)!;
  const rcStart = slot !== undefined
    ? RewardChainSubSlot.hash(slot.rewardChain)
    : parent?.rewardInfusionNewChallenge ?? constants.GENESIS_CHALLENGE;
  const last = parent === undefined ? undefined : lastTransactionBlock(view, parent);
  const isTransactionBlock = last === undefined || start + sp > last.totalIters;
  const body = isTransactionBlock ? bodyOf(name, last, constants) : undefined;

  const rewardChainBlock: RewardChainBlock = {
    weight: (parent?.weight ?? 0n) + pace.difficulty,
    height: parent === undefined ? 0 : parent.height + 1,
    totalIters,
    signagePointIndex,
    posSsCcChallengeHash: ccStart,
    proofOfSpace: {
      challenge: name,
      poolPublicKey: null,
      poolContractPuzzleHash: zeros(32),
      plotPublicKey: NO_G1,
      version: 0,
      plotIndex: 0,
      metaGroup: 0,
      strength: 0,
      size: 32,
      proof: zeros(0),
    },
    challengeChainSpVdf: signagePointIndex === 0 ? null : vdf(ccStart, sp),
    challengeChainSpSignature: NO_G2,
    challengeChainIpVdf: vdf(ccStart, ip),
    rewardChainSpVdf: signagePointIndex === 0 ? null : vdf(rcStart, sp),
    rewardChainSpSignature: NO_G2,
    rewardChainIpVdf: vdf(rcStart, parent === undefined || isNewSlot ? ip : totalIters - parent.totalIters),
    infusedChallengeChainIpVdf: null,
    headerMmrRoot: null,
    isTransactionBlock,
  };
  const spProof = signagePointIndex === 0 ? null : NO_PROOF;
  return {
    finishedSubSlots: slot === undefined ? [] : [slot],
    rewardChainBlock,
    challengeChainSpProof: spProof,
    challengeChainIpProof: NO_PROOF,
    rewardChainSpProof: spProof,
    rewardChainIpProof: NO_PROOF,
    infusedChallengeChainIpProof: null,
    foliage: {
      prevBlockHash: parent?.headerHash ?? constants.GENESIS_CHALLENGE,
      rewardBlockHash: RewardChainBlock.hash(rewardChainBlock),
      foliageBlockData: {
        unfinishedRewardBlockHash: RewardChainBlockUnfinished.hash(rewardChainBlock),
        poolTarget: { puzzleHash: zeros(32), maxHeight: 0 },
        poolSignature: null,
        farmerRewardPuzzleHash: name,
        extensionData,
      },
      foliageBlockDataSignature: NO_G2,
      foliageTransactionBlockHash: body === undefined
        ? null
        : FoliageTransactionBlock.hash(body.foliageTransactionBlock),
      foliageTransactionBlockSignature: body === undefined ? null : NO_G2,
    },
    foliageTransactionBlock: body?.foliageTransactionBlock ?? null,
    transactionsInfo: body?.transactionsInfo ?? null,
    transactionsGenerator: null,
    transactionsGeneratorRefList: [],
    transactionsGeneratorBuffer: null,
    version: 0,
  };
}
