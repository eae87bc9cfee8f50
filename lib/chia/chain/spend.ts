/**
 * Spending a branch: block after block, each against the coins that the ones before it leave.
 *
 * @module
 */
import { unlessAborted } from "../../core/work/abortable.ts";
import { type CoinChanges, CoinOverlay, type CoinView, NO_CHANGES } from "../coin-set.ts";
import type { BlockRecord } from "../types/mod.ts";
import type { FirstRefusal } from "./prove.ts";
import type { BlockValidator, Frame } from "./validator.ts";
import type { Refusal } from "./verdict.ts";

/** What became of a branch. */
export interface BranchSpends {
  /** Of each block up to the first that was refused. */
  readonly changes: readonly CoinChanges[];
  readonly refused?: FirstRefusal;
}

/** How a branch is spent. */
export interface SpendOptions {
  readonly validator: BlockValidator;
  /** The coins below the branch. */
  readonly coins: CoinView;
  /**
   * The block of a record, or why it is none any more: one that was stored long ago is linked and proven again. Undefined
   * for one that needs no spending.
   */
  readonly frameOf: (record: BlockRecord) => Frame | undefined | Promise<Frame | Refusal>;
  readonly signal: AbortSignal;
}

/** Spends the blocks of a branch, rising. Rejects with the signal's reason when that aborts. */
export async function spendBranch(
  branch: readonly BlockRecord[],
  { validator, coins, frameOf, signal }: SpendOptions,
): Promise<BranchSpends> {
  const overlay = new CoinOverlay(coins);
  const changes: CoinChanges[] = [];
  for (const [at, record] of branch.entries()) {
    const frame = await frameOf(record);
    if (frame === undefined) {
      changes.push(NO_CHANGES);
      continue;
    }
    if ("ok" in frame) return { changes, refused: { at, refusal: frame } };
    const verdict = await unlessAborted(validator.spend(frame, overlay, signal), signal);
    if (!verdict.ok) return { changes, refused: { at, refusal: verdict } };
    overlay.apply(record.height, verdict.coins);
    changes.push(verdict.coins);
  }
  return { changes };
}
