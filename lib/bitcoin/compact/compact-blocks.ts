/**
 * Compact blocks of one node, both ways.
 *
 * @see BIP152, version 2
 * @module
 */
import type { Random } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { BitcoinMode } from "../mode.ts";
import type { Mempool } from "../mempool/mempool.ts";
import type { BitcoinHandler } from "../peers/handler.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { ChainSync, CompactSync } from "../sync/chain-sync.ts";
import { Bandwidth } from "./bandwidth.ts";
import { BlockParts } from "./block-parts.ts";
import { CompactReceiving } from "./receiving.ts";
import { CompactSending } from "./sending.ts";
import { type CompactFigures, CompactStatistics } from "./statistics.ts";

/** What compact blocks need. */
export interface CompactBlocksParts {
  readonly chain: BitcoinChain;
  readonly random: Random;
  readonly mode: BitcoinMode;
  readonly sync: ChainSync;
  readonly peers: () => readonly BitcoinPeer[];
  /** What blocks are put together from. Without one they are only given. */
  readonly mempool?: Pick<Mempool, "entries" | "listen"> | undefined;
  /** What they are put together from where it is not the mempool. */
  readonly blockParts?: Pick<Mempool, "entries" | "listen"> | undefined;
  /** No transactions are taken from peers: the mempool is of no use for blocks. */
  readonly blocksOnly?: boolean | undefined;
}

/** What getpeerinfo tells of a peer. */
export interface CompactPeerView {
  /** We want its new blocks in compact form, unasked. */
  readonly to: boolean;
  /** It wants ours so. */
  readonly from: boolean;
}

/** Takes and gives compact blocks. */
export class CompactBlocks implements CompactSync {
  readonly sending: CompactSending;
  readonly #statistics = new CompactStatistics();
  readonly #bandwidth = new Bandwidth();
  readonly #blockParts: BlockParts | undefined;
  readonly #receiving: CompactReceiving | undefined;
  readonly #sync: ChainSync;
  readonly #hasBlocks: boolean;

  constructor(parts: CompactBlocksParts) {
    const { sync, mempool, mode } = parts;
    this.#hasBlocks = mode === "full";
    this.#sync = sync;
    const shared = { ...parts, bandwidth: this.#bandwidth, statistics: this.#statistics };
    this.sending = new CompactSending({
      ...shared,
      initialBlockDownload: () => sync.progress.initialBlockDownload,
      isNear: () => sync.download.isNear,
    });
    const source = parts.blockParts ?? (parts.blocksOnly === true ? undefined : mempool);
    if (source === undefined) return;
    const { download, headers: headerSync, incoming } = sync;
    const blockParts = this.#blockParts = new BlockParts(source);
    this.#receiving = new CompactReceiving({
      ...{ ...shared, download, headerSync, incoming, blockParts },
      headersTold: (peer) => {
        download.direct(peer);
        sync.headersMoved();
      },
    });
  }

  /** What handles the messages of compact blocks, but for questions for transactions. */
  get handlers(): readonly BitcoinHandler[] {
    return [...this.#bandwidth.handlers, ...this.#receiving?.handlers ?? []];
  }

  /** What was done since the start. */
  get figures(): CompactFigures {
    return this.#statistics;
  }

  /** Which way blocks go unasked. */
  viewOf(peer: BitcoinPeer): CompactPeerView {
    return { to: this.#bandwidth.isChosen(peer), from: this.#bandwidth.wants(peer) };
  }

  /** Transactions that the mempool has not and that a block may have all the same; undefined where none are put together. */
  get extra(): Pick<BlockParts, "keep"> | undefined {
    return this.#blockParts;
  }

  takesCompact(row: number, peer: BitcoinPeer): boolean {
    return this.#receiving?.hasTried(row, peer) === false && this.#bandwidth.offers(peer);
  }

  settled(row: number, peer: BitcoinPeer): void {
    this.#receiving?.settled(row, peer);
  }

  gave(peer: BitcoinPeer, row: number): void {
    const { download, progress } = this.#sync;
    // What is asked for beside it may be better.
    if (this.#receiving === undefined || progress.initialBlockDownload || !download.isOnly(row)) return;
    this.#bandwidth.choose(peer);
  }

  /** A peer has come. */
  joined(peer: BitcoinPeer): void {
    if (this.#hasBlocks) this.#bandwidth.joined(peer);
  }

  /** A peer has gone. What it had begun to give is let go of with what was asked of it. */
  left(peer: BitcoinPeer): void {
    this.#bandwidth.forget(peer);
  }

  /** Follows the mempool no more. */
  close(): void {
    this.#blockParts?.close();
  }
}
