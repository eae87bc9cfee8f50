/**
 * Which transactions were announced by whom, and whom to ask for each: one peer at a time, those first that we prefer, and
 * the next one when the one before does not deliver. It knows neither peers nor clocks: the caller has ids and times.
 *
 * A stranger may announce everything first and give nothing; what it was asked for waits for it meanwhile. Therefore a peer
 * that let a question expire comes after all others for a while. And while a better one is there to be asked, or any other
 * where it has given nothing yet, a peer has seconds to answer and not a minute: the fewer, the less it has shown.
 *
 * A transaction can be announced by either of its ids. The two are kept apart, since only who has the transaction knows that
 * they belong together.
 *
 * @see Bitcoin Core `txrequest.h`, which treats announcements alike, and waits a minute for everybody
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import { sipHash24Words, type SipKey } from "../../codec/siphash.ts";
import type { Random } from "../../core/ports.ts";
import { type Due, DueHeap } from "../../core/work/due-heap.ts";

/** What an announcement takes of our memory, with its parts of the indexes: an estimate, rather high. */
export const ANNOUNCEMENT_BYTES = 512;
/** How long a peer has to answer while a better one could be asked. */
const HASTY_MS = 5_000;
/** The same for one that has given nothing yet, or did not answer in time lately. */
const DOUBTED_MS = 2_000;
/** How long a peer that did not answer in time comes after others. */
const LATE_MS = 10 * 60_000;

/** One of the ids of a transaction. `hash` in wire order. */
export interface TransactionId {
  readonly hash: Uint8Array;
  readonly isWtxid: boolean;
}

/**
 * - `delayed`: it is not to be asked for yet.
 * - `ready`: it may be asked for, when no other of the same hash is better or asked for.
 * - `best`: it is to be asked for.
 * - `requested`: it was asked for, and the answer is awaited.
 * - `completed`: it came to nothing; kept so that the same peer cannot announce it anew while others have it.
 */
type State = "delayed" | "ready" | "best" | "requested" | "completed";

/** All announcements of one hash. */
interface Announced {
  readonly key: string;
  readonly by: Announcement[];
}

class Announcement implements Due {
  readonly of: Announced;
  readonly peer: number;
  readonly isWtxid: boolean;
  readonly isPreferred: boolean;
  readonly order: number;
  /** Among those that are alike preferred; nobody outside can foresee it. */
  readonly rank: number;
  state: State = "delayed";
  /** When the delay, or the wait for the answer, ends. */
  dueAt: number;
  place = -1;
  /** When it was asked for, while it is. */
  askedAt = 0;

  constructor(
    of: Announced,
    terms: Pick<Announcement, "peer" | "isWtxid" | "isPreferred" | "order" | "rank" | "dueAt">,
  ) {
    this.of = of;
    this.peer = terms.peer;
    this.isWtxid = terms.isWtxid;
    this.isPreferred = terms.isPreferred;
    this.order = terms.order;
    this.rank = terms.rank;
    this.dueAt = terms.dueAt;
  }
}

/** The announcements of one peer. */
interface Announcer {
  readonly all: Set<Announcement>;
  readonly best: Set<Announcement>;
  requested: number;
}

/** The tracker. Times are milliseconds of one clock that never goes back. */
export class TransactionRequestTracker {
  readonly #hashes = new Map<string, Announced>();
  readonly #peers = new Map<number, Announcer>();
  readonly #waiting = new DueHeap<Announcement>();
  /** Peers that are to be asked for something. */
  readonly #ready = new Set<number>();
  readonly #key: SipKey;
  readonly #words = new Uint32Array(9);
  /** Peers that come after others, and until when. */
  readonly #lateUntil = new Map<number, number>();
  /** Peers that have given something that they were asked for. */
  readonly #proven = new Set<number>();
  #order = 0;
  #size = 0;
  /** As {@link advance} was told last. */
  #now = 0;

  constructor(random: Random) {
    const word = () => random.below(2 ** 32);
    this.#key = [word(), word(), word(), word()];
  }

  /** How many announcements there are. */
  get size(): number {
    return this.#size;
  }

  /** How many different hashes they are of. */
  get hashes(): number {
    return this.#hashes.size;
  }

  /** When {@link advance} has something to do next; undefined when nothing waits. */
  get nextAt(): number | undefined {
    return this.#waiting.next?.dueAt;
  }

  /** Peers that are to be asked for something now. */
  get ready(): readonly number[] {
    return [...this.#ready];
  }

  /** How many announcements of a peer there are. */
  count(peer: number): number {
    return this.#peers.get(peer)?.all.size ?? 0;
  }

  /** How many transactions a peer was asked for and has not given. */
  inFlight(peer: number): number {
    return this.#peers.get(peer)?.requested ?? 0;
  }

  /** Whether a peer announced this hash, and it is still kept. */
  has(peer: number, hash: Uint8Array): boolean {
    return this.#find(peer, toHex(hash)) !== undefined;
  }

  /** A peer announced a transaction, which is to be asked of it from `requestAt` on. Nothing changes when it did before. */
  announced(peer: number, { hash, isWtxid }: TransactionId, isPreferred: boolean, requestAt: number): void {
    const key = toHex(hash);
    const of = this.#hashes.get(key) ?? { key, by: [] };
    if (of.by.some((each) => each.peer === peer)) return;
    const rank = this.#rank(hash, peer);
    const order = this.#order++;
    const made = new Announcement(of, { peer, isWtxid, isPreferred, order, rank, dueAt: requestAt });
    of.by.push(made);
    this.#hashes.set(key, of);
    const announcer = this.#peers.get(peer) ?? { all: new Set(), best: new Set(), requested: 0 };
    announcer.all.add(made);
    this.#peers.set(peer, announcer);
    this.#waiting.add(made);
    this.#size += 1;
  }

  /** Time has passed: delays end, and questions that were not answered in time go to the next. Gives how many those are. */
  advance(now: number): number {
    this.#now = now;
    let late = 0;
    for (let next = this.#waiting.next; next !== undefined && next.dueAt <= now; next = this.#waiting.next) {
      if (next.state === "requested") {
        late += 1;
        this.#lateUntil.set(next.peer, now + LATE_MS);
        this.#complete(next);
      } else this.#promote(next);
    }
    return late;
  }

  /** What a peer is to be asked for now, in the order of its announcements. Each is then asked for, or forgotten. */
  requestable(peer: number): readonly TransactionId[] {
    const best = [...this.#peers.get(peer)?.best ?? []].sort((a, b) => a.order - b.order);
    return best.map(({ of, isWtxid }) => ({ hash: fromHex(of.key), isWtxid }));
  }

  /** A peer was asked, as {@link requestable} said; the answer is awaited until `expiresAt`. */
  requested(peer: number, hash: Uint8Array, expiresAt: number): void {
    const found = this.#find(peer, toHex(hash));
    if (found?.state !== "best") return;
    this.#to(found, "requested");
    found.askedAt = this.#now;
    found.dueAt = expiresAt;
    this.#waiting.add(found);
    if (found.of.by.some((each) => each.state === "ready" && this.#yields(found, each))) this.#hurry(found);
  }

  /** A peer gave what has this hash. */
  delivered(peer: number, hash: Uint8Array): void {
    const found = this.#find(peer, toHex(hash));
    if (found?.state === "requested") this.#proven.add(peer);
    this.answered(peer, hash);
  }

  /** A peer has answered for this hash, if only that it has nothing: it is not asked again. */
  answered(peer: number, hash: Uint8Array): void {
    const found = this.#find(peer, toHex(hash));
    if (found !== undefined && found.state !== "completed") this.#complete(found);
  }

  /** The hash is of no interest any more: all its announcements are dropped. */
  forget(hash: Uint8Array): void {
    const of = this.#hashes.get(toHex(hash));
    if (of !== undefined) this.#forget(of);
  }

  /** A peer has gone. */
  left(peer: number): void {
    this.#lateUntil.delete(peer);
    this.#proven.delete(peer);
    for (const each of this.#peers.get(peer)?.all ?? []) {
      if (each.state !== "completed") this.#complete(each);
      // The hash may have gone with it.
      if (each.of.by.includes(each)) this.#drop(each);
    }
  }

  /** The peers that announced a hash and may still be asked for it. */
  candidates(hash: Uint8Array): readonly number[] {
    const by = this.#hashes.get(toHex(hash))?.by ?? [];
    return by.filter(({ state }) => state !== "completed").map(({ peer }) => peer);
  }

  #find(peer: number, key: string): Announcement | undefined {
    return this.#hashes.get(key)?.by.find((each) => each.peer === peer);
  }

  #promote(announcement: Announcement): void {
    const selected = announcement.of.by.find(({ state }) => state === "best" || state === "requested");
    const isBest = selected === undefined || (selected.state === "best" && this.#isBetter(announcement, selected));
    if (isBest && selected !== undefined) this.#to(selected, "ready");
    this.#to(announcement, isBest ? "best" : "ready");
    if (selected?.state === "requested" && this.#yields(selected, announcement)) this.#hurry(selected);
  }

  /**
   * How gladly a peer is asked: those that are late last, those first that we prefer, and of those that are alike in this the
   * ones that have given something before.
   */
  #gradeOf({ peer, isPreferred }: Announcement): number {
    return (this.#isLate(peer) ? 0 : 4) + (isPreferred ? 2 : 0) + (this.#proven.has(peer) ? 1 : 0);
  }

  #isLate(peer: number): boolean {
    return (this.#lateUntil.get(peer) ?? 0) > this.#now;
  }

  /** Whether one that was asked has seconds only, now that another may be asked. */
  #yields(asked: Announcement, other: Announcement): boolean {
    const isUnproven = !this.#proven.has(asked.peer) && !this.#isLate(other.peer);
    return isUnproven || this.#gradeOf(other) > this.#gradeOf(asked);
  }

  #isBetter(one: Announcement, other: Announcement): boolean {
    const [first, second] = [this.#gradeOf(one), this.#gradeOf(other)];
    return first === second ? one.rank > other.rank : first > second;
  }

  /** A better one is there: this one has little time left. */
  #hurry(asked: Announcement): void {
    const isDoubted = !this.#proven.has(asked.peer) || this.#isLate(asked.peer);
    const dueAt = Math.max(this.#now, asked.askedAt + (isDoubted ? DOUBTED_MS : HASTY_MS));
    if (dueAt >= asked.dueAt) return;
    this.#waiting.remove(asked);
    asked.dueAt = dueAt;
    this.#waiting.add(asked);
  }

  #complete(announcement: Announcement): void {
    const { of, state } = announcement;
    this.#to(announcement, "completed");
    if (of.by.every((each) => each.state === "completed")) return this.#forget(of);
    if (state !== "best" && state !== "requested") return;
    const ready = of.by.filter((each) => each.state === "ready");
    if (ready.length === 0) return;
    this.#to(ready.reduce((best, each) => (this.#isBetter(each, best) ? each : best)), "best");
  }

  /** Changes a state, and what follows from it. */
  #to(announcement: Announcement, state: State): void {
    const announcer = this.#peers.get(announcement.peer)!;
    this.#waiting.remove(announcement);
    if (announcement.state === "requested") announcer.requested -= 1;
    if (state === "requested") announcer.requested += 1;
    announcer.best.delete(announcement);
    announcement.state = state;
    if (state === "best") announcer.best.add(announcement);
    if (announcer.best.size > 0) this.#ready.add(announcement.peer);
    else this.#ready.delete(announcement.peer);
  }

  #forget(of: Announced): void {
    for (const each of [...of.by]) this.#drop(each);
  }

  #drop(announcement: Announcement): void {
    const { of, peer } = announcement;
    this.#to(announcement, "completed");
    of.by.splice(of.by.indexOf(announcement), 1);
    if (of.by.length === 0) this.#hashes.delete(of.key);
    const announcer = this.#peers.get(peer)!;
    announcer.all.delete(announcement);
    if (announcer.all.size === 0) this.#peers.delete(peer);
    this.#size -= 1;
  }

  #rank(hash: Uint8Array, peer: number): number {
    const words = this.#words;
    for (let i = 0; i < 8; i++) {
      words[i] = hash[4 * i]! | (hash[4 * i + 1]! << 8) | (hash[4 * i + 2]! << 16) | (hash[4 * i + 3]! << 24);
    }
    words[8] = peer;
    return sipHash24Words(this.#key, words);
  }
}
