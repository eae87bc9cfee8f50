/**
 * Connections and peers as RPC, the command line and the library see them.
 *
 * @see Bitcoin Core `rpc/net.cpp` (getpeerinfo, getaddednodeinfo)
 * @module
 */
import type { Permission } from "../../core/peers/permissions.ts";
import type { Traffic } from "../../core/peers/traffic.ts";
import type { PeerAddress } from "../../core/ports.ts";
import type { TransportKind } from "../wire/transport.ts";

/** How a connection came to be (Core's `connection_type`). */
export type ConnectionType =
  | "outbound-full-relay"
  | "block-relay-only"
  | "inbound"
  | "manual"
  | "feeler"
  | "addr-fetch";

/** Connections that may be asked for by their type. */
export type MadeConnection = Extract<ConnectionType, "outbound-full-relay" | "block-relay-only" | "feeler">;

/** How a peer is to be dialled. */
export interface DialChoice {
  /** In the old transport only. */
  readonly v1Only?: boolean;
}

/** One connected peer, with what `getpeerinfo` tells about it. Times are unix seconds, 0 when never. */
export interface BitcoinPeerView {
  readonly id: number;
  readonly direction: "in" | "out";
  readonly connectionType: ConnectionType;
  readonly host: string;
  readonly port: number;
  /** The address that the peer dialled or that we dialled from: ours. */
  readonly localHost: string;
  readonly localPort: number;
  readonly services: bigint;
  /** Whether it is told of transactions. */
  readonly relayTransactions: boolean;
  /** It may ask for what entered the mempool before this number; 0 where it may ask for nothing. */
  readonly lastInvSequence: number;
  /** Transactions that it is to be told of. */
  readonly invToSend: number;
  readonly lastSend: number;
  readonly lastReceive: number;
  readonly lastBlock: number;
  readonly lastTransaction: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly traffic: Traffic;
  readonly connectionTime: number;
  /** Peer's clock minus ours at the handshake, in seconds. */
  readonly timeOffset: number;
  /** Seconds; undefined before the first pong. */
  readonly pingTime: number | undefined;
  readonly minimumPing: number | undefined;
  /** Seconds that an outstanding ping has waited. */
  readonly pingWait: number | undefined;
  readonly version: number;
  readonly userAgent: string;
  readonly startHeight: number;
  /** Height of the last header that we have in common; −1 when none. */
  readonly syncedHeaders: number;
  /** Height of the last block that we have in common; −1 when none. */
  readonly syncedBlocks: number;
  /** Height of the header sync with too little work; −1 when none is running. */
  readonly presyncedHeaders: number;
  /** Heights of blocks that were asked for. */
  readonly inFlight: readonly number[];
  /** How fast it delivers the blocks that it is asked for; 0 when it gave none. */
  readonly blockBytesPerSecond: number;
  /** Satoshi for 1000 virtual bytes. */
  readonly minimumFeeFilter: bigint;
  readonly compactBlocksTo: boolean;
  readonly compactBlocksFrom: boolean;
  readonly addressRelay: boolean;
  readonly addressesProcessed: number;
  readonly addressesLimited: number;
  /** What the operator lets it do that others may not. */
  readonly permissions: readonly Permission[];
  /** Where the peer sees us come from, by its own word; undefined for inbound peers. */
  readonly seenAs: PeerAddress | undefined;
  readonly transport: TransportKind;
  /** BIP324 session id, 32 bytes; undefined on v1. */
  readonly sessionId: Uint8Array | undefined;
}

/** A node that was added by hand (`addnode add`). */
export interface AddedNode {
  /** As it was given. */
  readonly node: string;
  readonly connected: { readonly host: string; readonly port: number; readonly direction: "in" | "out" } | undefined;
}
