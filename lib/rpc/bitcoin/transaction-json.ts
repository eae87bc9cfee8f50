/**
 * Transactions as decoded JSON, and how they are read from hex.
 *
 * @see Bitcoin Core `core_io.cpp` (TxToUniv, DecodeHexTx)
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
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

/** A transaction with its inputs and outputs taken apart; `hex` only where it is wanted. */
export function transactionJson(
  transaction: Transaction,
  prefixes: PaymentAddressPrefixes,
  { hex }: { readonly hex: boolean },
): RpcObject {
  const { isCoinbase } = transaction;
  return {
    txid: toDisplayHex(transaction.txid),
    hash: toDisplayHex(transaction.wtxid),
    version: transaction.version,
    size: transaction.size,
    vsize: transaction.vsize,
    weight: transaction.weight,
    locktime: transaction.lockTime,
    vin: transaction.inputs.map((input) => inputJson(input, isCoinbase)),
    vout: transaction.outputs.map(({ value, scriptPubKey }, n) => ({
      value: amountJson(value),
      n,
      scriptPubKey: scriptJson(scriptPubKey, prefixes),
    })),
    hex: hex ? toHex(transaction.raw) : undefined,
  };
}

function inputJson({ prevout, scriptSig, sequence, witness }: TxInput, isCoinbase: boolean): RpcObject {
  const txinwitness = witness.length > 0 ? witness.map((item) => toHex(item)) : undefined;
  if (isCoinbase) return { coinbase: toHex(scriptSig), txinwitness, sequence };
  return {
    txid: toDisplayHex(prevout.txid),
    vout: prevout.vout,
    scriptSig: { asm: scriptAsm(scriptSig, { sighash: true }), hex: toHex(scriptSig) },
    txinwitness,
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
