/**
 * The Bitcoin side as a {@link ChainHandle}.
 *
 * @module
 */
import type { AddressBook } from "../../core/addresses/book.ts";
import type { Clock, PeerAddress } from "../../core/ports.ts";
import { fromDisplayHex, toDisplayHex } from "../../bitcoin/hash.ts";
import type { BitcoinPeerView, BitcoinService } from "../../bitcoin/service.ts";
import { serviceNames } from "../../bitcoin/types/mod.ts";
import type { JsonObject } from "../../codec/json.ts";
import { compactFiguresOf, figuresOf } from "./figures.ts";
import { type ChainHandle, type ChainStatus, type RawBlock, readingOf, remembering } from "../chain-handle.ts";

/** A peer as `/v1/peers` and `gemel peers list --json` print it. Keys that both chains have mean the same. */
export function peerJson(peer: BitcoinPeerView, nowMs: number): JsonObject {
  const ping = peer.pingTime;
  return {
    id: peer.id,
    chain: "bitcoin",
    direction: peer.direction,
    host: peer.host,
    port: peer.port,
    agent: peer.userAgent,
    protocol_version: peer.version,
    transport: peer.transport,
    connection_type: peer.connectionType,
    services: serviceNames(peer.services),
    age_s: Math.max(0, Math.floor(nowMs / 1000 - peer.connectionTime)),
    last_message_time: peer.lastReceive,
    bytes_read: peer.bytesReceived,
    bytes_written: peer.bytesSent,
    ping_ms: ping === undefined ? null : Math.round(ping * 1000),
    start_height: peer.startHeight,
    block_bytes_per_s: Math.round(peer.blockBytesPerSecond),
    peak_height: peer.syncedHeaders < 0 ? null : peer.syncedHeaders,
  };
}

/** Makes the handle. `listenAddress` is known once the node listens. */
export function bitcoinHandle(
  bitcoin: BitcoinService,
  { clock, addressBook, listenAddress, refusedAccepts }: {
    readonly clock: Clock;
    readonly addressBook: AddressBook;
    readonly refusedAccepts?: () => Readonly<Record<string, number>>;
    readonly listenAddress: () => PeerAddress | undefined;
  },
): ChainHandle {
  const { headers } = bitcoin;
  const counts = remembering(bitcoin, () => bitcoin.store.counts());
  /** The row of the active chain at a height, or of a hash in display order; −1 when there is none. */
  const rowOf = (id: { readonly height: number } | { readonly hash: string }): number =>
    "hash" in id ? headers.find(fromDisplayHex(id.hash)) : bitcoin.activeAt(id.height);
  return {
    chain: "bitcoin",
    network: bitcoin.network.name,
    addressBook,
    get listenAddress() {
      return listenAddress();
    },

    progress() {
      const { tip, bestHeader, bestPeerHeight, synced, validation } = bitcoin.state();
      const figures = bitcoin.figures();
      return {
        height: headers.height(tip),
        target: Math.max(headers.height(bestHeader), bestPeerHeight),
        synced,
        peers: bitcoin.peers().length,
        tipTime: headers.time(tip),
        validation,
        coinsCache: figures && figures.coinBytes / figures.coinBytesMax,
        hash: toDisplayHex(headers.hash(tip)),
        ...readingOf(bitcoin),
      };
    },

    async status(): Promise<ChainStatus> {
      const { mode, tip, bestHeader, bestPeerHeight, synced, validation, validating, agreement, warnings } = bitcoin
        .state();
      const { blockBytes } = await counts();
      const height = headers.height(tip);
      const best = Math.max(headers.height(bestHeader), bestPeerHeight);
      const peers = bitcoin.peers();
      const out = peers.filter((peer) => peer.direction === "out").length;
      return {
        chain: "bitcoin",
        network: bitcoin.network.name,
        mode,
        height,
        best_peer_height: bestPeerHeight,
        behind: Math.max(0, best - height),
        header_hash: toDisplayHex(headers.hash(tip)),
        tip_age_s: Math.max(0, Math.floor(clock.now() / 1000 - headers.time(tip))),
        synced,
        peers: { out, in: peers.length - out },
        disk_bytes: blockBytes,
        validation,
        ...(validating && { validating: { ...validating } }),
        ...readingOf(bitcoin),
        agree: `${agreement.agree}/${agreement.of}`,
        warnings,
      };
    },

    get traffic() {
      return bitcoin.traffic;
    },
    ...(refusedAccepts && { refusedAccepts }),
    figures: () => [...figuresOf(bitcoin.figures()), ...compactFiguresOf(bitcoin.compactBlocks)],
    trafficOf: (id) => bitcoin.peers().find((peer) => peer.id === id)?.traffic,
    peers: () => bitcoin.peers().map((peer) => peerJson(peer, clock.now())),
    connect: async (host, port) => peerJson(await bitcoin.connect(host, port), clock.now()),
    disconnect: (id) => Promise.resolve(bitcoin.disconnect(id)),
    bans: () => bitcoin.bans().map(({ subnet, ...ban }) => ({ host: subnet, ...ban })),
    ban: (host, seconds, reason) => void bitcoin.ban(host, clock.now() + seconds * 1000, reason),
    unban: (host) => bitcoin.unban(host),

    async rawBlock(id): Promise<RawBlock | undefined> {
      const row = rowOf(id);
      const raw = row < 0 ? undefined : await bitcoin.block(row);
      return raw === undefined ? undefined : { raw, hash: toDisplayHex(headers.hash(row)) };
    },
  };
}
