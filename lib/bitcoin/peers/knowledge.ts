/**
 * Which headers a peer has, as far as it told us and we told it.
 *
 * @see Bitcoin Core `net_processing.cpp` (CNodeState: pindexBestKnownBlock, pindexBestHeaderSent)
 * @module
 */
import type { HeaderChain } from "../headers/header-chain.ts";

/** What is known of one peer's headers. Rows are of the header tree; −1 for none. */
export class PeerChainKnowledge {
  #best = -1;
  #sent = -1;

  /** The header of most work that it told of. */
  get best(): number {
    return this.#best;
  }

  /** It told of a header, by whatever message. */
  tells(headers: HeaderChain, row: number): void {
    if (row >= 0 && (this.#best < 0 || headers.hasMoreWork(row, this.#best))) this.#best = row;
  }

  /** It receives a header, or its block, that it asked for. */
  receives(headers: HeaderChain, row: number): void {
    if (this.#sent < 0 || headers.hasMoreWork(row, this.#sent)) this.#sent = row;
  }

  /** It hears of our tip, which we announce to it. */
  hearsOfTip(row: number): void {
    this.#sent = row;
  }

  /** Whether it is known to have a header: it told of it or of a descendant, or was told by us. */
  has(headers: HeaderChain, row: number): boolean {
    return this.told(headers, row) || reaches(headers, this.#sent, row);
  }

  /** Whether it told of a header by itself, or of a descendant. */
  told(headers: HeaderChain, row: number): boolean {
    return reaches(headers, this.#best, row);
  }
}

/** Whether the chain that ends at `tip` holds a header. */
function reaches(headers: HeaderChain, tip: number, row: number): boolean {
  if (tip < 0 || tip === row) return tip >= 0;
  const height = headers.height(row);
  return headers.height(tip) >= height && headers.ancestor(tip, height) === row;
}
