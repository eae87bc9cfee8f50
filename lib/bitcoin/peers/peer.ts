/**
 * A connected peer as the node sees it: its session, what it is known to have, and what it was asked for.
 *
 * @module
 */
import { DeliveryRate } from "../../core/peers/delivery-rate.ts";
import type { Merits } from "../../core/peers/eviction.ts";
import { Peer, type PeerInit } from "../../core/peers/peer.ts";
import type { HeaderChain } from "../headers/header-chain.ts";
import type { HeadersPresync } from "../headers/presync.ts";
import type { BitcoinPeerView } from "./view.ts";
import type { BitcoinSession } from "./session.ts";
import { ServiceFlag } from "../types/mod.ts";

/** One Bitcoin peer, from handshake to end. Rows are of the header tree; −1 for none. Times are monotonic milliseconds. */
export class BitcoinPeer extends Peer<BitcoinSession> {
  /** The header of most work that the peer is known to have. */
  bestKnown = -1;
  /** A block that it announced and whose header is not known here yet; wire order. */
  lastUnknown: Uint8Array | undefined;
  /** The last block that it and we have, on the way to {@link bestKnown}. */
  lastCommon = -1;
  /** The header of most work that we told it of. */
  bestSent = -1;
  /** It wants new blocks announced by headers. */
  prefersHeaders = false;
  /** It offered compact blocks of version 2. */
  compactBlocks = false;
  /** A header sync with too little work so far. */
  presync: HeadersPresync | undefined;
  /** When headers were asked for that have not come. */
  headersAskedAt: number | undefined;
  /** When a header of it was kept last; before the first one, when it was first asked. */
  headersUsefulAt: number | undefined;
  /** It has been asked for headers at least once. */
  headersBegun = false;
  /** It said that it has no more headers. */
  headersEnded = false;
  /** Until when it is not chosen for headers, after it kept us waiting. */
  headersRestUntil = 0;
  /** Rows of blocks that it was asked for and when, oldest first. */
  readonly inFlight = new Map<number, number>();
  /** How fast it delivers the blocks that it is asked for. */
  readonly blockRate = new DeliveryRate();
  /** Since when its block is the one that everything else waits for. */
  stallingSince: number | undefined;
  minimumFeeFilter = 0n;
  /** It was told addresses already: once a connection is enough. */
  gotAddresses = false;
  /** It takes part in the gossip of addresses. */
  addressRelay = false;
  /** Addresses of it that were taken, and that were dropped because it told too many. */
  addressesProcessed = 0;
  addressesLimited = 0;
  /** Where an inventory of 500 blocks ended that we sent: when it fetches that one, it is told of the tip. */
  continueAt = -1;

  /** Whether it serves every block with witnesses. What a peer offers it says once, so that this is worked out once. */
  readonly servesAll: boolean = this.#has(ServiceFlag.NETWORK | ServiceFlag.WITNESS);
  /** Whether it serves at least recent blocks with witnesses. */
  readonly servesRecent: boolean = this.servesAll || this.#has(ServiceFlag.NETWORK_LIMITED | ServiceFlag.WITNESS);
  /** Whether what it serves has witnesses. */
  readonly servesWitnesses: boolean = this.#has(ServiceFlag.WITNESS);
  /** Whether it serves block filters (BIP157). */
  readonly servesFilters: boolean = this.#has(ServiceFlag.COMPACT_FILTERS);

  constructor(init: PeerInit<BitcoinSession>) {
    super(init);
    init.session.awaitsMore = () => this.inFlight.size > 0;
  }

  #has(bits: bigint): boolean {
    return (this.session.peer.services & bits) === bits;
  }

  /** Takes note that it has a header. */
  knows(headers: HeaderChain, row: number): void {
    if (row >= 0 && (this.bestKnown < 0 || headers.hasMoreWork(row, this.bestKnown))) this.bestKnown = row;
  }

  /** Whether it is known to have a header: it told of it or of a descendant, or was told by us. */
  has(headers: HeaderChain, row: number): boolean {
    return this.told(headers, row) || reaches(headers, this.bestSent, row);
  }

  /** Whether it told of a header by itself, or of a descendant. */
  told(headers: HeaderChain, row: number): boolean {
    return reaches(headers, this.bestKnown, row);
  }

  override get merits(): Merits {
    return {
      pingMinMs: this.session.minimumPingMs ?? Infinity,
      // Transactions are not relayed yet.
      lastNewsMs: 0,
      lastHeadMs: this.lastHeadTime,
      relaysNews: this.session.peer.relay,
      filtersNews: false,
      isUseful: this.servesAll,
    };
  }

  /** What RPC tells of the peer. `now`: monotonic milliseconds are not needed here, unix ones are. */
  view(headers: HeaderChain): BitcoinPeerView {
    const { session } = this;
    const { peer, traffic, link } = session;
    const seconds = (ms: number) => Math.floor(ms / 1000);
    const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
    return {
      id: this.id,
      direction: this.direction,
      connectionType: session.connectionType,
      host: session.remote.host,
      port: session.remote.port,
      localHost: link.duplex.local.host,
      localPort: link.duplex.local.port,
      services: peer.services,
      relayTransactions: peer.relay,
      lastSend: seconds(traffic.sent.lastTime),
      lastReceive: seconds(traffic.received.lastTime),
      lastBlock: seconds(this.lastHeadTime),
      lastTransaction: 0,
      bytesSent: traffic.sent.bytes,
      bytesReceived: traffic.received.bytes,
      traffic,
      connectionTime: seconds(this.since),
      timeOffset: peer.timeOffset,
      pingTime: inSeconds(session.pingMs),
      minimumPing: inSeconds(session.minimumPingMs),
      pingWait: inSeconds(session.pingWaitMs),
      version: peer.version,
      userAgent: peer.userAgent,
      startHeight: peer.startHeight,
      syncedHeaders: this.bestKnown < 0 ? -1 : headers.height(this.bestKnown),
      syncedBlocks: this.lastCommon < 0 ? -1 : headers.height(this.lastCommon),
      presyncedHeaders: this.presync?.height ?? -1,
      inFlight: [...this.inFlight.keys()].map((row) => headers.height(row)),
      blockBytesPerSecond: this.blockRate.bytesPerSecond,
      minimumFeeFilter: this.minimumFeeFilter,
      compactBlocksTo: false,
      compactBlocksFrom: false,
      addressRelay: this.addressRelay,
      addressesProcessed: this.addressesProcessed,
      addressesLimited: this.addressesLimited,
      permissions: this.permissions,
      seenAs: session.seenAs,
      transport: link.transport.kind,
      sessionId: link.transport.sessionId,
    };
  }
}

/** Whether the chain that ends at `tip` holds a header. */
function reaches(headers: HeaderChain, tip: number, row: number): boolean {
  if (tip < 0 || tip === row) return tip >= 0;
  const height = headers.height(row);
  return headers.height(tip) >= height && headers.ancestor(tip, height) === row;
}
