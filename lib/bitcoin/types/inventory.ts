/**
 * Inventory vectors: what a peer has or wants, by kind and hash.
 *
 * @see Bitcoin Core `protocol.h`, GetDataMsg; BIP144, BIP152, BIP339
 * @module
 */
import type { Infer } from "../codec/codec.ts";
import { hash, struct, u32 } from "../codec/mod.ts";

/** The kinds of inventory. An unknown number is no error: its receiver ignores the entry. */
export const InvType = {
  /** Ignored. */
  UNDEFINED: 0,
  /** A transaction by txid; served without witness. */
  TX: 1,
  /** A block; announced by this, and served without witnesses. */
  BLOCK: 2,
  /** A block as `merkleblock` and the transactions that the filter matches; only in `getdata` (BIP37). */
  FILTERED_BLOCK: 3,
  /** A block as `cmpctblock`; only in `getdata` (BIP152). */
  CMPCT_BLOCK: 4,
  /** A transaction by wtxid, between peers that said `wtxidrelay` (BIP339). */
  WTX: 5,
  /** A transaction by txid, with witness; only in `getdata`. */
  WITNESS_TX: 0x4000_0001,
  /** A block with witnesses; only in `getdata`. */
  WITNESS_BLOCK: 0x4000_0002,
} as const;
/** A kind of inventory. */
export type InvType = typeof InvType[keyof typeof InvType];

/** One entry. Wire: type u32 ‖ hash 32. */
export const Inventory = struct("inventory", { type: u32, hash });
/** One entry: `type` is an {@link InvType} or a number nobody knows, `hash` in wire order. */
export type Inventory = Infer<typeof Inventory>;
