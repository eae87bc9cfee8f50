/**
 * Bitcoin's peer protocol: its messages and the transports that carry them.
 *
 * @module
 */
export * from "./addresses.ts";
export * from "./bloom.ts";
export * from "./compact-blocks.ts";
export * from "./filters.ts";
export * from "./framer.ts";
export * from "./handshake.ts";
export * from "./headers.ts";
export * from "./inventory.ts";
export * from "./keepalive.ts";
export { type AnyMessage, type BodyOf, type Consequence, type Message, message, type Phase } from "./message.ts";
export { messageByShortId, messageByType, messages } from "./registry.ts";
export * from "./transport.ts";
