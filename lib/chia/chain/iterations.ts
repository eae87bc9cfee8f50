/**
 * Where signage points and infusion points lie within a sub-slot.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/pot_iterations.py`
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import type { BlockRecord } from "../types/mod.ts";

/** Whether a block at this signage point is infused in the sub-slot after it. `index` must be below NUM_SPS_SUB_SLOT. */
export function isOverflow(constants: ChiaConstants, signagePointIndex: number): boolean {
  return signagePointIndex >= constants.NUM_SPS_SUB_SLOT - constants.NUM_SP_INTERVALS_EXTRA;
}

/** Iterations between two signage points. */
export function spIntervalIters(constants: ChiaConstants, subSlotIters: bigint): bigint {
  return subSlotIters / BigInt(constants.NUM_SPS_SUB_SLOT);
}

/** Iterations from the start of the sub-slot to a signage point. */
export function spIters(constants: ChiaConstants, subSlotIters: bigint, signagePointIndex: number): bigint {
  return spIntervalIters(constants, subSlotIters) * BigInt(signagePointIndex);
}

/**
 * Iterations from the start of the sub-slot in which a block is infused to its infusion.
 * `requiredIters` must be above 0 and below one signage point interval.
 */
export function ipIters(
  constants: ChiaConstants,
  subSlotIters: bigint,
  signagePointIndex: number,
  requiredIters: bigint,
): bigint {
  const interval = spIntervalIters(constants, subSlotIters);
  const sp = interval * BigInt(signagePointIndex);
  return (sp + BigInt(constants.NUM_SP_INTERVALS_EXTRA) * interval + requiredIters) % subSlotIters;
}

/**
 * Solves {@link ipIters} for the required iterations. Without the proof of space this is what `total_iters` claims they
 * are; undefined when no proof of space could have given that infusion point.
 */
export function requiredItersOf(
  constants: ChiaConstants,
  subSlotIters: bigint,
  signagePointIndex: number,
  infusionIters: bigint,
): bigint | undefined {
  if (infusionIters < 0n || infusionIters >= subSlotIters) return undefined;
  const interval = spIntervalIters(constants, subSlotIters);
  const earliest = interval * BigInt(signagePointIndex + constants.NUM_SP_INTERVALS_EXTRA);
  const required = (((infusionIters - earliest) % subSlotIters) + subSlotIters) % subSlotIters;
  return required > 0n && required < interval ? required : undefined;
}

/** {@link ipIters} of a block that is already in the chain. */
export function ipItersOf(constants: ChiaConstants, record: BlockRecord): bigint {
  return ipIters(constants, record.subSlotIters, record.signagePointIndex, record.requiredIters);
}

/** Total iterations of the chain at the signage point of a block, which for an overflow block is one sub-slot back. */
export function spTotalIters(constants: ChiaConstants, record: BlockRecord): bigint {
  const slotStart = record.totalIters - ipItersOf(constants, record);
  const sp = spIters(constants, record.subSlotIters, record.signagePointIndex);
  return slotStart + sp - (record.overflow ? record.subSlotIters : 0n);
}
