/**
 * The one place where block validation plugs in.
 *
 * A block is judged when it arrives, in any order, as soon as its header has a place in the tree. What checks scripts and
 * amounts needs the outputs of the blocks before it: that is a second step, to be taken where `BitcoinChain` moves its
 * tip, with the parent as the end of the active chain; its level then takes the place of `structure`.
 *
 * @module
 */
import type { Validation } from "../../core/validation.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { Block } from "../types/block.ts";
import { checkBlock, checkBlockInContext } from "./block-checks.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { Refusal } from "../headers/verdict.ts";

/** The outcome of judging one block. `mutated` of a refusal says nothing about the hash: another body may fit it. */
export type BlockVerdict = { readonly ok: true } | Refusal;

/** What is known of a block's place when it is judged. */
export interface BlockView {
  readonly network: BitcoinNetwork;
  /** The block's own height. */
  readonly height: number;
  /** Median time past of the parent, in seconds since 1970. Computed when asked for. */
  readonly parentMedianTimePast: number;
}

/** Judges blocks. A block carries its raw bytes (`block.raw`). */
export interface BlockValidator {
  /** How far this validator checks; RPC says so. */
  readonly level: Validation;
  /** Every rule that needs no earlier output. */
  check(block: Block, view: BlockView): BlockVerdict;
}

/** The view of the header at `row`, which is not genesis. */
export function blockView(chain: HeaderChain, row: number): BlockView {
  return {
    network: chain.network,
    height: chain.height(row),
    get parentMedianTimePast() {
      return chain.medianTimePast(chain.parent(row));
    },
  };
}

/** Checks all that needs no earlier output, and no more: amounts, scripts and double spends stay unchecked. */
export const structureValidator: BlockValidator = {
  level: "structure",
  check: (block, view) => checkBlock(block, view.network) ?? checkBlockInContext(block, view) ?? { ok: true },
};
