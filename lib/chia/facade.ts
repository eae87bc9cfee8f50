/**
 * What the outside sees of the Chia side.
 *
 * @module
 */
import { equalBytes } from "../codec/sized.ts";
import { type Following, refuseCommands } from "../core/following.ts";
import { type PeerPlace, placesOf } from "../core/peers/peer.ts";
import type { Traffic } from "../core/peers/traffic.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import { candidateOf } from "./chain/raw-blocks.ts";
import type { Candidate, Refusal } from "./chain/verdict.ts";
import type { ChiaNetwork } from "./networks/network.ts";
import type { ChiaPeerNetwork } from "./peers/network.ts";
import type { BanView, ChiaService, PeerView, SyncState } from "./service.ts";
import type { ChiaStore } from "./store.ts";
import type { Follower } from "./sync/follower.ts";
import type { Standing } from "./sync/standing.ts";
import type { BlockRecord } from "./types/mod.ts";
import { peerView } from "./views.ts";

/** What the facade shows. */
export interface FacadeParts {
  readonly chain: ChiaChain;
  readonly store: ChiaStore;
  readonly nodeId: Uint8Array;
  readonly traffic: Traffic;
  readonly network: ChiaPeerNetwork;
  readonly follower: Follower;
  readonly standing: Standing;
  /** Adds blocks that come from no peer. */
  readonly feed: (blocks: readonly Candidate[]) => Promise<AddResult>;
  /** Set where another process writes the chain. */
  readonly following: Following | undefined;
}

/** What only the node that writes the chain can do, or one with peers. */
const COMMANDS = [
  "connect",
  "disconnect",
  "ban",
  "unban",
  "submitBlock",
] as const satisfies readonly (keyof ChiaService)[];

/** {@link ChiaService} over the parts of a node. */
export class Facade implements ChiaService {
  readonly #parts: FacadeParts;

  constructor(parts: FacadeParts) {
    this.#parts = parts;
    if (parts.following !== undefined) refuseCommands(this, COMMANDS, parts.following);
  }

  get following(): Following | undefined {
    return this.#parts.following;
  }

  get network(): ChiaNetwork {
    return this.#parts.chain.network;
  }

  get nodeId(): Uint8Array {
    return this.#parts.nodeId;
  }

  get store(): ChiaStore {
    return this.#parts.store;
  }

  get peak(): BlockRecord | undefined {
    return this.#parts.chain.peak;
  }

  get traffic(): Traffic {
    return this.#parts.traffic;
  }

  state(): SyncState {
    const { chain, follower, standing, following } = this.#parts;
    const { progress } = follower;
    const pace = chain.pace();
    const { agree, of } = follower.agreement();
    return {
      peak: chain.peak,
      syncMode: progress !== undefined,
      synced: following === undefined ? standing.synced : following.isCurrent && chain.peak !== undefined,
      tipHeight: progress?.target ?? 0,
      progressHeight: progress === undefined ? 0 : Math.max(0, chain.peak?.height ?? 0),
      difficulty: pace.difficulty,
      subSlotIters: pace.subSlotIters,
      validation: chain.validation,
      agreement: { agree, of },
      warnings: [...standing.warnings, ...following?.warnings ?? []],
      bestPeerHeight: follower.heightTold,
    };
  }

  peers(): readonly PeerView[] {
    return this.#parts.network.peers.map(peerView).sort((a, b) => a.id - b.id);
  }

  places(): readonly PeerPlace[] {
    return placesOf(this.#parts.network.peers);
  }

  bans(): readonly BanView[] {
    return this.#parts.network.bans.list();
  }

  async connect(host: string, port: number): Promise<PeerView> {
    const { network } = this.#parts;
    return peerView(await network.dialling.manual.dial({ host: await network.resolve(host), port }));
  }

  disconnect(nodeId: Uint8Array): Promise<boolean> {
    const { connections } = this.#parts.network;
    return Promise.resolve(connections.disconnect(({ session }) => equalBytes(session.nodeId, nodeId)));
  }

  ban(host: string, seconds: number, reason: string): void {
    this.#parts.network.connections.ban(host, seconds, reason);
  }

  unban(host: string): boolean {
    return this.#parts.network.bans.unban(host);
  }

  async submitBlock(raw: Uint8Array): Promise<Refusal | undefined> {
    return (await this.#parts.feed([candidateOf(raw)])).refusals[0]?.refusal;
  }
}
