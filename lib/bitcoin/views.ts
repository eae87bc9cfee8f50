/**
 * What RPC, the command line and the library see of a connected peer: put together from what each part of the node keeps
 * of it.
 *
 * @see Bitcoin Core `rpc/net.cpp` getpeerinfo
 * @module
 */
import type { Ban } from "../core/peers/bans.ts";
import { normalSubnet } from "../core/subnets.ts";
import type { CompactBlocks } from "./compact/compact-blocks.ts";
import type { AddressExchange } from "./addresses/exchange.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import type { BitcoinPeer } from "./peers/peer.ts";
import type { AnnouncementsView, TransactionRelay } from "./relay/mod.ts";
import type { BitcoinPeerView } from "./peers/view.ts";
import type { BitcoinBan } from "./service.ts";
import type { Announcing } from "./serving/announcing.ts";
import type { BlockDownload } from "./sync/block-download.ts";
import type { HeaderSync } from "./sync/header-sync.ts";

/** The parts that keep something of a peer which is shown. */
export interface PeerViewParts {
  readonly headers: HeaderChain;
  readonly headerSync: HeaderSync;
  readonly download: BlockDownload;
  readonly announcing: Announcing;
  readonly addresses: AddressExchange;
  readonly relay: Pick<TransactionRelay, "announcements"> | undefined;
  readonly compact: CompactBlocks;
}

/** What is shown of a peer. */
export function peerView(peer: BitcoinPeer, parts: PeerViewParts): BitcoinPeerView {
  const { headers, headerSync, download, announcing, addresses, compact, relay } = parts;
  const { session, knowledge } = peer;
  const { peer: said, traffic, link } = session;
  const { lastCommon, inFlight, bytesPerSecond } = download.viewOf(peer);
  const { takesPart, processed, limited } = addresses.exchangedWith(peer);
  const seconds = (ms: number) => Math.floor(ms / 1000);
  const inSeconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  const heightOf = (row: number) => (row < 0 ? -1 : headers.height(row));
  return {
    id: peer.id,
    direction: peer.direction,
    connectionType: session.connectionType,
    host: session.remote.host,
    port: session.remote.port,
    localHost: link.duplex.local.host,
    localPort: link.duplex.local.port,
    services: said.services,
    relayTransactions: relay?.announcements.tells(peer) ?? said.relay,
    ...announced(relay?.announcements.viewOf(peer)),
    lastSend: seconds(traffic.sent.lastTime),
    lastReceive: seconds(traffic.received.lastTime),
    lastBlock: seconds(peer.lastHeadTime),
    lastTransaction: seconds(peer.lastNewsTime),
    bytesSent: traffic.sent.bytes,
    bytesReceived: traffic.received.bytes,
    traffic,
    connectionTime: seconds(peer.since),
    timeOffset: said.timeOffset,
    pingTime: inSeconds(session.pingMs),
    minimumPing: inSeconds(session.minimumPingMs),
    pingWait: inSeconds(session.pingWaitMs),
    version: said.version,
    userAgent: said.userAgent,
    startHeight: said.startHeight,
    syncedHeaders: heightOf(knowledge.best),
    syncedBlocks: heightOf(lastCommon),
    presyncedHeaders: headerSync.presyncedHeight(peer),
    inFlight: inFlight.map(heightOf),
    blockBytesPerSecond: bytesPerSecond,
    minimumFeeFilter: announcing.minimumFeeOf(peer),
    compactBlocksTo: compact.viewOf(peer).to,
    compactBlocksFrom: compact.viewOf(peer).from,
    addressRelay: takesPart,
    addressesProcessed: processed,
    addressesLimited: limited,
    permissions: peer.permissions,
    seenAs: session.seenAs,
    transport: link.transport.kind,
    sessionId: link.transport.sessionId,
  };
}

function announced({ lastSequence = 0, waiting = 0 }: Partial<AnnouncementsView> = {}) {
  return { lastInvSequence: lastSequence, invToSend: waiting };
}

/** The greatest height that a peer is known to have; 0 for none. */
export function bestPeerHeight(headers: HeaderChain, peers: readonly BitcoinPeer[]): number {
  return Math.max(0, ...peers.map(({ knowledge: { best } }) => (best < 0 ? 0 : headers.height(best))));
}

/** What is shown of a ban. */
export function banView({ host, since, until, reason, effect, scope }: Ban): BitcoinBan {
  // A name of Tor or I2P is no subnet.
  const isWhole = host.includes("/") || normalSubnet(host) === undefined;
  const subnet = isWhole ? host : `${host}/${host.includes(":") ? 128 : 32}`;
  return { subnet, since, until, reason, effect, scope };
}
