/**
 * What Bitcoin's messages and blocks are made of.
 *
 * @module
 */
export * from "./payment-address.ts";
export { paymentAddressFault } from "./payment-address-fault.ts";
export * from "./block.ts";
export * from "./bloom-filter.ts";
export * from "./compact-block.ts";
export * from "./header.ts";
export * from "./inventory.ts";
export * from "./merkle.ts";
export * from "./net-address-text.ts";
export * from "./net-address.ts";
export * from "./opcodes.ts";
export * from "./partial-merkle-tree.ts";
export * from "./script-asm.ts";
export * from "./script-template.ts";
export * from "./script.ts";
export * from "./transaction.ts";
