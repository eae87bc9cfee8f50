/**
 * Wallets send transactions and ask how coins were spent.
 *
 * @module
 */
import { bytes32, type Infer, list, option, Program, str, struct, u32, u8 } from "../streamable/mod.ts";
import { SpendBundle } from "./coin.ts";

/** A transaction for the mempool. */
export const SendTransaction = struct("SendTransaction", {
  transaction: SpendBundle,
});
/** The value of the struct of this name. */
export type SendTransaction = Infer<typeof SendTransaction>;

/** What became of it: `status` is a `MempoolInclusionStatus`. */
export const TransactionAck = struct("TransactionAck", {
  txid: bytes32,
  status: u8,
  error: option(str),
});
/** The value of the struct of this name. */
export type TransactionAck = Infer<typeof TransactionAck>;

/**
 * Asks for puzzle and solution of a coin spent at `height`.
 * Wire (Streamable): 36 bytes.
 */
export const RequestPuzzleSolution = struct("RequestPuzzleSolution", {
  coinName: bytes32,
  height: u32,
});
/** The value of the struct of this name. */
export type RequestPuzzleSolution = Infer<typeof RequestPuzzleSolution>;

/** A coin's puzzle and solution. */
export const PuzzleSolutionResponse = struct("PuzzleSolutionResponse", {
  coinName: bytes32,
  height: u32,
  puzzle: Program,
  solution: Program,
});
/** The value of the struct of this name. */
export type PuzzleSolutionResponse = Infer<typeof PuzzleSolutionResponse>;

/** The puzzle and solution that were asked for. */
export const RespondPuzzleSolution = struct("RespondPuzzleSolution", {
  response: PuzzleSolutionResponse,
});
/** The value of the struct of this name. */
export type RespondPuzzleSolution = Infer<typeof RespondPuzzleSolution>;

/**
 * The coin was not spent there.
 * Wire (Streamable): 36 bytes.
 */
export const RejectPuzzleSolution = struct("RejectPuzzleSolution", {
  coinName: bytes32,
  height: u32,
});
/** The value of the struct of this name. */
export type RejectPuzzleSolution = Infer<typeof RejectPuzzleSolution>;

/**
 * A transaction that left the mempool; `reason` is a `MempoolRemoveReason`.
 * Wire (Streamable): 33 bytes.
 */
export const RemovedMempoolItem = struct("RemovedMempoolItem", {
  transactionId: bytes32,
  reason: u8,
});
/** The value of the struct of this name. */
export type RemovedMempoolItem = Infer<typeof RemovedMempoolItem>;

/** Transactions of interest that entered the mempool. */
export const MempoolItemsAdded = struct("MempoolItemsAdded", {
  transactionIds: list(bytes32),
});
/** The value of the struct of this name. */
export type MempoolItemsAdded = Infer<typeof MempoolItemsAdded>;

/** Transactions of interest that left the mempool. */
export const MempoolItemsRemoved = struct("MempoolItemsRemoved", {
  removedItems: list(RemovedMempoolItem),
});
/** The value of the struct of this name. */
export type MempoolItemsRemoved = Infer<typeof MempoolItemsRemoved>;
