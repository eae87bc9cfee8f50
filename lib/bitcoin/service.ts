/**
 * What the outside (RPC, CLI, the library) may ask of the running Bitcoin side, and the commands it may give. Knows no
 * socket and no HTTP.
 *
 * @module
 */
import type { CoinHash } from "./coins/statistics.ts";
import type { OutPoint } from "./types/transaction-parts.ts";
import type { BitcoinChain } from "./chain/chain.ts";
import type { StoredBlocks } from "./chain/stored-blocks.ts";
import type { Agreement } from "../core/sync/agreement.ts";
import type { BanEffect, BanScope } from "../core/peers/bans.ts";
import type { Following } from "../core/following.ts";
import type { MovableClock } from "../core/movable-clock.ts";
import type { PeerPlace } from "../core/peers/peer.ts";
import type { PeerAddress } from "../core/ports.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { UploadState } from "../core/peers/upload-target.ts";
import type { Validation } from "../core/validation.ts";
import type { CompactFigures } from "./compact/statistics.ts";
import type { ValidationFigures } from "./chain/figures.ts";
import type { Inspection } from "./chain/inspection.ts";
import type { ChainTip } from "./headers/chain-tips.ts";
import type { ValidationProgress } from "./chain/chain.ts";
import type { HeaderChain } from "./headers/header-chain.ts";
import type { VersionBits } from "./headers/version-bits.ts";
import type { Refusal } from "./headers/verdict.ts";
import type { FeeEstimation } from "./fees/fee-estimates.ts";
import type { FilterIndex } from "./indexes/filter-index.ts";
import type { LightService } from "./light/service.ts";
import type { TxMempool } from "./mempool/mod.ts";
import type { BitcoinNetwork } from "./networks/network.ts";
import type { RelayService } from "./relay/mod.ts";
import type { BitcoinMode } from "./mode.ts";
import type { AddedNode, BitcoinPeerView, DialChoice, MadeConnection } from "./peers/view.ts";
import type { SnapshotService } from "./chain/snapshots.ts";
import type { SubmitResult } from "./sync/incoming.ts";
import type { BitcoinStore, CoinReading } from "./store.ts";

export type { BitcoinMode } from "./mode.ts";
export type * from "./peers/view.ts";
export type { SubmitResult } from "./sync/incoming.ts";

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
  /** How far stored blocks were validated again at the level of this program; undefined when none has to be. */
  readonly validating: ValidationProgress | undefined;
  /** How many of the peers of our choice told us of the tip, and of how many. */
  readonly agreement: Pick<Agreement, "agree" | "of">;
  /** What people should know of, one sentence each: a clock that is wrong, a full disk, a branch that is left out. */
  readonly warnings: readonly string[];
  /** Greatest height any connected peer is known to have. */
  readonly bestPeerHeight: number;
  /** Height below which block data is gone; 0 when nothing was pruned. */
  readonly pruneHeight: number;
  /** Whether the store is pruned to a size, and to how many bytes. */
  readonly pruneTarget: number | undefined;
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

/** What may be decided about a block. */
export type BranchOrder = "invalidate" | "reconsider" | "prefer";

/** The running Bitcoin side. */
export interface BitcoinService {
  readonly network: BitcoinNetwork;
  /** The header tree. Read only: nobody but the chain service changes it. */
  readonly headers: HeaderChain;
  readonly store: BitcoinStore;
  /** What is watched and what was found, in mode `filters`. */
  readonly light?: LightService | undefined;
  /** The filters of blocks, where they are kept. */
  readonly filters?: Pick<FilterIndex, "entry" | "heads" | "height" | "isSynced" | "settled"> | undefined;
  /** Transactions that wait for a block, where they are kept. */
  readonly mempool?: TxMempool | undefined;
  /** Transactions between us and our peers, where any are relayed. */
  readonly relay?: RelayService | undefined;
  /** What was seen of fees, where there is a mempool. */
  readonly fees?: FeeEstimation | undefined;
  /** Service bits that we offer. */
  readonly services: bigint;
  readonly userAgent: string;
  readonly protocolVersion: number;
  readonly isListening: boolean;
  /** Networks whose addresses are dialled, by Core's names. */
  readonly reachableNetworks: readonly string[];
  /** The proxy that all connections go through. */
  readonly proxy: PeerAddress | undefined;
  /** How this node stands against the one that writes the chain, where that is another. */
  readonly following?: Following | undefined;
  /** Unix milliseconds of the start. */
  readonly startedAt: number;
  state(): BitcoinState;
  /** What validation has done since the start; undefined where no coins are kept. */
  figures(): ValidationFigures | undefined;
  /** What compact blocks did since the start. */
  readonly compactBlocks: CompactFigures;
  /** Row at a height of the active chain; −1 when there is none. */
  activeAt(height: number): number;
  /** The states of rules that miners vote for. */
  readonly versionBits: VersionBits;
  /** Verifies blocks while the chain stands still. */
  readonly inspection: Inspection;
  /** Carries out what the operator decides about a block. The signal ends the wait. @throws as `BranchOrders` does */
  decide(order: BranchOrder, row: number, signal: AbortSignal): Promise<void>;
  /** Tips of all branches as `getchaintips` lists them. */
  chainTips(): readonly ChainTip[];
  /** Blocks of our own, and what they spent. */
  readonly blocks: Pick<StoredBlocks, "read" | "spentByInput">;
  /** See `BitcoinChain.readCoins`. */
  readCoins<T>(use: (reading: CoinReading) => Promise<T>): Promise<T | undefined>;
  /** The raw block of a row; undefined when it is not stored. */
  block(row: number): Promise<Uint8Array | undefined>;
  /** See `BitcoinChain.coins`. */
  coins(outpoints: readonly OutPoint[]): ReturnType<BitcoinChain["coins"]>;
  /** See `BitcoinChain.coinStatistics`. */
  coinStatistics(kind: CoinHash, signal?: AbortSignal): ReturnType<BitcoinChain["coinStatistics"]>;
  /** Snapshots of the coins, as files. */
  readonly snapshots: SnapshotService;
  /**
   * Adds a block that comes from no peer (`submitblock`, the miner). Resolves when it is judged and stored. The signal ends
   * the wait, not the block. @throws the signal's reason
   */
  submitBlock(raw: Uint8Array, signal?: AbortSignal): Promise<SubmitResult>;
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
