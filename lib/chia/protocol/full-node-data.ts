/**
 * Full nodes among each other: transactions, signage points, compact proofs and peers.
 *
 * @module
 */
import {
  NewCompactVDF,
  NewSignagePointOrEndOfSubSlot,
  NewTransaction,
  RequestCompactVDF,
  RequestMempoolTransactions,
  RequestPeers,
  RequestSignagePointOrEndOfSubSlot,
  RequestTransaction,
  RespondCompactVDF,
  RespondEndOfSubSlot,
  RespondPeers,
  RespondSignagePoint,
  RespondTransaction,
} from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, KiB, message, MiB, separate } from "./message.ts";

/** The sender's mempool has a new transaction; `cost` in CLVM cost, `fees` in mojos. */
export const newTransaction = message({
  id: 21,
  name: "new_transaction",
  body: NewTransaction,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: separate(5000, 100) },
});

/** Asks for a transaction by its id. */
export const requestTransaction = message({
  id: 22,
  name: "request_transaction",
  body: RequestTransaction,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondTransaction],
  limits: { v1: separate(5000, 100), v3Window: 3 },
});

/** The transaction that was asked for. */
export const respondTransaction = message({
  id: 23,
  name: "respond_transaction",
  body: RespondTransaction,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: separate(5000, 1 * MiB, 20 * MiB), v3Window: null },
});

/** The sender has a new signage point, or with index 0 the end of a sub-slot. */
export const newSignagePointOrEndOfSubSlot = message({
  id: 35,
  name: "new_signage_point_or_end_of_sub_slot",
  body: NewSignagePointOrEndOfSubSlot,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(200, 200) },
});

/** Asks for a signage point, or with index 0 the end of a sub-slot. */
export const requestSignagePointOrEndOfSubSlot = message({
  id: 36,
  name: "request_signage_point_or_end_of_sub_slot",
  body: RequestSignagePointOrEndOfSubSlot,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondSignagePoint, respondEndOfSubSlot],
  limits: { v1: aggregated(200, 200) },
});

/** The signage point that was asked for. */
export const respondSignagePoint = message({
  id: 37,
  name: "respond_signage_point",
  body: RespondSignagePoint,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(200, 50 * KiB) },
});

/** The end of a sub-slot that was asked for. */
export const respondEndOfSubSlot = message({
  id: 38,
  name: "respond_end_of_sub_slot",
  body: RespondEndOfSubSlot,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(100, 50 * KiB) },
});

/** Asks for the mempool's transactions but those in `filter`, a BIP-158 filter of transaction ids. */
export const requestMempoolTransactions = message({
  id: 39,
  name: "request_mempool_transactions",
  body: RequestMempoolTransactions,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(5, 1 * MiB) },
});

/** Asks for the compact proof of a VDF. `fieldVdf` is a `CompressibleVDFField`. */
export const requestCompactVdf = message({
  id: 40,
  name: "request_compact_vdf",
  body: RequestCompactVDF,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondCompactVdf],
  limits: { v1: aggregated(200, 1 * KiB) },
});

/** The compact proof that was asked for. */
export const respondCompactVdf = message({
  id: 41,
  name: "respond_compact_vdf",
  body: RespondCompactVDF,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  limits: { v1: aggregated(200, 100 * KiB) },
});

/** The sender has a compact proof for a VDF of a block that we may hold with a long one. */
export const newCompactVdf = message({
  id: 42,
  name: "new_compact_vdf",
  body: NewCompactVDF,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE],
  broadcast: true,
  limits: { v1: aggregated(100, 1 * KiB) },
});

/** Asks for addresses of other full nodes. */
export const requestPeers = message({
  id: 43,
  name: "request_peers",
  body: RequestPeers,
  sentBy: [NodeType.FULL_NODE, NodeType.WALLET],
  handledBy: [NodeType.FULL_NODE],
  replies: () => [respondPeers],
  limits: { v1: aggregated(10, 100) },
});

/** Addresses of full nodes. */
export const respondPeers = message({
  id: 44,
  name: "respond_peers",
  body: RespondPeers,
  sentBy: [NodeType.FULL_NODE],
  handledBy: [NodeType.FULL_NODE, NodeType.WALLET],
  limits: { v1: aggregated(10, 1 * MiB) },
});
