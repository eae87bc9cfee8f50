/**
 * The one place where block validation plugs in, in two steps.
 *
 * The first judges a block when it arrives, in any order, as soon as its header has a place in the tree: synchronous,
 * without coins. The second connects it to the chain that ends with its parent: it may take time, run on other threads,
 * read coins from disk, and refuse a block that was accepted long before.
 *
 * @module
 */
import type { Validation } from "../../core/validation.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { BitcoinNetwork } from "../networks/network.ts";
import type { Block } from "../types/block.ts";
import { type AssumeValid, isAssumedValid } from "./assume-valid.ts";
import { checkBlock, checkBlockInContext } from "./block-checks.ts";
import type { CoinChanges, CoinView } from "./coins.ts";

/** The outcome of the first step. `mutated` of a refusal says nothing about the hash: another body may fit it. */
export type BlockVerdict = { readonly ok: true } | Refusal;

/** The outcome of the second step. */
export type ConnectVerdict = Passed | Refusal;

/** A block that may be connected, if its scripts are good. */
export interface Passed {
  readonly ok: true;
  /** What the block does to the coins, when the validator needs coins. */
  readonly changes?: CoinChanges;
  /** Why its scripts are refused, where they are still being verified; undefined if they are not. Rejects as `connect` does. */
  readonly scripts?: Promise<Refusal | undefined>;
}

/** What is known of a block's place when it is judged. */
export interface BlockView {
  readonly network: BitcoinNetwork;
  /** The block's own height. */
  readonly height: number;
  /** Median time past of the parent, in seconds since 1970. Computed when asked for. */
  readonly parentMedianTimePast: number;
}

/** The blocks before a block, by height. */
export interface Ancestry {
  /** The hash of the ancestor at a height below the block's own, in wire order. */
  hash(height: number): Uint8Array;
  /** The median time past of the ancestor at a height, in seconds since 1970. */
  medianTimePast(height: number): number;
}

/** A block that is to be connected. */
export interface ConnectingBlock {
  readonly view: BlockView;
  readonly ancestry: Ancestry;
  /** Its hash in wire order. Copied when asked for. */
  readonly hash: Uint8Array;
  /** Whether its scripts need not be verified. Found out when asked for. */
  readonly hasAssumedScripts: boolean;
  /** Whether nobody has mined it yet: a signet's block is not signed then. */
  readonly isUnsolved?: boolean;
  /**
   * The block, from our own disk unless it has just arrived: a validator that needs none of it costs no reading.
   * @throws NodeError `BLOCK_PRUNED`, `DATABASE_DAMAGED`
   */
  load(): Promise<Block>;
}

/**
 * The block of a header of the tree, which is not genesis.
 * @param assumeValid whose scripts need not be verified; nobody's when undefined
 */
export function connectingBlock(
  headers: HeaderChain,
  row: number,
  load: () => Promise<Block>,
  assumeValid: AssumeValid | undefined,
): ConnectingBlock {
  return {
    view: blockView(headers, row),
    ancestry: ancestryOf(headers, row),
    load,
    get hash() {
      return headers.hash(row);
    },
    get hasAssumedScripts() {
      return assumeValid !== undefined && isAssumedValid(headers, row, assumeValid);
    },
  };
}

/** What a validator has done. */
export interface ValidatorCounts {
  /** Inputs whose scripts were verified, or are being verified. */
  readonly verifiedInputs: number;
  /** Inputs that were found to be verified before. */
  readonly cachedInputs: number;
}

/** Judges blocks. A block carries its raw bytes (`block.raw`). */
export interface BlockValidator {
  /** How far both steps together check; RPC says so. */
  readonly level: Validation;
  /** What it has done since the start; only of one that verifies scripts. */
  readonly counts?: ValidatorCounts;
  /** Whether the second step reads coins and tells how they change: they are kept for it then. */
  readonly needsCoins: boolean;
  /** Every rule that needs no earlier output. */
  check(block: Block, view: BlockView): BlockVerdict;
  /**
   * The rules that need earlier outputs, for a block that passed {@link check}, with the coins as they are after its
   * parent. A verdict that is no promise is acted upon at once. Rejects when it cannot say, such as for a disk that fails
   * or a worker that died: it is asked again then. What it answers after `signal` has aborted counts for nothing.
   */
  connect(
    block: ConnectingBlock,
    coins: CoinView,
    signal: AbortSignal,
  ): ConnectVerdict | Promise<ConnectVerdict>;
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

/** The ancestors of the header at `row`. */
export function ancestryOf(chain: HeaderChain, row: number): Ancestry {
  return {
    hash: (height) => chain.hash(chain.ancestor(row, height)),
    medianTimePast: (height) => chain.medianTimePast(chain.ancestor(row, height)),
  };
}

const PASSED = { ok: true } as const;

/** Checks all that needs no earlier output, and no more: amounts, scripts and double spends stay unchecked. */
export const structureValidator: BlockValidator = {
  level: "structure",
  needsCoins: false,
  check: (block, view) => checkBlock(block, view.network) ?? checkBlockInContext(block, view) ?? PASSED,
  connect: () => PASSED,
};
