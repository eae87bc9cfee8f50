/**
 * Which chain a peer stands on, by its own word.
 *
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";

/** The tip that a peer announced last. A hint: nothing in it is checked. */
export interface AnnouncedPeak {
  readonly headerHash: Uint8Array;
  readonly height: number;
  readonly weight: bigint;
}

/** What is known of one peer's chain. */
export class PeerChainKnowledge {
  #peak: AnnouncedPeak | undefined;
  #confirmed: Uint8Array | undefined;

  /** What it announced last; another object for each announcement. */
  get peak(): AnnouncedPeak | undefined {
    return this.#peak;
  }

  /** It announces a peak, which is copied. What it said before no longer counts. */
  announces({ headerHash, height, weight }: AnnouncedPeak): void {
    this.#peak = { headerHash: headerHash.slice(), height, weight };
    this.#confirmed = undefined;
  }

  /** It was asked and has our peak in its chain. */
  confirms(headerHash: Uint8Array): void {
    this.#confirmed = headerHash;
  }

  /** Whether it told by itself that a block is its peak, or answered that it has it. That it took it from us says nothing. */
  standsOn(headerHash: Uint8Array): boolean {
    const isIt = (hash: Uint8Array | undefined) => hash !== undefined && equalBytes(hash, headerHash);
    return isIt(this.#peak?.headerHash) || isIt(this.#confirmed);
  }
}
