/**
 * Methods about snapshots of the unspent outputs.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (dumptxoutset, loadtxoutset, getchainstates)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import { noCoins } from "./coins.ts";
import { rowOfHashOrHeight } from "./arguments.ts";
import { targetJson } from "./block-json.ts";
import { verificationProgress } from "./blockchain.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import type { RpcJson } from "./json.ts";
import { type Method, type MethodCall, optional, required } from "./method.ts";

/** The methods. */
export const snapshotMethods: readonly Method[] = [
  {
    name: "dumptxoutset",
    category: "Blockchain",
    summary:
      "Writes the unspent outputs to a file, as Core's loadtxoutset reads it. It reads all of them, which may take\n" +
      "some time; blocks are connected meanwhile.",
    params: [
      required("path", "string", "The file, which may not be there yet; relative to the folder of the network"),
      optional("type", "string", "latest, or rollback for the newest block that loadtxoutset takes here", '""'),
      optional("options", "object", "{rollback}: height or hash of an earlier block of the active chain"),
    ],
    result: "{coins_written, base_hash, base_height, path, txoutset_hash, nchaintx}    (object)",
    examples: ["dumptxoutset utxo.dat latest"],
    waits: true,
    async call(args, call) {
      const type = args.optionalText(1) ?? "";
      const isRollback = "rollback" in args.object(2);
      if (isRollback && type !== "" && type !== "rollback") {
        throw invalidParameter(`Invalid snapshot type "${type}" specified with rollback option`);
      }
      const { context: { bitcoin } } = call;
      if (isRollback) {
        return await dumped(args.text(0), rowOfHashOrHeight(bitcoin, args.object(2).rollback ?? null), call);
      }
      if (type === "rollback") {
        const newest = Math.max(...bitcoin.network.assumedCoins.map(({ height }) => height));
        return await dumped(args.text(0), rowOfHashOrHeight(bitcoin, newest), call);
      }
      if (type !== "latest") {
        throw invalidParameter(`Invalid snapshot type "${type}" specified. Please specify "rollback" or "latest"`);
      }
      return await dumped(args.text(0), undefined, call);
    },
  },
  {
    name: "loadtxoutset",
    category: "Blockchain",
    summary: "Takes the unspent outputs of a file that dumptxoutset or Core wrote, if the network's parameters or\n" +
      "--assume-utxo name their hash. Its block becomes the tip; the blocks before it are validated in the background.",
    params: [required("path", "string", "The file; relative to the folder of the network")],
    result: "{coins_loaded, tip_hash, base_height, path}    (object)",
    examples: ["loadtxoutset utxo.dat"],
    waits: true,
    async call(args, { context: { bitcoin }, signal }) {
      const name = args.text(0);
      const { mode } = bitcoin.state();
      if (mode !== "full") throw noCoins(bitcoin);
      try {
        const found = await bitcoin.snapshots.load(name, signal);
        return {
          coins_loaded: found.coins,
          tip_hash: toDisplayHex(bitcoin.headers.hash(found.base)),
          base_height: bitcoin.headers.height(found.base),
          path: found.path,
        };
      } catch (thrown) {
        throw loadFailure(thrown, bitcoin.snapshots.path(name));
      }
    },
  },
  {
    name: "getchainstates",
    category: "Blockchain",
    summary:
      "The chain of the tip and, while a snapshot is not validated, before it the one that is validated up to the\n" +
      "snapshot's block.",
    params: [],
    result: "{headers, chainstates: [{blocks, bestblockhash, bits, target, difficulty, verificationprogress,\n" +
      "coins_db_cache_bytes, coins_tip_cache_bytes, snapshot_blockhash, validated}]}    (object)",
    examples: ["getchainstates"],
    call(_args, { context }) {
      const { bitcoin } = context;
      const { headers } = bitcoin;
      const { tip, bestHeader } = bitcoin.state();
      const { background, coinBytesMax } = bitcoin.snapshots;
      const stateOf = (row: number, base?: number): RpcJson => ({
        blocks: headers.height(row),
        bestblockhash: toDisplayHex(headers.hash(row)),
        ...targetJson(headers.bits(row)),
        verificationprogress: verificationProgress(context, row),
        coins_db_cache_bytes: 0,
        coins_tip_cache_bytes: coinBytesMax,
        snapshot_blockhash: base === undefined ? undefined : toDisplayHex(headers.hash(base)),
        validated: base === undefined,
      });
      return {
        headers: headers.height(bestHeader),
        chainstates: background === undefined
          ? [stateOf(tip)]
          : [stateOf(background.head), stateOf(tip, background.snapshot.base)],
      };
    },
  },
];

/** What Core's loadtxoutset answers to what went wrong. */
function loadFailure(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof NodeError)) return thrown;
  const { code, message } = thrown;
  switch (code) {
    case "SNAPSHOT_FILE_UNUSABLE":
      return invalidParameter(message);
    case "SNAPSHOT_HEAD_INVALID":
      return new JsonRpcError(RpcCode.deserialization, `Unable to parse metadata: ${message}`);
    case "SNAPSHOT_REFUSED":
      return new JsonRpcError(RpcCode.internal, `Unable to load UTXO snapshot: ${message}. (${path})`);
    default:
      return thrown;
  }
}

async function dumped(
  path: string,
  target: number | undefined,
  { context: { bitcoin }, signal }: MethodCall,
): Promise<RpcJson> {
  try {
    const found = await bitcoin.snapshots.dump(path, target, signal);
    if (found === undefined) throw noCoins(bitcoin);
    const { headers } = bitcoin;
    return {
      coins_written: found.coins,
      base_hash: toDisplayHex(headers.hash(found.base)),
      base_height: headers.height(found.base),
      path: found.path,
      txoutset_hash: toDisplayHex(found.hash),
      nchaintx: found.transactions,
    };
  } catch (thrown) {
    if (!(thrown instanceof NodeError)) throw thrown;
    const { code, message } = thrown;
    if (code === "SNAPSHOT_FILE_UNUSABLE") throw invalidParameter(message);
    if (code === "ROLLBACK_IMPOSSIBLE" || code === "ROLLBACK_TOO_FAR") throw new JsonRpcError(RpcCode.misc, message);
    throw thrown;
  }
}
