/**
 * Where the node stands against its peers, and the events that tell when it got there.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";
import type { EventData } from "../storage/events.ts";
import type { BitcoinChain } from "./chain/chain.ts";
import { toDisplayHex } from "./hash.ts";
import type { BitcoinPeer } from "./peer.ts";
import type { HeaderSync } from "./sync/header-sync.ts";

/** What progress is read from. */
export interface ProgressParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly peers: () => readonly BitcoinPeer[];
  readonly headerSync: () => HeaderSync;
  readonly minimumWork: bigint;
  /** How many `--connect` peers there are; 0 when peers are discovered. */
  readonly wantedPeers: number;
  readonly event: (topic: string, data: EventData) => void;
}

/** A tip not older than this ends the initial block download. */
const RECENT_SECONDS = 24 * 60 * 60;
/** Three blocks' time without one (Core's stale tip check). */
const STALE_MS = 3 * 600_000;
/** Discovered outbound peers that must agree before a tip counts as synced. */
const AGREEING_PEERS = 2;

/** Watches the chain and the peers. */
export class Progress {
  readonly #parts: ProgressParts;
  #downloading = true;
  #headersSaid = false;
  #wasSynced = false;
  #tipSeenAt: number;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
    this.#tipSeenAt = parts.clock.monotonic();
    this.#updateLatch();
  }

  /** Core's latch: once the tip was recent and of enough work, the initial download is over for this run. */
  get initialBlockDownload(): boolean {
    return this.#downloading;
  }

  /** No new tip for half an hour: one that is cut off would see just this. */
  get isTipStale(): boolean {
    return this.#parts.clock.monotonic() - this.#tipSeenAt > STALE_MS;
  }

  /** The tip has moved. */
  tipMoved(): void {
    this.#tipSeenAt = this.#parts.clock.monotonic();
  }

  /** Peers that know the tip, of those whose word counts. */
  agreement(): { readonly agree: number; readonly of: number; readonly synced: boolean } {
    const { chain: { headers, tip }, wantedPeers, peers, headerSync } = this.#parts;
    let of = 0;
    let agree = 0;
    for (const peer of peers()) {
      if (wantedPeers > 0 ? !peer.wanted : peer.direction === "in") continue;
      of += 1;
      if (peer.has(headers, tip)) agree += 1;
    }
    const enough = wantedPeers > 0 ? agree >= wantedPeers : agree >= AGREEING_PEERS;
    // To become synced everybody is heard out. Once it is, a newcomer that is being asked, and may never answer, says
    // nothing of our tip: else strangers could have us look unsynced.
    const synced = enough && tip === headers.best && (this.#wasSynced || headerSync().isDone);
    return { agree, of: wantedPeers > 0 ? wantedPeers : of, synced };
  }

  /** After anything that may change it: tells the log what was reached. */
  update(): void {
    const { chain: { headers, tip }, headerSync, event } = this.#parts;
    this.#updateLatch();
    const placeOf = (row: number) => ({ height: headers.height(row), hash: toDisplayHex(headers.hash(row)) });
    if (!this.#headersSaid && headerSync().isDone) {
      this.#headersSaid = true;
      event("bitcoin.headers_synced", placeOf(headers.best));
    }
    const { synced } = this.agreement();
    if (synced === this.#wasSynced) return;
    this.#wasSynced = synced;
    event("bitcoin.sync", { synced, height: headers.height(tip) });
  }

  #updateLatch(): void {
    if (!this.#downloading) return;
    const { chain: { headers, tip }, clock, minimumWork, event } = this.#parts;
    const isRecent = headers.time(tip) >= clock.now() / 1000 - RECENT_SECONDS;
    if (!isRecent || headers.work(tip) < minimumWork) return;
    this.#downloading = false;
    event("bitcoin.ibd_done", { height: headers.height(tip), hash: toDisplayHex(headers.hash(tip)) });
  }
}
