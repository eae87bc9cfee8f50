/**
 * The deficit: how many more blocks the challenge chain needs before a sub-slot may end with an infusion.
 *
 * @see chia-blockchain 2.7.5 `chia/consensus/deficit.py`
 * @module
 */
import type { ChiaConstants } from "../networks/network.ts";
import type { BlockRecord } from "../types/mod.ts";

/**
 * Deficit of the block after `previous` (undefined for genesis).
 *
 * @param overflow whether the block is an overflow block
 * @param finishedSubSlots how many sub-slots ended between the infusions of `previous` and of the block
 */
export function deficitAfter(
  constants: ChiaConstants,
  previous: BlockRecord | undefined,
  overflow: boolean,
  finishedSubSlots: number,
): number {
  const most = constants.MIN_BLOCKS_PER_CHALLENGE_BLOCK;
  if (previous === undefined) return most - 1;
  if (previous.deficit === most) {
    // The parent was an overflow block that could not yet count down; so it is for us if we share its sub-slot.
    return overflow && finishedSubSlots === 0 ? most : most - 1;
  }
  if (previous.deficit > 0) return previous.deficit - 1;
  if (finishedSubSlots === 0) return 0;
  return finishedSubSlots === 1 && overflow ? most : most - 1;
}
