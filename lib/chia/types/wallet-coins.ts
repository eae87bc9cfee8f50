/**
 * Wallets subscribe to coins and puzzle hashes.
 *
 * @module
 */
import { bool, bytes32, type Infer, list, option, struct, u32, u8 } from "../streamable/mod.ts";
import { CoinState, CoinStateFilters } from "./coin.ts";

/** Subscribes to puzzle hashes and asks for their coins. */
export const RegisterForPhUpdates = struct("RegisterForPhUpdates", {
  puzzleHashes: list(bytes32),
  minHeight: u32,
});
/** The value of the struct of this name. */
export type RegisterForPhUpdates = Infer<typeof RegisterForPhUpdates>;

/** The coins of the puzzle hashes so far. */
export const RespondToPhUpdates = struct("RespondToPhUpdates", {
  puzzleHashes: list(bytes32),
  minHeight: u32,
  coinStates: list(CoinState),
});
/** The value of the struct of this name. */
export type RespondToPhUpdates = Infer<typeof RespondToPhUpdates>;

/** Subscribes to coins by id. */
export const RegisterForCoinUpdates = struct("RegisterForCoinUpdates", {
  coinIds: list(bytes32),
  minHeight: u32,
});
/** The value of the struct of this name. */
export type RegisterForCoinUpdates = Infer<typeof RegisterForCoinUpdates>;

/** The states of the coins so far. */
export const RespondToCoinUpdates = struct("RespondToCoinUpdates", {
  coinIds: list(bytes32),
  minHeight: u32,
  coinStates: list(CoinState),
});
/** The value of the struct of this name. */
export type RespondToCoinUpdates = Infer<typeof RespondToCoinUpdates>;

/** Coins of interest changed in a new block. */
export const CoinStateUpdate = struct("CoinStateUpdate", {
  height: u32,
  forkHeight: u32,
  peakHash: bytes32,
  items: list(CoinState),
});
/** The value of the struct of this name. */
export type CoinStateUpdate = Infer<typeof CoinStateUpdate>;

/**
 * Asks for the coins that a coin's spend made.
 * Wire (Streamable): 32 bytes.
 */
export const RequestChildren = struct("RequestChildren", {
  coinName: bytes32,
});
/** The value of the struct of this name. */
export type RequestChildren = Infer<typeof RequestChildren>;

/** The coins that were asked for. */
export const RespondChildren = struct("RespondChildren", {
  coinStates: list(CoinState),
});
/** The value of the struct of this name. */
export type RespondChildren = Infer<typeof RespondChildren>;

/** Asks for coins of puzzle hashes from a known block on, in batches. */
export const RequestPuzzleState = struct("RequestPuzzleState", {
  puzzleHashes: list(bytes32),
  previousHeight: option(u32),
  headerHash: bytes32,
  filters: CoinStateFilters,
  subscribeWhenFinished: bool,
});
/** The value of the struct of this name. */
export type RequestPuzzleState = Infer<typeof RequestPuzzleState>;

/** One batch; the next begins at `height` unless `isFinished`. */
export const RespondPuzzleState = struct("RespondPuzzleState", {
  puzzleHashes: list(bytes32),
  height: u32,
  headerHash: bytes32,
  isFinished: bool,
  coinStates: list(CoinState),
});
/** The value of the struct of this name. */
export type RespondPuzzleState = Infer<typeof RespondPuzzleState>;

/**
 * Refuses; `reason` is a `RejectStateReason`.
 * Wire (Streamable): 1 byte.
 */
export const RejectPuzzleState = struct("RejectPuzzleState", {
  reason: u8,
});
/** The value of the struct of this name. */
export type RejectPuzzleState = Infer<typeof RejectPuzzleState>;

/** Asks for the states of coins from a known block on. */
export const RequestCoinState = struct("RequestCoinState", {
  coinIds: list(bytes32),
  previousHeight: option(u32),
  headerHash: bytes32,
  subscribe: bool,
});
/** The value of the struct of this name. */
export type RequestCoinState = Infer<typeof RequestCoinState>;

/** The states that were asked for. */
export const RespondCoinState = struct("RespondCoinState", {
  coinIds: list(bytes32),
  coinStates: list(CoinState),
});
/** The value of the struct of this name. */
export type RespondCoinState = Infer<typeof RespondCoinState>;

/**
 * Refuses; `reason` is a `RejectStateReason`.
 * Wire (Streamable): 1 byte.
 */
export const RejectCoinState = struct("RejectCoinState", {
  reason: u8,
});
/** The value of the struct of this name. */
export type RejectCoinState = Infer<typeof RejectCoinState>;

/** Ends subscriptions to puzzle hashes, all of them with null. */
export const RequestRemovePuzzleSubscriptions = struct("RequestRemovePuzzleSubscriptions", {
  puzzleHashes: option(list(bytes32)),
});
/** The value of the struct of this name. */
export type RequestRemovePuzzleSubscriptions = Infer<typeof RequestRemovePuzzleSubscriptions>;

/** The subscriptions that were ended. */
export const RespondRemovePuzzleSubscriptions = struct("RespondRemovePuzzleSubscriptions", {
  puzzleHashes: list(bytes32),
});
/** The value of the struct of this name. */
export type RespondRemovePuzzleSubscriptions = Infer<typeof RespondRemovePuzzleSubscriptions>;

/** Ends subscriptions to coins, all of them with null. */
export const RequestRemoveCoinSubscriptions = struct("RequestRemoveCoinSubscriptions", {
  coinIds: option(list(bytes32)),
});
/** The value of the struct of this name. */
export type RequestRemoveCoinSubscriptions = Infer<typeof RequestRemoveCoinSubscriptions>;

/** The subscriptions that were ended. */
export const RespondRemoveCoinSubscriptions = struct("RespondRemoveCoinSubscriptions", {
  coinIds: list(bytes32),
});
/** The value of the struct of this name. */
export type RespondRemoveCoinSubscriptions = Infer<typeof RespondRemoveCoinSubscriptions>;
