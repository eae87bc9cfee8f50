/**
 * What we tell peers of our tip: by compact blocks or headers to peers that asked for that and can place them, by inventory
 * else, and nothing to those that have it.
 *
 * @see spec section f.4 (announcing a new tip); BIP130
 * @module
 */
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { BitcoinChain, TipMove } from "../chain/chain.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import { type BitcoinHandler, on } from "../peers/handler.ts";
import type { CompactSending } from "../compact/sending.ts";
import { headerFromBytes, InvType } from "../types/mod.ts";
import { MAX_MONEY } from "../types/money.ts";
import { FeeFilter, HeadersMessage, Inv, SendHeaders } from "../wire/mod.ts";

/** More new blocks than this are told by naming the last one. */
const HEADERS_ANNOUNCED_MAX = 8;

/** What a peer said that it wants to be told of, and how. */
class Wishes {
  /** It wants new blocks announced by headers. */
  headers: boolean;
  /** Transactions that pay less are not for it; satoshi for 1000 virtual bytes. */
  minimumFee = 0n;

  constructor({ session }: BitcoinPeer) {
    this.headers = session.peer.prefersHeaders;
  }
}

/** Announces as each peer wishes. */
export class Announcing {
  readonly #chain: BitcoinChain;
  readonly #compact: () => CompactSending;
  readonly #wishes = new PerPeer<BitcoinPeer, Wishes>((peer) => new Wishes(peer));

  /** @param compact what announces in compact form */
  constructor(chain: BitcoinChain, compact: () => CompactSending) {
    this.#chain = chain;
    this.#compact = compact;
  }

  /** What handles the messages by which peers say what they wish. */
  get handlers(): readonly BitcoinHandler[] {
    return [
      on(SendHeaders, (peer) => void (this.#wishes.of(peer).headers = true)),
      on(FeeFilter, (peer, { feeRate }) => {
        // What is no amount of money means nothing.
        if (feeRate >= 0n && feeRate <= MAX_MONEY) this.#wishes.of(peer).minimumFee = feeRate;
      }),
    ];
  }

  /** What transactions have to pay for a peer to be told of them, in satoshi for 1000 virtual bytes. */
  minimumFeeOf(peer: BitcoinPeer): bigint {
    return this.#wishes.of(peer).minimumFee;
  }

  /** Tells peers of a tip that has become durable. */
  announce(peers: readonly BitcoinPeer[], { tip, fork }: TipMove): void {
    const { headers } = this.#chain;
    const fresh: number[] = [];
    for (let row = tip; row !== fork && fresh.length <= HEADERS_ANNOUNCED_MAX; row = headers.parent(row)) {
      fresh.push(row);
    }
    fresh.reverse();
    for (const peer of peers) {
      const { knowledge, session } = peer;
      if (knowledge.has(headers, tip)) continue;
      const wanted = fresh.filter((row) => !knowledge.has(headers, row));
      const [first = tip] = wanted;
      const canPlace = knowledge.has(headers, headers.parent(first));
      knowledge.hearsOfTip(tip);
      if (canPlace && wanted.length === 1 && this.#compact().announceTip(peer, tip)) continue;
      if (this.#wishes.of(peer).headers && canPlace && wanted.length <= HEADERS_ANNOUNCED_MAX) {
        session.post(HeadersMessage, { headers: wanted.map((row) => headerFromBytes(headers.headerBytes(row))) });
      } else session.post(Inv, { inventory: [{ type: InvType.BLOCK, hash: headers.hash(tip) }] });
    }
  }
}
