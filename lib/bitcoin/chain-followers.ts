/**
 * What hears of each block as it comes, is connected and taken back, in the order in which they need it, and of the peers
 * that blocks and transactions come from.
 *
 * @module
 */
import type { ConnectedBlock, KnownBlock } from "./chain/chain.ts";
import type { CompactBlocks } from "./compact/compact-blocks.ts";
import type { FilterIndex } from "./indexes/filter-index.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import type { TransactionRelay } from "./relay/mod.ts";
import type { Block } from "./types/block.ts";

/** The followers of a node's chain. They are made when the chain is there, and it tells them of its moves. */
export class ChainFollowers {
  filters: FilterIndex | undefined;
  mempool: TxMempool | undefined;
  relay: TransactionRelay | undefined;
  compact: CompactBlocks | undefined;

  /** A block has passed what needs no coins, and builds on the tip. */
  extending(row: number, block: Block): void {
    this.compact?.sending.extending(row, block);
  }

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

  /** A peer has come. */
  joined(peer: BitcoinPeer): void {
    this.compact?.joined(peer);
    this.relay?.joined(peer);
  }

  /** A peer has gone. */
  left(peer: BitcoinPeer): void {
    this.compact?.left(peer);
    this.relay?.left(peer);
  }

  /** Ends what they do. */
  async close(): Promise<void> {
    this.compact?.close();
    this.relay?.close();
    await this.mempool?.close();
    await this.filters?.close();
  }
}
