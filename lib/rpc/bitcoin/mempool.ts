/**
 * Methods about the mempool.
 *
 * @see Bitcoin Core `rpc/mempool.cpp`, `rpc/mining.cpp` (prioritisetransaction)
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import { dustOutputs, type MempoolEntry, type Relatives, type TxMempool } from "../../bitcoin/mempool/mod.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { OutPoint } from "../../bitcoin/types/mod.ts";
import { parseHash, parseVerbosity } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson, RpcObject } from "./json.ts";
import { entryJson, entryOf, mempoolContentsJson, mempoolInfoJson, mempoolOf, satoshiJson } from "./mempool-json.ts";
import { type Arguments, type Method, type MethodCall, optional, required, wrongType } from "./method.ts";

const TXID = required("txid", "hex", "The id of a transaction of the mempool");
const VERBOSE = optional("verbose", "boolean", "Whether each is told of, or named only", "false");

/** The relatives of a transaction: their ids, or what is told of each. */
function relativesJson(
  args: Arguments,
  { context: { bitcoin } }: MethodCall,
  choose: (relatives: Relatives) => readonly MempoolEntry[],
): RpcJson {
  const mempool = mempoolOf(bitcoin);
  const txid = parseHash(args.text(0), "txid");
  entryOf(mempool, txid);
  const entries = choose(mempool.relativesOf(txid)!);
  if (!args.boolean(1, false)) return entries.map(({ transaction }) => toDisplayHex(transaction.txid));
  return Object.fromEntries(
    entries.map((entry) => [toDisplayHex(entry.transaction.txid), entryJson(bitcoin, entry)]),
  );
}

/** The members of an object, which may have these and no others. Throws −3 for another, or one of another type. */
function strict(value: Json, types: Readonly<Record<string, "string" | "number" | "boolean">>): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrongType(value, "object");
  const object = value as JsonObject;
  for (const [name, type] of Object.entries(types)) {
    const member = object[name];
    if (member === undefined || typeof member === type) continue;
    throw wrongType(member, type === "boolean" ? "bool" : type);
  }
  const other = Object.keys(object).find((name) => !(name in types));
  if (other !== undefined) throw new JsonRpcError(RpcCode.type, `Unexpected key ${other}`);
  return object;
}

/** An outpoint of an argument. Throws −8, −3. */
function outpointOf(value: Json): OutPoint {
  const { txid, vout } = strict(value, { txid: "string", vout: "number" });
  if (txid === undefined) throw new JsonRpcError(RpcCode.type, "Missing txid");
  if (vout === undefined) throw new JsonRpcError(RpcCode.type, "Missing vout");
  const n = Number(vout);
  if (!Number.isInteger(n) || Math.abs(n) >= 2 ** 31) throw new JsonRpcError(RpcCode.misc, "JSON integer out of range");
  if (n < 0) throw invalidParameter("Invalid parameter, vout cannot be negative");
  return { txid: parseHash(String(txid), "txid"), vout: n };
}

/** What `gettxspendingprevout` is asked for beside the outputs. Throws −3. */
function spendingOptions(value: Json): { readonly isMempoolOnly: boolean; readonly showsSpender: boolean } {
  const { mempool_only, return_spending_tx } = strict(value, {
    mempool_only: "boolean",
    return_spending_tx: "boolean",
  });
  return { isMempoolOnly: mempool_only !== false, showsSpender: return_spending_tx === true };
}

/** The chunks of a cluster. */
function clusterJson(mempool: TxMempool, txid: Uint8Array): RpcObject {
  entryOf(mempool, txid);
  const { cluster } = mempool.relativesOf(txid)!;
  return {
    clusterweight: cluster.reduce((sum, { weight }) => sum + weight, 0),
    txcount: cluster.reduce((sum, { entries }) => sum + entries.length, 0),
    chunks: cluster.map(({ entries, fee, weight }) => ({
      chunkfee: satoshiJson(fee),
      chunkweight: weight,
      txs: entries.map(({ transaction }) => toDisplayHex(transaction.txid)),
    })),
  };
}

/** What is kept of transactions whose parents are not known. */
function orphansJson({ relay }: BitcoinService, verbosity: number): RpcJson {
  const orphans = relay?.orphans() ?? [];
  if (verbosity === 0) return orphans.map(({ transaction }) => toDisplayHex(transaction.txid));
  return orphans.map(({ transaction, announcers }) => ({
    txid: toDisplayHex(transaction.txid),
    wtxid: toDisplayHex(transaction.wtxid),
    bytes: transaction.size,
    vsize: transaction.vsize,
    weight: transaction.weight,
    from: announcers,
    hex: verbosity === 2 ? toHex(transaction.raw) : undefined,
  }));
}

/** The methods. */
export const mempoolMethods: readonly Method[] = [
  {
    name: "getmempoolinfo",
    category: "Blockchain",
    summary: "How many transactions wait for a block, what they take and pay, and by which limits they are taken.",
    params: [],
    result: '{ "size", "bytes", "usage", "mempoolminfee", … }    (object)',
    examples: ["getmempoolinfo"],
    call: (_args, { context: { bitcoin } }) => mempoolInfoJson(bitcoin),
  },
  {
    name: "getrawmempool",
    category: "Blockchain",
    summary: "All transactions of the mempool: their ids, or what is told of each.",
    params: [
      VERBOSE,
      optional("mempool_sequence", "boolean", "Whether the sequence number of the mempool comes with the ids", "false"),
    ],
    result: '["txid", …], {"txid": {…}, …} or {"txids", "mempool_sequence"}',
    examples: ["getrawmempool", "getrawmempool true"],
    call: (args, { context: { bitcoin, clock }, signal }) =>
      mempoolContentsJson(
        bitcoin,
        clock,
        { isVerbose: args.boolean(0, false), hasSequence: args.boolean(1, false) },
        signal,
      ),
  },
  {
    name: "getmempoolentry",
    category: "Blockchain",
    summary: "What is told of a transaction of the mempool.",
    params: [TXID],
    result: '{ "vsize", "weight", "time", "height", "fees", "depends", "spentby", … }    (object)',
    examples: ["getmempoolentry <txid>"],
    call(args, { context: { bitcoin } }) {
      return entryJson(bitcoin, entryOf(mempoolOf(bitcoin), parseHash(args.text(0), "txid")));
    },
  },
  {
    name: "getmempoolancestors",
    category: "Blockchain",
    summary: "The transactions of the mempool that a transaction needs.",
    params: [TXID, VERBOSE],
    result: '["txid", …] or {"txid": {…}, …}',
    examples: ["getmempoolancestors <txid>"],
    call: (args, call) => relativesJson(args, call, ({ ancestors }) => ancestors),
  },
  {
    name: "getmempooldescendants",
    category: "Blockchain",
    summary: "The transactions of the mempool that need a transaction.",
    params: [TXID, VERBOSE],
    result: '["txid", …] or {"txid": {…}, …}',
    examples: ["getmempooldescendants <txid>"],
    call: (args, call) => relativesJson(args, call, ({ descendants }) => descendants),
  },
  {
    name: "getmempoolcluster",
    category: "Blockchain",
    summary: "The transactions that hang together with one, in the order in which blocks would have them.",
    params: [TXID],
    result: '{ "clusterweight", "txcount", "chunks": [{ "chunkfee", "chunkweight", "txs" }, …] }    (object)',
    examples: ["getmempoolcluster <txid>"],
    call: (args, { context: { bitcoin } }) => clusterJson(mempoolOf(bitcoin), parseHash(args.text(0), "txid")),
  },
  {
    name: "getmempoolfeeratediagram",
    category: "Blockchain",
    summary: "What the first chunks of the mempool weigh and pay together, for every number of them.",
    params: [],
    result: '[{ "weight", "fee" }, …]    (array)',
    examples: ["getmempoolfeeratediagram"],
    isHidden: true,
    call(_args, { context: { bitcoin } }) {
      let [weight, fee] = [0, 0];
      const points = [{ weight, fee: satoshiJson(fee) }];
      for (const chunk of mempoolOf(bitcoin).chunks()) {
        [weight, fee] = [weight + chunk.weight, fee + chunk.fee];
        points.push({ weight, fee: satoshiJson(fee) });
      }
      return points;
    },
  },
  {
    name: "gettxspendingprevout",
    category: "Blockchain",
    summary: "The transactions of the mempool that spend outputs.",
    params: [
      required("outputs", "array", 'What is spent: [{"txid": "…", "vout": n}, …]'),
      optional("options", "object", '{"mempool_only": whether blocks are left out, "return_spending_tx": b}', "{}"),
    ],
    result: '[{ "txid", "vout", "spendingtxid", "spendingtx" }, …]    (array)',
    examples: [`gettxspendingprevout '[{"txid":"<txid>","vout":0}]'`],
    call(args, { context: { bitcoin } }) {
      const values = args.at(0) as readonly Json[];
      if (values.length === 0) throw invalidParameter("Invalid parameter, outputs are missing");
      const outpoints = values.map(outpointOf);
      const { isMempoolOnly, showsSpender } = spendingOptions(args.has(1) ? args.at(1) : {});
      const mempool = mempoolOf(bitcoin);
      if (!isMempoolOnly && outpoints.some((outpoint) => mempool.spenderOf(outpoint) === undefined)) {
        throw new JsonRpcError(
          RpcCode.misc,
          "Mempool lacks a relevant spend, and txospenderindex is unavailable.",
        );
      }
      return outpoints.map((outpoint) => {
        const spender = mempool.spenderOf(outpoint);
        return {
          txid: toDisplayHex(outpoint.txid),
          vout: outpoint.vout,
          spendingtxid: spender && toDisplayHex(spender.transaction.txid),
          spendingtx: spender && showsSpender ? toHex(spender.transaction.raw) : undefined,
        };
      });
    },
  },
  {
    name: "prioritisetransaction",
    category: "Mining",
    summary:
      "Has a transaction count as if it had paid more, or less, here or not here yet. Blocks and limits go by that.",
    params: [
      required("txid", "hex", "The transaction id"),
      optional("dummy", "number", "Must be 0 or null; it was the priority once"),
      required("fee_delta", "number", "Satoshi to be added; below 0 to be taken away"),
    ],
    result: "true    (boolean)",
    examples: ["prioritisetransaction <txid> 0 10000"],
    call(args, { context: { bitcoin } }) {
      const txid = parseHash(args.text(0), "txid");
      const delta = args.int64(2);
      if (args.has(1) && args.at(1) !== 0) {
        throw invalidParameter(
          "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.",
        );
      }
      const mempool = mempoolOf(bitcoin);
      const entry = mempool.get(txid);
      if (entry !== undefined && dustOutputs(entry.transaction, mempool.policy.dustRelayFeeRate).length > 0) {
        throw invalidParameter("Priority is not supported for transactions with dust outputs.");
      }
      mempool.prioritise(txid, delta);
      return true;
    },
  },
  {
    name: "getprioritisedtransactions",
    category: "Mining",
    summary: "What prioritisetransaction added, by transaction.",
    params: [],
    result: '{ "txid": { "fee_delta", "in_mempool", "modified_fee" }, … }    (object)',
    examples: ["getprioritisedtransactions"],
    call(_args, { context: { bitcoin } }) {
      const mempool = mempoolOf(bitcoin);
      return Object.fromEntries([...mempool.deltas].map(([name, delta]) => {
        const txid = fromHex(name);
        const entry = mempool.get(txid);
        return [toDisplayHex(txid), {
          fee_delta: delta,
          in_mempool: entry !== undefined,
          modified_fee: entry?.modifiedFee,
        }];
      }));
    },
  },
  {
    name: "getorphantxs",
    category: "Blockchain",
    summary:
      "Transactions that wait for a parent that is not known: their ids (verbosity 0), more (1), and as hex (2).",
    params: [optional("verbosity", "any", "0, 1 or 2", "0")],
    result: '["txid", …] or [{ "txid", "wtxid", "bytes", "vsize", "weight", "from", "hex" }, …]    (array)',
    examples: ["getorphantxs 1"],
    isHidden: true,
    call(args, { context: { bitcoin } }) {
      mempoolOf(bitcoin);
      if (typeof args.at(0) === "boolean") throw wrongType(args.at(0), "number");
      const verbosity = parseVerbosity(args.at(0), 0);
      if (verbosity < 0 || verbosity > 2) throw invalidParameter(`Invalid verbosity value ${verbosity}`);
      return orphansJson(bitcoin, verbosity);
    },
  },
];
