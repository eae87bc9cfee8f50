/**
 * The chain as the mempool sees it.
 *
 * @module
 */
import type { BitcoinChain } from "../chain/chain.ts";

/** What the mempool asks of the chain. */
export type MempoolChain = Pick<BitcoinChain, "headers" | "coins" | "connected" | "validating"> & {
  readonly states: {
    /** The coins; undefined where none are kept. */
    readonly coins: { readonly at: number } | undefined;
    readonly activation: Pick<BitcoinChain["states"]["activation"], "head" | "target" | "whileStill">;
  };
};
