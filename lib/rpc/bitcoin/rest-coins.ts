/**
 * REST about transactions and unspent outputs.
 *
 * @see Bitcoin Core `rest.cpp` (rest_tx, rest_getutxos); BIP64
 * @module
 */
import { fromHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import { Writer } from "../../codec/writer.ts";
import { readCompactSize, writeCompactSize } from "../../bitcoin/codec/mod.ts";
import { fromDisplayHex, toDisplayHex } from "../../bitcoin/hash.ts";
import { Block, type OutPoint, OutPointCodec, TxOutputCodec } from "../../bitcoin/types/mod.ts";
import { isHex } from "./arguments.ts";
import { amountJson } from "./json.ts";
import { NO_MEMPOOL } from "./mempool-json.ts";
import { badRequest, notThere, RestError, restHash, type RestRequest, type RestResource } from "./rest-resource.ts";
import { scriptJson } from "./script-json.ts";
import { transactionJson } from "./transaction-json.ts";
import { coinsBehind, unspentWithMempool } from "./unspent.ts";

/** Outputs that one request may ask about. */
const OUTPOINTS_MAX = 15;

/** `/rest/tx/TXID`: one of a block needs the index of transactions. */
export async function transactionResource({ context: { bitcoin }, path }: RestRequest): Promise<RestResource> {
  const txid = restHash(path);
  const waiting = bitcoin.mempool?.get(txid)?.transaction;
  if (waiting !== undefined) {
    return { bytes: waiting.raw, json: () => transactionJson(waiting, bitcoin.network, { hex: true }) };
  }
  const place = await bitcoin.store.transaction(txid);
  const raw = place && await bitcoin.block(place.row);
  if (place === undefined || raw === undefined) throw notThere(`${path} not found`);
  const transaction = Block.decode(raw).transactions[place.index]!;
  return {
    bytes: transaction.raw,
    json: () => {
      const { hex, ...rest } = transactionJson(transaction, bitcoin.network, { hex: true });
      return { ...rest, blockhash: toDisplayHex(bitcoin.headers.hash(place.row)), hex };
    },
  };
}

/** What is asked about. */
interface Question {
  readonly checkMempool: boolean;
  readonly outpoints: readonly OutPoint[];
}

function questionOfPath(parts: readonly string[]): Question {
  const checkMempool = parts[0] === "checkmempool";
  const outpoints = parts.slice(checkMempool ? 1 : 0).map((part): OutPoint => {
    const [, txid = "", n = ""] = /^([0-9a-fA-F]{64})-(\d{1,10})$/.exec(part) ?? [];
    if (txid === "" || Number(n) >= 2 ** 32) throw badRequest("Parse error");
    return { txid: fromDisplayHex(txid.toLowerCase()), vout: Number(n) };
  });
  if (outpoints.length === 0) throw badRequest("Error: empty request");
  return { checkMempool, outpoints };
}

/** From the bytes of a body: whether the mempool is to be looked into, and the outpoints. */
function questionOfBytes(bytes: Uint8Array): Question {
  try {
    const reader = new Reader(bytes);
    const checkMempool = reader.u8() !== 0;
    const count = readCompactSize(reader);
    if (count > OUTPOINTS_MAX) throw tooMany(count);
    return { checkMempool, outpoints: Array.from({ length: count }, () => OutPointCodec.read(reader)) };
  } catch (thrown) {
    throw thrown instanceof Error && thrown.name === "RestError" ? thrown : badRequest("Parse error");
  }
}

const tooMany = (count: number) => badRequest(`Error: max outpoints exceeded (max: ${OUTPOINTS_MAX}, tried: ${count})`);

async function questionOf({ path, format, body }: RestRequest): Promise<Question> {
  const parts = path.length > 1 ? path.slice(1).split("/") : [];
  const given = await body();
  if (given.length === 0 && parts.length === 0) throw badRequest("Error: empty request");
  const named = parts.length > 0 ? questionOfPath(parts) : undefined;
  if (format === "json" || format === undefined || given.length === 0) {
    if (named === undefined && format !== undefined) throw badRequest("Error: empty request");
    return named ?? { checkMempool: false, outpoints: [] };
  }
  if (named !== undefined) {
    throw badRequest("Combination of URI scheme inputs and raw post data is not allowed");
  }
  if (format === "bin") return questionOfBytes(given);
  const text = new TextDecoder().decode(given).trim();
  return questionOfBytes(isHex(text) ? fromHex(text.toLowerCase()) : new Uint8Array());
}

/** `/rest/getutxos/[checkmempool/]TXID-N/…`, or the same in the body. */
export async function unspentResource(request: RestRequest): Promise<RestResource> {
  const { bitcoin } = request.context;
  const { checkMempool, outpoints } = await questionOf(request);
  if (outpoints.length > OUTPOINTS_MAX) throw tooMany(outpoints.length);
  const behind = coinsBehind(bitcoin);
  if (behind !== undefined) throw new RestError(503, `Service temporarily unavailable: ${behind}`);
  if (checkMempool && bitcoin.mempool === undefined) throw notThere(NO_MEMPOOL);
  const found = checkMempool ? await unspentWithMempool(bitcoin, outpoints, true) : await bitcoin.coins(outpoints);
  if (found === undefined) throw notThere("this node keeps no unspent outputs; --mode full does");
  const { headers, network } = bitcoin;
  const height = headers.height(found.at);
  const hash = headers.hash(found.at);
  const coins = found.coins.flatMap((coin) => coin ?? []);
  return {
    bytes: () => {
      const writer = new Writer(256);
      writer.u32Le(height);
      writer.raw(hash);
      const bitmap = new Uint8Array(Math.ceil(outpoints.length / 8));
      for (const [i, coin] of found.coins.entries()) if (coin !== undefined) bitmap[i >> 3]! |= 1 << (i & 7);
      writeCompactSize(writer, bitmap.length);
      writer.raw(bitmap);
      writeCompactSize(writer, coins.length);
      for (const coin of coins) {
        // A version that BIP64 had and nobody reads.
        writer.u32Le(0);
        writer.u32Le(coin.height);
        TxOutputCodec.write(writer, coin);
      }
      return writer.finish();
    },
    json: () => ({
      chainHeight: height,
      chaintipHash: toDisplayHex(hash),
      bitmap: found.coins.map((coin) => (coin === undefined ? "0" : "1")).join(""),
      utxos: coins.map((coin) => ({
        height: coin.height,
        value: amountJson(coin.value),
        scriptPubKey: scriptJson(coin.scriptPubKey, network),
      })),
    }),
  };
}
