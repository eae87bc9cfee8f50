/**
 * Every Streamable struct of Chia's consensus and peer protocol, by topic. Names are the reference's.
 *
 * @module
 */
export * from "./block.ts";
export * from "./block-record.ts";
export * from "./coin.ts";
export * from "./conditions.ts";
export * from "./farmer.ts";
export * from "./fee.ts";
export * from "./foliage.ts";
export * from "./full-node-blocks.ts";
export * from "./full-node-data.ts";
export * from "./full-node-gossip.ts";
export * from "./harvester.ts";
export * from "./header.ts";
export * from "./introducer.ts";
export * from "./peer.ts";
export * from "./plot-sync.ts";
export * from "./proof-of-space.ts";
export * from "./reward-chain.ts";
export * from "./shared.ts";
export * from "./slots.ts";
export * from "./solver.ts";
export * from "./sub-epoch.ts";
export * from "./timelord.ts";
export * from "./vdf.ts";
export * from "./wallet-chain.ts";
export * from "./wallet-coins.ts";
export * from "./wallet-transactions.ts";
export * from "./weight-proof.ts";
