/** Every rule of linkage, broken alone: a real block with one thing changed and all hashes above it made right again. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { sha256 } from "../../../lib/codec/sha256.ts";
import { LinkageValidator } from "../../../lib/chia/chain/linkage.ts";
import { type AncestorView, MissingAncestor } from "../../../lib/chia/chain/view.ts";
import { RecordWindow } from "../../../lib/chia/chain/window.ts";
import type { ErrName } from "../../../lib/chia/protocol/mod.ts";
import {
  BlockRecord,
  ChallengeChainSubSlot,
  Foliage,
  FoliageTransactionBlock,
  FullBlock,
  InfusedChallengeChainSubSlot,
  RewardChainBlock,
  RewardChainBlockUnfinished,
  TransactionsInfo,
} from "../../../lib/chia/types/mod.ts";
import { recordedBlocks, referenceChain } from "./chain-1200.ts";

/** A value that may be changed. */
type Draft<T> = T extends Uint8Array ? T
  : T extends readonly (infer Item)[] ? Draft<Item>[]
  : T extends object ? { -readonly [K in keyof T]: Draft<T[K]> }
  : T;
type Block = Draft<FullBlock>;
/** Which hashes are made right after the change, from the inside out. */
type Seal = "slots" | "info" | "foliage" | "reward";

const { constants, rows } = referenceChain();
const raws = recordedBlocks();
const records = rows.map((row) => BlockRecord.fromJson(row.record));
const view = new RecordWindow(5_000);
view.setMain(0, records);
const validator = new LinkageValidator(constants);

function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined);
  return value;
}
const parentOf = (block: Block) => present(records[block.rewardChainBlock.height - 1]);
const decoded: FullBlock[] = [];
const recorded = (height: number) => decoded[height] ??= FullBlock.decode(present(raws[height]));
const copyOf = (height: number) => structuredClone(recorded(height)) as Block;
const flip = (hash: Uint8Array) => hash.map((byte, i) => (i === 5 ? byte ^ 1 : byte));

/** The first recorded block, above the first sub-epoch where nothing is said, for which `wanted` holds. */
function find(wanted: (block: Block, record: BlockRecord) => boolean, from = 1): Block {
  for (let height = from; height < raws.length; height++) {
    if (wanted(recorded(height) as Block, present(records[height]))) return copyOf(height);
  }
  return assert.fail("the recording has no such block");
}

function seal(block: Block, parts: readonly Seal[]): void {
  for (const part of parts) {
    if (part === "slots") {
      for (const slot of block.finishedSubSlots) {
        slot.rewardChain.challengeChainSubSlotHash = ChallengeChainSubSlot.hash(slot.challengeChain);
      }
    } else if (part === "info") {
      present(block.foliageTransactionBlock).transactionsInfoHash = TransactionsInfo.hash(
        present(block.transactionsInfo),
      );
    } else if (part === "foliage") {
      block.foliage.foliageTransactionBlockHash = FoliageTransactionBlock.hash(present(block.foliageTransactionBlock));
    } else {
      block.foliage.rewardBlockHash = RewardChainBlock.hash(block.rewardChainBlock);
      block.foliage.foliageBlockData.unfinishedRewardBlockHash = RewardChainBlockUnfinished.hash(
        block.rewardChainBlock,
      );
    }
  }
}

const judge = (block: Block, by = validator, over: AncestorView = view) =>
  by.link({ block: block as FullBlock, raw: new Uint8Array(), headerHash: Foliage.hash(block.foliage) }, over);

const any = () => find((b) => b.rewardChainBlock.height === 100);
const plain = () => find((b) => b.transactionsInfo !== null && b.transactionsGenerator === null, 20);
const spending = () => find((b) => b.transactionsGenerator !== null);
const quiet = () => find((b) => !b.rewardChainBlock.isTransactionBlock && b.finishedSubSlots.length === 0, 20);
const atSignagePoint = () => find((b, r) => b.rewardChainBlock.signagePointIndex > 1 && !r.overflow, 20);
// An overflow block's challenge is older than its slot, so a change of the slot shows nowhere but in the slot.
const slotted = (more: (block: Block) => boolean = () => true) =>
  find((b, r) => b.finishedSubSlots.length === 1 && r.overflow && more(b), 20);
const slotOf = (block: Block) => present(block.finishedSubSlots[0]);
const bare = () => find((b) => b.finishedSubSlots.length === 1 && slotOf(b).infusedChallengeChain === null, 1);
const infused = () => slotted((b) => slotOf(b).infusedChallengeChain !== null);
const summarised = (epoch: boolean) =>
  find((b) => {
    const slot = b.finishedSubSlots[0]?.challengeChain;
    return slot !== undefined && slot.subepochSummaryHash !== null && (slot.newDifficulty !== null) === epoch;
  });
/** After a change of the last slot: whatever else commits to it. */
function followSlot(block: Block): void {
  const { challengeChain, rewardChain } = present(block.finishedSubSlots.at(-1));
  rewardChain.challengeChainSubSlotHash = ChallengeChainSubSlot.hash(challengeChain);
  if (!present(records[block.rewardChainBlock.height]).overflow) {
    block.rewardChainBlock.posSsCcChallengeHash = rewardChain.challengeChainSubSlotHash;
  }
}
function refsRoot(refs: readonly number[]): Uint8Array {
  return sha256(...refs.map((height) => Uint8Array.of(height >>> 24, height >>> 16, height >>> 8, height)));
}

interface Case {
  readonly error: ErrName;
  readonly what: string;
  readonly block: () => Block;
  readonly change: (block: Block) => void;
  readonly seal?: readonly Seal[];
}

const TRANSACTIONS = ["info", "foliage"] as const;
const cases: readonly Case[] = [
  {
    error: "INVALID_HEIGHT",
    what: "one height skipped",
    block: any,
    change: (b) => (b.rewardChainBlock.height += 1),
    seal: ["reward"],
  },
  {
    error: "INVALID_HEIGHT",
    what: "a genesis block of height 1",
    block: () => copyOf(0),
    change: (b) => (b.rewardChainBlock.height = 1),
    seal: ["reward"],
  },
  {
    error: "INVALID_WEIGHT",
    what: "a weight of one too many",
    block: any,
    change: (b) => (b.rewardChainBlock.weight += 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_WEIGHT",
    what: "a genesis block of more weight",
    block: () => copyOf(0),
    change: (b) => (b.rewardChainBlock.weight += 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_PREV_BLOCK_HASH",
    what: "an unknown parent",
    block: any,
    change: (b) => (b.foliage.prevBlockHash = flip(b.foliage.prevBlockHash)),
  },
  {
    error: "INVALID_REWARD_BLOCK_HASH",
    what: "another reward chain block",
    block: any,
    change: (b) => (b.foliage.rewardBlockHash = flip(b.foliage.rewardBlockHash)),
  },
  {
    error: "INVALID_REWARD_BLOCK_HASH",
    what: "another infusion output",
    block: any,
    change: (
      b,
    ) => (b.rewardChainBlock.rewardChainIpVdf.output.data = flip(b.rewardChainBlock.rewardChainIpVdf.output.data)),
  },
  {
    error: "INVALID_URSB_HASH",
    what: "another unfinished reward chain block",
    block: any,
    change: (
      b,
    ) => (b.foliage.foliageBlockData.unfinishedRewardBlockHash = flip(
      b.foliage.foliageBlockData.unfinishedRewardBlockHash,
    )),
  },
  {
    error: "INVALID_IS_TRANSACTION_BLOCK",
    what: "a transaction block that denies it",
    block: plain,
    change: (b) => (b.rewardChainBlock.isTransactionBlock = false),
    seal: ["reward"],
  },
  {
    error: "INVALID_IS_TRANSACTION_BLOCK",
    what: "a block that must be a transaction block and is none at all",
    block: plain,
    change: (b) => {
      b.rewardChainBlock.isTransactionBlock = false;
      b.foliage.foliageTransactionBlockHash = b.foliage.foliageTransactionBlockSignature = null;
      b.foliageTransactionBlock = b.transactionsInfo = null;
    },
    seal: ["reward"],
  },
  {
    error: "INVALID_FOLIAGE_BLOCK_PRESENCE",
    what: "no foliage transaction block",
    block: plain,
    change: (b) => (b.foliageTransactionBlock = null),
  },
  {
    error: "INVALID_FOLIAGE_BLOCK_PRESENCE",
    what: "no signature of it",
    block: plain,
    change: (b) => (b.foliage.foliageTransactionBlockSignature = null),
  },
  {
    error: "IS_TRANSACTION_BLOCK_BUT_NO_DATA",
    what: "no transactions info",
    block: plain,
    change: (b) => (b.transactionsInfo = null),
  },
  {
    error: "NOT_BLOCK_BUT_HAS_DATA",
    what: "transactions info in no transaction block",
    block: quiet,
    change: (b) => (b.transactionsInfo = plain().transactionsInfo),
  },
  {
    error: "NOT_BLOCK_BUT_HAS_DATA",
    what: "a generator in no transaction block",
    block: quiet,
    change: (b) => (b.transactionsGenerator = Uint8Array.of(0x80)),
  },
  {
    error: "NOT_BLOCK_BUT_HAS_DATA",
    what: "references in no transaction block",
    block: quiet,
    change: (b) => b.transactionsGeneratorRefList.push(1),
  },
  {
    error: "INVALID_FOLIAGE_BLOCK_HASH",
    what: "another foliage hash",
    block: plain,
    change: (b) => (b.foliage.foliageTransactionBlockHash = flip(present(b.foliage.foliageTransactionBlockHash))),
  },
  {
    error: "INVALID_FOLIAGE_BLOCK_HASH",
    what: "a later timestamp",
    block: plain,
    change: (b) => (present(b.foliageTransactionBlock).timestamp += 1n),
  },
  {
    error: "INVALID_TRANSACTIONS_INFO_HASH",
    what: "another aggregated signature",
    block: plain,
    change: (
      b,
    ) => (present(b.transactionsInfo).aggregatedSignature = flip(present(b.transactionsInfo).aggregatedSignature)),
  },
  {
    error: "INVALID_TRANSACTIONS_GENERATOR_HASH",
    what: "one bit of the generator",
    block: spending,
    change: (b) => (b.transactionsGenerator = flip(present(b.transactionsGenerator))),
  },
  {
    error: "INVALID_TRANSACTIONS_GENERATOR_HASH",
    what: "a missing generator",
    block: spending,
    change: (b) => (b.transactionsGenerator = null),
  },
  {
    error: "INVALID_TRANSACTIONS_GENERATOR_REFS_ROOT",
    what: "a reference that was not committed to",
    block: spending,
    change: (b) => b.transactionsGeneratorRefList.push(1),
  },
  {
    error: "INVALID_TRANSACTIONS_GENERATOR_REFS_ROOT",
    what: "references without a generator",
    block: plain,
    change: (b) => {
      b.transactionsGeneratorRefList = [1];
      present(b.transactionsInfo).generatorRefsRoot = refsRoot([1]);
    },
    seal: TRANSACTIONS,
  },
  {
    error: "FUTURE_GENERATOR_REFS",
    what: "a reference to the block's own height",
    block: spending,
    change: (b) => {
      b.transactionsGeneratorRefList = [1, b.rewardChainBlock.height];
      present(b.transactionsInfo).generatorRefsRoot = refsRoot(b.transactionsGeneratorRefList);
    },
    seal: TRANSACTIONS,
  },
  {
    error: "TOO_MANY_GENERATOR_REFS",
    what: "one reference more than may be",
    block: spending,
    change: (b) => {
      b.transactionsGeneratorRefList = new Array<number>(constants.MAX_GENERATOR_REF_LIST_SIZE + 1).fill(1);
      present(b.transactionsInfo).generatorRefsRoot = refsRoot(b.transactionsGeneratorRefList);
    },
    seal: TRANSACTIONS,
  },
  {
    error: "BLOCK_COST_EXCEEDS_MAX",
    what: "a cost of one too many",
    block: spending,
    change: (b) => (present(b.transactionsInfo).cost = constants.MAX_BLOCK_COST_CLVM + 1n),
    seal: TRANSACTIONS,
  },
  {
    error: "INVALID_BLOCK_COST",
    what: "cost without a generator",
    block: plain,
    change: (b) => (present(b.transactionsInfo).cost = 1n),
    seal: TRANSACTIONS,
  },
  {
    error: "INVALID_BLOCK_FEE_AMOUNT",
    what: "fees without a generator",
    block: plain,
    change: (b) => (present(b.transactionsInfo).fees = 1n),
    seal: TRANSACTIONS,
  },
  {
    error: "BAD_ADDITION_ROOT",
    what: "another additions root",
    block: plain,
    change: (
      b,
    ) => (present(b.foliageTransactionBlock).additionsRoot = flip(present(b.foliageTransactionBlock).additionsRoot)),
    seal: ["foliage"],
  },
  {
    error: "BAD_ADDITION_ROOT",
    what: "a reward of one mojo more",
    block: plain,
    change: (b) => (present(present(b.transactionsInfo).rewardClaimsIncorporated[0]).amount += 1n),
    seal: TRANSACTIONS,
  },
  {
    error: "BAD_REMOVAL_ROOT",
    what: "another removals root",
    block: plain,
    change: (
      b,
    ) => (present(b.foliageTransactionBlock).removalsRoot = flip(present(b.foliageTransactionBlock).removalsRoot)),
    seal: ["foliage"],
  },
  {
    error: "INVALID_TRANSACTIONS_FILTER_HASH",
    what: "another filter",
    block: plain,
    change: (
      b,
    ) => (present(b.foliageTransactionBlock).filterHash = flip(present(b.foliageTransactionBlock).filterHash)),
    seal: ["foliage"],
  },
  {
    error: "INVALID_PREV_BLOCK_HASH",
    what: "another previous transaction block",
    block: plain,
    change: (
      b,
    ) => (present(b.foliageTransactionBlock).prevTransactionBlockHash = flip(
      present(b.foliageTransactionBlock).prevTransactionBlockHash,
    )),
    seal: ["foliage"],
  },
  {
    error: "TIMESTAMP_TOO_FAR_IN_PAST",
    what: "the previous transaction block's own second",
    block: plain,
    change: (b) => {
      const previous = records[present(records[b.rewardChainBlock.height]).prevTransactionBlockHeight];
      present(b.foliageTransactionBlock).timestamp = present(previous?.timestamp);
    },
    seal: ["foliage"],
  },
  {
    error: "INVALID_CC_CHALLENGE",
    what: "another challenge of the proof of space",
    block: any,
    change: (b) => (b.rewardChainBlock.posSsCcChallengeHash = flip(b.rewardChainBlock.posSsCcChallengeHash)),
    seal: ["reward"],
  },
  {
    error: "INVALID_SP_INDEX",
    what: "a signage point that does not exist",
    block: any,
    change: (b) => (b.rewardChainBlock.signagePointIndex = constants.NUM_SPS_SUB_SLOT),
    seal: ["reward"],
  },
  {
    error: "INVALID_SP_INDEX",
    what: "no proof of the signage point",
    block: atSignagePoint,
    change: (b) => (b.challengeChainSpProof = null),
  },
  {
    error: "INVALID_SP_INDEX",
    what: "signage point VDFs at the start of a slot",
    block: atSignagePoint,
    change: (b) => (b.rewardChainBlock.signagePointIndex = 0),
    seal: ["reward"],
  },
  {
    error: "INVALID_CC_SP_VDF",
    what: "the signage point before",
    block: atSignagePoint,
    change: (b) => (b.rewardChainBlock.signagePointIndex -= 1),
    seal: ["reward"],
  },
  {
    error: "INVALID_CC_SP_VDF",
    what: "other iterations to the signage point",
    block: atSignagePoint,
    change: (b) => (present(b.rewardChainBlock.challengeChainSpVdf).numberOfIterations += 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_TOTAL_ITERS",
    what: "fewer iterations than the parent",
    block: quiet,
    change: (b) => (b.rewardChainBlock.totalIters = parentOf(b).totalIters - 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_TOTAL_ITERS",
    what: "a whole sub-slot too many",
    block: quiet,
    change: (b) => (b.rewardChainBlock.totalIters += parentOf(b).subSlotIters),
    seal: ["reward"],
  },
  {
    error: "INVALID_RC_IP_VDF",
    what: "another challenge of the reward chain",
    block: quiet,
    change: (
      b,
    ) => (b.rewardChainBlock.rewardChainIpVdf.challenge = flip(b.rewardChainBlock.rewardChainIpVdf.challenge)),
    seal: ["reward"],
  },
  {
    error: "INVALID_RC_IP_VDF",
    what: "other iterations of the reward chain",
    block: quiet,
    change: (b) => (b.rewardChainBlock.rewardChainIpVdf.numberOfIterations += 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_CC_IP_VDF",
    what: "another challenge of the challenge chain",
    block: quiet,
    change: (
      b,
    ) => (b.rewardChainBlock.challengeChainIpVdf.challenge = flip(b.rewardChainBlock.challengeChainIpVdf.challenge)),
    seal: ["reward"],
  },
  {
    error: "INVALID_CC_IP_VDF",
    what: "other iterations of the challenge chain",
    block: quiet,
    change: (b) => (b.rewardChainBlock.challengeChainIpVdf.numberOfIterations += 1n),
    seal: ["reward"],
  },
  {
    error: "INVALID_ICC_VDF",
    what: "an infused chain without its proof",
    block: () => find((b) => b.infusedChallengeChainIpProof !== null),
    change: (b) => (b.infusedChallengeChainIpProof = null),
  },
  {
    error: "INVALID_ICC_VDF",
    what: "a proof where there is no infused chain",
    block: () => find((b) => b.infusedChallengeChainIpProof === null),
    change: (b) => (b.infusedChallengeChainIpProof = b.challengeChainIpProof),
  },
  // Finished sub-slots.
  {
    error: "INVALID_PREV_CHALLENGE_SLOT_HASH",
    what: "a slot after another challenge",
    block: slotted,
    change: (
      b,
    ) => (slotOf(b).challengeChain.challengeChainEndOfSlotVdf.challenge = flip(
      slotOf(b).challengeChain.challengeChainEndOfSlotVdf.challenge,
    )),
    seal: ["slots"],
  },
  {
    error: "INVALID_CHALLENGE_SLOT_HASH_RC",
    what: "a slot whose reward chain commits to another",
    block: slotted,
    change: (
      b,
    ) => (slotOf(b).challengeChain.challengeChainEndOfSlotVdf.output.data = flip(
      slotOf(b).challengeChain.challengeChainEndOfSlotVdf.output.data,
    )),
  },
  {
    error: "INVALID_CC_EOS_VDF",
    what: "a slot of other length",
    block: slotted,
    change: (b) => (slotOf(b).challengeChain.challengeChainEndOfSlotVdf.numberOfIterations += 1n),
    seal: ["slots"],
  },
  {
    error: "INVALID_RC_EOS_VDF",
    what: "a reward chain slot of other length",
    block: slotted,
    change: (b) => (slotOf(b).rewardChain.endOfSlotVdf.numberOfIterations += 1n),
  },
  {
    error: "INVALID_RC_EOS_VDF",
    what: "a reward chain slot after another block",
    block: slotted,
    change: (b) => (slotOf(b).rewardChain.endOfSlotVdf.challenge = flip(slotOf(b).rewardChain.endOfSlotVdf.challenge)),
  },
  {
    error: "SHOULD_HAVE_ICC",
    what: "a slot whose infused chain is missing",
    block: infused,
    change: (b) => (slotOf(b).infusedChallengeChain = null),
  },
  {
    error: "SHOULD_NOT_HAVE_ICC",
    what: "an infused chain before there is a challenge block",
    block: () => find((b) => b.finishedSubSlots.some((slot) => slot.infusedChallengeChain === null)),
    change: (b) => {
      const bare = present(b.finishedSubSlots.find((slot) => slot.infusedChallengeChain === null));
      bare.infusedChallengeChain = slotOf(infused()).infusedChallengeChain;
    },
  },
  {
    error: "INVALID_ICC_EOS_VDF",
    what: "an infused chain of other length",
    block: infused,
    change: (
      b,
    ) => (present(slotOf(b).infusedChallengeChain).infusedChallengeChainEndOfSlotVdf.numberOfIterations += 1n),
  },
  {
    error: "INVALID_ICC_EOS_VDF",
    what: "an infused chain after another challenge",
    block: infused,
    change: (
      b,
    ) => (present(slotOf(b).infusedChallengeChain).infusedChallengeChainEndOfSlotVdf.challenge = flip(
      present(slotOf(b).infusedChallengeChain).infusedChallengeChainEndOfSlotVdf.challenge,
    )),
  },
  {
    error: "INVALID_ICC_HASH_RC",
    what: "a reward chain that commits to another infused chain",
    block: infused,
    change: (
      b,
    ) => (slotOf(b).rewardChain.infusedChallengeChainSubSlotHash = flip(
      present(slotOf(b).rewardChain.infusedChallengeChainSubSlotHash),
    )),
  },
  {
    error: "INVALID_ICC_HASH_CC",
    what: "a challenge chain that commits to another infused chain",
    block: () => slotted((b) => slotOf(b).challengeChain.infusedChallengeChainSubSlotHash !== null),
    change: (
      b,
    ) => (slotOf(b).challengeChain.infusedChallengeChainSubSlotHash = flip(
      present(slotOf(b).challengeChain.infusedChallengeChainSubSlotHash),
    )),
    seal: ["slots"],
  },
  {
    error: "INVALID_ICC_HASH_CC",
    what: "a challenge chain that commits to an unfinished infused chain",
    block: () =>
      slotted((b) =>
        slotOf(b).infusedChallengeChain !== null && slotOf(b).challengeChain.infusedChallengeChainSubSlotHash === null
      ),
    change: (
      b,
    ) => (slotOf(b).challengeChain.infusedChallengeChainSubSlotHash = InfusedChallengeChainSubSlot.hash(
      present(slotOf(b).infusedChallengeChain),
    )),
    seal: ["slots"],
  },
  {
    error: "INVALID_ICC_HASH_CC",
    what: "a challenge chain that commits to an infused chain that is not there",
    block: bare,
    change: (b) => (slotOf(b).challengeChain.infusedChallengeChainSubSlotHash = new Uint8Array(32), followSlot(b)),
    seal: ["reward"],
  },
  {
    error: "INVALID_ICC_HASH_RC",
    what: "a reward chain that commits to an infused chain that is not there",
    block: bare,
    change: (b) => (slotOf(b).rewardChain.infusedChallengeChainSubSlotHash = new Uint8Array(32)),
  },
  {
    error: "INVALID_DEFICIT",
    what: "a slot that hands on another deficit",
    block: () =>
      slotted((b) =>
        slotOf(b).rewardChain.deficit < constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK && slotOf(b).rewardChain.deficit > 0
      ),
    change: (b) => (slotOf(b).rewardChain.deficit -= 1),
  },
  {
    error: "INVALID_SUB_EPOCH_SUMMARY",
    what: "another summary",
    block: () => summarised(false),
    change: (
      b,
    ) => (slotOf(b).challengeChain.subepochSummaryHash = flip(present(slotOf(b).challengeChain.subepochSummaryHash)),
      followSlot(b)),
    seal: ["reward"],
  },
  {
    error: "INVALID_SUB_EPOCH_SUMMARY",
    what: "no summary where the sub-epoch ends",
    block: () => summarised(false),
    change: (b) => (slotOf(b).challengeChain.subepochSummaryHash = null, followSlot(b)),
    seal: ["reward"],
  },
  {
    error: "INVALID_SUB_EPOCH_SUMMARY_HASH",
    what: "a summary where no sub-epoch ends",
    block: slotted,
    change: (b) => (slotOf(b).challengeChain.subepochSummaryHash = new Uint8Array(32)),
    seal: ["slots"],
  },
  {
    error: "INVALID_SUB_EPOCH_SUMMARY_HASH",
    what: "a summary in the second slot",
    block: () => find((b) => b.finishedSubSlots.length === 2),
    change: (
      b,
    ) => (present(b.finishedSubSlots[1]).challengeChain.subepochSummaryHash = new Uint8Array(32), followSlot(b)),
    seal: ["reward"],
  },
  {
    error: "INVALID_NEW_DIFFICULTY",
    what: "another difficulty for the new epoch",
    block: () => summarised(true),
    change: (
      b,
    ) => (slotOf(b).challengeChain.newDifficulty = present(slotOf(b).challengeChain.newDifficulty) + 1n, followSlot(b)),
    seal: ["slots", "reward"],
  },
  {
    error: "INVALID_NEW_DIFFICULTY",
    what: "a difficulty where no epoch ends",
    block: slotted,
    change: (b) => (slotOf(b).challengeChain.newDifficulty = 1n),
    seal: ["slots"],
  },
  {
    error: "INVALID_NEW_SUB_SLOT_ITERS",
    what: "other sub-slot iterations for the new epoch",
    block: () => summarised(true),
    change: (
      b,
    ) => (slotOf(b).challengeChain.newSubSlotIters = present(slotOf(b).challengeChain.newSubSlotIters) + 16n,
      followSlot(b)),
    seal: ["slots", "reward"],
  },
  {
    error: "NO_OVERFLOWS_IN_FIRST_SUB_SLOT_NEW_EPOCH",
    what: "an overflow block that begins an epoch",
    block: () =>
      find((b) =>
        b.finishedSubSlots[0]?.challengeChain.newDifficulty !== undefined &&
        b.finishedSubSlots[0]?.challengeChain.newDifficulty !== null &&
        b.rewardChainBlock.challengeChainSpVdf !== null && b.finishedSubSlots.length === 1
      ),
    change: (b) => {
      const reward = b.rewardChainBlock;
      reward.signagePointIndex = constants.NUM_SPS_SUB_SLOT - 1;
      reward.posSsCcChallengeHash = slotOf(b).challengeChain.challengeChainEndOfSlotVdf.challenge;
      const iterations = present(slotOf(b).challengeChain.newSubSlotIters);
      present(reward.challengeChainSpVdf).numberOfIterations = (iterations / 16n) * 15n;
    },
    seal: ["reward"],
  },
];

describe("LinkageValidator.link() refuses", () => {
  for (const { error, what, block: make, change, seal: parts = [] } of cases) {
    test(`${error}: ${what}`, () => {
      const block = make();
      const before = judge(block);
      assert.ok(before.ok, `unchanged: ${before.ok ? "" : before.detail}`);
      change(block);
      seal(block, parts);
      const verdict = judge(block);
      assert.equal(verdict.ok ? "accepted" : verdict.error, error, verdict.ok ? "" : verdict.detail);
    });
  }

  test("TOO_MANY_BLOCKS: more blocks in a sub-slot than it holds", () => {
    const third = find((b, r) =>
      r.finishedChallengeSlotHashes === null && b.finishedSubSlots.length === 0 &&
      [1, 2].every((back) => (records[r.height - back]?.finishedChallengeSlotHashes ?? null) === null), 5);
    const narrow = new LinkageValidator({ ...constants, MAX_SUB_SLOT_BLOCKS: 2 });
    const verdict = judge(third, narrow);
    assert.equal(verdict.ok ? "accepted" : verdict.error, "TOO_MANY_BLOCKS");
  });

  test("INVALID_WEIGHT: and says which weight was expected", () => {
    const block = any();
    const { weight } = block.rewardChainBlock;
    block.rewardChainBlock.weight += 3n;
    seal(block, ["reward"]);
    const verdict = judge(block);
    assert.equal(verdict.ok ? "" : verdict.detail, `weight ${weight + 3n}, expected ${weight}`);
  });

  test("INVALID_NEW_DIFFICULTY: what follows an epoch that lasted no time", () => {
    const still = (record: BlockRecord | undefined) => record?.timestamp ? { ...record, timestamp: 5n } : record;
    const over: AncestorView = {
      record: (hash) => still(view.record(hash)),
      ancestorAt: (descendant, height) => still(view.ancestorAt(descendant, height)),
    };
    const verdict = judge(summarised(true), validator, over);
    assert.deepEqual(verdict.ok ? "" : [verdict.error, verdict.detail], [
      "INVALID_NEW_DIFFICULTY",
      "an epoch without duration",
    ]);
  });

  test("nothing for an ancestor that is not at hand: that is no fault of the block", () => {
    const block = any();
    const sparse = new RecordWindow(10);
    sparse.setMain(99, [parentOf(block)]);
    assert.throws(() => judge(block, validator, sparse), MissingAncestor);
  });

  test("each error that the rules name is tried here", () => {
    const named = ["body", "linkage", "slots"].flatMap((file) => {
      const source = readFileSync(new URL(`../../../lib/chia/chain/${file}.ts`, import.meta.url), "utf8");
      return [...source.matchAll(/refuse\(\s*"([A-Z_]+)"/g)].map((match) => match[1]);
    });
    const tried = new Set<string | undefined>(["TOO_MANY_BLOCKS", ...cases.map(({ error }) => error)]);
    assert.ok(named.length > 40);
    assert.deepEqual(named.filter((name) => !tried.has(name)), []);
  });
});

test("LinkageValidator.link() takes as many references and as much cost as may be", () => {
  const block = spending();
  const info = present(block.transactionsInfo);
  const refs = new Array<number>(constants.MAX_GENERATOR_REF_LIST_SIZE).fill(block.rewardChainBlock.height - 1);
  block.transactionsGeneratorRefList = refs;
  info.generatorRefsRoot = refsRoot(refs);
  info.cost = constants.MAX_BLOCK_COST_CLVM;
  seal(block, TRANSACTIONS);
  const verdict = judge(block);
  assert.ok(verdict.ok, verdict.ok ? "" : verdict.detail);
});
