/**
 * Where the node stands against its peers, and the events that tell when it got there.
 *
 * @module
 */
import { type Agreement, agreementOf, voicesOf } from "../../core/sync/agreement.ts";
import { ClockCheck } from "../../core/sync/clock-check.ts";
import type { Clock } from "../../core/ports.ts";
import { SYNCED_GRACE_BLOCKS, SyncedLatch } from "../../core/sync/synced.ts";
import type { EventData } from "../../storage/events.ts";
import type { BitcoinChain } from "../chain/chain.ts";
import { toDisplayHex } from "../hash.ts";
import type { BitcoinPeer } from "../peers/peer.ts";
import type { HeaderSync } from "./header-sync.ts";

/** What progress is read from. */
export interface ProgressParts {
  readonly chain: BitcoinChain;
  readonly clock: Clock;
  readonly peers: () => readonly BitcoinPeer[];
  readonly headerSync: () => HeaderSync;
  readonly minimumWork: bigint;
  /** How many peers `--connect` names, as far as is known by now; 0 when peers are discovered. */
  readonly named: () => number;
  readonly event: (topic: string, data: EventData) => void;
  readonly notice: (level: "info" | "warning", text: string) => void;
}

/** A tip not older than this ends the initial block download. */
const RECENT_SECONDS = 24 * 60 * 60;
/** Three blocks' time without one (Core's stale tip check). */
const STALE_MS = 3 * 600_000;
/** How long the peers' own word for a new tip is waited for before they are asked for it. */
const WORD_MS = 10_000;
/** Discovered hosts that must speak against our clock. */
const CLOCK_VOICES = 3;

/** Watches the chain and the peers. */
export class Progress {
  readonly #clockCheck: ClockCheck;
  readonly #parts: ProgressParts;
  readonly #latch: SyncedLatch;
  #downloading = true;
  #headersSaid = false;
  #saidSynced = false;
  #tipSeenAt: number;
  #cancelAsking = () => {};
  #isClosed = false;

  constructor(parts: ProgressParts) {
    const { clock, peers, named, notice } = parts;
    this.#parts = parts;
    this.#tipSeenAt = clock.monotonic();
    this.#latch = new SyncedLatch(clock, () => this.update());
    this.#clockCheck = new ClockCheck({
      clock,
      offsets: () =>
        [...voicesOf(peers(), named()).values()].map(([peer]) =>
          this.#clockCheck.offsetNow(peer!, peer!.session.peer.timeOffset)
        ),
      voicesMin: () => named() || CLOCK_VOICES,
      notice,
    });
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
    const { clock } = this.#parts;
    this.#tipSeenAt = clock.monotonic();
    this.#cancelAsking();
    if (!this.#isClosed) this.#cancelAsking = clock.after(WORD_MS, () => this.#askForWord());
  }

  /** Asks the peers of our choice that have not told of our tip: one that took it from us has no cause to tell us of it. */
  #askForWord(): void {
    const { chain: { headers, tip }, peers, named, headerSync } = this.#parts;
    if (this.#downloading) return;
    for (const peer of [...voicesOf(peers(), named()).values()].flat()) {
      if (!peer.knowledge.told(headers, tip)) headerSync().ask(peer);
    }
  }

  /** A peer gave a header that is too far ahead of our clock; without a detail: headers that are not. */
  tooNew(peer: BitcoinPeer, detail?: string): void {
    const { peers, named } = this.#parts;
    if (detail === undefined) return this.#clockCheck.accepted();
    for (const [voice, those] of voicesOf(peers(), named())) {
      if (those.includes(peer)) this.#clockCheck.tooNew(voice, detail);
    }
    this.update();
  }

  /** Ends what waits. */
  close(): void {
    this.#isClosed = true;
    this.#latch.close();
    this.#cancelAsking();
  }

  /** How many of those that have a voice have told us of our tip, or of one after it. What we told them is not counted. */
  agreement(): Agreement {
    const { chain: { headers, tip }, named, peers } = this.#parts;
    return agreementOf(peers(), named(), (peer) => peer.knowledge.told(headers, tip));
  }

  /** Whether the tip is that of the network, by the word of enough peers and by our clock. */
  get synced(): boolean {
    const { chain: { headers, tip }, headerSync } = this.#parts;
    const isClockRight = this.#clockCheck.warning() === undefined;
    // To become synced everybody is heard out. Once it is, a newcomer that is being asked, and may never answer, says
    // nothing of our tip: else strangers could have us look unsynced.
    const isHeard = this.#latch.isSynced || headerSync().isDone;
    return this.#latch.update({
      isReached: isClockRight && isHeard && tip === headers.best && this.agreement().isEnough,
      isNear: isClockRight && headers.height(headers.best) - headers.height(tip) <= SYNCED_GRACE_BLOCKS,
    });
  }

  /** What people should know of: one sentence each. */
  get warnings(): readonly string[] {
    return [this.#clockCheck.warning()].filter((each) => each !== undefined);
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
    const { synced } = this;
    if (synced === this.#saidSynced) return;
    this.#saidSynced = synced;
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
