/**
 * What hears of each block as it is connected and taken back, in the order in which they need it.
 *
 * @module
 */
import type { ConnectedBlock, KnownBlock } from "./chain/chain.ts";
import type { FilterIndex } from "./indexes/filter-index.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { TransactionRelay } from "./relay/mod.ts";

/** The followers of a node's chain. They are made when the chain is there, and it tells them of its moves. */
export class ChainFollowers {
  filters: FilterIndex | undefined;
  mempool: TxMempool | undefined;
  relay: TransactionRelay | undefined;

  /** A block was connected. */
  connected(block: ConnectedBlock): void {
    this.mempool?.connected(block);
    this.relay?.connected(block);
    this.filters?.connected(block);
  }

  /** A block was taken back. */
  disconnected(block: KnownBlock): void {
    this.mempool?.disconnected(block);
    this.relay?.disconnected();
  }

  /** Begins what they do by themselves. */
  start(): void {
    this.filters?.start();
    this.mempool?.start();
  }

  /** Ends what they do. */
  async close(): Promise<void> {
    this.relay?.close();
    await this.mempool?.close();
    await this.filters?.close();
  }
}
