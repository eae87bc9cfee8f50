/**
 * Versions and capabilities that the reference announces, by what a node is.
 *
 * @module
 */
import { Capability, NodeType } from "./enums.ts";

/** The `protocol_version` of the handshake (chia-blockchain 2.7.5). */
export const PROTOCOL_VERSION: Readonly<Record<NodeType, string>> = {
  [NodeType.FULL_NODE]: "0.0.36",
  [NodeType.HARVESTER]: "0.0.38",
  [NodeType.FARMER]: "0.0.38",
  [NodeType.TIMELORD]: "0.0.36",
  [NodeType.INTRODUCER]: "0.0.36",
  [NodeType.WALLET]: "0.0.38",
  [NodeType.DATA_LAYER]: "0.0.36",
  [NodeType.SOLVER]: "0.0.37",
};

/** A capability as the handshake has it: its number, and `"1"` when the node has it. */
export type CapabilityEntry = readonly [capability: number, value: string];

const BASE: readonly CapabilityEntry[] = [[Capability.BASE, "1"], [Capability.BLOCK_HEADERS, "1"], [
  Capability.RATE_LIMITS_V2,
  "1",
]];

/** The `capabilities` of the handshake as the reference sends them by default. */
export const DEFAULT_CAPABILITIES: Readonly<Record<NodeType, readonly CapabilityEntry[]>> = {
  [NodeType.FULL_NODE]: [...BASE, [Capability.MEMPOOL_UPDATES, "1"]],
  [NodeType.HARVESTER]: BASE,
  [NodeType.FARMER]: BASE,
  [NodeType.TIMELORD]: BASE,
  [NodeType.INTRODUCER]: BASE,
  [NodeType.WALLET]: BASE,
  [NodeType.DATA_LAYER]: BASE,
  [NodeType.SOLVER]: BASE,
};

/**
 * The `capabilities` that this node announces: those of which it serves every message. A wallet asks nodes
 * that announce BLOCK_HEADERS or MEMPOOL_UPDATES, and waits for the answer.
 */
export const SERVED_CAPABILITIES: readonly CapabilityEntry[] = [[Capability.BASE, "1"], [
  Capability.RATE_LIMITS_V2,
  "1",
]];

/** The capabilities that two nodes share: those that both announce with the value `"1"`. Unknown numbers are kept. */
export function sharedCapabilities(ours: readonly CapabilityEntry[], theirs: readonly CapabilityEntry[]): Set<number> {
  const mine = new Set(ours.filter(([, value]) => value === "1").map(([capability]) => capability));
  return new Set(theirs.filter(([c, value]) => value === "1" && mine.has(c)).map(([capability]) => capability));
}
