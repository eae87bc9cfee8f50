/**
 * Bitcoin's wire encoding: CompactSize, integers, byte strings, structs and lists.
 *
 * @module
 */
export * from "./bytes.ts";
export * from "./codec.ts";
export * from "./compact-size.ts";
export * from "./numbers.ts";
export * from "./struct.ts";
