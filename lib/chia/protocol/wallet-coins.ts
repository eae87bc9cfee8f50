/**
 * Wallets and full nodes: states of coins, and subscriptions to them.
 *
 * @module
 */
import {
  CoinStateUpdate,
  RegisterForCoinUpdates,
  RegisterForPhUpdates,
  RejectCoinState,
  RejectPuzzleState,
  RequestChildren,
  RequestCoinState,
  RequestPuzzleState,
  RequestRemoveCoinSubscriptions,
  RequestRemovePuzzleSubscriptions,
  RespondChildren,
  RespondCoinState,
  RespondPuzzleState,
  RespondRemoveCoinSubscriptions,
  RespondRemovePuzzleSubscriptions,
  RespondToCoinUpdates,
  RespondToPhUpdates,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, message, MiB, separate } from "./message.ts";

/** Coins of interest changed in a new block. */
export const coinStateUpdate = message({
  id: 69,
  name: "coin_state_update",
  body: CoinStateUpdate,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  broadcast: true,
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Subscribes to puzzle hashes and asks for their coins. */
export const registerForPhUpdates = message({
  id: 70,
  name: "register_for_ph_updates",
  body: RegisterForPhUpdates,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondToPhUpdates],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: 2 },
});

/** The coins of the puzzle hashes so far. */
export const respondToPhUpdates = message({
  id: 71,
  name: "respond_to_ph_updates",
  body: RespondToPhUpdates,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: null },
});

/** Subscribes to coins by id. */
export const registerForCoinUpdates = message({
  id: 72,
  name: "register_for_coin_updates",
  body: RegisterForCoinUpdates,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondToCoinUpdates],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: 2 },
});

/** The states of the coins so far. */
export const respondToCoinUpdates = message({
  id: 73,
  name: "respond_to_coin_updates",
  body: RespondToCoinUpdates,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: null },
});

/** Asks for the coins that a coin's spend made. */
export const requestChildren = message({
  id: 74,
  name: "request_children",
  body: RequestChildren,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondChildren],
  limits: { v1: aggregated(2000, 1 * MiB), v2: separate(2000, 1 * MiB) },
});

/** The coins that were asked for. */
export const respondChildren = message({
  id: 75,
  name: "respond_children",
  body: RespondChildren,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.WALLET],
  limits: { v1: aggregated(2000, 1 * MiB), v2: separate(2000, 1 * MiB) },
});

/** Ends subscriptions to puzzle hashes, all of them with null. */
export const requestRemovePuzzleSubscriptions = message({
  id: 94,
  name: "request_remove_puzzle_subscriptions",
  body: RequestRemovePuzzleSubscriptions,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondRemovePuzzleSubscriptions],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** The subscriptions that were ended. */
export const respondRemovePuzzleSubscriptions = message({
  id: 95,
  name: "respond_remove_puzzle_subscriptions",
  body: RespondRemovePuzzleSubscriptions,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Ends subscriptions to coins, all of them with null. */
export const requestRemoveCoinSubscriptions = message({
  id: 96,
  name: "request_remove_coin_subscriptions",
  body: RequestRemoveCoinSubscriptions,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondRemoveCoinSubscriptions],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** The subscriptions that were ended. */
export const respondRemoveCoinSubscriptions = message({
  id: 97,
  name: "respond_remove_coin_subscriptions",
  body: RespondRemoveCoinSubscriptions,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(1000, 100 * MiB) },
});

/** Asks for coins of puzzle hashes from a known block on, in batches. */
export const requestPuzzleState = message({
  id: 98,
  name: "request_puzzle_state",
  body: RequestPuzzleState,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondPuzzleState, rejectPuzzleState],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: 2 },
});

/** One batch; the next begins at `height` unless `isFinished`. */
export const respondPuzzleState = message({
  id: 99,
  name: "respond_puzzle_state",
  body: RespondPuzzleState,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: null },
});

/** Refuses; `reason` is a `RejectStateReason`. */
export const rejectPuzzleState = message({
  id: 100,
  name: "reject_puzzle_state",
  body: RejectPuzzleState,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(200, 100), v3Window: null },
});

/** Asks for the states of coins from a known block on. */
export const requestCoinState = message({
  id: 101,
  name: "request_coin_state",
  body: RequestCoinState,
  sentBy: [NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondCoinState, rejectCoinState],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: 2 },
});

/** The states that were asked for. */
export const respondCoinState = message({
  id: 102,
  name: "respond_coin_state",
  body: RespondCoinState,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(1000, 100 * MiB), v3Window: null },
});

/** Refuses; `reason` is a `RejectStateReason`. */
export const rejectCoinState = message({
  id: 103,
  name: "reject_coin_state",
  body: RejectCoinState,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [],
  limits: { v1: aggregated(200, 100), v3Window: null },
});
