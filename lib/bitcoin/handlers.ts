/**
 * What each message of a peer sets in motion.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import { MessageHandlers } from "../core/peers/message-handlers.ts";
import { type AddressExchange, ofAddr, ofAddrV2 } from "./addresses/exchange.ts";
import type { HeaderBatch } from "./headers/header-batch.ts";
import type { IncomingBlocks } from "./sync/incoming.ts";
import type { LightClient } from "./light/mod.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import { on } from "./peers/handler.ts";
import { type TransactionRelay, unwantedTransaction } from "./relay/mod.ts";
import type { CompactBlocks } from "./compact/compact-blocks.ts";
import type { Announcing } from "./serving/announcing.ts";
import type { FilterRequests } from "./serving/filter-requests.ts";
import type { PeerRequests } from "./serving/requests.ts";
import type { Incoming } from "./peers/session.ts";
import type { HeaderSync } from "./sync/header-sync.ts";
import { type InventoryBatch, InvType } from "./types/mod.ts";
import { Addr, AddrV2, Block as BlockMessage, HeadersMessage, Inv, Tx } from "./wire/mod.ts";

/** The parts that messages are handed to. */
export interface MessageHandlersParts {
  readonly requests: PeerRequests;
  readonly filterRequests: FilterRequests;
  readonly announcing: Announcing;
  /** Absent where no transactions are relayed. */
  readonly relay: TransactionRelay | undefined;
  readonly compact: CompactBlocks;
  readonly headerSync: HeaderSync;
  readonly incoming: IncomingBlocks;
  /** Whether blocks are kept; those of light modes come by other ways. */
  readonly takesBlocks: boolean;
  /** Asks peers itself, in mode `filters`; what answers it is handed on. */
  readonly light: () => LightClient | undefined;
  /** Hears that a peer told headers. */
  readonly headersTold: (peer: BitcoinPeer) => void;
  /** Hears that peers' headers may have changed what is to be done. */
  readonly headersChanged: () => void;
  readonly addresses: AddressExchange;
}

/** The table of what handles which message. A handler throws what its message costs the peer. */
export function bitcoinHandlers(clock: Clock, parts: MessageHandlersParts): MessageHandlers<BitcoinPeer, Incoming> {
  const handlers = [
    ...parts.requests.handlers,
    ...parts.filterRequests.handlers,
    ...parts.announcing.handlers,
    ...parts.compact.handlers,
    on<unknown, HeaderBatch>(HeadersMessage, (peer, batch) => {
      parts.headerSync.take(peer, batch);
      parts.headersTold(peer);
      parts.headersChanged();
    }),
    on(BlockMessage, (peer, block) => (parts.takesBlocks ? parts.incoming.take(peer, block) : undefined)),
    on<unknown, InventoryBatch>(Inv, (peer, inventory) => announced(parts, peer, inventory)),
    on(Addr, (peer, body) => parts.addresses.take(peer, ofAddr(body))),
    on(AddrV2, (peer, body) => parts.addresses.take(peer, ofAddrV2(body))),
    ...parts.relay?.handlers ?? [on(Tx, unwantedTransaction)],
  ];
  return new MessageHandlers({
    clock,
    keyOf: ({ message }) => message,
    nameOf: ({ message }) => message.type,
    // What answers a question of the light client is its own.
    handlers: handlers.map(({ key, handle }) => ({
      key,
      handle: (peer, incoming) => (parts.light()?.take(peer, incoming) ? undefined : handle(peer, incoming)),
    })),
    otherwise: (peer, incoming) => void parts.light()?.take(peer, incoming),
  });
}

function announced(
  parts: MessageHandlersParts,
  peer: BitcoinPeer,
  inventory: InventoryBatch,
): Promise<void> | undefined {
  // One question finds them all: the last is the highest.
  const last = inventory.lastOf(InvType.BLOCK);
  if (last !== undefined) {
    parts.headerSync.announced(peer, last);
    parts.headersChanged();
  }
  return parts.relay?.announced(peer, inventory);
}
