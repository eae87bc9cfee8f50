/**
 * Our blocks in compact form: announced to those who want that, and given to those who ask.
 *
 * @see BIP152; Bitcoin Core `net_processing.cpp` (NewPoWValidBlock, ProcessGetBlockData, SendMessages)
 * @module
 */
import { Reader } from "../../codec/reader.ts";
import type { Random } from "../../core/ports.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { Block } from "../types/block.ts";
import { compactBlock } from "../types/compact-block.ts";
import { CmpctBlock } from "../wire/mod.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { CompactStatistics } from "./statistics.ts";

/** What sending needs. */
export interface CompactSendingParts {
  readonly chain: BitcoinChain;
  readonly random: Random;
  readonly bandwidth: Bandwidth;
  readonly statistics: CompactStatistics;
  readonly peers: () => readonly BitcoinPeer[];
  readonly initialBlockDownload: () => boolean;
  /** Whether our tip is young. */
  readonly isNear: () => boolean;
}

/** Blocks deeper than this are given whole: the asking mempool has lost their transactions. */
const COMPACT_DEPTH = 5;
/** Older peers ban for a compact block that turns out to be invalid. */
const UNVALIDATED_VERSION = 70_015;

/** A block and its compact form. */
interface Recent {
  readonly row: number;
  readonly block: Block;
  readonly payload: Uint8Array;
}

/** Sends compact blocks. */
export class CompactSending {
  readonly #parts: CompactSendingParts;
  /** The newest block that was announced, or given; one block with its objects at most. */
  #recent: Recent | undefined;
  /** No block is announced twice before it is validated, nor another of its height. */
  #announcedHeight = 0;

  constructor(parts: CompactSendingParts) {
    this.#parts = parts;
  }

  /** A block has passed what needs no coins, and builds on the tip: it is announced before it is validated. */
  extending(row: number, block: Block): void {
    const { chain: { headers, network }, bandwidth, peers, initialBlockDownload } = this.#parts;
    const height = headers.height(row);
    if (initialBlockDownload() || height <= this.#announcedHeight || height < network.heights.segwit) return;
    this.#announcedHeight = height;
    const hearers = peers().filter((peer) => {
      const { knowledge, session } = peer;
      if (session.peer.commonVersion < UNVALIDATED_VERSION || !bandwidth.wants(peer)) return false;
      return !knowledge.has(headers, row) && knowledge.has(headers, headers.parent(row));
    });
    if (hearers.length === 0) return;
    const recent = this.#remember(row, block);
    for (const peer of hearers) {
      peer.knowledge.hearsOfTip(row);
      this.#announce(peer, recent);
    }
  }

  /** Announces a tip in compact form to a peer that wants that; false when it does not. */
  announceTip(peer: BitcoinPeer, row: number): boolean {
    if (!this.#parts.bandwidth.wants(peer)) return false;
    void this.#load(row).then((recent) => recent && this.#announce(peer, recent), () => {});
    return true;
  }

  /** Whether a block is given in compact form: one of the last few, while our tip is young. */
  isGiven(row: number): boolean {
    const { chain: { headers, tip }, isNear } = this.#parts;
    return isNear() && headers.height(row) >= headers.height(tip) - COMPACT_DEPTH;
  }

  /** Gives a block that was asked for in compact form; false when it is not here. */
  async give(peer: BitcoinPeer, row: number): Promise<boolean> {
    const recent = await this.#load(row);
    if (recent === undefined) return false;
    this.#parts.statistics.answered += 1;
    await peer.session.sendBytes(CmpctBlock, recent.payload);
    return true;
  }

  /** A block that was announced last, perhaps before it was validated; undefined for any other. */
  recent(row: number): Block | undefined {
    return this.#recent?.row === row ? this.#recent.block : undefined;
  }

  #announce({ session }: BitcoinPeer, { payload }: Recent): void {
    this.#parts.statistics.announced += 1;
    session.sendBytes(CmpctBlock, payload).catch(() => {});
  }

  async #load(row: number): Promise<Recent | undefined> {
    if (this.#recent?.row === row) return this.#recent;
    const block = await this.#parts.chain.blocks.read(row);
    return block && this.#remember(row, block);
  }

  #remember(row: number, block: Block): Recent {
    const nonce = new Reader(this.#parts.random.bytes(8)).u64();
    return this.#recent = { row, block, payload: CmpctBlock.encode(compactBlock(block, nonce)) };
  }
}
