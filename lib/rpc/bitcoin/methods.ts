/**
 * All methods by name, and how their arguments are told from words of a command line.
 *
 * @module
 */
import { type Json, parseJson } from "../../codec/json.ts";
import { banMethods } from "./bans.ts";
import { blockFilterMethods } from "./block-filters.ts";
import { blockTemplateMethods } from "./block-template.ts";
import { blockScanMethods } from "./block-scan.ts";
import { blockStatsMethods } from "./block-stats.ts";
import { blockchainMethods } from "./blockchain.ts";
import { branchMethods } from "./branches.ts";
import { coinScanMethods } from "./coin-scan.ts";
import { coinMethods } from "./coins.ts";
import { combiningMethods } from "./combining.ts";
import { type ActiveCall, controlMethods } from "./control.ts";
import { deploymentMethods } from "./deployments.ts";
import { feeMethods } from "./fees.ts";
import { generatingMethods } from "./generating.ts";
import type { Method } from "./method.ts";
import { mempoolMethods } from "./mempool.ts";
import { mempoolFileMethods } from "./mempool-files.ts";
import { networkMethods } from "./network.ts";
import { psbtMethods } from "./psbt.ts";
import { rawTransactionMethods } from "./raw-transactions.ts";
import { sendingMethods } from "./sending.ts";
import { snapshotMethods } from "./snapshots.ts";
import { statisticsMethods } from "./statistics.ts";
import { storedBlockMethods } from "./stored-blocks.ts";
import { submittingMethods } from "./submitting.ts";
import { testingMethods } from "./testing.ts";
import { transactionMethods } from "./transactions.ts";
import { utilMethods } from "./util.ts";
import { waitingMethods } from "./waiting.ts";

/** Methods of which those of the names, all when none is named, need the node that writes the chain. */
function needing(methods: readonly Method[], ...names: readonly string[]): readonly Method[] {
  for (const name of names) if (!methods.some((method) => method.name === name)) throw new TypeError(`no ${name}`);
  const isNeeding = ({ name }: Method) => names.length === 0 || names.includes(name);
  return methods.map((method) => (isNeeding(method) ? { ...method, needsWriter: true } : method));
}

/** The methods. `active` tells which calls run. */
export function bitcoinMethods(active: () => Iterable<ActiveCall>): ReadonlyMap<string, Method> {
  const all: readonly Method[] = [
    ...blockchainMethods,
    ...needing(branchMethods),
    ...deploymentMethods,
    ...waitingMethods,
    ...coinMethods,
    ...blockStatsMethods,
    ...coinScanMethods,
    ...blockScanMethods,
    ...blockFilterMethods,
    ...needing(snapshotMethods, "loadtxoutset"),
    ...transactionMethods,
    ...needing(mempoolMethods),
    ...needing(mempoolFileMethods),
    ...needing(sendingMethods),
    ...rawTransactionMethods,
    ...combiningMethods,
    ...psbtMethods,
    ...needing(networkMethods, "addnode", "disconnectnode", "setnetworkactive", "ping"),
    ...needing(banMethods, "setban", "clearbanned"),
    ...needing(feeMethods),
    ...needing(generatingMethods),
    ...needing(blockTemplateMethods),
    ...needing(submittingMethods),
    ...statisticsMethods,
    ...needing(storedBlockMethods, "pruneblockchain", "getblockfrompeer"),
    ...needing(testingMethods, "addconnection", "addpeeraddress", "sendmsgtopeer"),
    ...utilMethods,
    ...controlMethods(() => methods, active),
  ];
  const methods: ReadonlyMap<string, Method> = new Map(all.map((method) => [method.name, method]));
  return methods;
}

/**
 * The argument that a word of a command line stands for: text where the method wants text, else JSON.
 * @param place position or name of the argument
 * @throws SyntaxError when the method wants JSON and the word is none
 *
 * @example
 * ```ts
 * import { argumentFromWord } from "gemel";
 *
 * assert.equal(argumentFromWord("getblockhash", "height", "7"), 7);
 * assert.equal(argumentFromWord("getblock", "blockhash", "00ff"), "00ff");
 * ```
 */
export function argumentFromWord(method: string, place: number | string, word: string): Json {
  const params = bitcoinMethods(() => []).get(method)?.params ?? [];
  const type = (typeof place === "number" ? params[place] : params.find(({ names }) => names.includes(place)))?.type;
  if (type === "string" || type === "hex") return word;
  try {
    return parseJson(word);
  } catch {
    // What is not known may be text as well; the node will tell.
    if (type === undefined || type === "any") return word;
    throw new SyntaxError(`${word.slice(0, 60)}: ${method} wants JSON of type ${type} there`);
  }
}
