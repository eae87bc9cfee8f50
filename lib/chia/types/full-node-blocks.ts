/**
 * Full nodes exchange blocks, unfinished blocks and weight proofs.
 *
 * @module
 */
import { bool, bytes32, type Infer, list, option, struct, u32 } from "../streamable/mod.ts";
import { FullBlock, UnfinishedBlock } from "./block.ts";
import { WeightProof } from "./weight-proof.ts";

/**
 * Asks for the weight proof of the chain that ends in `tip`.
 * Wire (Streamable): 36 bytes.
 */
export const RequestProofOfWeight = struct("RequestProofOfWeight", {
  totalNumberOfBlocks: u32,
  tip: bytes32,
});
/** The value of the struct of this name. */
export type RequestProofOfWeight = Infer<typeof RequestProofOfWeight>;

/** The weight proof that was asked for. */
export const RespondProofOfWeight = struct("RespondProofOfWeight", {
  wp: WeightProof,
  tip: bytes32,
});
/** The value of the struct of this name. */
export type RespondProofOfWeight = Infer<typeof RespondProofOfWeight>;

/**
 * Asks for the block at a height of the peer's chain.
 * Wire (Streamable): 5 bytes.
 */
export const RequestBlock = struct("RequestBlock", {
  height: u32,
  includeTransactionBlock: bool,
});
/** The value of the struct of this name. */
export type RequestBlock = Infer<typeof RequestBlock>;

/** The block that was asked for. */
export const RespondBlock = struct("RespondBlock", {
  block: FullBlock,
});
/** The value of the struct of this name. */
export type RespondBlock = Infer<typeof RespondBlock>;

/**
 * The peer does not have the block.
 * Wire (Streamable): 4 bytes.
 */
export const RejectBlock = struct("RejectBlock", {
  height: u32,
});
/** The value of the struct of this name. */
export type RejectBlock = Infer<typeof RejectBlock>;

/**
 * Asks for the blocks from `startHeight` to `endHeight`, both included; at most 32.
 * Wire (Streamable): 9 bytes.
 */
export const RequestBlocks = struct("RequestBlocks", {
  startHeight: u32,
  endHeight: u32,
  includeTransactionBlock: bool,
});
/** The value of the struct of this name. */
export type RequestBlocks = Infer<typeof RequestBlocks>;

/** The blocks that were asked for. */
export const RespondBlocks = struct("RespondBlocks", {
  startHeight: u32,
  endHeight: u32,
  blocks: list(FullBlock),
});
/** The value of the struct of this name. */
export type RespondBlocks = Infer<typeof RespondBlocks>;

/**
 * The peer does not have all of the blocks.
 * Wire (Streamable): 8 bytes.
 */
export const RejectBlocks = struct("RejectBlocks", {
  startHeight: u32,
  endHeight: u32,
});
/** The value of the struct of this name. */
export type RejectBlocks = Infer<typeof RejectBlocks>;

/**
 * Asks for an unfinished block by its reward block's hash.
 * Wire (Streamable): 32 bytes.
 */
export const RequestUnfinishedBlock = struct("RequestUnfinishedBlock", {
  unfinishedRewardHash: bytes32,
});
/** The value of the struct of this name. */
export type RequestUnfinishedBlock = Infer<typeof RequestUnfinishedBlock>;

/** Asks for an unfinished block by its reward block's and foliage's hashes. */
export const RequestUnfinishedBlock2 = struct("RequestUnfinishedBlock2", {
  unfinishedRewardHash: bytes32,
  foliageHash: option(bytes32),
});
/** The value of the struct of this name. */
export type RequestUnfinishedBlock2 = Infer<typeof RequestUnfinishedBlock2>;

/** The unfinished block that was asked for. */
export const RespondUnfinishedBlock = struct("RespondUnfinishedBlock", {
  unfinishedBlock: UnfinishedBlock,
});
/** The value of the struct of this name. */
export type RespondUnfinishedBlock = Infer<typeof RespondUnfinishedBlock>;
