/**
 * Wallets ask for headers, what changed in a block, and fees.
 *
 * @module
 */
import {
  bool,
  bytes,
  bytes32,
  type Infer,
  list,
  option,
  struct,
  tuple,
  u128,
  u32,
  u64,
  u8,
} from "../streamable/mod.ts";
import { Coin } from "./coin.ts";
import { FeeEstimateGroup } from "./fee.ts";
import { HeaderBlock } from "./header.ts";

/**
 * The full node has a new tip.
 * Wire (Streamable): 56 bytes.
 */
export const NewPeakWallet = struct("NewPeakWallet", {
  headerHash: bytes32,
  height: u32,
  weight: u128,
  forkPointWithPreviousPeak: u32,
});
/** The value of the struct of this name. */
export type NewPeakWallet = Infer<typeof NewPeakWallet>;

/**
 * Asks for one header.
 * Wire (Streamable): 4 bytes.
 */
export const RequestBlockHeader = struct("RequestBlockHeader", {
  height: u32,
});
/** The value of the struct of this name. */
export type RequestBlockHeader = Infer<typeof RequestBlockHeader>;

/** The header that was asked for. */
export const RespondBlockHeader = struct("RespondBlockHeader", {
  headerBlock: HeaderBlock,
});
/** The value of the struct of this name. */
export type RespondBlockHeader = Infer<typeof RespondBlockHeader>;

/**
 * The full node does not have the header.
 * Wire (Streamable): 4 bytes.
 */
export const RejectHeaderRequest = struct("RejectHeaderRequest", {
  height: u32,
});
/** The value of the struct of this name. */
export type RejectHeaderRequest = Infer<typeof RejectHeaderRequest>;

/**
 * Asks for the headers from `startHeight` to `endHeight`, both included; the filter is left empty without
 * `returnFilter`.
 * Wire (Streamable): 9 bytes.
 */
export const RequestBlockHeaders = struct("RequestBlockHeaders", {
  startHeight: u32,
  endHeight: u32,
  returnFilter: bool,
});
/** The value of the struct of this name. */
export type RequestBlockHeaders = Infer<typeof RequestBlockHeaders>;

/** The headers that were asked for. */
export const RespondBlockHeaders = struct("RespondBlockHeaders", {
  startHeight: u32,
  endHeight: u32,
  headerBlocks: list(HeaderBlock),
});
/** The value of the struct of this name. */
export type RespondBlockHeaders = Infer<typeof RespondBlockHeaders>;

/**
 * The full node does not have all of the headers.
 * Wire (Streamable): 8 bytes.
 */
export const RejectBlockHeaders = struct("RejectBlockHeaders", {
  startHeight: u32,
  endHeight: u32,
});
/** The value of the struct of this name. */
export type RejectBlockHeaders = Infer<typeof RejectBlockHeaders>;

/**
 * Asks for headers with filters; the form before {@link RequestBlockHeaders}.
 * Wire (Streamable): 8 bytes.
 */
export const RequestHeaderBlocks = struct("RequestHeaderBlocks", {
  startHeight: u32,
  endHeight: u32,
});
/** The value of the struct of this name. */
export type RequestHeaderBlocks = Infer<typeof RequestHeaderBlocks>;

/** The headers that were asked for. */
export const RespondHeaderBlocks = struct("RespondHeaderBlocks", {
  startHeight: u32,
  endHeight: u32,
  headerBlocks: list(HeaderBlock),
});
/** The value of the struct of this name. */
export type RespondHeaderBlocks = Infer<typeof RespondHeaderBlocks>;

/**
 * The full node does not have all of the headers.
 * Wire (Streamable): 8 bytes.
 */
export const RejectHeaderBlocks = struct("RejectHeaderBlocks", {
  startHeight: u32,
  endHeight: u32,
});
/** The value of the struct of this name. */
export type RejectHeaderBlocks = Infer<typeof RejectHeaderBlocks>;

/** Asks which coins a block made, all or those of some puzzle hashes. */
export const RequestAdditions = struct("RequestAdditions", {
  height: u32,
  headerHash: option(bytes32),
  puzzleHashes: option(list(bytes32)),
});
/** The value of the struct of this name. */
export type RequestAdditions = Infer<typeof RequestAdditions>;

/** Coins by puzzle hash; with puzzle hashes asked for, proofs of presence or absence. */
export const RespondAdditions = struct("RespondAdditions", {
  height: u32,
  headerHash: bytes32,
  coins: list(tuple(bytes32, list(Coin))),
  proofs: option(list(tuple(bytes32, bytes, option(bytes)))),
});
/** The value of the struct of this name. */
export type RespondAdditions = Infer<typeof RespondAdditions>;

/**
 * The full node does not have the block.
 * Wire (Streamable): 36 bytes.
 */
export const RejectAdditionsRequest = struct("RejectAdditionsRequest", {
  height: u32,
  headerHash: bytes32,
});
/** The value of the struct of this name. */
export type RejectAdditionsRequest = Infer<typeof RejectAdditionsRequest>;

/** Asks which coins a block spent, all or some. */
export const RequestRemovals = struct("RequestRemovals", {
  height: u32,
  headerHash: bytes32,
  coinNames: option(list(bytes32)),
});
/** The value of the struct of this name. */
export type RequestRemovals = Infer<typeof RequestRemovals>;

/** Coins by name (null: not spent there); with names asked for, proofs. */
export const RespondRemovals = struct("RespondRemovals", {
  height: u32,
  headerHash: bytes32,
  coins: list(tuple(bytes32, option(Coin))),
  proofs: option(list(tuple(bytes32, bytes))),
});
/** The value of the struct of this name. */
export type RespondRemovals = Infer<typeof RespondRemovals>;

/**
 * The full node does not have the block.
 * Wire (Streamable): 36 bytes.
 */
export const RejectRemovalsRequest = struct("RejectRemovalsRequest", {
  height: u32,
  headerHash: bytes32,
});
/** The value of the struct of this name. */
export type RejectRemovalsRequest = Infer<typeof RejectRemovalsRequest>;

/**
 * Asks for sub-epoch summaries between two heights.
 * Wire (Streamable): 8 bytes.
 */
export const RequestSESInfo = struct("RequestSESInfo", {
  startHeight: u32,
  endHeight: u32,
});
/** The value of the struct of this name. */
export type RequestSESInfo = Infer<typeof RequestSESInfo>;

/** Reward chain hashes of the summaries and the heights of each. */
export const RespondSESInfo = struct("RespondSESInfo", {
  rewardChainHash: list(bytes32),
  heights: list(list(u32)),
});
/** The value of the struct of this name. */
export type RespondSESInfo = Infer<typeof RespondSESInfo>;

/** Asks for fee estimates for some times (unix seconds). */
export const RequestFeeEstimates = struct("RequestFeeEstimates", {
  timeTargets: list(u64),
});
/** The value of the struct of this name. */
export type RequestFeeEstimates = Infer<typeof RequestFeeEstimates>;

/** The estimates that were asked for. */
export const RespondFeeEstimates = struct("RespondFeeEstimates", {
  estimates: FeeEstimateGroup,
});
/** The value of the struct of this name. */
export type RespondFeeEstimates = Infer<typeof RespondFeeEstimates>;

/**
 * Asks for the costs that the mempool and blocks can hold.
 * Wire (Streamable): 0 bytes.
 */
export const RequestCostInfo = struct("RequestCostInfo", {});
/** The value of the struct of this name. */
export type RequestCostInfo = Infer<typeof RequestCostInfo>;

/**
 * Limits and state of the mempool: costs in CLVM cost, `mempoolFee` in mojos.
 * Wire (Streamable): 41 bytes.
 */
export const RespondCostInfo = struct("RespondCostInfo", {
  maxTransactionCost: u64,
  maxBlockCost: u64,
  maxMempoolCost: u64,
  mempoolCost: u64,
  mempoolFee: u64,
  bumpFeePerCost: u8,
});
/** The value of the struct of this name. */
export type RespondCostInfo = Infer<typeof RespondCostInfo>;
