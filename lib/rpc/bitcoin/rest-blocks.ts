/**
 * REST about headers, blocks and their filters.
 *
 * @see Bitcoin Core `rest.cpp`, `blockfilter.h` (BlockFilter)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Writer } from "../../codec/writer.ts";
import { writeCompactSize } from "../../bitcoin/codec/mod.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { Block, HEADER_BYTES, TxOutputCodec } from "../../bitcoin/types/mod.ts";
import { CFilter, FILTER_TYPE_BASIC } from "../../bitcoin/wire/filters.ts";
import { BASIC, missingFilter } from "./block-filters.ts";
import { blockJson, decodedTransactions, headerJson, transactionCountOf } from "./block-json.ts";
import { amountJson, type RpcObject } from "./json.ts";
import {
  activeRows,
  badRequest,
  notThere,
  restCount,
  restHash,
  type RestRequest,
  type RestResource,
} from "./rest-resource.ts";
import { scriptJson } from "./script-json.ts";

/** Characters of a path that an error repeats. */
const UNSAFE = /[^A-Za-z0-9!*'();:@&=+$,/?#[\]\-_.~%]/g;

/** The row of a block that is known by its header. */
function rowOf({ headers }: BitcoinService, text: string): number {
  const row = headers.find(restHash(text));
  if (row < 0) throw notThere(`${text} not found`);
  return row;
}

/** The raw block of a row. */
async function rawBlock(bitcoin: BitcoinService, row: number, name: string): Promise<Uint8Array> {
  const raw = await bitcoin.block(row);
  if (raw !== undefined) return raw;
  const isPruned = (bitcoin.headers.status(row) & HeaderStatus.connected) !== 0 &&
    bitcoin.headers.height(row) < bitcoin.state().pruneHeight;
  throw notThere(`${name} not available (${isPruned ? "pruned data" : "not fully downloaded"})`);
}

/** `/rest/headers/HASH?count=N`, and as it was before release 24, `/rest/headers/N/HASH`. */
export function headersResource({ context, path, query }: RestRequest): RestResource {
  const { headers } = context.bitcoin;
  const parts = path.split("/");
  if (parts.length > 2) throw badRequest("Invalid URI format. Expected /rest/headers/<hash>.<ext>?count=<count>");
  const count = restCount(parts.length === 2 ? parts[0]! : query.get("count") ?? "5");
  const rows = activeRows(context, restHash(parts.at(-1)!), count);
  return {
    bytes: () => {
      const bytes = new Uint8Array(rows.length * HEADER_BYTES);
      for (const [i, row] of rows.entries()) bytes.set(headers.headerBytes(row), i * HEADER_BYTES);
      return bytes;
    },
    json: async () => {
      const all: RpcObject[] = [];
      for (const row of rows) {
        all.push(headerJson(context.bitcoin, row, await transactionCountOf(context.bitcoin, row)));
      }
      return all;
    },
  };
}

/** `/rest/block/HASH`, with all that is known of its transactions. */
export async function blockResource({ context, path, signal }: RestRequest): Promise<RestResource> {
  const { bitcoin } = context;
  const row = rowOf(bitcoin, path);
  const bytes = await rawBlock(bitcoin, row, path);
  return {
    bytes,
    json: async () => {
      const block = Block.decode(bytes);
      const detail = { spent: await bitcoin.blocks.spentByInput(row, block), prevouts: true };
      const call = { ...context, signal };
      return blockJson(bitcoin, row, block, await decodedTransactions(block, bitcoin.network, call, detail));
    },
  };
}

/** `/rest/block/notxdetails/HASH`: of its transactions JSON has the ids only. */
export async function blockWithIdsResource({ context: { bitcoin }, path }: RestRequest): Promise<RestResource> {
  const row = rowOf(bitcoin, path);
  const bytes = await rawBlock(bitcoin, row, path);
  return {
    bytes,
    json: () => {
      const block = Block.decode(bytes);
      return blockJson(bitcoin, row, block, block.txids().map(toDisplayHex));
    },
  };
}

/** `/rest/blockpart/HASH?offset=N&size=N`. */
export async function blockPartResource({ context: { bitcoin }, path, query }: RestRequest): Promise<RestResource> {
  const [offset, size] = ["offset", "size"].map((name) => {
    const text = query.get(name) ?? "";
    if (!/^\d{1,15}$/.test(text)) throw badRequest(`Block part ${name} missing or invalid`);
    return Number(text);
  }) as [number, number];
  const raw = await rawBlock(bitcoin, rowOf(bitcoin, path), path);
  if (size === 0 || offset + size > raw.length) {
    throw badRequest(`Bad block part offset/size ${offset}/${size} for ${path}`);
  }
  return {
    bytes: raw.subarray(offset, offset + size),
    noJson: "JSON output is not supported for this request type",
  };
}

/** `/rest/blockhashbyheight/HEIGHT`. */
export function blockHashResource({ context: { bitcoin }, path }: RestRequest): RestResource {
  const height = /^-?\d{1,10}$/.test(path) ? Number(path) : -1;
  if (height < 0 || height >= 2 ** 31) throw badRequest(`Invalid height: ${path.replaceAll(UNSAFE, "")}`);
  const row = bitcoin.activeAt(height);
  if (row < 0) throw notThere("Block height out of range");
  const bytes = bitcoin.headers.hash(row);
  // The other way round than the bytes, as Core has it.
  return { bytes, hex: toDisplayHex(bytes), json: () => ({ blockhash: toDisplayHex(bytes) }) };
}

/** `/rest/spenttxouts/HASH`: what each transaction of a block spends. */
export async function spentOutputsResource({ context: { bitcoin }, path }: RestRequest): Promise<RestResource> {
  if (path.includes("/")) throw badRequest("Invalid URI format. Expected /rest/spenttxouts/<hash>.<ext>");
  const row = rowOf(bitcoin, path);
  const block = await bitcoin.blocks.read(row);
  const spent = block && await bitcoin.blocks.spentByInput(row, block);
  if (spent === undefined) throw notThere(`${path} undo not available`);
  // The coinbase spends nothing, and has its place.
  const all = [[], ...spent];
  return {
    bytes: () => {
      const writer = new Writer(1 << 12);
      writeCompactSize(writer, all.length);
      for (const coins of all) {
        writeCompactSize(writer, coins.length);
        for (const coin of coins) TxOutputCodec.write(writer, coin);
      }
      return writer.finish();
    },
    json: () =>
      all.map((coins) =>
        coins.map(({ value, scriptPubKey }) => ({
          value: amountJson(value),
          scriptPubKey: scriptJson(scriptPubKey, bitcoin.network),
        }))
      ),
  };
}

/** The index of filters of a type. */
function indexOf(bitcoin: BitcoinService, type: string): NonNullable<BitcoinService["filters"]> {
  if (type !== BASIC) throw badRequest(`Unknown filtertype ${type}`);
  if (bitcoin.filters === undefined) throw badRequest(`Index is not enabled for filtertype ${type}`);
  return bitcoin.filters;
}

/** `/rest/blockfilter/TYPE/HASH`. */
export async function filterResource({ context: { bitcoin }, path }: RestRequest): Promise<RestResource> {
  const [type = "", hash = "", ...more] = path.split("/");
  if (!path.includes("/") || more.length > 0) {
    throw badRequest("Invalid URI format. Expected /rest/blockfilter/<filtertype>/<blockhash>");
  }
  restHash(hash);
  const index = indexOf(bitcoin, type);
  const row = rowOf(bitcoin, hash);
  await index.settled();
  const entry = await index.entry(row);
  if (entry === undefined) throw notThere(missingFilter(bitcoin, row).message);
  const { blockHash, filter } = entry;
  return {
    // Type, block and filter, as in the message of BIP157.
    bytes: () => CFilter.encode({ filterType: FILTER_TYPE_BASIC, blockHash, filter }),
    json: () => ({ filter: toHex(filter) }),
  };
}

/** `/rest/blockfilterheaders/TYPE/HASH?count=N`, and as it was before release 24, `…/TYPE/N/HASH`. */
export async function filterHeadersResource({ context, path, query }: RestRequest): Promise<RestResource> {
  const { bitcoin } = context;
  const parts = path.split("/");
  if (parts.length !== 2 && parts.length !== 3) {
    const format = "/rest/blockfilterheaders/<filtertype>/<blockhash>.<ext>?count=<count>";
    throw badRequest(`Invalid URI format. Expected ${format}`);
  }
  const count = restCount(parts.length === 3 ? parts[1]! : query.get("count") ?? "5");
  const hash = restHash(parts.at(-1)!);
  const index = indexOf(bitcoin, parts[0]!);
  const rows = activeRows(context, hash, count);
  await index.settled();
  const found = (await index.heads(rows)).map((head, i) => {
    if (head === undefined) throw notThere(missingFilter(bitcoin, rows[i]!).message);
    return head.filterHeader;
  });
  return {
    bytes: () => {
      const writer = new Writer(32 * found.length);
      for (const header of found) writer.raw(header);
      return writer.finish();
    },
    json: () => found.map(toDisplayHex),
  };
}
