/**
 * What hears of each block as it comes, is connected and taken back, in the order in which they need it, and of the peers
 * that blocks and transactions come from.
 *
 * @module
 */
import type { Following } from "../core/following.ts";
import type { BitcoinChain, ConnectedBlock, KnownBlock } from "./chain/chain.ts";
import type { CompactBlocks } from "./compact/compact-blocks.ts";
import { type FeeEstimates, feeEstimatesOf } from "./fees/fee-estimates.ts";
import { type FilterIndex, filterIndexOf } from "./indexes/filter-index.ts";
import { mempoolOf, type TxMempool } from "./mempool/mod.ts";
import type { BitcoinNodeParts } from "./node-parts.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import type { TransactionRelay } from "./relay/mod.ts";
import { TransactionEvents } from "./transaction-events.ts";
import type { Block } from "./types/block.ts";

/** The followers of a node's chain. They are made when the chain is there, and it tells them of its moves. */
export class ChainFollowers {
  filters: FilterIndex | undefined;
  mempool: TxMempool | undefined;
  relay: TransactionRelay | undefined;
  compact: CompactBlocks | undefined;
  fees: FeeEstimates | undefined;
  events: TransactionEvents | undefined;
  /** Core's latch; until the node knows, it is on. */
  initialBlockDownload: () => boolean = () => true;

  /** Opens those that stand on the chain alone. */
  async open(parts: BitcoinNodeParts, chain: BitcoinChain): Promise<void> {
    this.filters = await filterIndexOf(parts, chain);
    const mempool = this.mempool = mempoolOf(parts, chain);
    const initialBlockDownload = () => this.initialBlockDownload();
    this.fees = await feeEstimatesOf({ ...parts, chain, mempool, initialBlockDownload });
    const { live } = parts;
    const { headers } = chain;
    if (live !== undefined) {
      this.events = new TransactionEvents({ ...parts, headers, mempool, live, initialBlockDownload });
    }
  }

  /** A block has passed what needs no coins, and builds on the tip. */
  extending(row: number, block: Block): void {
    this.compact?.sending.extending(row, block);
  }

  /** A block was connected. */
  connected(block: ConnectedBlock): void {
    this.fees?.connected(block.row);
    this.mempool?.connected(block);
    this.relay?.connected(block);
    this.filters?.connected(block);
    this.events?.connected(block);
  }

  /** A block was taken back. */
  disconnected(block: KnownBlock): void {
    this.mempool?.disconnected(block);
    this.relay?.disconnected();
    this.events?.disconnected(block);
  }

  /** Begins what they do by themselves. */
  start(): void {
    this.filters?.start();
    this.mempool?.start();
  }

  /** Takes over what another process commits to the chain, until the signal aborts. Never rejects. */
  async follow(following: Following, chain: BitcoinChain, signal: AbortSignal): Promise<void> {
    this.filters?.follow();
    if (chain.following !== undefined) await following.run(chain.following, signal);
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
    this.events?.close();
    this.compact?.close();
    await this.fees?.close();
    this.relay?.close();
    await this.mempool?.close();
    await this.filters?.close();
  }
}
