/**
 * What a miner needs for the next block, and whether a block of his would do.
 *
 * @see Bitcoin Core `rpc/mining.cpp` (getblocktemplate); BIP22, BIP23, BIP145
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Json } from "../../codec/json.ts";
import { equalBytes } from "../../codec/sized.ts";
import type { Clock } from "../../core/ports.ts";
import { givingWay } from "../../core/work/give-way.ts";
import { MAX_BLOCK_SIGOPS_COST } from "../../bitcoin/chain/block-checks.ts";
import { MAX_BLOCK_WEIGHT, WITNESS_SCALE_FACTOR } from "../../bitcoin/chain/transaction-checks.ts";
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import { compactToTarget } from "../../bitcoin/headers/pow.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import type { MempoolEntry } from "../../bitcoin/mempool/mempool.ts";
import { commitmentScript, type FilledTemplate } from "../../bitcoin/mining.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { isStopping } from "../stopping.ts";
import { parseHash } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { type BitcoinRpcContext, type Method, required, wrongType } from "./method.ts";
import { minerOf } from "./miner.ts";
import { blockFromHex } from "./submitting.ts";

/** Serialised bytes of a block, with witnesses. */
const BLOCK_BYTES_MAX = 4_000_000;
const HASH_DIGITS = 64;
/** When a caller that waits is told of changes of the mempool: not before, and then this often. */
const CHANGES_FIRST_MS = 60_000;
const CHANGES_NEXT_MS = 10_000;

/** Whether a block could be the next: null, or why not, in the words of BIP22. */
async function judgeProposal(bitcoin: BitcoinService, data: Json | undefined, signal: AbortSignal): Promise<RpcJson> {
  if (typeof data !== "string") throw new JsonRpcError(RpcCode.type, "Missing data String key for proposal");
  const block = blockFromHex(data);
  const { headers } = bitcoin;
  const row = headers.find(block.hash);
  if (row >= 0) {
    if (headers.isInvalid(row)) return "duplicate-invalid";
    return (headers.status(row) & HeaderStatus.connected) !== 0 ? "duplicate" : "duplicate-inconclusive";
  }
  return (await bitcoin.inspection.try(block, signal))?.reason ?? null;
}

/**
 * Waits until the tip is another than that of the template that the caller has, or, after a while, until the mempool has
 * changed since.
 */
async function untilOutdated(
  { bitcoin, clock }: BitcoinRpcContext,
  longPollId: Json,
  signal: AbortSignal,
): Promise<void> {
  const { headers, mempool } = bitcoin;
  const changes = () => mempool?.sequence ?? 0;
  const isText = typeof longPollId === "string";
  const known = isText ? parseHash(longPollId.slice(0, HASH_DIGITS), "longpollid") : headers.hash(bitcoin.tip);
  const knownChanges = isText ? Number.parseInt(longPollId.slice(HASH_DIGITS), 10) || 0 : changes();
  for (let waitMs = CHANGES_FIRST_MS; equalBytes(headers.hash(bitcoin.tip), known); waitMs = CHANGES_NEXT_MS) {
    if (isStopping(signal)) throw new JsonRpcError(RpcCode.notConnected, "Shutting down");
    signal.throwIfAborted();
    const turn = new AbortController();
    const cancel = clock.after(waitMs, () => turn.abort());
    await bitcoin.tipChange(bitcoin.tip, AbortSignal.any([signal, turn.signal])).finally(cancel);
    if (turn.signal.aborted && changes() !== knownChanges) return;
  }
}

/** One transaction of a template. `places`: where those before it are, counted from 1, by their txids. */
function transactionJson(
  { transaction, fee, sigOpCost }: MempoolEntry,
  places: ReadonlyMap<string, number>,
  scale: number,
) {
  const depends = transaction.inputs.map(({ prevout }) => places.get(toHex(prevout.txid)));
  return {
    data: toHex(transaction.raw),
    txid: toDisplayHex(transaction.txid),
    hash: toDisplayHex(transaction.wtxid),
    depends: depends.filter((place) => place !== undefined),
    fee,
    sigops: sigOpCost / scale,
    weight: transaction.weight,
  };
}

/** The transactions of a template; each names those before it that it needs. */
async function transactionsJson({ entries, segwit }: FilledTemplate, clock: Clock): Promise<RpcJson> {
  const places = new Map<string, number>();
  const all: RpcJson[] = [];
  const giveWay = givingWay(clock);
  for (const entry of entries) {
    all.push(transactionJson(entry, places, segwit ? 1 : WITNESS_SCALE_FACTOR));
    places.set(toHex(entry.transaction.txid), all.length);
    const turn = giveWay();
    if (turn !== undefined) await turn;
  }
  return all;
}

/** What BIP22 asks for. */
async function templateJson(
  { network, versionBits, tip }: BitcoinService,
  template: FilledTemplate,
  clock: Clock,
): Promise<RpcObject> {
  const previous = toDisplayHex(template.previousBlockHash);
  const { deployments, signetChallenge } = network;
  const stateOf = deployments.map((each) => ({ ...each, state: versionBits.after(tip, each) }));
  const available = stateOf.filter(({ state }) => state === "started" || state === "locked_in");
  const scale = template.segwit ? 1 : WITNESS_SCALE_FACTOR;
  return {
    capabilities: ["proposal"],
    version: template.version,
    rules: [
      "csv",
      ...(template.segwit ? ["!segwit", "taproot"] : []),
      ...(signetChallenge === undefined ? [] : ["!signet"]),
      ...stateOf.filter(({ state }) => state === "active").map(({ name }) => name),
    ],
    vbavailable: Object.fromEntries(available.map(({ name, bit }) => [name, bit])),
    vbrequired: 0,
    previousblockhash: previous,
    transactions: await transactionsJson(template, clock),
    coinbaseaux: {},
    coinbasevalue: template.coinbaseValue,
    // What follows the hash counts the changes of the mempool.
    longpollid: `${previous}${template.changes}`,
    target: compactToTarget(template.bits).target.toString(16).padStart(64, "0"),
    mintime: template.minimumTime,
    mutable: ["time", "transactions", "prevblock"],
    noncerange: "00000000ffffffff",
    sigoplimit: MAX_BLOCK_SIGOPS_COST / scale,
    sizelimit: BLOCK_BYTES_MAX / scale,
    weightlimit: template.segwit ? MAX_BLOCK_WEIGHT : undefined,
    curtime: template.time,
    bits: (template.bits >>> 0).toString(16).padStart(8, "0"),
    height: template.height,
    signet_challenge: signetChallenge && toHex(signetChallenge),
    default_witness_commitment: template.segwit
      ? toHex(commitmentScript(template.entries.map(({ transaction }) => transaction)))
      : undefined,
  };
}

/** The rules that a client says that it knows. Throws −8 for one that leaves out what it has to know. */
function checkRules({ network }: BitcoinService, rules: Json): void {
  const known: readonly Json[] = Array.isArray(rules) ? rules : [];
  for (const rule of known) if (typeof rule !== "string") throw wrongType(rule, "string");
  if (network.signetChallenge !== undefined && !known.includes("signet")) {
    const call = '(call with {"rules": ["segwit", "signet"]})';
    throw invalidParameter(`getblocktemplate must be called with the signet rule set ${call}`);
  }
  if (known.includes("segwit")) return;
  throw invalidParameter('getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})');
}

/** The methods. */
export const blockTemplateMethods: readonly Method[] = [
  {
    name: "getblocktemplate",
    category: "Mining",
    summary:
      "What a miner needs for the next block (BIP22, BIP145). With a longpollid: as soon as the tip is another, or " +
      "after a minute and more when the mempool is.\nMode proposal judges a block that is not mined yet (BIP23).",
    params: [
      required("template_request", "object", 'At least {"rules": ["segwit"]}; or {"mode": "proposal", "data": "hex"}'),
    ],
    result: '{...}, or null or "reason" for a proposal    (object or string)',
    examples: [`getblocktemplate '{"rules": ["segwit"]}'`],
    waits: true,
    async call(args, { context, signal }) {
      const { mode = null, rules = null, longpollid = null, data } = args.object(0);
      const { bitcoin } = context;
      if (mode === "proposal") return await judgeProposal(bitcoin, data, signal);
      if (mode !== null && mode !== "template") throw invalidParameter("Invalid mode");
      if (!bitcoin.network.testChain) {
        if (bitcoin.peers().length === 0) throw new JsonRpcError(RpcCode.notConnected, "gemel is not connected!");
        if (bitcoin.state().initialBlockDownload) {
          throw new JsonRpcError(RpcCode.initialDownload, "gemel is in initial sync and waiting for blocks...");
        }
      }
      const miner = minerOf(context, false);
      if (longpollid !== null) await untilOutdated(context, longpollid, signal);
      checkRules(bitcoin, rules);
      return await templateJson(bitcoin, await miner.template(signal), context.clock);
    },
  },
];
