/**
 * Compact blocks: a block as short ids of transactions that the other side probably has.
 *
 * @see BIP152, version 2
 * @module
 */
import { hash, struct, u64, u8, vector } from "../codec/mod.ts";
import { CompactBlock, Indexes } from "../types/compact-block.ts";
import { transaction } from "../types/transaction.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** The only version that is spoken: short ids over wtxids. */
export const COMPACT_BLOCKS_VERSION = 2n;
/** `announce` 1 asks for compact blocks unasked, 0 for announcements first; more is a fault for the session to judge. */
export const SendCmpct = message({
  type: "sendcmpct",
  shortId: 20,
  summary: "Offers compact blocks and says how they are announced.",
  source: "BIP152",
  phase: "early",
  sinceVersion: 70014,
  body: struct("sendcmpct", { announce: u8, version: u64 }),
});

/** A block as short ids. */
export const CmpctBlock: Message<"cmpctblock", CompactBlock> = message({
  type: "cmpctblock",
  shortId: 4,
  summary: "Delivers or announces a block as short ids.",
  source: "BIP152",
  sinceVersion: 70014,
  body: CompactBlock,
});

/** Asks for transactions of a block by their places. */
export const GetBlockTxn: Message<
  "getblocktxn",
  { readonly blockHash: Uint8Array; readonly indexes: readonly number[] }
> = message({
  type: "getblocktxn",
  shortId: 10,
  summary: "Asks for transactions of a block by place.",
  source: "BIP152",
  sinceVersion: 70014,
  replies: (): readonly AnyMessage[] => [BlockTxn],
  body: struct("getblocktxn", { blockHash: hash, indexes: Indexes }),
});

/** The transactions that were asked for, in the order of their places, with witnesses. */
export const BlockTxn = message({
  type: "blocktxn",
  shortId: 3,
  summary: "Delivers transactions of a block.",
  source: "BIP152",
  sinceVersion: 70014,
  body: struct("blocktxn", { blockHash: hash, transactions: vector(transaction) }),
});
