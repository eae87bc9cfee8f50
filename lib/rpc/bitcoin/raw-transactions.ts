/**
 * Transactions as callers put them together.
 *
 * @see Bitcoin Core `rpc/rawtransaction_util.cpp` (ConstructTransaction, AddInputs, ParseOutputs)
 * @module
 */
import type { Json, JsonObject } from "../../codec/json.ts";
import type { BitcoinNetwork } from "../../bitcoin/networks/network.ts";
import {
  addressToScript,
  joinScript,
  Op,
  pushData,
  Transaction,
  type TxInput,
  type TxOutput,
} from "../../bitcoin/types/mod.ts";
import { toHex } from "../../codec/hex.ts";
import { parseAmount, parseHash, parseHex } from "./arguments.ts";
import { invalidParameter, JsonRpcError, notFound, RpcCode } from "./error.ts";
import { type Arguments, type Method, optional, required, wrongType } from "./method.ts";

const FINAL = 0xffff_ffff;
/** The largest sequence number by which a transaction says that it may be replaced (BIP125). */
const REPLACEABLE = 0xffff_fffd;
const U32_MAX = 0xffff_ffff;
const VERSION_MAX = 3;

const invalid = (what: string) => invalidParameter(`Invalid parameter, ${what}`);

/** The parameters that put a transaction together. */
export const CONSTRUCTION = [
  required("inputs", "array", 'What is spent: [{"txid": "…", "vout": n, "sequence": n}, …]'),
  required("outputs", "any", 'What is paid: [{"address": amount}, {"data": "hex"}, …], or one object with all of them'),
  optional("locktime", "number", "The lock time; from 1 on it makes inputs not final", "0"),
  optional("replaceable", "boolean", "Whether it says that it may be replaced (BIP125)", "true"),
  optional("version", "number", "1, 2 or 3", "2"),
] as const;

/** A transaction without signatures, of the arguments of {@link CONSTRUCTION}. Throws −3, −5, −8. */
export function constructed(args: Arguments, network: BitcoinNetwork): Transaction {
  if (!args.has(1)) throw invalid("output argument must be non-null");
  const lockTime = args.wide(2, 0);
  if (lockTime < 0 || lockTime > U32_MAX) throw invalid("locktime out of range");
  const version = args.wide(4, 2);
  if (version < 1 || version > VERSION_MAX) throw invalid(`version out of range(1~${VERSION_MAX})`);
  const isReplaceable = args.has(3) ? args.boolean(3, true) : undefined;
  const standard = isReplaceable ?? true ? REPLACEABLE : lockTime > 0 ? FINAL - 1 : FINAL;
  const inputs = (args.at(0) as readonly Json[]).map((each) => inputOf(each, standard));
  if (isReplaceable === true && inputs.length > 0 && inputs.every(({ sequence }) => sequence > REPLACEABLE)) {
    throw invalidParameter("Invalid parameter combination: Sequence number(s) contradict replaceable option");
  }
  return Transaction.of({ version, inputs, outputs: outputsOf(args.at(1), network), lockTime });
}

function objectOf(value: Json): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value, "object");
  return value as JsonObject;
}

function inputOf(value: Json, standard: number): TxInput {
  const { txid, vout, sequence } = objectOf(value);
  if (typeof txid !== "string") throw wrongType(txid ?? null, "string");
  const prevout = { txid: parseHash(txid, "txid") as Uint8Array<ArrayBuffer>, vout: Number(vout) };
  if (typeof vout !== "number") throw invalid("missing vout key");
  if (!Number.isInteger(vout) || Math.abs(vout) >= 2 ** 31) {
    throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
  }
  if (vout < 0) throw invalid("vout cannot be negative");
  if (typeof sequence === "number" && (!Number.isInteger(sequence) || sequence < 0 || sequence > U32_MAX)) {
    throw invalid("sequence number is out of range");
  }
  const own = typeof sequence === "number" ? sequence : standard;
  return { prevout, scriptSig: new Uint8Array(0), sequence: own, witness: [] };
}

function outputsOf(value: Json, network: BitcoinNetwork): TxOutput[] {
  const pairs: readonly (readonly [string, Json])[] = Array.isArray(value)
    ? value.map((each: Json) => {
      if (typeof each !== "object" || each === null || Array.isArray(each)) {
        throw invalid("key-value pair not an object as expected");
      }
      const entries = Object.entries(each as JsonObject);
      if (entries.length !== 1) throw invalid("key-value pair must contain exactly one key");
      return entries[0] as [string, Json];
    })
    : Object.entries(objectOf(value)) as [string, Json][];
  const seen = new Set<string>();
  return pairs.map(([key, amount]): TxOutput => {
    if (key === "data") {
      if (seen.has(key)) throw invalid("duplicate key: data");
      seen.add(key);
      const bytes = typeof amount === "string" ? parseHex(amount, "Data") : parseHex(String(amount), "Data");
      return { value: 0n, scriptPubKey: joinScript(Op.OP_RETURN, pushData(bytes)) };
    }
    const scriptPubKey = scriptOf(key, network);
    const name = toHex(scriptPubKey);
    if (seen.has(name)) throw invalid(`duplicated address: ${key}`);
    seen.add(name);
    return { value: parseAmount(amount), scriptPubKey };
  });
}

function scriptOf(address: string, network: BitcoinNetwork): Uint8Array {
  try {
    return addressToScript(address, network);
  } catch {
    throw notFound(`Invalid Bitcoin address: ${address.slice(0, 200)}`);
  }
}

/** The methods. */
export const rawTransactionMethods: readonly Method[] = [
  {
    name: "createrawtransaction",
    category: "Rawtransactions",
    summary:
      "Puts a transaction together that spends outputs and pays to addresses. It is not signed, and nowhere kept.",
    params: [...CONSTRUCTION],
    result: '"hex"    (string) the transaction',
    examples: [`createrawtransaction '[{"txid":"<txid>","vout":0}]' '[{"<address>":0.01}]'`],
    call: (args, { context: { bitcoin } }) => toHex(constructed(args, bitcoin.network).raw),
  },
];
