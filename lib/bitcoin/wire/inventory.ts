/**
 * Messages that announce, ask for and deliver blocks and transactions.
 *
 * @module
 */
import { i64, struct, vector } from "../codec/mod.ts";
import { block } from "../types/block.ts";
import { Inventory, INVENTORY_MAX } from "../types/inventory.ts";
import { transaction } from "../types/transaction.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** Entries that Core puts into one `getdata` at most. */
export const GETDATA_ENTRIES_SENT_MAX = 1_000;

const Entries = struct("inventory_list", { inventory: vector(Inventory, INVENTORY_MAX) });
type Entries = { readonly inventory: readonly Inventory[] };

/** Announces what the sender has. */
export const Inv = message({
  type: "inv",
  shortId: 14,
  summary: "Announces blocks and transactions by hash.",
  source: "Bitcoin Core net_processing.cpp",
  excess: "discourage",
  body: Entries,
});

/** Asks for blocks and transactions. */
export const GetData: Message<"getdata", Entries> = message({
  type: "getdata",
  shortId: 11,
  summary: "Asks for blocks and transactions by hash.",
  source: "Bitcoin Core net_processing.cpp; BIP144",
  excess: "discourage",
  replies: (): readonly AnyMessage[] => [Block, Tx, NotFound],
  body: Entries,
});

/** What of a `getdata` cannot be served. Core says it of transactions only. */
export const NotFound = message({
  type: "notfound",
  shortId: 17,
  summary: "Lists what of a getdata is not there.",
  source: "Bitcoin Core net_processing.cpp",
  body: Entries,
});

/** One block, with witnesses when they were asked for. The payload is the block itself. */
export const Block = message({
  type: "block",
  shortId: 2,
  summary: "Delivers a block.",
  source: "Bitcoin Core net_processing.cpp; BIP144",
  body: block,
});

/** One transaction. The payload is the transaction itself. */
export const Tx = message({
  type: "tx",
  shortId: 21,
  summary: "Delivers a transaction.",
  source: "Bitcoin Core net_processing.cpp; BIP144",
  body: transaction,
});

/** Asks for an `inv` of the memory pool. */
export const MemPool: Message<"mempool", Readonly<Record<never, never>>> = message({
  type: "mempool",
  shortId: 15,
  summary: "Asks for the inventory of the memory pool.",
  source: "BIP35",
  replies: (): readonly AnyMessage[] => [Inv],
  body: struct("mempool", {}),
});

/** Wants no transactions below a fee rate, in satoshi per 1000 virtual bytes. */
export const FeeFilter = message({
  type: "feefilter",
  shortId: 5,
  summary: "Sets the lowest fee rate of announced transactions.",
  source: "BIP133",
  sinceVersion: 70013,
  body: struct("feefilter", { feeRate: i64 }),
});
