/**
 * Chia's peer protocol: its messages, their envelope, and the numbers that have names.
 *
 * @module
 */
export * from "./enums.ts";
export * from "./envelope.ts";
export * from "./err.ts";
export * from "./versions.ts";
export {
  AGGREGATE_LIMIT,
  type Body,
  type BodyOf,
  type Message,
  type MessageLimits,
  type RateLimit,
} from "./message.ts";
export { messageById, messageByName, messages } from "./registry.ts";
export * from "./farmer.ts";
export * from "./full-node.ts";
export * from "./full-node-data.ts";
export * from "./harvester.ts";
export * from "./introducer.ts";
export * from "./plot-sync.ts";
export * from "./shared.ts";
export * from "./solver.ts";
export * from "./timelord.ts";
export * from "./wallet.ts";
export * from "./wallet-chain.ts";
export * from "./wallet-coins.ts";
