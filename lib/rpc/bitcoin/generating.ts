/**
 * Methods that make blocks, on regtest.
 *
 * @see Bitcoin Core `rpc/mining.cpp` (generatetoaddress, generateblock)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { fromDisplayHex, toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinNetwork } from "../../bitcoin/networks/network.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { addressToScript, type Transaction } from "../../bitcoin/types/mod.ts";
import { UNDERIVABLE } from "./descriptor-keys.ts";
import { coinbaseScript } from "./descriptor-scripts.ts";
import { JsonRpcError, notFound, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type Arguments, type Method, type MethodCall, optional, required } from "./method.ts";
import { minerOf } from "./miner.ts";
import { transactionFromHex } from "./transaction-json.ts";

/** Hashes that are tried for one block unless told otherwise. */
const TRIES_MAX = 1_000_000;

function scriptOf(text: string, network: BitcoinNetwork, message: string): Uint8Array {
  try {
    return addressToScript(text, network);
  } catch {
    throw notFound(message);
  }
}

/** The script of an address or of a descriptor. Throws −5, −8. */
function outputOf(text: string, network: BitcoinNetwork): Uint8Array {
  const message = "Error: Invalid address or descriptor";
  // No address has a parenthesis.
  if (!text.includes("(")) return scriptOf(text, network, message);
  try {
    return coinbaseScript(text, network);
  } catch (thrown) {
    const isUnread = thrown instanceof JsonRpcError && thrown.code === RpcCode.invalidAddressOrKey;
    throw isUnread && thrown.message !== UNDERIVABLE ? notFound(message) : thrown;
  }
}

/** A transaction of the mempool by its id, or from hex. Throws −5 for an id that is not there, and −22 for what is none. */
function transactionOf(text: string, { mempool }: BitcoinService): Transaction {
  if (/^[0-9a-fA-F]{64}$/.test(text)) {
    const entry = mempool?.get(fromDisplayHex(text.toLowerCase()));
    if (entry === undefined) throw notFound(`Transaction ${text} not in mempool.`);
    return entry.transaction;
  }
  const transaction = transactionFromHex(text, { witness: true, noWitness: true });
  if (transaction !== undefined) return transaction;
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  const message = `Transaction decode failed for ${shown}. Make sure the tx has at least one input.`;
  throw new JsonRpcError(RpcCode.deserialization, message);
}

/** Mines as many blocks as are asked for, which pay to the script that `scriptFrom` makes of the second argument. */
async function generate(
  args: Arguments,
  { context, signal }: MethodCall,
  scriptFrom: (text: string, network: BitcoinNetwork) => Uint8Array,
): Promise<RpcJson> {
  const count = args.integer(0);
  const maxTries = args.wide(2, TRIES_MAX);
  const script = scriptFrom(args.text(1), context.bitcoin.network);
  const miner = minerOf(context, true);
  if (count <= 0) return [];
  const blocks = await miner.mine(script, { count, maxTries, submit: true, signal });
  return blocks.map(({ hash }) => toDisplayHex(hash));
}

/** The methods. */
export const generatingMethods: readonly Method[] = [
  {
    name: "generatetoaddress",
    category: "Mining",
    summary: "Mines blocks of the mempool's transactions at once (regtest only).",
    params: [
      required("nblocks", "number", "How many"),
      required("address", "string", "Whom the coinbases pay"),
      optional("maxtries", "number", "Hashes to try", String(TRIES_MAX)),
    ],
    result: '["hex", ...]    (array) the hashes of the blocks',
    examples: ["generatetoaddress 11 bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t"],
    waits: true,
    call: (args, from) => generate(args, from, (text, network) => scriptOf(text, network, "Error: Invalid address")),
  },
  {
    name: "generatetodescriptor",
    category: "Mining",
    summary: "Mines blocks of the mempool's transactions at once (regtest only), which pay to a descriptor.",
    params: [
      required("num_blocks", "number", "How many"),
      required("descriptor", "string", "What the coinbases pay to"),
      optional("maxtries", "number", "Hashes to try", String(TRIES_MAX)),
    ],
    result: '["hex", ...]    (array) the hashes of the blocks',
    examples: ['generatetodescriptor 11 "raw(51)"'],
    waits: true,
    call: (args, from) => generate(args, from, coinbaseScript),
  },
  {
    name: "generateblock",
    category: "Mining",
    summary: "Mines one block with the given transactions, in their order (regtest only). Their fees go to nobody.",
    params: [
      required("output", "string", "The address or descriptor that the coinbase pays"),
      required("transactions", "array", "Transactions as hex, or ids of some of the mempool"),
      optional("submit", "boolean", "Whether the block is handed in; else it is returned", "true"),
    ],
    result: '{"hash": "hex", "hex": "hex"}    (object) hex only when the block is not handed in',
    examples: ["generateblock bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t '[]'"],
    waits: true,
    async call(args, { context, signal }) {
      const { bitcoin } = context;
      const script = outputOf(args.text(0), bitcoin.network);
      const transactions = args.texts(1).map((text) => transactionOf(text, bitcoin));
      const submit = args.boolean(2, true);
      const miner = minerOf(context, true);
      const unsolved = miner.assemble(script, transactions);
      const refusal = await bitcoin.inspection.try(unsolved, signal);
      if (refusal !== undefined) {
        const { reason, detail } = refusal;
        throw new JsonRpcError(RpcCode.verify, `TestBlockValidity failed: ${reason}, ${detail}`);
      }
      const { block } = await miner.solve(unsolved, TRIES_MAX, signal);
      if (block === undefined) throw new JsonRpcError(RpcCode.misc, "Failed to make block.");
      if (!submit) return { hash: toDisplayHex(block.hash), hex: toHex(block.raw) };
      const { kind } = await bitcoin.submitBlock(block.raw, signal);
      if (kind !== "accepted" && kind !== "inconclusive") {
        throw new JsonRpcError(RpcCode.internal, "ProcessNewBlock, block not accepted");
      }
      return { hash: toDisplayHex(block.hash) };
    },
  },
];
