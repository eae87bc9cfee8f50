/**
 * What each message of a peer sets in motion.
 *
 * @module
 */
import { type AddressExchange, ofAddr, ofAddrV2 } from "./address-exchange.ts";
import type { HeaderBatch } from "./chain/header-batch.ts";
import type { IncomingBlocks } from "./incoming.ts";
import type { LightClient } from "./light/mod.ts";
import type { BitcoinPeer } from "./peer.ts";
import { disconnecting } from "./peer-fault.ts";
import type { Serving } from "./serving.ts";
import type { Incoming } from "./session.ts";
import type { HeaderSync } from "./sync/header-sync.ts";
import { type Block, InvType } from "./types/mod.ts";
import {
  Addr,
  AddrV2,
  Block as BlockMessage,
  type BodyOf,
  FeeFilter,
  HeadersMessage,
  Inv,
  SendCmpct,
  SendHeaders,
  Tx,
} from "./wire/mod.ts";

/** Whom messages are handed to. */
export interface RouterParts {
  readonly serving: Serving;
  readonly headerSync: HeaderSync;
  readonly incoming: IncomingBlocks;
  /** Whether blocks are kept; those of light modes come by other ways. */
  readonly takesBlocks: boolean;
  /** Asks peers itself, in mode `filters`; what answers it is handed on. */
  readonly light: () => LightClient | undefined;
  /** Hears that peers' headers may have changed what is to be done. */
  readonly headersChanged: () => void;
  readonly addresses: AddressExchange;
}

/** Handles one message. @throws BitcoinFault what it costs the peer */
export function route(parts: RouterParts, peer: BitcoinPeer, incoming: Incoming): void | Promise<void> {
  const answer = parts.serving.answer(peer, incoming);
  if (answer !== undefined) return answer;
  if (parts.light()?.take(peer, incoming)) return;
  const { message, body } = incoming;
  switch (message) {
    case HeadersMessage:
      parts.headerSync.take(peer, body as HeaderBatch);
      return parts.headersChanged();
    case BlockMessage:
      return parts.takesBlocks ? parts.incoming.take(peer, body as Block) : undefined;
    case Inv:
      return announced(parts, peer, body as BodyOf<typeof Inv>);
    case SendHeaders:
      peer.prefersHeaders = true;
      return;
    case SendCmpct:
      peer.compactBlocks ||= (body as BodyOf<typeof SendCmpct>).version === 2n;
      return;
    case FeeFilter:
      peer.minimumFeeFilter = (body as BodyOf<typeof FeeFilter>).feeRate;
      return;
    case Addr:
      return parts.addresses.take(peer, ofAddr(body as BodyOf<typeof Addr>));
    case AddrV2:
      return parts.addresses.take(peer, ofAddrV2(body as BodyOf<typeof AddrV2>));
    case Tx:
      // We said that we want none.
      throw disconnecting("unwanted_transaction", "transaction sent in violation of protocol");
  }
}

function announced(parts: RouterParts, peer: BitcoinPeer, { inventory }: BodyOf<typeof Inv>): void {
  // One question finds them all: the last is the highest.
  const last = inventory.findLast(({ type }) => type === InvType.BLOCK);
  if (last === undefined) return;
  parts.headerSync.announced(peer, last.hash);
  parts.headersChanged();
}
