/**
 * Headers and blocks as `getblockheader` and `getblock` print them.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (blockheaderToJSON, blockToJSON)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { Reader } from "../../codec/reader.ts";
import type { Coin } from "../../bitcoin/coins/coin.ts";
import { spentToBytes } from "../../bitcoin/coins/spent.ts";
import { compactToTarget, difficultyOf } from "../../bitcoin/headers/pow.ts";
import { readCompactSize } from "../../bitcoin/codec/mod.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { type Block, HEADER_BYTES, type PaymentAddressPrefixes, type Transaction } from "../../bitcoin/types/mod.ts";
import type { RpcContext } from "../context.ts";
import { decodedBlock } from "./block-job.ts";
import { JsonText, type RpcJson, type RpcObject, rpcText } from "./json.ts";
import { transactionJson } from "./transaction-json.ts";

const hex32 = (value: number) => (value >>> 0).toString(16).padStart(8, "0");
const hex256 = (value: bigint) => value.toString(16).padStart(64, "0");

/** The target and the difficulty that `bits` stand for, under the names that Core gives them. */
export function targetJson(bits: number): { bits: string; target: string; difficulty: number } {
  return { bits: hex32(bits), target: hex256(compactToTarget(bits).target), difficulty: difficultyOf(bits) };
}

/** Cumulative work as 64 hex digits. */
export const workText = hex256;

/** How many blocks of the active chain stand on a row, with itself; −1 when it is not part of that chain. */
export function confirmationsOf(bitcoin: BitcoinService, row: number): number {
  const { headers } = bitcoin;
  const height = headers.height(row);
  return bitcoin.activeAt(height) === row ? headers.height(bitcoin.state().tip) - height + 1 : -1;
}

/** A header. `transactionCount` is 0 where the block is not there. */
export function headerJson(bitcoin: BitcoinService, row: number, transactionCount: number): RpcObject {
  const { headers } = bitcoin;
  const header = headers.header(row);
  const height = headers.height(row);
  const confirmations = confirmationsOf(bitcoin, row);
  const next = confirmations > 0 ? bitcoin.activeAt(height + 1) : -1;
  return {
    hash: toDisplayHex(headers.hash(row)),
    confirmations,
    height,
    version: header.version,
    versionHex: hex32(header.version),
    merkleroot: toDisplayHex(header.merkleRoot),
    time: header.time,
    mediantime: headers.medianTimePast(row),
    nonce: header.nonce,
    ...targetJson(header.bits),
    chainwork: workText(headers.work(row)),
    nTx: transactionCount,
    previousblockhash: row === 0 ? undefined : toDisplayHex(header.prevBlockHash),
    nextblockhash: next < 0 ? undefined : toDisplayHex(headers.hash(next)),
  };
}

/** How many transactions a stored block has, from its first bytes; 0 where it is not stored. */
export async function transactionCountOf({ store }: BitcoinService, row: number): Promise<number> {
  const bytes = await store.blockPart(row, HEADER_BYTES, 9);
  return bytes === undefined ? 0 : readCompactSize(new Reader(bytes));
}

/** A block with its transactions, as txids or taken apart. */
export function blockJson(
  bitcoin: BitcoinService,
  row: number,
  block: Block,
  transactions: RpcJson,
): RpcObject {
  return {
    ...headerJson(bitcoin, row, block.transactions.length),
    strippedsize: block.strippedSize,
    size: block.size,
    weight: block.weight,
    coinbase_tx: coinbaseJson(block.transactions[0]),
    tx: transactions,
  };
}

/** What is told of the outputs that a block spends. */
export interface SpentDetail {
  /** By transaction but the coinbase; undefined where it is not known, and neither are fees then. */
  readonly spent?: readonly (readonly Coin[])[] | undefined;
  /** Whether each input shows what it spends. */
  readonly prevouts?: boolean;
}

/** Transactions that are taken apart before others get their turn: some milliseconds of work. */
const TRANSACTIONS_AT_ONCE = 50;

/**
 * The transactions of a block, taken apart and printed. That of a full block takes half a second, so it is done on another
 * thread, or, where there is none, in pieces. Rejects when the signal aborts.
 */
export async function decodedTransactions(
  block: Block,
  { base58, bech32Hrp }: PaymentAddressPrefixes,
  { clock, workers, signal }: Pick<RpcContext, "clock" | "workers"> & { readonly signal: AbortSignal },
  { spent, prevouts = false }: SpentDetail = {},
): Promise<JsonText | readonly JsonText[]> {
  // Of a network only what can be cloned.
  const prefixes = { base58, bech32Hrp };
  if (workers.threadsMax > 0 && block.transactions.length > TRANSACTIONS_AT_ONCE) {
    const input = { raw: block.raw, prevouts, prefixes, ...(spent && { spent: spentToBytes(spent) }) };
    return new JsonText(await workers.run(decodedBlock, input, signal));
  }
  block.txids();
  const texts: JsonText[] = [];
  for (const [i, transaction] of block.transactions.entries()) {
    if (texts.length > 0 && texts.length % TRANSACTIONS_AT_ONCE === 0) await clock.sleep(0, signal);
    texts.push(
      new JsonText(rpcText(transactionJson(transaction, prefixes, { hex: true, spent: spent?.[i - 1], prevouts }))),
    );
  }
  return texts;
}

/** What of the coinbase a miner chose, as Core shows it since release 31. */
function coinbaseJson(coinbase: Transaction | undefined): RpcObject | undefined {
  const input = coinbase?.inputs[0];
  if (coinbase === undefined || input === undefined) return undefined;
  const [witness] = input.witness;
  return {
    version: coinbase.version,
    locktime: coinbase.lockTime,
    sequence: input.sequence,
    coinbase: toHex(input.scriptSig),
    witness: witness === undefined ? undefined : toHex(witness),
  };
}
