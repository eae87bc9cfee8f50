/**
 * What we tell peers of our tip: by headers to peers that asked for that and can place them, by inventory else, and nothing to
 * who has it.
 *
 * @see spec section f.4 (announcing a new tip); BIP130
 * @module
 */
import type { BitcoinChain, TipMove } from "../chain/chain.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { headerFromBytes, InvType } from "../types/mod.ts";
import { HeadersMessage, Inv } from "../wire/mod.ts";

/** More new blocks than this are told by naming the last one. */
const HEADERS_ANNOUNCED_MAX = 8;

/** Tells peers of a tip that has become durable. */
export function announce(chain: BitcoinChain, peers: readonly BitcoinPeer[], { tip, fork }: TipMove): void {
  const { headers } = chain;
  const fresh: number[] = [];
  for (let row = tip; row !== fork && fresh.length <= HEADERS_ANNOUNCED_MAX; row = headers.parent(row)) fresh.push(row);
  fresh.reverse();
  for (const peer of peers) {
    if (peer.has(headers, tip)) continue;
    const wanted = fresh.filter((row) => !peer.has(headers, row));
    const [first = tip] = wanted;
    const canPlace = peer.has(headers, headers.parent(first));
    peer.bestSent = tip;
    if (peer.prefersHeaders && canPlace && wanted.length <= HEADERS_ANNOUNCED_MAX) {
      peer.session.post(HeadersMessage, { headers: wanted.map((row) => headerFromBytes(headers.headerBytes(row))) });
    } else peer.session.post(Inv, { inventory: [{ type: InvType.BLOCK, hash: headers.hash(tip) }] });
  }
}
