/**
 * Methods about transactions that are signed by several, in turn (PSBT).
 *
 * @see BIP174; Bitcoin Core `rpc/rawtransaction.cpp` (decodepsbt, createpsbt, combinepsbt)
 * @module
 */
import { type Method, required } from "./method.ts";
import { constructed, CONSTRUCTION } from "./raw-transactions.ts";

/** Few nodes are ever asked: what reads and writes them is some megabytes in memory. */
const form = () => import("./psbt-form.ts");

/** The methods. */
export const psbtMethods: readonly Method[] = [
  {
    name: "createpsbt",
    category: "Rawtransactions",
    summary: "Puts a transaction together that is to be signed by others, as a PSBT.",
    params: [...CONSTRUCTION],
    result: '"base64"    (string) the PSBT',
    examples: [`createpsbt '[{"txid":"<txid>","vout":0}]' '[{"<address>":0.01}]'`],
    call: async (args, { context: { bitcoin } }) => (await form()).psbtOf(constructed(args, bitcoin.network)),
  },
  {
    name: "decodepsbt",
    category: "Rawtransactions",
    summary: "Takes a PSBT apart.",
    params: [required("psbt", "string", "The PSBT as base64")],
    result:
      '{ "tx", "global_xpubs", "psbt_version", "proprietary", "unknown", "inputs", "outputs", "fee" }    (object)',
    examples: ["decodepsbt <psbt>"],
    call: async (args, { context: { bitcoin } }) => (await form()).psbtJson(args.text(0), bitcoin.network),
  },
  {
    name: "combinepsbt",
    category: "Rawtransactions",
    summary: "Puts what several PSBTs of one transaction have into one.",
    params: [required("txs", "array", "The PSBTs as base64")],
    result: '"base64"    (string) the PSBT',
    examples: [`combinepsbt '["<psbt>","<psbt>"]'`],
    call: async (args) => (await form()).combinedPsbt(args.texts(0)),
  },
];
