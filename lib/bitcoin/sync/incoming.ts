/**
 * Blocks as they come, asked for or not: found a place for, judged, stored, and their giver held to account.
 *
 * @see spec sections e (validation), f.4 (unrequested blocks), f.6 (punishment)
 * @module
 */
import type { MemoryBudget } from "../../core/peers/memory-budget.ts";
import type { Debtor } from "../../core/peers/connections.ts";
import type { PeerOffence } from "../../core/peers/reputation.ts";
import type { BitcoinChain, BlockGiver, BlockResult } from "../chain/chain.ts";
import { HeaderBatch } from "../headers/header-batch.ts";
import { blockWork } from "../headers/pow.ts";
import type { Refusal } from "../headers/verdict.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { misbehaving } from "../peers/faults.ts";
import type { BlockDownload } from "./block-download.ts";
import type { HeaderSync } from "./header-sync.ts";
import { type Block, HEADER_BYTES } from "../types/mod.ts";

/** What became of a block that was handed in. */
export type SubmitResult =
  | { readonly kind: "accepted" }
  /** Already stored. */
  | { readonly kind: "duplicate" }
  /** Known to be invalid. */
  | { readonly kind: "duplicate-invalid" }
  /** Stored, but not on the best chain. */
  | { readonly kind: "inconclusive" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** What taking blocks in needs. */
export interface IncomingBlocksParts {
  readonly chain: BitcoinChain;
  readonly download: BlockDownload;
  readonly headerSync: HeaderSync;
  readonly minimumWork: bigint;
  /** The memory that all peers may hold, of which blocks that wait for the disk are a part. */
  readonly memory?: MemoryBudget | undefined;
  /** Makes the giver of a block answer for it, whether the connection still stands or not. */
  readonly charge: (debtor: Debtor, fault: PeerOffence) => void;
  /** Hears that a peer was the first with a block that was connected. */
  readonly gave?: (peer: BitcoinPeer, row: number) => void;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** Unasked blocks this far above our tip are not kept. */
const AHEAD_MAX = 288;

/** Takes blocks in. */
export class IncomingBlocks {
  readonly #parts: IncomingBlocksParts;

  constructor(parts: IncomingBlocksParts) {
    this.#parts = parts;
  }

  /**
   * A peer's block. Resolves when there is room for more.
   *
   * @throws BitcoinFault what it costs the peer
   */
  async take(peer: BitcoinPeer, block: Block): Promise<void> {
    const { chain, download } = this.#parts;
    let row = chain.headers.find(block.hash);
    const wasAsked = row >= 0 && download.isAskedOf(row, peer);
    if (wasAsked) download.delivered(row, peer, block.raw.length);
    if (row < 0) {
      const place = this.#placeHeader(peer, block);
      if (place === undefined) return;
      row = place;
    }
    peer.knowledge.tells(chain.headers, row);
    if (!wasAsked && !this.#isWanted(row)) return;
    const result = chain.addBlock(row, block, this.#giver(peer, row));
    if (result.refusal === undefined) return await this.#taken(peer, row, block, result);
    download.release(row, peer);
    this.#punish(peer, result.refusal);
  }

  /**
   * A block that was put together from the compact one of a peer, asked for or not. Compact blocks may be passed on before
   * they are validated: one that breaks a rule costs the peer nothing. Resolves when there is room for more, with false
   * when the header means another body.
   */
  async takeRebuilt(peer: BitcoinPeer, row: number, block: Block): Promise<boolean> {
    const { chain, download } = this.#parts;
    const result = chain.addBlock(row, block, this.#innocentGiver(peer, row));
    if (result.refusal?.result === "mutated") return false;
    if (result.refusal === undefined) await this.#taken(peer, row, block, result);
    else download.release(row, peer);
    return true;
  }

  /**
   * Who answers for a block until it is connected: the peer, or its host when the peer has gone. Made apart from where blocks
   * come in: in JavaScriptCore what an async function leaves behind keeps its parameters, and the block is one of them.
   */
  #giver(peer: BitcoinPeer, row: number): BlockGiver {
    const { id, kind, place, score } = peer;
    const { charge, gave } = this.#parts;
    return {
      refused: (refusal) => charge({ id, kind, place, score }, blockFault(refusal)),
      connected: () => gave?.(peer, row),
    };
  }

  /** The same, of a peer that does not answer for it. */
  #innocentGiver(peer: BitcoinPeer, row: number): BlockGiver {
    return { ...this.#giver(peer, row), refused: () => {} };
  }

  async #taken(peer: BitcoinPeer, row: number, block: Block, { duplicate, stored }: BlockResult): Promise<void> {
    const { chain, download, now } = this.#parts;
    if (!duplicate) this.#charge(block.raw.length, stored);
    peer.gaveHead(now());
    download.arrived(row);
    await chain.room();
    download.fill();
  }

  /** Counts a block until it is stored, or cannot be: the chain keeps few of them, and no peer's end would free one. */
  #charge(bytes: number, stored: Promise<void>): void {
    const release = this.#parts.memory?.charge(bytes);
    if (release !== undefined) stored.then(release, release);
  }

  /** A block that comes from no peer. The signal ends the wait for its verdict. @throws the signal's reason */
  async submit(block: Block, signal?: AbortSignal): Promise<SubmitResult> {
    const { chain } = this.#parts;
    const known = chain.headers.find(block.hash);
    if (known >= 0 && chain.headers.isInvalid(known)) return { kind: "duplicate-invalid" };
    if (known >= 0 && chain.wasJudged(known)) return { kind: "duplicate" };
    const header = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, HEADER_BYTES)));
    if (header.refusal !== undefined) return { kind: "refused", refusal: header.refusal };
    const submitting = chain.submit(header.last, block, signal);
    if (chain.hasData(header.last)) this.#parts.download.arrived(header.last);
    const refusal = await submitting;
    if (refusal !== undefined) return { kind: "refused", refusal };
    return { kind: chain.isActive(header.last) ? "accepted" : "inconclusive" };
  }

  /**
   * Puts the header of a compact block into the tree; undefined when it has no place there now. Its parent is known.
   *
   * @throws BitcoinFault what it costs the peer
   */
  placeAnnounced(peer: BitcoinPeer, header: Uint8Array): number | undefined {
    const { last, refusal } = this.#parts.chain.acceptHeaders(HeaderBatch.fromBytes(header));
    if (refusal === undefined) return last;
    const { result, reason, detail } = refusal;
    // That a block is invalid is found out after its header, which may be passed on before.
    if (result === "cached_invalid") return undefined;
    if (result !== "time_future") {
      throw misbehaving("invalid_head", reason, `invalid header via cmpctblock: ${reason}, ${detail}`);
    }
    this.#parts.headerSync.askLater(peer, refusal);
    return undefined;
  }

  /** Puts the header of an unasked block into the tree; undefined when it has no place there. */
  #placeHeader(peer: BitcoinPeer, block: Block): number | undefined {
    const { chain, minimumWork } = this.#parts;
    const parent = chain.headers.find(block.header.prevBlockHash);
    // Blocks are asked for by headers that connect. One that does not is no accident (Core's BLOCK_MISSING_PREV).
    if (parent < 0) {
      throw misbehaving("invalid_body", "prev-blk-not-found", "invalid block received: prev-blk-not-found");
    }
    // What costs little to make is not even kept as a header.
    if (chain.headers.work(parent) + blockWork(block.header.bits) < minimumWork) return undefined;
    const { last, refusal } = chain.acceptHeaders(HeaderBatch.fromBytes(block.raw.slice(0, HEADER_BYTES)));
    if (refusal !== undefined) {
      this.#punish(peer, refusal);
      return undefined;
    }
    return last;
  }

  /** Whether a block that nobody asked for is kept: new, of as much work as our tip, and not far ahead of it. */
  #isWanted(row: number): boolean {
    const { chain, minimumWork, download } = this.#parts;
    const { headers } = chain;
    if (chain.wasJudged(row)) return false;
    // Asked of another peer: this one saves us the wait.
    if (download.isAsked(row)) return true;
    return !headers.hasMoreWork(chain.tip, row) && headers.work(row) >= minimumWork &&
      headers.height(row) <= headers.height(chain.tip) + AHEAD_MAX;
  }

  /** What a refused block costs (Core's MaybePunishNodeForBlock). */
  #punish(peer: BitcoinPeer, refusal: Refusal): void {
    const { result } = refusal;
    if (result === "time_future") return this.#parts.headerSync.askLater(peer, refusal);
    if (peer.wanted && result === "cached_invalid") return;
    if (result === "cached_invalid" && peer.direction === "in") return;
    throw blockFault(refusal);
  }
}

/** What a block that breaks a rule costs. */
function blockFault({ reason, detail }: Refusal): PeerOffence {
  return misbehaving("invalid_body", reason, `invalid block received: ${reason}, ${detail}`);
}
