/**
 * Sub-epochs and epochs: when they end, and which difficulty and sub-slot iterations follow.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/difficulty_adjustment.py`
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import type { BlockRecord } from "../types/mod.ts";
import { spTotalIters } from "./iterations.ts";
import { type AncestorView, isTransactionBlock, MissingAncestor, parentOf } from "./view.ts";

/** What holds for a block: difficulty and sub-slot iterations. */
export interface Pace {
  readonly difficulty: bigint;
  readonly subSlotIters: bigint;
}

/** Keeps the `bits` most significant bits of a number. */
export function truncateToSignificantBits(value: bigint, bits: number): bigint {
  const excess = value.toString(2).length - bits;
  return excess <= 0 ? value : (value >> BigInt(excess)) << BigInt(excess);
}

/** Whether the first block of an epoch may have this height (the sub-epoch that it lies in begins an epoch). */
export function canBeFirstInEpoch(constants: ChiaConstants, height: number): boolean {
  return (height - (height % constants.SUB_EPOCH_BLOCKS)) % constants.EPOCH_BLOCKS === 0;
}

/**
 * Whether the sub-slot that ends after `block` may end a sub-epoch, and an epoch.
 *
 * @param includedSummary whether `block` itself included a sub-epoch summary
 */
export function canFinish(
  constants: ChiaConstants,
  view: AncestorView,
  block: BlockRecord,
  includedSummary: boolean,
): { readonly subEpoch: boolean; readonly epoch: boolean } {
  const no = { subEpoch: false, epoch: false };
  const { height } = block;
  if (height < constants.SUB_EPOCH_BLOCKS - 1 || block.deficit > 0 || includedSummary) return no;
  // At height + 1 ≡ 0 a summary can come for the first time; at ≡ 1 only the block itself could have had it.
  if ((height + 1) % constants.SUB_EPOCH_BLOCKS > 1) {
    let current = parentOf(view, block);
    while (current.height % constants.SUB_EPOCH_BLOCKS > 0) {
      if (current.subEpochSummaryIncluded !== null) return no;
      current = parentOf(view, current);
    }
    if (current.subEpochSummaryIncluded !== null) return no;
  }
  return { subEpoch: true, epoch: canBeFirstInEpoch(constants, height + 1) };
}

/**
 * The second to last transaction block of the epoch before the one that `last` is in. The genesis block stands in for it
 * in the first epoch.
 */
function secondToLastTransactionBlockOfPreviousEpoch(
  constants: ChiaConstants,
  view: AncestorView,
  last: BlockRecord,
): BlockRecord {
  // Surely in the next epoch, even when `last` is not the last block of this one.
  const inNextEpoch = last.height + 2 * constants.MAX_SUB_SLOT_BLOCKS + constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK + 5;
  const surpass = inNextEpoch - (inNextEpoch % constants.EPOCH_BLOCKS);
  const previousSurpass = surpass - constants.EPOCH_BLOCKS;
  const at = (height: number): BlockRecord => {
    const found = view.ancestorAt(last, height);
    if (found === undefined) throw new MissingAncestor(`no ancestor at height ${height} below ${last.height}`);
    return found;
  };
  if (previousSurpass === 0) return at(0);
  // The epoch ends with the sub-slot in which its height is passed: the first summary from there on begins the next.
  let current = at(previousSurpass - 1);
  let next = at(previousSurpass);
  while (next.subEpochSummaryIncluded === null) {
    current = next;
    next = at(next.height + 1);
  }
  let found = isTransactionBlock(current) ? 1 : 0;
  while (found < 2) {
    current = parentOf(view, current);
    if (isTransactionBlock(current)) found += 1;
  }
  return current;
}

/** The measured stretch of an epoch: from the block before it to the last one before a signage point. */
function epochSpan(constants: ChiaConstants, view: AncestorView, previous: BlockRecord, spTotal: bigint) {
  const from = secondToLastTransactionBlockOfPreviousEpoch(constants, view, previous);
  let to = previous;
  while (to.totalIters > spTotal || !isTransactionBlock(to)) to = parentOf(view, to);
  return { from, to, seconds: (to.timestamp ?? 0n) - (from.timestamp ?? 0n) };
}

/** The larger change is cut to DIFFICULTY_CHANGE_MAX_FACTOR either way, then to SIGNIFICANT_BITS. */
function clamp(constants: ChiaConstants, precise: bigint, old: bigint, least: bigint): bigint {
  const factor = BigInt(constants.DIFFICULTY_CHANGE_MAX_FACTOR);
  let value = precise;
  if (value >= old) value = value < factor * old ? value : factor * old;
  else for (const floor of [least, old / factor]) if (value < floor) value = floor;
  return truncateToSignificantBits(value, constants.SIGNIFICANT_BITS);
}

/** Difficulty that `parent` had: its weight above its own parent's. */
export function difficultyOf(view: AncestorView, record: BlockRecord): bigint {
  return record.height === 0 ? record.weight : record.weight - parentOf(view, record).weight;
}

/**
 * Difficulty and sub-slot iterations of the block after `previous` (undefined before genesis).
 *
 * @param newSubSlot whether that block is the first of a sub-slot
 * @throws MissingAncestor when the view does not reach back to the previous epoch
 */
export function nextPace(
  constants: ChiaConstants,
  view: AncestorView,
  previous: BlockRecord | undefined,
  newSubSlot: boolean,
): Pace {
  if (previous === undefined) {
    return { difficulty: constants.DIFFICULTY_STARTING, subSlotIters: constants.SUB_SLOT_ITERS_STARTING };
  }
  const kept: Pace = { difficulty: difficultyOf(view, previous), subSlotIters: previous.subSlotIters };
  if (previous.subEpochSummaryIncluded !== null) return kept;

  const nextHeight = previous.height + 1;
  const ends = newSubSlot && canFinish(constants, view, previous, false).epoch;
  // Two different borders of the first epoch: the reference keeps the starting difficulty for fewer blocks than the
  // starting sub-slot iterations.
  const firstEpochDifficulty = nextHeight < constants.EPOCH_BLOCKS - 3 * constants.MAX_SUB_SLOT_BLOCKS;
  const firstEpochIters = nextHeight < constants.EPOCH_BLOCKS;
  if (!ends) {
    return {
      difficulty: firstEpochDifficulty ? constants.DIFFICULTY_STARTING : kept.difficulty,
      subSlotIters: firstEpochIters ? constants.SUB_SLOT_ITERS_STARTING : kept.subSlotIters,
    };
  }
  // The walk starts at the parent of `previous`, as in the reference: `previous` is the last block of its epoch, and
  // the second to last transaction block is wanted.
  const start = parentOf(view, previous);
  const { from, to, seconds } = epochSpan(constants, view, start, spTotalIters(constants, previous));
  const slotTime = BigInt(constants.SUB_SLOT_TIME_TARGET);
  const spCount = BigInt(constants.NUM_SPS_SUB_SLOT);
  const precise = ((to.weight - from.weight) * slotTime) / (BigInt(constants.SLOT_BLOCKS_TARGET) * seconds);
  const iters = clamp(constants, (slotTime * (to.totalIters - from.totalIters)) / seconds, to.subSlotIters, spCount);
  return {
    difficulty: firstEpochDifficulty
      ? constants.DIFFICULTY_STARTING
      : clamp(constants, precise, difficultyOf(view, start), 1n),
    subSlotIters: firstEpochIters ? constants.SUB_SLOT_ITERS_STARTING : iters - (iters % spCount),
  };
}
