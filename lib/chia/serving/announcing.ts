/**
 * What we tell peers of our tip.
 *
 * @see spec section g (on connect, following the chain)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import { newPeak, NodeType, requestPeers } from "../protocol/mod.ts";
import type { ChiaStore } from "../store.ts";
import { type BlockRecord, FullBlock } from "../types/mod.ts";

/** Announces each tip once. */
export class Announcing {
  readonly #store: ChiaStore;
  #last: Uint8Array | undefined;

  constructor(store: ChiaStore) {
    this.#store = store;
  }

  /** What is said right after the handshake. */
  async greet(peer: ChiaPeer, peak: BlockRecord | undefined): Promise<void> {
    const fullNode = peer.session.peer.nodeType === NodeType.FULL_NODE;
    if (fullNode && peer.direction === "out") await peer.session.send(requestPeers, {});
    if (peak !== undefined) await this.#tell(peer, peak, peak.height);
  }

  /** Tells all peers but `source` of a tip, unless it was the last one told. */
  spread(peers: readonly ChiaPeer[], peak: BlockRecord, source: ChiaPeer | undefined, forkHeight: number): void {
    if (this.#last !== undefined && equalBytes(this.#last, peak.headerHash)) return;
    this.#last = peak.headerHash;
    for (const peer of peers) {
      if (peer === source) continue;
      this.#tell(peer, peak, forkHeight).catch(() => {
        // The peer has just gone: there is nobody left to tell.
      });
    }
  }

  async #tell(peer: ChiaPeer, peak: BlockRecord, forkHeight: number): Promise<void> {
    const { headerHash, height, weight } = peak;
    const place = { headerHash, height, weight, forkPointWithPreviousPeak: Math.max(0, forkHeight) };
    if (peer.session.peer.nodeType !== NodeType.FULL_NODE) return;
    const raw = await this.#store.block(headerHash);
    if (raw === undefined) return;
    const { unfinishedRewardBlockHash } = FullBlock.decode(raw).foliage.foliageBlockData;
    await peer.session.send(newPeak, { ...place, unfinishedRewardBlockHash });
  }
}
