/**
 * Compact blocks as they come: put together from what is here, and from the transactions that are asked for, of one peer or of
 * a few at once.
 *
 * @see BIP152; spec section f.5; Bitcoin Core `net_processing.cpp` (ProcessMessage of cmpctblock, ProcessCompactBlockTxns)
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import { compactSizeBytes } from "../codec/mod.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { sha256d } from "../hash.ts";
import { blockWork } from "../headers/pow.ts";
import { misbehaving } from "../peers/faults.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { BlockDownload } from "../sync/block-download.ts";
import type { HeaderSync } from "../sync/header-sync.ts";
import type { IncomingBlocks } from "../sync/incoming.ts";
import type { CompactBlock } from "../types/compact-block.ts";
import { HEADER_BYTES, headerToBytes } from "../types/header.ts";
import type { Transaction } from "../types/transaction.ts";
import { BlockTxn, type BodyOf, CmpctBlock, GetBlockTxn } from "../wire/mod.ts";
import type { Bandwidth } from "./bandwidth.ts";
import type { BlockParts } from "./block-parts.ts";
import { PartialBlock } from "./partial-block.ts";
import type { CompactStatistics } from "./statistics.ts";

/** What taking compact blocks in needs. */
export interface CompactReceivingParts {
  readonly chain: BitcoinChain;
  readonly download: BlockDownload;
  readonly headerSync: HeaderSync;
  readonly incoming: IncomingBlocks;
  readonly bandwidth: Bandwidth;
  readonly statistics: CompactStatistics;
  /** What blocks are put together from. */
  readonly blockParts: Pick<BlockParts, "pool" | "extra">;
  /** Hears that a peer told a header, and what was begun for its block. */
  readonly headersTold: (peer: BitcoinPeer) => void;
}

/** Peers from which one block is put together at a time. */
export const ATTEMPTS_MAX = 3;
/** Blocks above our tip by more than this are taken as headers: what is here is of no use for them. */
const AHEAD_MAX = 2;
/** Blocks that are remembered, a peer, for which it had its attempt. Of those near the tip there are few at a time. */
const TRIED_MAX = 16;

/** A block that a peer has begun to give. */
interface Attempt {
  readonly partial: PartialBlock;
  /** Bytes that came for it, and that were sent. */
  wireBytes: number;
  /** Its memory counts no more. */
  release: () => void;
}

/** What is kept of a peer, by the rows of blocks. */
class CompactState {
  readonly attempts = new Map<number, Attempt>();
  /** For which it had its attempt, the oldest first: each costs a look at the whole mempool. */
  readonly tried = new Set<number>();

  tries(row: number): void {
    this.tried.add(row);
    if (this.tried.size <= TRIED_MAX) return;
    const [oldest] = this.tried;
    this.tried.delete(oldest!);
  }
}

/** Takes compact blocks in. */
export class CompactReceiving {
  readonly #parts: CompactReceivingParts;
  readonly #states = new PerPeer<BitcoinPeer, CompactState>(() => new CompactState());

  constructor(parts: CompactReceivingParts) {
    this.#parts = parts;
  }

  /** What handles compact blocks and what is asked for beside them. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(CmpctBlock, (peer, compact) => this.#take(peer, compact)),
      on(BlockTxn, (peer, body) => this.#complete(peer, body)),
    ];
  }

  /** Whether a peer had its attempt at a block. */
  hasTried(row: number, peer: BitcoinPeer): boolean {
    return this.#states.of(peer).tried.has(row);
  }

  /** A block is no longer asked of a peer: what it has given of it is let go of. */
  settled(row: number, peer: BitcoinPeer): void {
    const { attempts } = this.#states.of(peer);
    const attempt = attempts.get(row);
    if (attempt === undefined) return;
    attempts.delete(row);
    attempt.partial.spend();
    attempt.release();
  }

  /** @throws BitcoinFault what it costs the peer */
  async #take(peer: BitcoinPeer, compact: CompactBlock): Promise<void> {
    if (!this.#parts.bandwidth.offers(peer)) return;
    const row = this.#place(peer, compact);
    if (row === undefined) return;
    await this.#follow(peer, row, compact);
    this.#parts.headersTold(peer);
  }

  async #follow(peer: BitcoinPeer, row: number, compact: CompactBlock): Promise<void> {
    const { download, bandwidth, statistics, chain } = this.#parts;
    const { headers } = chain;
    const { isAsked, count } = download.standing(row, peer);
    if (chain.hasData(row) || (!isAsked && !bandwidth.isChosen(peer))) return;
    const isNext = headers.hasMoreWork(row, chain.tip) && !chain.wasJudged(row) &&
      headers.height(row) <= headers.height(chain.tip) + AHEAD_MAX;
    if (!isNext) {
      // It was wanted for another reason than to become the tip: our mempool is of no use for it.
      if (isAsked) download.askWhole(row, peer);
      return;
    }
    if (count === 0 && !download.isNear) return;
    if (this.hasTried(row, peer)) return;
    this.#states.of(peer).tries(row);
    statistics.received += 1;
    await this.#attempt(peer, row, compact);
  }

  /** Where the header of a compact block lies in the tree; undefined when it is not to be followed. */
  #place(peer: BitcoinPeer, { header }: CompactBlock): number | undefined {
    const { chain: { headers }, headerSync, incoming } = this.#parts;
    const bytes = headerToBytes(header);
    const parent = headers.find(header.prevBlockHash);
    if (parent < 0) {
      headerSync.announced(peer, sha256d(bytes));
      return undefined;
    }
    if (headers.work(parent) + blockWork(header.bits) < headerSync.threshold) return undefined;
    const row = incoming.placeAnnounced(peer, bytes);
    if (row !== undefined) peer.knowledge.tells(headers, row);
    return row;
  }

  async #attempt(peer: BitcoinPeer, row: number, compact: CompactBlock): Promise<void> {
    const { download, bandwidth, blockParts, statistics, chain } = this.#parts;
    const { count, isAsked, isFirst, isAskedOutbound, hasRoom } = download.standing(row, peer);
    const mayAsk = isAsked || (count < ATTEMPTS_MAX && hasRoom);
    const begun = PartialBlock.begin(compact, blockParts);
    if (begun.kind === "malformed") {
      download.release(row, peer);
      throw misbehaving("invalid_body", "bad_compact_block", `invalid compact block: ${begun.detail}`);
    }
    if (begun.kind === "ambiguous") return this.#fallBack(peer, row, mayAsk && isFirst);
    const { partial } = begun;
    const wireBytes = compactBytes(compact);
    if (partial.missing.length === 0) {
      const attempt = mayAsk ? this.#keep(peer, row, partial, wireBytes) : undefined;
      await this.#rebuild(peer, row, attempt ?? { partial, wireBytes, release: () => {} }, [], mayAsk && isFirst);
      return;
    }
    // The last place is for a peer that we dialled, unless one of these has its own.
    const isHelpful = bandwidth.isChosen(peer) &&
      (peer.direction === "out" || isAskedOutbound || count < ATTEMPTS_MAX - 1);
    if (!mayAsk || !(isFirst || isHelpful)) return this.#fallBack(peer, row, false);
    const attempt = this.#keep(peer, row, partial, wireBytes);
    const question = { blockHash: chain.headers.hash(row), indexes: partial.missing };
    const payload = GetBlockTxn.encode(question);
    attempt.wireBytes += payload.length;
    statistics.roundTrips += 1;
    peer.session.sendBytes(GetBlockTxn, payload).catch(() => {});
  }

  #keep(peer: BitcoinPeer, row: number, partial: PartialBlock, wireBytes: number): Attempt {
    const { download } = this.#parts;
    const attempt: Attempt = { partial, wireBytes, release: () => {} };
    this.#states.of(peer).attempts.set(row, attempt);
    download.claim(row, peer);
    attempt.release = peer.session.hold(partial.bytes + wireBytes, () => download.release(row, peer));
    return attempt;
  }

  /** The transactions that were asked for. @throws BitcoinFault what it costs the peer */
  async #complete(peer: BitcoinPeer, body: BodyOf<typeof BlockTxn>): Promise<void> {
    const { chain: { headers }, download } = this.#parts;
    const row = headers.find(body.blockHash);
    const attempt = row < 0 ? undefined : this.#states.of(peer).attempts.get(row);
    // Another peer was faster, or it was never asked.
    if (attempt === undefined) return;
    const { transactions } = body;
    attempt.wireBytes += transactions.reduce((sum, { size }) => sum + size, body.blockHash.length + 1);
    const isFirst = download.standing(row, peer).isFirst;
    await this.#rebuild(peer, row, attempt, transactions, isFirst);
  }

  async #rebuild(
    peer: BitcoinPeer,
    row: number,
    { partial, wireBytes }: Attempt,
    transactions: readonly Transaction[],
    isFirst: boolean,
  ): Promise<void> {
    const { download, incoming, statistics } = this.#parts;
    const block = partial.fill(transactions);
    if (block === undefined) {
      download.release(row, peer);
      throw misbehaving("invalid_body", "bad_blocktxn", "invalid compact block/non-matching block transactions");
    }
    if (!await incoming.takeRebuilt(peer, row, block)) return this.#fallBack(peer, row, isFirst);
    statistics.count(partial.counts, block.raw.length, wireBytes);
  }

  /** The block cannot be put together from this peer's: it is asked for whole, or left to those who were asked before. */
  #fallBack(peer: BitcoinPeer, row: number, isFirst: boolean): void {
    const { download, statistics } = this.#parts;
    if (isFirst) {
      statistics.fallbacks += 1;
      return download.askWhole(row, peer);
    }
    statistics.givenUp += 1;
    download.release(row, peer);
  }
}

/** Bytes of a compact block on the wire, nearly: each index counts one. */
function compactBytes({ shortIds, prefilled }: CompactBlock): number {
  const ids = compactSizeBytes(shortIds.length) + 6 * shortIds.length;
  return prefilled.reduce((sum, { transaction: { size } }) => sum + 1 + size, HEADER_BYTES + 8 + ids + 1);
}
