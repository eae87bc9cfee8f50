/**
 * The mempool.
 *
 * @module
 */
import type { Notice } from "../../core/node-parts.ts";
import type { Clock, NamedFiles, Random } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { MempoolStorageParts } from "./storage.ts";
import { TxMempool, type TxMempoolParts } from "./tx-mempool.ts";

export type * from "./mempool.ts";
export { dustOutputs } from "./standard.ts";
export { BLOCKS_ONLY_MEMPOOL_BYTES, DEFAULT_POLICY, type MempoolPolicy, policyOf } from "./policy.ts";
export type { LoadFigures, LoadOptions, MempoolStorage, UnbroadcastKeeper } from "./storage.ts";
export { TxMempool, type TxMempoolParts } from "./tx-mempool.ts";
export * from "./verdict.ts";

/** With what a node judges transactions, and how. */
export interface NodeMempool
  extends
    Omit<TxMempoolParts, "chain" | "clock" | "notice" | "storage">,
    Pick<MempoolStorageParts, "isKept" | "writesVersion1"> {}

/** What a node has for its mempool. */
interface NodeMempoolParts {
  readonly clock: Clock;
  readonly notice: Notice;
  readonly mempool?: NodeMempool;
  /** Where its file is. */
  readonly files: NamedFiles;
  readonly protocol: { readonly random: Random };
}

/** The mempool of a node, if it keeps coins. */
export function mempoolOf(parts: NodeMempoolParts, chain: BitcoinChain): TxMempool | undefined {
  const { clock, notice, mempool, files, protocol: { random } } = parts;
  if (mempool === undefined || chain.states.coins === undefined) return undefined;
  return new TxMempool({
    ...{ ...mempool, chain, clock, storage: { ...mempool, files, random } },
    notice: (level, text) => notice(level, "bitcoin.mempool", text),
  });
}
