/**
 * Follows the heaviest chain that peers announce, and leaves or ends peers that do not deliver what they announced. One
 * loop; a poke wakes it.
 *
 * @see spec section g, chia-blockchain 2.7.5 `chia/full_node/full_node.py` (new_peak)
 * @module
 */
import { equalBytes } from "../codec/sized.ts";
import { messageOf, NodeError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";
import type { AddResult, ChiaChain } from "./chain/chain.ts";
import type { AnnouncedPeak, ChiaPeer } from "./peer.ts";
import { apiFault, consensusFault, PeerFault } from "./peer-fault.ts";
import { NodeType } from "./protocol/mod.ts";
import { Sync, type SyncProgress } from "./sync.ts";

/** What the follower needs. */
export interface FollowerParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected peers. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
  /** Hears when nothing is left to fetch. */
  readonly idle: () => void;
  /** Hears when a batch sync begins and ends, and of trouble worth a log line. */
  readonly notice: (level: "info" | "debug" | "warning" | "error", text: string) => void;
  /** How many `--connect` peers there are; 0 when peers are discovered. */
  readonly wantedPeers: number;
}

/** How long a peer that did not deliver what it announced is left alone. */
const REST_MS = 5_000;
/**
 * How often in a row a peer may fail to deliver what it announced. A race with its own reorganisation is possible; who
 * goes on keeps us from following others.
 */
const STRIKES_MAX = 3;
/** Discovered outbound peers that must agree before a peak counts as synced. */
const AGREEING_PEERS = 2;

/** The loop. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #sync: Sync;
  #wake = Promise.withResolvers<void>();
  #cancelRest = () => {};

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#sync = new Sync({ ...parts, peers: () => this.#fullNodes() });
  }

  /** The running batch sync, if there is one. */
  get progress(): SyncProgress | undefined {
    return this.#sync.progress;
  }

  /** Looks at the peers' peaks again. */
  poke(): void {
    this.#wake.resolve();
  }

  /** Forgets what a peer left in the pool. */
  forget(peer: ChiaPeer): void {
    this.#sync.forget(peer.host);
  }

  /** How many peers say that our peak is theirs, or took it from us; of how many whose word counts. */
  agreement(): { readonly agree: number; readonly of: number; readonly synced: boolean } {
    const { chain, wantedPeers } = this.#parts;
    const asked = this.#fullNodes().filter((peer) => (wantedPeers > 0 ? peer.wanted : peer.direction === "out"));
    const peak = chain.peak;
    const holds = ({ headerHash }: { readonly headerHash: Uint8Array }, peer: ChiaPeer) =>
      [peer.peak?.headerHash, peer.taken].some((hash) => hash !== undefined && equalBytes(hash, headerHash));
    const agree = peak === undefined ? 0 : asked.filter((peer) => holds(peak, peer)).length;
    const enough = wantedPeers > 0 ? agree >= wantedPeers : agree >= AGREEING_PEERS;
    return { agree, of: wantedPeers > 0 ? wantedPeers : asked.length, synced: enough };
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => {
      this.#cancelRest();
      this.poke();
    }, { once: true });
    while (!signal.aborted) {
      const target = this.#target();
      if (target === undefined) {
        this.#parts.idle();
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        continue;
      }
      await this.#follow(target, signal);
    }
  }

  /** One step towards what a peer announced. Never throws: who does not deliver is left alone for a while, then ended. */
  async #follow(peer: ChiaPeer, signal: AbortSignal): Promise<void> {
    const announced = peer.peak;
    if (announced === undefined) return;
    peer.considered = announced;
    try {
      await this.#sync.approach(peer, announced, signal);
      if (signal.aborted) return;
      if (await this.#parts.chain.record(announced.headerHash) !== undefined) peer.strikes = 0;
      // It gave something else than it announced: its chain has moved on, or there never was such a block.
      else this.#strike(peer, announced, unconfirmed(announced));
    } catch (thrown) {
      if (signal.aborted) return;
      // A connection that we closed, for whatever reason, is no trouble of ours either.
      const others = thrown instanceof NodeError && (thrown.fault !== "self" || thrown.code === "stopped");
      this.#parts.notice(others ? "debug" : "error", `sync with ${peer.session.label}: ${messageOf(thrown)}`);
      if (thrown instanceof PeerFault || !(thrown instanceof NodeError) || thrown.fault !== "peer") this.#rest(peer);
      else if (thrown.code === "timeout") this.#strike(peer, announced, apiFault(thrown.message, thrown));
      else this.#strike(peer, announced, unconfirmed(announced));
    }
  }

  /** Counts that a peer did not deliver, and ends it when it happens again. */
  #strike(peer: ChiaPeer, announced: AnnouncedPeak, fault: PeerFault): void {
    peer.strikes += 1;
    if (peer.strikes >= STRIKES_MAX) this.#sync.blame(peer, fault);
    else if (peer.peak === announced) this.#rest(peer);
  }

  /** Leaves a peer's announcement alone for a while, or until it announces another. */
  #rest(peer: ChiaPeer): void {
    const { clock } = this.#parts;
    peer.restUntil = clock.monotonic() + REST_MS;
    // One timer at a time is enough: the loop looks at all peers when it fires.
    this.#cancelRest();
    this.#cancelRest = clock.after(REST_MS, () => this.poke());
  }

  #fullNodes(): ChiaPeer[] {
    return this.#parts.peers().filter((peer) => peer.session.peer.nodeType === NodeType.FULL_NODE);
  }

  /**
   * The peer with the heaviest announced peak above ours. Another tip of our weight is looked at once: it wins when it
   * took fewer iterations, which an announcement does not tell.
   */
  #target(): ChiaPeer | undefined {
    const ours = this.#parts.chain.peak;
    const now = this.#parts.clock.monotonic();
    const promises = ({ peak, considered }: ChiaPeer) => {
      if (peak === undefined || ours === undefined) return peak !== undefined;
      if (peak.weight !== ours.weight) return peak.weight > ours.weight;
      return considered !== peak && !equalBytes(peak.headerHash, ours.headerHash);
    };
    return this.#fullNodes()
      .filter((peer) => promises(peer) && peer.restUntil <= now)
      .reduce<ChiaPeer | undefined>((best, peer) => this.#heavier(peer, best) ? peer : best, undefined);
  }

  #heavier(peer: ChiaPeer, than: ChiaPeer | undefined): boolean {
    return than?.peak === undefined || (peer.peak !== undefined && peer.peak.weight > than.peak.weight);
  }
}

function unconfirmed({ height }: AnnouncedPeak): PeerFault {
  return consensusFault("PEERS_DONT_HAVE_BLOCK", `announced a block of height ${height} that it does not deliver`);
}
