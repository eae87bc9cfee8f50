/**
 * The mempool.
 *
 * @module
 */
import type { Notice } from "../../core/node-parts.ts";
import type { Clock } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { TxMempool, type TxMempoolParts } from "./tx-mempool.ts";

export type * from "./mempool.ts";
export { BLOCKS_ONLY_MEMPOOL_BYTES, DEFAULT_POLICY, type MempoolPolicy } from "./policy.ts";
export { TxMempool, type TxMempoolParts } from "./tx-mempool.ts";
export * from "./verdict.ts";

/** What a node has for its mempool. */
interface NodeMempoolParts {
  readonly clock: Clock;
  readonly notice: Notice;
  readonly mempool?: Omit<TxMempoolParts, "chain" | "clock" | "notice">;
}

/** The mempool of a node, if it keeps coins. */
export function mempoolOf({ clock, notice, mempool }: NodeMempoolParts, chain: BitcoinChain): TxMempool | undefined {
  if (mempool === undefined || chain.states.coins === undefined) return undefined;
  return new TxMempool({ ...mempool, chain, clock, notice: (level, text) => notice(level, "bitcoin.mempool", text) });
}
