/**
 * What the mining methods ask of the one who makes blocks.
 *
 * @module
 */
import type { Miner } from "../../bitcoin/mining.ts";
import { JsonRpcError, RpcCode } from "./error.ts";
import type { BitcoinRpcContext } from "./method.ts";

/** Makes blocks without a wallet. */
export type BitcoinMiner = Pick<Miner, "canMine" | "template" | "mine" | "assemble" | "solve">;

/** The miner. Throws −1 where there is none. */
export function minerOf({ miner, bitcoin }: BitcoinRpcContext, generates: boolean): BitcoinMiner {
  if (miner === undefined || (generates && !miner.canMine)) {
    const where = generates ? "on regtest, in full mode" : "in full mode";
    throw new JsonRpcError(RpcCode.misc, `this node makes blocks only ${where}; this is ${bitcoin.network.name}`);
  }
  return miner;
}
