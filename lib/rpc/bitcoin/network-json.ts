/**
 * Peers and addresses as Core prints them.
 *
 * @see Bitcoin Core `rpc/net.cpp`, `netaddress.cpp`
 * @module
 */
import ipaddr from "ipaddr.js";
import { toHex } from "../../codec/hex.ts";
import { addressText } from "../../core/address-text.ts";
import type { AddressBook } from "../../core/addresses/book.ts";
import { banTarget } from "../../core/peers/bans.ts";
import { normalSubnet } from "../../core/subnets.ts";
import type { DirectionTraffic } from "../../core/peers/traffic.ts";
import type { BitcoinPeerView } from "../../bitcoin/service.ts";
import { NETWORK_NAMES, parseHost, serviceNames } from "../../bitcoin/types/mod.ts";
import { type BacklogView, type RelayService, SEND_RATE } from "../../bitcoin/relay/mod.ts";
import { amountJson, type RpcObject } from "./json.ts";
import type { BitcoinRpcContext } from "./method.ts";

/** The networks, in Core's order. */
export const REACHABLE_NETWORKS = ["ipv4", "ipv6", "onion", "i2p", "cjdns"] as const;

/** The name of the network that a host is on; `not_publicly_routable` for what no packet from outside reaches. */
export function networkOf(host: string): string {
  const place = parseHost(host);
  if (place === undefined) return "not_publicly_routable";
  if (ipaddr.isValid(host) && !["unicast", "6to4", "teredo"].includes(ipaddr.process(host).range())) {
    return "not_publicly_routable";
  }
  return NETWORK_NAMES[place.network] ?? "not_publicly_routable";
}

/** Service bits as sixteen hex digits. */
export function servicesText(services: bigint): string {
  return services.toString(16).padStart(16, "0");
}

/** One peer of `getpeerinfo`. What this node does not count (relayed addresses, transactions to announce) is 0. */
export function peerInfo(peer: BitcoinPeerView): RpcObject {
  return {
    id: peer.id,
    addr: addressText(peer),
    ...(peer.seenAs && { addrlocal: addressText(peer.seenAs) }),
    addrbind: addressText({ host: peer.localHost, port: peer.localPort }),
    network: networkOf(peer.host),
    services: servicesText(peer.services),
    servicesnames: serviceNames(peer.services),
    relaytxes: peer.relayTransactions,
    last_inv_sequence: peer.lastInvSequence,
    inv_to_send: peer.invToSend,
    lastsend: peer.lastSend,
    lastrecv: peer.lastReceive,
    last_transaction: peer.lastTransaction,
    last_block: peer.lastBlock,
    bytessent: peer.bytesSent,
    bytesrecv: peer.bytesReceived,
    conntime: peer.connectionTime,
    timeoffset: peer.timeOffset,
    pingtime: peer.pingTime,
    minping: peer.minimumPing,
    pingwait: peer.pingWait,
    version: peer.version,
    subver: peer.userAgent,
    inbound: peer.direction === "in",
    bip152_hb_to: peer.compactBlocksTo,
    bip152_hb_from: peer.compactBlocksFrom,
    startingheight: peer.startHeight,
    presynced_headers: peer.presyncedHeaders,
    synced_headers: peer.syncedHeaders,
    synced_blocks: peer.syncedBlocks,
    inflight: peer.inFlight,
    addr_relay_enabled: peer.addressRelay,
    addr_processed: peer.addressesProcessed,
    addr_rate_limited: peer.addressesLimited,
    permissions: peer.permissions,
    minfeefilter: amountJson(peer.minimumFeeFilter),
    bytessent_per_msg: byMessage(peer.traffic.sent),
    bytesrecv_per_msg: byMessage(peer.traffic.received),
    connection_type: peer.connectionType,
    transport_protocol_type: peer.transport,
    session_id: peer.sessionId === undefined ? "" : toHex(peer.sessionId),
  };
}

/** Bytes by the type of message, sorted; types that this node does not know are `*other*`. */
function byMessage({ byKind }: DirectionTraffic): RpcObject {
  const bytes = [...byKind].map(([kind, { bytes }]) => [kind, bytes] as const);
  return Object.fromEntries(bytes.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The address book of the Bitcoin side. */
export function addressBookOf({ chains }: BitcoinRpcContext): AddressBook {
  const handle = chains.find(({ chain }) => chain === "bitcoin");
  if (handle === undefined) throw new TypeError("methods of Bitcoin where no Bitcoin runs");
  return handle.addressBook;
}

/**
 * A subnet as `listbanned` prints it, `203.0.113.7/32`, and a name of Tor or I2P as it is; undefined for text that is
 * none.
 */
export function parseSubnet(text: string): string | undefined {
  const subnet = normalSubnet(text);
  // A name has a version and a checksum, which have to be right.
  if (subnet === undefined && parseHost(text) !== undefined) return banTarget(text);
  if (subnet === undefined || subnet.includes("/")) return subnet;
  return `${subnet}/${subnet.includes(":") ? 128 : 32}`;
}

/** What `getnetworkinfo` tells of the relay of transactions. */
export function relayJson(relay: RelayService | undefined) {
  if (relay === undefined) return { localrelay: false, tx_send_rate: 0, inv_buckets: {} };
  const bucket = ({ waiting, count, bytes }: BacklogView) => ({ backlog: waiting, count_tok: count, size_tok: bytes });
  const { inbound, outbound } = relay.announcements.backlogs;
  return {
    localrelay: relay.takes,
    tx_send_rate: SEND_RATE,
    inv_buckets: { inbound: bucket(inbound), outbound: bucket(outbound) },
  };
}
