/**
 * The Chia side as a {@link ChainHandle}.
 *
 * @module
 */
import type { AddressBook } from "../../core/addresses/book.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import type { ChiaService, PeerView } from "../../chia/service.ts";
import type { JsonObject } from "../../codec/json.ts";
import type { Clock, PeerAddress } from "../../core/ports.ts";
import { type ChainHandle, type ChainStatus, type RawBlock, readingOf, remembering } from "../chain-handle.ts";

/** A peer as `/v1/peers` and `gemel peers list --json` print it. */
export function peerJson(peer: PeerView, nowMs: number): JsonObject {
  return {
    id: peer.id,
    chain: "chia",
    direction: peer.direction,
    host: peer.host,
    port: peer.port,
    server_port: peer.serverPort,
    node_id: "0x" + toHex(peer.nodeId),
    type: peer.type,
    agent: peer.agent,
    protocol_version: peer.protocolVersion,
    age_s: Math.max(0, Math.floor(nowMs / 1000 - peer.creationTime)),
    last_message_time: peer.lastMessageTime,
    bytes_read: peer.bytesRead,
    bytes_written: peer.bytesWritten,
    peak_height: peer.peakHeight ?? null,
    peak_weight: peer.peakWeight?.toString() ?? null,
    peak_hash: peer.peakHash === undefined ? null : "0x" + toHex(peer.peakHash),
  };
}

/** Makes the handle. `listenAddress` is known once the node listens. */
export function chiaHandle(
  chia: ChiaService,
  { clock, addressBook, listenAddress, refusedAccepts }: {
    readonly clock: Clock;
    readonly addressBook: AddressBook;
    readonly refusedAccepts?: () => Readonly<Record<string, number>>;
    readonly listenAddress: () => PeerAddress | undefined;
  },
): ChainHandle {
  const stored = remembering(chia, async () => {
    const peak = await chia.store.peak();
    const timed = peak === undefined || peak.timestamp !== null
      ? peak
      : (await chia.store.mainRecords(peak.prevTransactionBlockHeight, peak.prevTransactionBlockHeight + 1))[0];
    return { peak, timed, bytes: (await chia.store.counts()).bytes };
  });
  return {
    chain: "chia",
    network: chia.network.name,
    addressBook,
    get listenAddress() {
      return listenAddress();
    },

    progress() {
      const { peak, tipHeight, bestPeerHeight, synced, validation } = chia.state();
      const timestamp = peak?.timestamp ?? null;
      return {
        height: peak?.height,
        target: Math.max(tipHeight, bestPeerHeight),
        synced,
        peers: chia.peers().length,
        tipTime: timestamp === null ? undefined : Number(timestamp),
        validation,
        hash: peak === undefined ? undefined : "0x" + toHex(peak.headerHash),
        ...readingOf(chia),
      };
    },

    async status(): Promise<ChainStatus> {
      const state = chia.state();
      const { peak, timed, bytes } = await stored();
      const peers = chia.peers();
      const timestamp = timed?.timestamp ?? undefined;
      const out = peers.filter((peer) => peer.direction === "out").length;
      const bestPeerHeight = Math.max(state.bestPeerHeight, 0);
      return {
        chain: "chia",
        network: chia.network.name,
        mode: "full",
        height: peak?.height ?? null,
        best_peer_height: bestPeerHeight,
        behind: Math.max(0, bestPeerHeight - (peak?.height ?? 0)),
        header_hash: peak === undefined ? null : "0x" + toHex(peak.headerHash),
        tip_age_s: timestamp === undefined ? null : Math.max(0, Math.floor(clock.now() / 1000 - Number(timestamp))),
        synced: state.synced,
        peers: { out, in: peers.length - out },
        disk_bytes: bytes,
        validation: state.validation,
        ...readingOf(chia),
        agree: `${state.agreement.agree}/${state.agreement.of}`,
        warnings: state.warnings,
      };
    },

    get traffic() {
      return chia.traffic;
    },
    ...(refusedAccepts && { refusedAccepts }),
    trafficOf: (id) => chia.peers().find((peer) => peer.id === id)?.traffic,
    peers: () => chia.peers().map((peer) => peerJson(peer, clock.now())),
    connect: async (host, port) => peerJson(await chia.connect(host, port), clock.now()),
    async disconnect(id) {
      const peer = chia.peers().find((candidate) => candidate.id === id);
      return peer !== undefined && await chia.disconnect(peer.nodeId);
    },
    bans: () => chia.bans(),
    ban: (host, seconds, reason) => chia.ban(host, seconds, reason),
    unban: (host) => chia.unban(host),

    async rawBlock(id): Promise<RawBlock | undefined> {
      const hash = "hash" in id ? fromHex(id.hash) : await chia.store.hashAt(id.height);
      const raw = hash && await chia.store.block(hash);
      return hash === undefined || raw === undefined ? undefined : { raw, hash: toHex(hash) };
    },
  };
}
