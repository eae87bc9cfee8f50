/**
 * What the outside (RPC, CLI, the library) may ask of the running Bitcoin side, and the commands it may give. Knows no
 * socket and no HTTP.
 *
 * @module
 */
import type { Agreement } from "../core/sync/agreement.ts";
import type { BanEffect, BanScope } from "../core/peers/bans.ts";
import type { MovableClock } from "../core/movable-clock.ts";
import type { PeerPlace } from "../core/peers/peer.ts";
import type { Permission } from "../core/peers/permissions.ts";
import type { PeerAddress } from "../core/ports.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { UploadState } from "../core/peers/upload-target.ts";
import type { Validation } from "../core/validation.ts";
import type { ChainTip } from "./headers/chain-tips.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import type { Refusal } from "./headers/verdict.ts";
import type { LightService } from "./light/service.ts";
import type { BitcoinNetwork } from "./networks/network.ts";
import type { BitcoinStore } from "./store.ts";
import type { TransportKind } from "./wire/transport.ts";

/** What is kept and checked. `headers`: headers only; `filters`: and what the watch list matches; `full`: all blocks. */
export type BitcoinMode = "headers" | "filters" | "full";

/** Where the node stands. Rows are of {@link BitcoinService.headers}. */
export interface BitcoinState {
  readonly mode: BitcoinMode;
  /** Tip of the active chain: the last block that is checked and stored with all before it (the last header in light modes). */
  readonly tip: number;
  /** The header with most work. */
  readonly bestHeader: number;
  /** Core's initial block download latch: true until the tip was once recent and of enough work. */
  readonly initialBlockDownload: boolean;
  /** The tip is the best header and enough peers say so, or was so within the last minute. */
  readonly synced: boolean;
  readonly validation: Validation;
  /** How many of the peers of our choice told us of the tip, and of how many. */
  readonly agreement: Pick<Agreement, "agree" | "of">;
  /** What people should know of, one sentence each: a clock that is wrong. */
  readonly warnings: readonly string[];
  /** Greatest height any connected peer is known to have. */
  readonly bestPeerHeight: number;
  /** Height below which block data is gone; 0 when nothing was pruned. */
  readonly pruneHeight: number;
  /** Whether the store is pruned to a size, and to how many bytes. */
  readonly pruneTarget: number | undefined;
}

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
  readonly relayTransactions: boolean;
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

/** A ban. Times are unix milliseconds. */
export interface BitcoinBan {
  /** A host or a subnet, as `listbanned` prints it: `203.0.113.7/32`. */
  readonly subnet: string;
  readonly since: number;
  readonly until: number;
  readonly reason: string;
  readonly effect: BanEffect;
  readonly scope: BanScope;
}

/** What became of a block that was handed in. */
export type SubmitResult =
  | { readonly kind: "accepted" }
  /** Already stored. */
  | { readonly kind: "duplicate" }
  /** Known to be invalid. */
  | { readonly kind: "duplicate-invalid" }
  /** Stored, but not on the best chain. */
  | { readonly kind: "inconclusive" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** The running Bitcoin side. */
export interface BitcoinService {
  readonly network: BitcoinNetwork;
  /** The header tree. Read only: nobody but the chain service changes it. */
  readonly headers: HeaderChain;
  readonly store: BitcoinStore;
  /** What is watched and what was found, in mode `filters`. */
  readonly light?: LightService | undefined;
  /** Service bits that we offer. */
  readonly services: bigint;
  readonly userAgent: string;
  readonly protocolVersion: number;
  readonly isListening: boolean;
  /** Networks whose addresses are dialled, by Core's names. */
  readonly reachableNetworks: readonly string[];
  /** The proxy that all connections go through. */
  readonly proxy: PeerAddress | undefined;
  /** Unix milliseconds of the start. */
  readonly startedAt: number;
  state(): BitcoinState;
  /** Row at a height of the active chain; −1 when there is none. */
  activeAt(height: number): number;
  /** Tips of all branches as `getchaintips` lists them. */
  chainTips(): readonly ChainTip[];
  /** The raw block of a row; undefined when it is not stored. */
  block(row: number): Promise<Uint8Array | undefined>;
  /** Adds a block that comes from no peer (`submitblock`, the miner). Resolves when it is stored. */
  submitBlock(raw: Uint8Array): Promise<SubmitResult>;
  /** Takes headers in as a peer's (`submitheader`). */
  submitHeader(header: Uint8Array): Promise<Refusal | undefined>;
  peers(): readonly BitcoinPeerView[];
  /** Connections whose hands are not shaken yet. */
  opening(): readonly BitcoinPeerView[];
  /** Whether there may be connections. */
  readonly isNetworkActive: boolean;
  /** Lets connections be, or ends all of them and makes and takes none. */
  setNetworkActive(active: boolean): void;
  /** Where the peers are, without all that {@link peers} tells of them. */
  places(): readonly PeerPlace[];
  /** Row of the last block of our chain, without all that {@link state} tells. */
  readonly tip: number;
  /** The sum over all connections since the start. */
  readonly traffic: Traffic;
  /** How much may still be uploaded. */
  uploadState(): UploadState;
  /** Whether blocks of more than a week ago are served. */
  readonly servesOldBlocks: boolean;
  /** Known addresses of nodes; `count` 0 for all. Times are unix seconds. */
  knownAddresses(count: number): readonly {
    readonly host: string;
    readonly port: number;
    readonly time: number;
    readonly services: bigint;
  }[];
  /** Dials once. Rejects with a `NodeError` that says why not. */
  connect(host: string, port: number, options?: DialChoice): Promise<BitcoinPeerView>;
  /** Dials as the node does by itself, for tests. False when there are as many connections of the kind as may be. */
  addConnection(place: PeerAddress, type: MadeConnection, options?: DialChoice): boolean;
  /** Keeps a connection until {@link BitcoinService.removeNode}; false when it was added before. */
  addNode(node: string, options?: DialChoice): boolean;
  removeNode(node: string): boolean;
  addedNodes(): readonly AddedNode[];
  /** Sends a message of any type and payload to a peer, for tests; false when there is no such peer. */
  sendTo(id: number, type: string, payload: Uint8Array): boolean;
  /** Asks a peer for the block of a row that is not stored; why not, in Core's words, when it was not asked. */
  fetchBlock(row: number, peerId: number): string | undefined;
  /** Removes block data up to a height; the height of the last block that is gone, −1 for none. */
  pruneTo(height: number): Promise<number>;
  /** Resolves when everything that was taken in so far is durable. @throws the error of what could not be stored */
  settled(): Promise<void>;
  /** Unix milliseconds by the clock of this side. */
  now(): number;
  /** The clock that may be set, on networks for tests. */
  readonly time?: MovableClock | undefined;
  /** Ends the connection with this id or to this `host:port`; false when there is none. */
  disconnect(peer: number | string): boolean;
  bans(): readonly BitcoinBan[];
  /** Whether a host is banned, by itself or with a subnet. */
  isBanned(host: string): boolean;
  /** Bans a host or subnet until a time (unix milliseconds); false when it is banned already. */
  ban(subnet: string, until: number, reason: string): boolean;
  unban(subnet: string): boolean;
  clearBans(): void;
  /** Sends a ping to every peer now. */
  pingAll(): void;
  /** Resolves when the tip is another than `row`, or when the signal aborts. */
  tipChange(row: number, signal: AbortSignal): Promise<void>;
}
