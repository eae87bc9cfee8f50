/**
 * Methods about snapshots of the unspent outputs.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (dumptxoutset)
 * @module
 */
import { NodeError } from "../../core/errors.ts";
import { toDisplayHex } from "../../bitcoin/hash.ts";
import { noCoins } from "./coins.ts";
import { invalidParameter } from "./error.ts";
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
      optional("type", "string", "latest; rollback is refused", '""'),
      optional("options", "object", "{rollback}: refused"),
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
      if (isRollback || type === "rollback") throw invalidParameter("this node writes snapshots of its tip only");
      if (type !== "latest") {
        throw invalidParameter(`Invalid snapshot type "${type}" specified. Please specify "rollback" or "latest"`);
      }
      return await dumped(args.text(0), call);
    },
  },
];

async function dumped(path: string, { context: { bitcoin }, signal }: MethodCall): Promise<RpcJson> {
  try {
    const found = await bitcoin.snapshots.dump(path, signal);
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
    if (thrown instanceof NodeError && thrown.code === "SNAPSHOT_FILE_UNUSABLE") throw invalidParameter(thrown.message);
    throw thrown;
  }
}
