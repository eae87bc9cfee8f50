/**
 * Asks the peers of our choice for their word on our peak. A full node does not announce a block to the peer that it got
 * it from, so that of those who took our peak from us nobody would ever tell that they stand on it.
 *
 * @see chia-blockchain 2.7.5 `chia/full_node/full_node.py` (peak_post_processing_2: `send_to_all` but the peer it came from)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { voicesOf } from "../../core/sync/agreement.ts";
import type { Clock } from "../../core/ports.ts";
import type { ChiaChain } from "../chain/chain.ts";
import { fetchBlock } from "./requests.ts";
import type { ChiaPeer } from "../peers/peer.ts";

/** What asking needs. */
export interface PeersWordParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected full nodes. */
  readonly peers: () => readonly ChiaPeer[];
  /** How many peers `--connect` names; 0 when peers are discovered. */
  readonly named: () => number;
  /** Hears that a peer gave its word. */
  readonly given: () => void;
}

/** How long their own announcements are waited for. */
const WORD_MS = 10_000;
const ANSWER_MS = 15_000;

/** Asks some time after each move of the peak. */
export class PeersWord {
  readonly #parts: PeersWordParts;
  readonly #stop = new AbortController();
  #cancel = () => {};

  constructor(parts: PeersWordParts) {
    this.#parts = parts;
  }

  /** The peak has moved: who has not told of it by then is asked. */
  peakMoved(): void {
    this.#cancel();
    if (!this.#stop.signal.aborted) this.#cancel = this.#parts.clock.after(WORD_MS, () => this.#ask());
  }

  /** Ends what waits. */
  close(): void {
    this.#cancel();
    this.#stop.abort();
  }

  #ask(): void {
    const { peers, named } = this.#parts;
    for (const peer of [...voicesOf(peers(), named()).values()].flat()) {
      // One that does not answer has given no word; what is wrong in an answer has ended its session.
      this.#askOne(peer).catch(() => {});
    }
  }

  async #askOne(peer: ChiaPeer): Promise<void> {
    const { chain, given } = this.#parts;
    const { peak } = chain;
    if (peak === undefined || peer.knowledge.standsOn(peak.headerHash)) return;
    const announced = peer.knowledge.peak;
    const theirs = await fetchBlock(peer.session, peak.height, false, ANSWER_MS, this.#stop.signal);
    // What it announced meanwhile is newer than its answer.
    if (theirs === undefined || peer.knowledge.peak !== announced || !equalBytes(theirs.headerHash, peak.headerHash)) {
      return;
    }
    peer.knowledge.confirms(peak.headerHash);
    given();
  }
}
