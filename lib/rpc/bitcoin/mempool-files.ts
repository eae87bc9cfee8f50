/**
 * Methods that keep the mempool in a file, in Core's format.
 *
 * @see Bitcoin Core `rpc/mempool.cpp` (savemempool, importmempool)
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Json, JsonObject } from "../../codec/json.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import { mempoolOf } from "./mempool-json.ts";
import { type Method, optional, required, wrongType } from "./method.ts";

function flagOf(options: JsonObject, name: string, standard: boolean): boolean {
  const value: Json = options[name] ?? standard;
  if (typeof value !== "boolean") throw wrongType(value, "bool");
  return value;
}

/** The methods. */
export const mempoolFileMethods: readonly Method[] = [
  {
    name: "savemempool",
    category: "Blockchain",
    summary: "Writes the mempool to its file, mempool.dat in the network's folder, which a start reads.",
    params: [],
    result: '{ "filename" }    (object)',
    examples: ["savemempool"],
    async call(_args, { context: { bitcoin } }) {
      const { storage } = mempoolOf(bitcoin);
      if (!storage.isLoaded) throw new JsonRpcError(RpcCode.misc, "The mempool was not loaded yet");
      try {
        return { filename: await storage.save() };
      } catch (thrown) {
        throw new JsonRpcError(RpcCode.misc, "Unable to dump mempool to disk", messageOf(thrown));
      }
    },
  },
  {
    name: "importmempool",
    category: "Blockchain",
    summary: "Takes in the transactions of a mempool.dat, of this program or of Core. They are judged like all others.",
    params: [
      required("filepath", "string", "The file; relative to the folder of the network"),
      optional(
        "options",
        "object",
        "{use_current_time (true): they count as having come now; apply_fee_delta_priority (false): with what " +
          "prioritisetransaction added; apply_unbroadcast_set (false): what no peer had asked for is announced again}",
      ),
    ],
    result: "{}    (object)",
    examples: ["importmempool /path/to/mempool.dat"],
    waits: true,
    async call(args, { context: { bitcoin }, signal }) {
      const { storage } = mempoolOf(bitcoin);
      const options = args.object(1);
      const how = {
        usesCurrentTime: flagOf(options, "use_current_time", true),
        appliesDeltas: flagOf(options, "apply_fee_delta_priority", false),
        appliesUnbroadcast: flagOf(options, "apply_unbroadcast_set", false),
      };
      if (bitcoin.state().initialBlockDownload) {
        const text = "Can only import the mempool after the block download and sync is done.";
        throw new JsonRpcError(RpcCode.initialDownload, text);
      }
      try {
        await storage.load(args.text(0), signal, how);
      } catch (thrown) {
        signal.throwIfAborted();
        const text = "Unable to import mempool file, see debug log for details.";
        throw new JsonRpcError(RpcCode.misc, text, messageOf(thrown));
      }
      return {};
    },
  },
];
