/**
 * Methods about the filters of blocks.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (getblockfilter)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { rowOfHash } from "./arguments.ts";
import { JsonRpcError, notFound, RpcCode } from "./error.ts";
import { type Method, optional, required } from "./method.ts";

/** The one type of filter there is, by the name that Core gives it. */
export const BASIC = "basic";

/** The index of filters of a type. Throws −5 for another type, −1 when none is kept. */
export function filterIndexOf(bitcoin: BitcoinService, type: string): NonNullable<BitcoinService["filters"]> {
  if (type !== BASIC) throw notFound("Unknown filtertype");
  if (bitcoin.filters === undefined) {
    throw new JsonRpcError(RpcCode.misc, `Index is not enabled for filtertype ${type}`);
  }
  return bitcoin.filters;
}

/** Why the filter of a block is not there, in Core's words and with its code. */
export function missingFilter({ headers, filters }: BitcoinService, row: number): JsonRpcError {
  const isConnected = (headers.status(row) & HeaderStatus.connected) !== 0;
  if (!isConnected) return notFound("Filter not found. Block was not connected to active chain.");
  if (filters?.isSynced !== true) {
    const text = "Filter not found. Block filters are still in the process of being indexed.";
    return new JsonRpcError(RpcCode.misc, text);
  }
  return new JsonRpcError(
    RpcCode.internal,
    "Filter not found. This error is unexpected and indicates index corruption.",
  );
}

/** The methods. */
export const blockFilterMethods: readonly Method[] = [
  {
    name: "getblockfilter",
    category: "Blockchain",
    summary: "The filter of a block (BIP157). The node must keep them (--blockfilterindex on).",
    params: [
      required("blockhash", "hex", "The block hash"),
      optional("filtertype", "string", "The type of filter", `"${BASIC}"`),
    ],
    result: '{ "filter", "header" }    (object) the filter as hex, and its filter header',
    examples: ["getblockfilter 0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"],
    async call(args, { context: { bitcoin } }) {
      const hash = args.text(0);
      const index = filterIndexOf(bitcoin, args.optionalText(1) ?? BASIC);
      const row = rowOfHash(bitcoin, hash);
      await index.settled();
      const entry = await index.entry(row);
      if (entry === undefined) throw missingFilter(bitcoin, row);
      return { filter: toHex(entry.filter), header: toDisplayHex(entry.filterHeader) };
    },
  },
];
