/**
 * Methods about which blocks are stored.
 *
 * @see Bitcoin Core `rpc/blockchain.cpp` (pruneblockchain, getblockfrompeer)
 * @module
 */
import { HeaderStatus } from "../../bitcoin/headers/header-chain.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import { parseHash } from "./arguments.ts";
import { invalidParameter, JsonRpcError, RpcCode } from "./error.ts";
import { type Method, required } from "./method.ts";

/** A number above is no height but a time (September 2001). */
const HEIGHT_MAX = 1_000_000_000;
/** A block's time may be so much older than that of an earlier one, in seconds. */
const TIMESTAMP_WINDOW = 7_200;
/** From this height on a chain is long enough to be pruned. */
const PRUNE_AFTER = { main: 100_000, other: 1_000 } as const;

const fails = (text: string) => new JsonRpcError(RpcCode.misc, text);

/** The height of the first block of the active chain from which on none is older than a time; undefined for none. */
function heightSince(bitcoin: BitcoinService, seconds: number): number | undefined {
  const { headers } = bitcoin;
  let found: number | undefined;
  for (let height = headers.height(bitcoin.tip); height >= 0; height--) {
    // The highest time up to a block only grows with its height, so that the first that reaches it is the one.
    if (headers.time(bitcoin.activeAt(height)) >= seconds) found = height;
    else if (headers.time(bitcoin.activeAt(height)) < seconds - TIMESTAMP_WINDOW) break;
  }
  return found;
}

/** The methods. */
export const storedBlockMethods: readonly Method[] = [
  {
    name: "pruneblockchain",
    category: "Blockchain",
    summary: "Removes the data of old blocks, up to a height. The node must run with --prune; the last 288 stay.",
    params: [required("height", "number", "The height, or a time in seconds since 1970")],
    result: "n    (number) the height of the last block that is gone, -1 for none",
    examples: ["pruneblockchain 1000"],
    async call(args, { context: { bitcoin } }) {
      if (bitcoin.state().pruneTarget === undefined) {
        throw fails("Cannot prune blocks because node is not in prune mode.");
      }
      let height = args.integer(0);
      if (height < 0) throw invalidParameter("Negative block height.");
      if (height > HEIGHT_MAX) {
        const since = heightSince(bitcoin, height - TIMESTAMP_WINDOW);
        if (since === undefined) throw invalidParameter("Could not find block with at least the specified timestamp.");
        height = since;
      }
      const top = bitcoin.headers.height(bitcoin.tip);
      const least = bitcoin.network.chain === "main" ? PRUNE_AFTER.main : PRUNE_AFTER.other;
      if (top < least) throw fails("Blockchain is too short for pruning.");
      if (height > top) throw invalidParameter("Blockchain is shorter than the attempted prune height.");
      return await bitcoin.pruneTo(height);
    },
  },
  {
    name: "getblockfrompeer",
    category: "Blockchain",
    summary: "Asks a peer for a block whose header is known and that is not stored; it comes by itself.",
    params: [
      required("blockhash", "hex", "The block hash"),
      required("peer_id", "number", "The peer, as getpeerinfo names it"),
    ],
    result: "{}    (object)",
    examples: ["getblockfrompeer <hash> 0"],
    call(args, { context: { bitcoin } }) {
      const row = bitcoin.headers.find(parseHash(args.text(0), "blockhash"));
      const id = args.wide(1, -1);
      if (row < 0) throw fails("Block header missing");
      const { mode, pruneTarget } = bitcoin.state();
      if (mode !== "full") throw fails(`this node keeps ${mode} only; --mode full keeps blocks`);
      if (pruneTarget !== undefined && bitcoin.headers.height(row) > bitcoin.headers.height(bitcoin.tip)) {
        throw fails(
          "In prune mode, only blocks that the node has already synced previously can be fetched from a peer",
        );
      }
      if ((bitcoin.headers.status(row) & HeaderStatus.data) !== 0) throw fails("Block already downloaded");
      const refusal = bitcoin.fetchBlock(row, id);
      if (refusal !== undefined) throw fails(refusal);
      return {};
    },
  },
];
