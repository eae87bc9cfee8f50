/**
 * Which peers offer compact blocks, which of them want new blocks as such before they ask (high bandwidth), and of which we
 * want that ourselves: of the last three that were first with a block.
 *
 * @see BIP152; Bitcoin Core `net_processing.cpp` (MaybeSetPeerAsAnnouncingHeaderAndIDs)
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import { offersCompactBlocks } from "../peers/handshake.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { COMPACT_BLOCKS_VERSION, SendCmpct } from "../wire/mod.ts";

/** Peers that are asked to send new blocks before they are asked. */
export const HIGH_BANDWIDTH_PEERS_MAX = 3;

/** What a peer said of compact blocks. */
class Offer {
  /** It offered those of the version that is spoken. */
  offers: boolean;
  /** It wants new blocks in this form, unasked. */
  wants: boolean;

  constructor({ session }: BitcoinPeer) {
    this.offers = session.peer.compactBlocks;
    this.wants = session.peer.wantsCompactBlocks;
  }
}

/** The offers of all peers, and the choice among them. */
export class Bandwidth {
  readonly #offers = new PerPeer<BitcoinPeer, Offer>((peer) => new Offer(peer));
  /** Those that are chosen, the one that was first with a block last at the end. */
  #chosen: readonly BitcoinPeer[] = [];

  /** What handles `sendcmpct`. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(SendCmpct, (peer, body) => {
        if (!offersCompactBlocks(body)) return;
        const offer = this.#offers.of(peer);
        offer.offers = true;
        offer.wants = body.announce === 1;
      }),
    ];
  }

  /** Whether a peer sends compact blocks. */
  offers(peer: BitcoinPeer): boolean {
    return this.#offers.of(peer).offers;
  }

  /** Whether a peer wants new blocks before it asks. */
  wants(peer: BitcoinPeer): boolean {
    return this.#offers.of(peer).wants;
  }

  /** Whether a peer is to send us new blocks before we ask. */
  isChosen(peer: BitcoinPeer): boolean {
    return this.#chosen.includes(peer);
  }

  /** Offers compact blocks to a peer that has just come. */
  joined(peer: BitcoinPeer): void {
    if (peer.session.peer.commonVersion >= SendCmpct.sinceVersion) tell(peer, false);
  }

  /**
   * A peer was the first with a block that has become the tip: it is chosen, and the one that was so longest ago is no
   * longer. Peers that dialled us do not take the place of the only one that we dialled.
   */
  choose(peer: BitcoinPeer): void {
    if (peer.session.signal.aborted || !this.offers(peer)) return;
    if (this.isChosen(peer)) {
      this.#chosen = [...this.#chosen.filter((each) => each !== peer), peer];
      return;
    }
    const dialled = this.#chosen.filter(({ direction }) => direction === "out");
    const isKept = (each: BitcoinPeer) => peer.direction === "in" && dialled.length === 1 && each === dialled[0];
    const leaving = this.#chosen.length < HIGH_BANDWIDTH_PEERS_MAX
      ? undefined
      : this.#chosen.find((each) => !isKept(each));
    if (leaving !== undefined) tell(leaving, false);
    this.#chosen = [...this.#chosen.filter((each) => each !== leaving), peer];
    tell(peer, true);
  }

  /** The peer is gone. */
  forget(peer: BitcoinPeer): void {
    this.#chosen = this.#chosen.filter((each) => each !== peer);
  }
}

function tell({ session }: BitcoinPeer, announce: boolean): void {
  session.post(SendCmpct, { announce: Number(announce), version: COMPACT_BLOCKS_VERSION });
}
