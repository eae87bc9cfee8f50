/**
 * Methods that need no chain.
 *
 * @see Bitcoin Core `rpc/output_script.cpp` (validateaddress), `rpc/node.cpp` (getindexinfo)
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import { FILTER_INDEX_NAME } from "../../bitcoin/indexes/filter-index.ts";
import type { BitcoinNetwork } from "../../bitcoin/networks/network.ts";
import {
  addressToScript,
  PaymentAddressError,
  paymentAddressFault,
  scriptTemplate,
  scriptToAddress,
} from "../../bitcoin/types/mod.ts";
import type { RpcObject } from "./json.ts";
import { type Method, optional, required } from "./method.ts";

/** Addresses of a single key; all others stand for a script, as Core sees it. */
const KEY_TYPES: ReadonlySet<string> = new Set(["pubkeyhash", "witness_v0_keyhash"]);

/** What `validateaddress` tells of an address that is one. */
function addressJson(script: Uint8Array, network: BitcoinNetwork): RpcObject {
  const template = scriptTemplate(script);
  const isWitness = "program" in template;
  return {
    isvalid: true,
    address: scriptToAddress(script, network),
    scriptPubKey: toHex(script),
    // Nobody knows what a witness program of the future will be.
    isscript: template.type === "witness_unknown" ? undefined : !KEY_TYPES.has(template.type),
    iswitness: isWitness,
    witness_version: isWitness ? template.version : undefined,
    witness_program: isWitness ? toHex(template.program) : undefined,
  };
}

/** The methods. */
export const utilMethods: readonly Method[] = [
  {
    name: "validateaddress",
    category: "Util",
    summary: "Whether text is an address of this network, and what it stands for.",
    params: [required("address", "string", "The address")],
    result:
      "{isvalid, address, scriptPubKey, isscript, iswitness, ...} or {isvalid, error_locations, error}    (object)",
    examples: ["validateaddress bcrt1qamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhwamhqgdn98t"],
    call(args, { context: { bitcoin: { network } } }) {
      const text = args.text(0);
      try {
        return addressJson(addressToScript(text, network), network);
      } catch (thrown) {
        if (!(thrown instanceof PaymentAddressError)) throw thrown;
        const { error, locations } = paymentAddressFault(text, network);
        return { isvalid: false, error_locations: locations, error };
      }
    },
  },
  {
    name: "getzmqnotifications",
    category: "Util",
    summary: "What is published by ZeroMQ: nothing. /events has the same, see docs/rpc.md.",
    params: [],
    result: "[]    (array)",
    examples: ["getzmqnotifications"],
    call: () => [],
  },
  {
    name: "getindexinfo",
    category: "Util",
    summary: "The indexes that this node keeps.",
    params: [optional("index_name", "string", "Only this index")],
    result: "{name: {synced, best_block_height}, ...}    (object)",
    examples: ["getindexinfo txindex"],
    call(args, { context: { bitcoin } }) {
      const wanted = args.optionalText(0);
      const { store, filters, headers, tip } = bitcoin;
      const all = {
        // It is written in the same step as the block.
        txindex: store.hasTransactionIndex ? { synced: true, best_block_height: headers.height(tip) } : undefined,
        [FILTER_INDEX_NAME]: filters && { synced: filters.isSynced, best_block_height: Math.max(0, filters.height) },
      };
      return Object.fromEntries(Object.entries(all).filter(([name]) => wanted === undefined || name === wanted));
    },
  },
];
