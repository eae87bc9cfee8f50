/**
 * Block records and blocks for store tests: right in shape, made up in content.
 *
 * @module
 */
import type { StoredBlock } from "../../lib/chia/store.ts";
import type { BlockRecord, SubEpochSummary } from "../../lib/chia/types/mod.ts";
import type { Validation } from "../../lib/core/validation.ts";
import type { NewEvent } from "../../lib/storage/events.ts";

/** 32 bytes that differ by branch and height. */
export function hashOf(branch: number, height: number): Uint8Array {
  const hash = new Uint8Array(32).fill(branch);
  new DataView(hash.buffer).setUint32(28, height);
  return hash;
}

/** A summary that differs by `mark`. */
export function summaryOf(mark: number): SubEpochSummary {
  return {
    prevSubepochSummaryHash: hashOf(200, mark),
    rewardChainHash: hashOf(201, mark),
    numBlocksOverflow: mark,
    newDifficulty: 2n ** 63n + BigInt(mark),
    newSubSlotIters: null,
    challengeMerkleRoot: null,
  };
}

/** The record of the block of `branch` at `height`, its parent on `parentBranch`. */
export function recordOf(branch: number, height: number, more: Partial<BlockRecord> & { parentBranch?: number } = {}) {
  const { parentBranch = branch, ...fields } = more;
  const record: BlockRecord = {
    headerHash: hashOf(branch, height),
    prevHash: height === 0 ? new Uint8Array(32) : hashOf(parentBranch, height - 1),
    height,
    weight: 2n ** 100n + BigInt(height) * 10n,
    totalIters: 2n ** 80n + BigInt(height),
    signagePointIndex: 3,
    challengeVdfOutput: { data: new Uint8Array(100).fill(8) },
    infusedChallengeVdfOutput: null,
    rewardInfusionNewChallenge: hashOf(9, height),
    challengeBlockInfoHash: hashOf(10, height),
    subSlotIters: 2n ** 60n,
    poolPuzzleHash: hashOf(11, 0),
    farmerPuzzleHash: hashOf(12, 0),
    requiredIters: 77n,
    deficit: 4,
    overflow: false,
    prevTransactionBlockHeight: Math.max(0, height - 1),
    timestamp: height % 2 === 0 ? 1_750_000_000n + BigInt(height) : null,
    prevTransactionBlockHash: null,
    fees: null,
    rewardClaimsIncorporated: null,
    finishedChallengeSlotHashes: null,
    finishedInfusedChallengeSlotHashes: null,
    finishedRewardSlotHashes: null,
    subEpochSummaryIncluded: null,
    ...fields,
  };
  return record;
}

/** A block as the store takes it; `raw` is told by branch, height and size. */
export function blockOf(
  branch: number,
  height: number,
  more: Partial<BlockRecord> & { parentBranch?: number; size?: number; validation?: Validation } = {},
): StoredBlock {
  const { size = 100, validation = "linkage", ...fields } = more;
  const raw = new Uint8Array(size).fill(height & 0xff);
  raw[0] = branch;
  return { record: recordOf(branch, height, fields), raw, validation };
}

/** `from … to − 1` of a branch. */
export function branchOf(branch: number, from: number, to: number, parentBranch = branch): StoredBlock[] {
  return Array.from(
    { length: to - from },
    (_, index) => blockOf(branch, from + index, index === 0 ? { parentBranch } : {}),
  );
}

/** An event with a bigint, a nested list and text in it. */
export function eventOf(topic: string, height: number): NewEvent {
  return {
    topic,
    time: 1_763_721_064_120 + height,
    chain: "chia",
    network: "simulator0",
    data: {
      height,
      weight: 2n ** 100n,
      hashes: ["0xab", "0xcd"],
      reorg: false,
      note: null,
      nested: { big: 2n ** 60n },
    },
  };
}
