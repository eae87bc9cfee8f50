/**
 * A connected peer as the node sees it: its session, what it serves, and which headers it has. What a part of the node
 * keeps of a peer for itself is there (`PerPeer`).
 *
 * @module
 */
import type { Merits } from "../../core/peers/eviction.ts";
import { Peer } from "../../core/peers/peer.ts";
import { PeerChainKnowledge } from "./knowledge.ts";
import type { BitcoinSession } from "./session.ts";
import { ServiceFlag } from "../types/mod.ts";

/** One Bitcoin peer, from handshake to end. */
export class BitcoinPeer extends Peer<BitcoinSession> {
  /** Which headers it has. */
  readonly knowledge = new PeerChainKnowledge();

  /** Whether it serves every block with witnesses. What a peer offers it says once, so that this is worked out once. */
  readonly servesAll: boolean = this.#has(ServiceFlag.NETWORK | ServiceFlag.WITNESS);
  /** Whether it serves at least recent blocks with witnesses. */
  readonly servesRecent: boolean = this.servesAll || this.#has(ServiceFlag.NETWORK_LIMITED | ServiceFlag.WITNESS);
  /** Whether what it serves has witnesses. */
  readonly servesWitnesses: boolean = this.#has(ServiceFlag.WITNESS);
  /** Whether it serves block filters (BIP157). */
  readonly servesFilters: boolean = this.#has(ServiceFlag.COMPACT_FILTERS);

  #lastNewsTime = 0;

  /** Unix milliseconds at which it last gave a transaction that was new to us and valid; 0 when never. */
  get lastNewsTime(): number {
    return this.#lastNewsTime;
  }

  /** It gave such a transaction. `now`: unix milliseconds. */
  gaveNews(now: number): void {
    this.#lastNewsTime = now;
  }

  #has(bits: bigint): boolean {
    return (this.session.peer.services & bits) === bits;
  }

  override get merits(): Merits {
    return {
      pingMinMs: this.session.minimumPingMs ?? Infinity,
      lastNewsMs: this.#lastNewsTime,
      lastHeadMs: this.lastHeadTime,
      relaysNews: this.session.peer.relay,
      filtersNews: false,
      isUseful: this.servesAll,
    };
  }
}
