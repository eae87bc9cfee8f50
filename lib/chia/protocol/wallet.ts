/**
 * Wallets and full nodes: transactions, fees and the mempool.
 *
 * @module
 */
import {
  MempoolItemsAdded,
  MempoolItemsRemoved,
  RejectPuzzleSolution,
  RequestCostInfo,
  RequestFeeEstimates,
  RequestPuzzleSolution,
  RespondCostInfo,
  RespondFeeEstimates,
  RespondPuzzleSolution,
  SendTransaction,
  TransactionAck,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message, MiB, separate } from "./message.ts";

/** Asks for puzzle and solution of a coin spent at `height`. */
export const requestPuzzleSolution = message({
  id: 45,
  name: "request_puzzle_solution",
  body: RequestPuzzleSolution,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondPuzzleSolution, rejectPuzzleSolution],
  limits: { v1: aggregated(1000, 100), v2: separate(5000, 100), v3Window: 2 },
});

/** The puzzle and solution that were asked for. */
export const respondPuzzleSolution = message({
  id: 46,
  name: "respond_puzzle_solution",
  body: RespondPuzzleSolution,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(1000, 1 * MiB), v2: separate(5000, 1 * MiB), v3Window: null },
});

/** The coin was not spent there. */
export const rejectPuzzleSolution = message({
  id: 47,
  name: "reject_puzzle_solution",
  body: RejectPuzzleSolution,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(1000, 100), v2: separate(5000, 100), v3Window: null },
});

/** A transaction for the mempool. */
export const sendTransaction = message({
  id: 48,
  name: "send_transaction",
  body: SendTransaction,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [transactionAck],
  limits: { v1: separate(5000, 1 * MiB) },
});

/** What became of it: `status` is a `MempoolInclusionStatus`. */
export const transactionAck = message({
  id: 49,
  name: "transaction_ack",
  body: TransactionAck,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: separate(5000, 2 * KiB) },
});

/** Asks for fee estimates for some times (unix seconds). */
export const requestFeeEstimates = message({
  id: 89,
  name: "request_fee_estimates",
  body: RequestFeeEstimates,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(10, 100) },
});

/** The estimates that were asked for. */
export const respondFeeEstimates = message({
  id: 90,
  name: "respond_fee_estimates",
  body: RespondFeeEstimates,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(10, 100) },
});

/** Transactions of interest that entered the mempool. */
export const mempoolItemsAdded = message({
  id: 104,
  name: "mempool_items_added",
  body: MempoolItemsAdded,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  broadcast: true,
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Transactions of interest that left the mempool. */
export const mempoolItemsRemoved = message({
  id: 105,
  name: "mempool_items_removed",
  body: MempoolItemsRemoved,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  broadcast: true,
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Asks for the costs that the mempool and blocks can hold. */
export const requestCostInfo = message({
  id: 106,
  name: "request_cost_info",
  body: RequestCostInfo,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondCostInfo],
  limits: { v1: aggregated(1000, 100) },
});

/** Limits and state of the mempool: costs in CLVM cost, `mempoolFee` in mojos. */
export const respondCostInfo = message({
  id: 107,
  name: "respond_cost_info",
  body: RespondCostInfo,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(1000, 1 * KiB) },
});
