/**
 * Full nodes among each other: tips, blocks, unfinished blocks and weight proofs.
 *
 * @module
 */
import {
  NewPeak,
  NewUnfinishedBlock,
  NewUnfinishedBlock2,
  RejectBlock,
  RejectBlocks,
  RequestBlock,
  RequestBlocks,
  RequestProofOfWeight,
  RequestUnfinishedBlock,
  RequestUnfinishedBlock2,
  RespondBlock,
  RespondBlocks,
  RespondProofOfWeight,
  RespondUnfinishedBlock,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, message, MiB, unlimited } from "./message.ts";

/** The sender's chain has a new tip. */
export const newPeak = message({
  id: 20,
  name: "new_peak",
  body: NewPeak,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(200, 512) },
});

/** Asks for the weight proof of the chain that ends in `tip`. */
export const requestProofOfWeight = message({
  id: 24,
  name: "request_proof_of_weight",
  body: RequestProofOfWeight,
  sentBy: [NodeType.FULL_NODE, NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondProofOfWeight],
  limits: { v1: aggregated(5, 100), v3Window: 2 },
});

/** The weight proof that was asked for. */
export const respondProofOfWeight = message({
  id: 25,
  name: "respond_proof_of_weight",
  body: RespondProofOfWeight,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE, NodeType.WALLET],
  limits: { v1: aggregated(5, 50 * MiB, 100 * MiB), v3Window: null },
});

/** Asks for the block at a height of the peer's chain. */
export const requestBlock = message({
  id: 26,
  name: "request_block",
  body: RequestBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondBlock, rejectBlock],
  limits: { v1: aggregated(200, 100), v3Window: 2 },
});

/** The block that was asked for. */
export const respondBlock = message({
  id: 27,
  name: "respond_block",
  body: RespondBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: unlimited(2 * MiB), v3Window: null },
});

/** The peer does not have the block. */
export const rejectBlock = message({
  id: 28,
  name: "reject_block",
  body: RejectBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: unlimited(100), v3Window: null },
});

/** Asks for the blocks from `startHeight` to `endHeight`, both included; at most 32. */
export const requestBlocks = message({
  id: 29,
  name: "request_blocks",
  body: RequestBlocks,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondBlocks, rejectBlocks],
  limits: { v1: aggregated(500, 100), v3Window: 2 },
});

/** The blocks that were asked for. */
export const respondBlocks = message({
  id: 30,
  name: "respond_blocks",
  body: RespondBlocks,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE, NodeType.WALLET],
  limits: { v1: unlimited(50 * MiB), v3Window: null },
});

/** The peer does not have all of the blocks. */
export const rejectBlocks = message({
  id: 31,
  name: "reject_blocks",
  body: RejectBlocks,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: unlimited(100), v3Window: null },
});

/** The sender has a new unfinished block. */
export const newUnfinishedBlock = message({
  id: 32,
  name: "new_unfinished_block",
  body: NewUnfinishedBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(200, 100) },
});

/** Asks for an unfinished block by its reward block's hash. */
export const requestUnfinishedBlock = message({
  id: 33,
  name: "request_unfinished_block",
  body: RequestUnfinishedBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondUnfinishedBlock],
  limits: { v1: aggregated(200, 100) },
});

/** The unfinished block that was asked for. */
export const respondUnfinishedBlock = message({
  id: 34,
  name: "respond_unfinished_block",
  body: RespondUnfinishedBlock,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(200, 2 * MiB, 20 * MiB) },
});

/** The sender has a new unfinished block; tells blocks with the same proof of space apart. */
export const newUnfinishedBlock2 = message({
  id: 92,
  name: "new_unfinished_block2",
  body: NewUnfinishedBlock2,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(200, 100) },
});

/** Asks for an unfinished block by its reward block's and foliage's hashes. */
export const requestUnfinishedBlock2 = message({
  id: 93,
  name: "request_unfinished_block2",
  body: RequestUnfinishedBlock2,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondUnfinishedBlock],
  limits: { v1: aggregated(200, 100) },
});
