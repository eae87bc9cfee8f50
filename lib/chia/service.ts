/**
 * What the outside (RPC, CLI, the library) may ask of the running Chia side, and the commands it may give. Knows no socket
 * and no HTTP.
 *
 * @module
 */
import type { Agreement } from "../core/sync/agreement.ts";
import type { BanEffect, BanScope } from "../core/peers/bans.ts";
import type { Following } from "../core/following.ts";
import type { PeerPlace } from "../core/peers/peer.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { Validation } from "../core/validation.ts";
import type { Refusal } from "./chain/verdict.ts";
import type { ChiaNetwork } from "./networks/network.ts";
import type { PeerView } from "./peers/view.ts";
import type { ChiaStore } from "./store.ts";
import type { BlockRecord } from "./types/mod.ts";

export type { PeerView } from "./peers/view.ts";

/** Where the node stands against its peers. */
export interface SyncState {
  readonly peak: BlockRecord | undefined;
  /** A batch sync towards `tipHeight` is running. */
  readonly syncMode: boolean;
  /** The peak is what enough peers say it is, or was so within the last minute. */
  readonly synced: boolean;
  /** Height that is aimed at; 0 when not syncing, as the reference prints it. */
  readonly tipHeight: number;
  /** Height reached while syncing; 0 when not syncing. */
  readonly progressHeight: number;
  /** Difficulty and sub-slot iterations that hold for the block after the peak. */
  readonly difficulty: bigint;
  readonly subSlotIters: bigint;
  readonly validation: Validation;
  /** How many of the peers of our choice stand on the peak, and of how many. */
  readonly agreement: Pick<Agreement, "agree" | "of">;
  /** What people should know of, one sentence each: a clock that is wrong. */
  readonly warnings: readonly string[];
  /** Greatest height that a peer of our choice announced: a claim of a peer that dialled us costs nothing. */
  readonly bestPeerHeight: number;
}

/** A ban of one host. */
export interface BanView {
  readonly host: string;
  /** Unix milliseconds. */
  readonly since: number;
  readonly until: number;
  readonly reason: string;
  readonly effect: BanEffect;
  readonly scope: BanScope;
}

/** The running Chia side. */
export interface ChiaService {
  readonly network: ChiaNetwork;
  /** SHA-256 of our own certificate. */
  readonly nodeId: Uint8Array;
  readonly store: ChiaStore;
  /** How this node stands against the one that writes the chain, where that is another. */
  readonly following?: Following | undefined;
  state(): SyncState;
  peers(): readonly PeerView[];
  /** Where the peers are, without all that {@link peers} tells of them. */
  places(): readonly PeerPlace[];
  /** The last block of our chain, without all that {@link state} tells. */
  readonly peak: BlockRecord | undefined;
  /** The sum over all connections since the start. */
  readonly traffic: Traffic;
  bans(): readonly BanView[];
  /** Dials a peer and keeps it if the handshake succeeds. Rejects with a `NodeError` that says why not. */
  connect(host: string, port: number): Promise<PeerView>;
  /** Ends a connection; false when there is none with this node id. */
  disconnect(nodeId: Uint8Array): Promise<boolean>;
  ban(host: string, seconds: number, reason: string): void;
  unban(host: string): boolean;
  /** Adds a block that comes from no peer. Resolves when it is judged and stored, with the reason when it was refused. */
  submitBlock(raw: Uint8Array): Promise<Refusal | undefined>;
}
