/**
 * Messages by which block filters and the chain of their headers are fetched.
 *
 * @see BIP157, BIP158
 * @module
 */
import { hash, struct, u32, u8, varBytes, vector } from "../codec/mod.ts";
import { type AnyMessage, type Message, message } from "./message.ts";

/** The one type of filter there is. */
export const FILTER_TYPE_BASIC = 0;
/** Blocks that one `getcfilters` may span. */
export const CFILTERS_MAX = 1_000;
/** Blocks that one `getcfheaders` may span. */
export const CFHEADERS_MAX = 2_000;
/** Blocks between two headers of a `cfcheckpt`. */
export const CFCHECKPT_INTERVAL = 1_000;

const Span = struct("span", { filterType: u8, startHeight: u32, stopHash: hash });
type Span = { readonly filterType: number; readonly startHeight: number; readonly stopHash: Uint8Array };

/** Asks for the filters of a run of blocks that ends with `stopHash`. */
export const GetCFilters: Message<"getcfilters", Span> = message({
  type: "getcfilters",
  shortId: 22,
  summary: "Asks for block filters.",
  source: "BIP157",
  replies: (): readonly AnyMessage[] => [CFilter],
  body: Span,
});

/** The filter of one block. */
export const CFilter = message({
  type: "cfilter",
  shortId: 23,
  summary: "Delivers the filter of one block.",
  source: "BIP157",
  body: struct("cfilter", { filterType: u8, blockHash: hash, filter: varBytes() }),
});

/** Asks for the filter hashes of a run of blocks that ends with `stopHash`. */
export const GetCFHeaders: Message<"getcfheaders", Span> = message({
  type: "getcfheaders",
  shortId: 24,
  summary: "Asks for hashes of block filters.",
  source: "BIP157",
  replies: (): readonly AnyMessage[] => [CFHeaders],
  body: Span,
});

/** Filter hashes, and the filter header before the first; each later header follows from them. */
export const CFHeaders = message({
  type: "cfheaders",
  shortId: 25,
  summary: "Delivers hashes of block filters.",
  source: "BIP157",
  body: struct("cfheaders", {
    filterType: u8,
    stopHash: hash,
    previousFilterHeader: hash,
    filterHashes: vector(hash, CFHEADERS_MAX),
  }),
});

/** Asks for every thousandth filter header up to a block. */
export const GetCFCheckpt: Message<
  "getcfcheckpt",
  { readonly filterType: number; readonly stopHash: Uint8Array }
> = message({
  type: "getcfcheckpt",
  shortId: 26,
  summary: "Asks for filter headers at every thousandth height.",
  source: "BIP157",
  replies: (): readonly AnyMessage[] => [CFCheckpt],
  body: struct("getcfcheckpt", { filterType: u8, stopHash: hash }),
});

/** Filter headers at heights 1000, 2000, … up to the block. */
export const CFCheckpt = message({
  type: "cfcheckpt",
  shortId: 27,
  summary: "Delivers filter headers at every thousandth height.",
  source: "BIP157",
  body: struct("cfcheckpt", { filterType: u8, stopHash: hash, filterHeaders: vector(hash) }),
});
