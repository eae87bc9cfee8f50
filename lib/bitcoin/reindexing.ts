/**
 * Block files whose index was lost or is not believed, taken in anew through the chain.
 *
 * @see Bitcoin Core `-reindex`
 * @module
 */
import type { BitcoinChain } from "./chain/chain.ts";
import { HeaderBatch } from "./headers/header-batch.ts";
import { reindexBlocks, type ReindexResult } from "./store/reindex.ts";
import type { SqlBitcoinStore } from "./store/sql.ts";
import { Block } from "./types/mod.ts";

/** Takes the store's block files in, before anything else is. Ends early when the signal aborts. */
export function reindex(chain: BitcoinChain, store: SqlBitcoinStore, signal: AbortSignal): Promise<ReindexResult> {
  return reindexBlocks(
    store,
    chain.network.genesis.hash,
    {
      headers: (bytes) => void chain.acceptHeaders(HeaderBatch.fromBytes(bytes)),
      block: async (raw) => {
        const block = Block.decode(raw);
        const row = chain.headers.find(block.hash);
        if (row < 0) return;
        chain.addBlock(row, block).stored.catch(() => {});
        await chain.room();
      },
    },
    () => chain.flush(),
    signal,
  );
}
