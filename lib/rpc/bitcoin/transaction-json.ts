/**
 * Transactions as decoded JSON, and how they are read from hex.
 *
 * @see Bitcoin Core `core_io.cpp` (TxToUniv, DecodeHexTx)
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { Coin } from "../../bitcoin/coins/coin.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import {
  type PaymentAddressPrefixes,
  SCRIPT_BYTES_MAX,
  scriptAsm,
  Transaction,
  type TxInput,
} from "../../bitcoin/types/mod.ts";
import { isHex } from "./arguments.ts";
import { amountJson, type RpcObject } from "./json.ts";
import { hasValidOpcodes, scriptJson } from "./script-json.ts";

/** How much is told of a transaction. */
export interface TransactionDetail {
  readonly hex: boolean;
  /** What its inputs spend, where that is known: the fee follows from it. */
  readonly spent?: readonly Coin[] | undefined;
  /** Whether each input shows what it spends. */
  readonly prevouts?: boolean;
}

/** A transaction with its inputs and outputs taken apart; `hex` only where it is wanted. */
export function transactionJson(
  transaction: Transaction,
  prefixes: PaymentAddressPrefixes,
  { hex, spent, prevouts = false }: TransactionDetail,
): RpcObject {
  const { isCoinbase } = transaction;
  const prevout = (i: number) => (prevouts && spent !== undefined ? prevoutJson(spent[i]!, prefixes) : undefined);
  return {
    txid: toDisplayHex(transaction.txid),
    hash: toDisplayHex(transaction.wtxid),
    version: transaction.version,
    size: transaction.size,
    vsize: transaction.vsize,
    weight: transaction.weight,
    locktime: transaction.lockTime,
    vin: transaction.inputs.map((input, i) => inputJson(input, isCoinbase, prevout(i))),
    vout: transaction.outputs.map(({ value, scriptPubKey }, n) => ({
      value: amountJson(value),
      n,
      scriptPubKey: scriptJson(scriptPubKey, prefixes),
    })),
    fee: spent && amountJson(valueOf(spent) - valueOf(transaction.outputs)),
    hex: hex ? toHex(transaction.raw) : undefined,
  };
}

const valueOf = (outputs: readonly { readonly value: bigint }[]) => outputs.reduce((sum, { value }) => sum + value, 0n);

/** An output that is spent, as verbosity 3 of a block and 2 of a transaction show it. */
function prevoutJson({ isCoinbase, height, value, scriptPubKey }: Coin, prefixes: PaymentAddressPrefixes): RpcObject {
  return {
    generated: isCoinbase,
    height,
    value: amountJson(value),
    scriptPubKey: scriptJson(scriptPubKey, prefixes),
  };
}

function inputJson(
  { prevout, scriptSig, sequence, witness }: TxInput,
  isCoinbase: boolean,
  spent: RpcObject | undefined,
): RpcObject {
  const txinwitness = witness.length > 0 ? witness.map((item) => toHex(item)) : undefined;
  if (isCoinbase) return { coinbase: toHex(scriptSig), txinwitness, sequence };
  return {
    txid: toDisplayHex(prevout.txid),
    vout: prevout.vout,
    scriptSig: { asm: scriptAsm(scriptSig, { sighash: true }), hex: toHex(scriptSig) },
    txinwitness,
    prevout: spent,
    sequence,
  };
}

/** How `decoderawtransaction` is to read its bytes. */
export interface DecodeOptions {
  /** Try the form with marker, flag and witnesses. */
  readonly witness: boolean;
  /** Try the form without. */
  readonly noWitness: boolean;
}

/**
 * Reads a transaction from hex; undefined when it is none. Bytes may be sound in both forms: then the one whose scripts
 * make sense is meant, and of two the one with witness.
 */
export function transactionFromHex(
  text: string,
  { witness, noWitness }: DecodeOptions = { witness: true, noWitness: true },
): Transaction | undefined {
  if (!isHex(text)) return undefined;
  const bytes = fromHex(text.toLowerCase());
  const extended = witness ? attempt(bytes, true) : undefined;
  if (extended !== undefined && hasSaneScripts(extended)) return extended;
  const legacy = noWitness ? attempt(bytes, false) : undefined;
  if (legacy !== undefined && hasSaneScripts(legacy)) return legacy;
  return extended ?? legacy;
}

function attempt(bytes: Uint8Array, witness: boolean): Transaction | undefined {
  try {
    return Transaction.decode(bytes, { witness });
  } catch {
    return undefined;
  }
}

function hasSaneScripts(transaction: Transaction): boolean {
  const isSane = (script: Uint8Array) => script.length <= SCRIPT_BYTES_MAX && hasValidOpcodes(script);
  return (transaction.isCoinbase || transaction.inputs.every(({ scriptSig }) => isSane(scriptSig))) &&
    transaction.outputs.every(({ scriptPubKey }) => isSane(scriptPubKey));
}
