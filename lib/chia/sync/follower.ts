/**
 * Follows the heaviest chain that peers announce, and leaves or ends peers that do not deliver what they announced. One
 * loop; a poke wakes it.
 *
 * @see spec section g, chia-blockchain 2.7.5 `chia/full_node/full_node.py` (new_peak)
 * @module
 */
import { equalBytes } from "../../codec/sized.ts";
import { type Agreement, agreementOf } from "../../core/sync/agreement.ts";
import { messageOf, NodeError } from "../../core/errors.ts";
import type { Debtor } from "../../core/peers/connections.ts";
import { PerPeer } from "../../core/peers/per-peer.ts";
import type { Clock } from "../../core/ports.ts";
import type { AddResult, ChiaChain } from "../chain/chain.ts";
import type { AnnouncedPeak } from "../peers/knowledge.ts";
import type { ChiaPeer } from "../peers/peer.ts";
import { PeerFault, timeoutFault, unservedFault } from "../peers/faults.ts";
import { NodeType } from "../protocol/mod.ts";
import { Sync, type SyncProgress } from "./sync.ts";

/** What the follower needs. */
export interface FollowerParts {
  readonly chain: ChiaChain;
  readonly clock: Clock;
  /** The connected peers. */
  readonly peers: () => readonly ChiaPeer[];
  /** Hears of each step that moved the peak. */
  readonly moved: (result: AddResult, source: ChiaPeer | undefined) => void;
  /** Makes a peer pay for a fault, or its host when it has left. */
  readonly charge: (debtor: Debtor, fault: PeerFault) => void;
  /** Hears when nothing is left to fetch. */
  readonly idle: () => void;
  /** Hears when a batch sync begins and ends, and of trouble worth a log line. */
  readonly notice: (level: "info" | "debug" | "warning" | "error", text: string) => void;
  /** How many peers `--connect` names, as far as is known by now; 0 when peers are discovered. */
  readonly named: () => number;
}

/** How long a peer that did not deliver what it announced is left alone. */
const REST_MS = 5_000;
/** How long nothing may come while another peer waits to be followed: first, and doubled each time up to the most. */
const PATIENCE_FIRST_MS = 2_000;
const PATIENCE_LAST_MS = 64_000;
const LOOK_MS = 500;
/** Why the node gives up by itself what it does with a peer. */
const NO_TROUBLE: ReadonlySet<string> = new Set(["stopped", "memory_budget"]);
/** Somebody announced a heavier chain while the verdict on what a peer gave was waited for. */
const OVERTAKEN = new NodeError("overtaken", "self", "a heavier chain was announced");
/** How often in a row a peer may let us wait in vain before its slot goes to another. */
const TIMEOUTS_MAX = 3;
/** How often it is said that a chain waits for a peer of our choice. */
const WAITING_SAID_MS = 600_000;

/** How the follower stands with one peer. */
class FollowState {
  /** The announcement that was last considered. */
  considered: AnnouncedPeak | undefined;
  /** Monotonic milliseconds until which its announcement is left alone, after it did not deliver. */
  restUntil = 0;
  /** How often in a row what it announced did not come in time. */
  timeouts = 0;
}

/** The loop. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #sync: Sync;
  readonly #states = new PerPeer<ChiaPeer, FollowState>(() => new FollowState());
  #wake = Promise.withResolvers<void>();
  #cancelRest = () => {};
  #sayWaitingFrom = 0;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#sync = new Sync({
      ...parts,
      peers: () => this.#fullNodes().filter((peer) => this.#isVouched(peer)),
      judged: () => this.poke(),
    });
  }

  /** The running batch sync, if there is one. */
  get progress(): SyncProgress | undefined {
    return this.#sync.progress;
  }

  /** A peer announces a peak: it is considered anew, whatever it did before. */
  announced(peer: ChiaPeer, peak: AnnouncedPeak): void {
    peer.knowledge.announces(peak);
    this.#states.of(peer).restUntil = 0;
    this.poke();
  }

  /** Looks at the peers' peaks again. */
  poke(): void {
    this.#wake.resolve();
  }

  /** Forgets what a peer left in the pool. */
  forget(peer: ChiaPeer): void {
    this.#sync.forget(peer.host);
  }

  /** How many of those that have a voice stand on our peak. */
  agreement(): Agreement {
    const { chain: { peak }, named } = this.#parts;
    return agreementOf(
      this.#fullNodes(),
      named(),
      (peer) => peak !== undefined && peer.knowledge.standsOn(peak.headerHash),
    );
  }

  /** The greatest height that a peer of our choice announced; 0 when none did. */
  get heightTold(): number {
    return this.#fullNodes().filter(isChosen).reduce(
      (most, { knowledge: { peak } }) => Math.max(most, peak?.height ?? 0),
      0,
    );
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
    const announced = peer.knowledge.peak;
    if (announced === undefined) return;
    const state = this.#states.of(peer);
    state.considered = announced;
    const patience = this.#patience(peer, signal);
    try {
      const outcome = await this.#sync.approach(peer, announced, patience.signal);
      if (signal.aborted) return;
      const { chain } = this.#parts;
      if (await chain.record(announced.headerHash) === undefined) {
        if (outcome === "lost its ground") return this.#rest(peer);
        // It gave something else than it announced: its chain has moved on, or there never was such a block.
        return this.#unserved(peer, announced);
      }
      state.timeouts = 0;
      // It is stored and could not become the peak; there is nothing to be gained by asking at once again.
      if (announced.weight > (chain.peak?.weight ?? 0n)) this.#rest(peer);
    } catch (thrown) {
      // What it gave is judged on while another is followed.
      if (signal.aborted || patience.signal.reason === OVERTAKEN) return;
      if (patience.signal.aborted) return this.#late(peer, announced, patience.signal.reason);
      // A connection that we closed, for whatever reason, is no trouble of ours either.
      const others = thrown instanceof NodeError && (thrown.fault !== "self" || NO_TROUBLE.has(thrown.code));
      this.#parts.notice(others ? "debug" : "error", `sync with ${peer.session.label}: ${messageOf(thrown)}`);
      if (thrown instanceof PeerFault || !(thrown instanceof NodeError) || thrown.fault !== "peer") this.#rest(peer);
      else if (thrown.code === "timeout") this.#late(peer, announced, thrown);
      else this.#unserved(peer, announced);
    } finally {
      patience.end();
    }
  }

  /**
   * Aborts when nothing has come for too long while another peer waits to be followed: a peer that announces much and says
   * nothing must not keep us from the others. A slow line is given more time at each try.
   */
  #patience(peer: ChiaPeer, signal: AbortSignal): { readonly signal: AbortSignal; readonly end: () => void } {
    const { clock } = this.#parts;
    const over = new AbortController();
    const given = Math.min(PATIENCE_FIRST_MS * 2 ** this.#states.of(peer).timeouts, PATIENCE_LAST_MS);
    const stop = () => over.abort(signal.reason);
    const look = () => {
      // In a batch sync others have their chance to step in first.
      const most = this.#sync.progress === undefined ? given : 2 * given;
      const left = most - this.#sync.idleMs;
      const other = left <= 0 ? this.#target(peer) : undefined;
      if (other !== undefined && this.#sync.isJudging) {
        if (weightTold(other) > weightTold(peer)) over.abort(OVERTAKEN);
        else cancel = clock.after(LOOK_MS, look);
      } else if (other !== undefined) {
        over.abort(new NodeError("timeout", "peer", `delivered nothing for ${most / 1000} s, and others wait`));
      } else cancel = clock.after(Math.max(left, LOOK_MS), look);
    };
    let cancel = clock.after(given, look);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    return {
      signal: over.signal,
      end: () => {
        cancel();
        signal.removeEventListener("abort", stop);
      },
    };
  }

  /** What was asked for did not come: no fault, but its turn is later, and in the end its slot another's. */
  #late(peer: ChiaPeer, announced: AnnouncedPeak, reason: unknown): void {
    const state = this.#states.of(peer);
    state.timeouts += 1;
    if (state.timeouts >= TIMEOUTS_MAX) this.#sync.blame(peer, timeoutFault("UNKNOWN", messageOf(reason), reason));
    else if (peer.knowledge.peak === announced) this.#rest(peer);
  }

  /** It does not have what it announced: a race with its own reorganisation, or a lie if it goes on. */
  #unserved(peer: ChiaPeer, announced: AnnouncedPeak): void {
    const { height } = announced;
    const fault = unservedFault(`announced a block of height ${height} that it does not deliver`);
    if (peer.score.charge(fault.offence, this.#parts.clock.monotonic()).isOut) this.#sync.blame(peer, fault);
    else if (peer.knowledge.peak === announced) this.#rest(peer);
  }

  /** Leaves a peer's announcement alone for a while, or until it announces another. */
  #rest(peer: ChiaPeer): void {
    const { clock } = this.#parts;
    this.#states.of(peer).restUntil = clock.monotonic() + REST_MS;
    // One timer at a time is enough: the loop goes over all peers when it fires.
    this.#cancelRest();
    this.#cancelRest = clock.after(REST_MS, () => this.poke());
  }

  #fullNodes(): ChiaPeer[] {
    return this.#parts.peers().filter(isFullNode);
  }

  /**
   * The peer to follow, of those who announce a heavier peak than ours: first who has not let us wait, then whom we chose
   * ourselves, then the heaviest. Another tip of our weight is fetched once: it wins when it
   * took fewer iterations, which an announcement does not tell.
   */
  #target(except?: ChiaPeer): ChiaPeer | undefined {
    const ours = this.#parts.chain.peak;
    const now = this.#parts.clock.monotonic();
    const promises = (peer: ChiaPeer) => {
      const { peak } = peer.knowledge;
      if (peak === undefined || this.#parts.chain.isPending(peak.headerHash)) return false;
      if (ours === undefined) return true;
      if (peak.weight !== ours.weight) return peak.weight > ours.weight;
      return this.#states.of(peer).considered !== peak && !equalBytes(peak.headerHash, ours.headerHash);
    };
    const promising = this.#fullNodes().filter((peer) =>
      peer !== except && promises(peer) && this.#states.of(peer).restUntil <= now
    );
    const vouched = promising.filter((peer) => this.#isVouched(peer));
    if (vouched.length === 0 && promising.length > 0) this.#sayWaiting(promising[0]!, now);
    return vouched.reduce<ChiaPeer | undefined>((best, peer) => this.#isBetter(peer, best) ? peer : best, undefined);
  }

  /**
   * Whether what a peer tells and gives may become our peak. Below full validation a heavier chain costs nothing to make,
   * and anybody may dial us: such a chain waits until a peer of our choice tells of it, and gives its blocks.
   */
  #isVouched(peer: ChiaPeer): boolean {
    const { validator, owed } = this.#parts.chain;
    return (validator.level === "full" && owed === undefined) || isChosen(peer);
  }

  /** Whether to follow one peer rather than another. Both have announced a peak. */
  #isBetter(peer: ChiaPeer, than: ChiaPeer | undefined): boolean {
    if (than === undefined) return true;
    const [its, other] = [this.#states.of(peer).timeouts, this.#states.of(than).timeouts];
    if (its !== other) return its < other;
    if (peer.direction !== than.direction) return peer.direction === "out";
    return weightTold(peer) > weightTold(than);
  }

  #sayWaiting(peer: ChiaPeer, now: number): void {
    if (now < this.#sayWaitingFrom) return;
    this.#sayWaitingFrom = now + WAITING_SAID_MS;
    this.#parts.notice(
      "info",
      `a chain of height ${peer.knowledge.peak?.height} told by ${peer.session.label} waits until a peer that we dialled stands on it`,
    );
  }
}

/** Whether we chose the peer: we dialled it, or the operator named it and it dialled us first. */
const isChosen = (peer: ChiaPeer) => peer.kind !== "feeler" && (peer.direction === "out" || peer.wanted);

const isFullNode = ({ session }: ChiaPeer) => session.peer.nodeType === NodeType.FULL_NODE;

/** The weight of the peak that a peer announced; 0 when it announced none. */
const weightTold = ({ knowledge }: ChiaPeer) => knowledge.peak?.weight ?? 0n;
