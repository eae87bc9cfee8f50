/**
 * Nodes and introducers.
 *
 * @module
 */
import { RequestPeersIntroducer, RespondPeersIntroducer } from "../types/mod.ts";
import { NodeType } from "./enums.ts";
import { aggregated, message, MiB } from "./message.ts";

/** Asks for addresses of full nodes. */
export const requestPeersIntroducer = message({
  id: 63,
  name: "request_peers_introducer",
  body: RequestPeersIntroducer,
  sentBy: [NodeType.FARMER, NodeType.FULL_NODE, NodeType.WALLET],
  handledBy: [NodeType.INTRODUCER],
  replies: () => [respondPeersIntroducer],
  limits: { v1: aggregated(100, 100) },
});

/** Addresses of full nodes. */
export const respondPeersIntroducer = message({
  id: 64,
  name: "respond_peers_introducer",
  body: RespondPeersIntroducer,
  sentBy: [NodeType.INTRODUCER],
  handledBy: [NodeType.FULL_NODE, NodeType.WALLET],
  limits: { v1: aggregated(100, 1 * MiB) },
});
