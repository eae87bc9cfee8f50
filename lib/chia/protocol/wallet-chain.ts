/**
 * Wallets and full nodes: headers and what changed in a block.
 *
 * @module
 */
import {
  NewPeakWallet,
  RejectAdditionsRequest,
  RejectBlockHeaders,
  RejectHeaderBlocks,
  RejectHeaderRequest,
  RejectRemovalsRequest,
  RequestAdditions,
  RequestBlockHeader,
  RequestBlockHeaders,
  RequestHeaderBlocks,
  RequestRemovals,
  RequestSESInfo,
  RespondAdditions,
  RespondBlockHeader,
  RespondBlockHeaders,
  RespondHeaderBlocks,
  RespondRemovals,
  RespondSESInfo,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message, MiB, separate } from "./message.ts";

/** The full node has a new tip. */
export const newPeakWallet = message({
  id: 50,
  name: "new_peak_wallet",
  body: NewPeakWallet,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(200, 300) },
});

/** Asks for one header. */
export const requestBlockHeader = message({
  id: 51,
  name: "request_block_header",
  body: RequestBlockHeader,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondBlockHeader, rejectHeaderRequest],
  limits: { v1: aggregated(500, 100), v2: separate(500, 100), v3Window: 2 },
});

/** The header that was asked for. */
export const respondBlockHeader = message({
  id: 52,
  name: "respond_block_header",
  body: RespondBlockHeader,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 500 * KiB), v2: separate(500, 500 * KiB), v3Window: null },
});

/** The full node does not have the header. */
export const rejectHeaderRequest = message({
  id: 53,
  name: "reject_header_request",
  body: RejectHeaderRequest,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 100), v2: separate(500, 100), v3Window: null },
});

/** Asks which coins a block spent, all or some. */
export const requestRemovals = message({
  id: 54,
  name: "request_removals",
  body: RequestRemovals,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondRemovals, rejectRemovalsRequest],
  limits: { v1: aggregated(500, 50 * KiB, 10 * MiB), v2: separate(5000, 50 * KiB, 10 * MiB), v3Window: 2 },
});

/** Coins by name (null: not spent there); with names asked for, proofs. */
export const respondRemovals = message({
  id: 55,
  name: "respond_removals",
  body: RespondRemovals,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 1 * MiB, 10 * MiB), v2: separate(5000, 1 * MiB, 10 * MiB), v3Window: null },
});

/** The full node does not have the block. */
export const rejectRemovalsRequest = message({
  id: 56,
  name: "reject_removals_request",
  body: RejectRemovalsRequest,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 100), v2: separate(500, 100), v3Window: null },
});

/** Asks which coins a block made, all or those of some puzzle hashes. */
export const requestAdditions = message({
  id: 57,
  name: "request_additions",
  body: RequestAdditions,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondAdditions, rejectAdditionsRequest],
  limits: { v1: aggregated(500, 1 * MiB, 10 * MiB), v2: separate(50_000, 100 * MiB), v3Window: 2 },
});

/** Coins by puzzle hash; with puzzle hashes asked for, proofs of presence or absence. */
export const respondAdditions = message({
  id: 58,
  name: "respond_additions",
  body: RespondAdditions,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 1 * MiB, 10 * MiB), v2: separate(50_000, 100 * MiB), v3Window: null },
});

/** The full node does not have the block. */
export const rejectAdditionsRequest = message({
  id: 59,
  name: "reject_additions_request",
  body: RejectAdditionsRequest,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 100), v2: separate(500, 100), v3Window: null },
});

/** Asks for headers with filters; the form before `RequestBlockHeaders`. */
export const requestHeaderBlocks = message({
  id: 60,
  name: "request_header_blocks",
  body: RequestHeaderBlocks,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondHeaderBlocks, rejectHeaderBlocks, rejectBlockHeaders],
  limits: { v1: aggregated(500, 100), v2: aggregated(5000, 100), v3Window: 2 },
});

/** The full node does not have all of the headers. */
export const rejectHeaderBlocks = message({
  id: 61,
  name: "reject_header_blocks",
  body: RejectHeaderBlocks,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(100, 100), v2: separate(1000, 100), v3Window: null },
});

/** The headers that were asked for. */
export const respondHeaderBlocks = message({
  id: 62,
  name: "respond_header_blocks",
  body: RespondHeaderBlocks,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(500, 2 * MiB, 100 * MiB), v2: separate(5000, 2 * MiB), v3Window: null },
});

/** Asks for sub-epoch summaries between two heights. */
export const requestSesHashes = message({
  id: 76,
  name: "request_ses_hashes",
  body: RequestSESInfo,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondSesHashes],
  limits: { v1: aggregated(2000, 1 * MiB), v2: separate(2000, 1 * MiB) },
});

/** Reward chain hashes of the summaries and the heights of each. */
export const respondSesHashes = message({
  id: 77,
  name: "respond_ses_hashes",
  body: RespondSESInfo,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(2000, 1 * MiB), v2: separate(2000, 1 * MiB) },
});

/**
 * Asks for the headers from `startHeight` to `endHeight`, both included; the filter is left empty without
 * `returnFilter`.
 */
export const requestBlockHeaders = message({
  id: 86,
  name: "request_block_headers",
  body: RequestBlockHeaders,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondBlockHeaders, rejectBlockHeaders, rejectHeaderBlocks],
  limits: { v1: separate(5000, 100), v3Window: 2 },
});

/** The full node does not have all of the headers. */
export const rejectBlockHeaders = message({
  id: 87,
  name: "reject_block_headers",
  body: RejectBlockHeaders,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: separate(1000, 100), v3Window: null },
});

/** The headers that were asked for. */
export const respondBlockHeaders = message({
  id: 88,
  name: "respond_block_headers",
  body: RespondBlockHeaders,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: separate(5000, 2 * MiB), v3Window: null },
});
