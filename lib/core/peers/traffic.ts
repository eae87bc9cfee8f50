/**
 * What went over connections, by direction and by kind of message: for one connection, and for all of a network together.
 *
 * @module
 */
import type { Clock } from "../ports.ts";

/** Times that were measured, in milliseconds. */
export interface Latency {
  /** How many were measured. */
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

/** One kind of message in one direction. */
export interface KindTraffic {
  readonly messages: number;
  readonly bytes: number;
  /** Unix milliseconds of the last one. */
  readonly lastTime: number;
  /** Of a message that came: until it was handled. Of one that was sent: until its answer came, where it has one. */
  readonly latency: Latency;
}

/** One direction. */
export interface DirectionTraffic {
  readonly bytes: number;
  readonly messages: number;
  /** Unix milliseconds of the last message; 0 when there was none. */
  readonly lastTime: number;
  /** The same in monotonic milliseconds, for measuring silence: the wall clock may jump. */
  readonly lastAt: number;
  /** By kind of message; kinds beyond the bound are summed up as {@link OTHER_KINDS}. */
  readonly byKind: ReadonlyMap<string, KindTraffic>;
}

/** Under which name kinds are summed up that have no entry of their own, and messages that were thrown away. */
export const OTHER_KINDS = "*other*";
/** Kinds counted apart; a peer can make names up. */
const KINDS_MAX = 128;

class Kind implements KindTraffic {
  messages = 0;
  bytes = 0;
  lastTime = 0;
  readonly latency = { count: 0, sumMs: 0, maxMs: 0 };
  /** The same kind in the sum that this is a part of. */
  readonly #sum: Kind | undefined;

  constructor(sum: Kind | undefined) {
    this.#sum = sum;
  }

  count(bytes: number, now: number): void {
    this.messages += 1;
    this.bytes += bytes;
    this.lastTime = now;
    this.#sum?.count(bytes, now);
  }

  measure(ms: number): void {
    const { latency } = this;
    latency.count += 1;
    latency.sumMs += ms;
    latency.maxMs = Math.max(latency.maxMs, ms);
    this.#sum?.measure(ms);
  }
}

class Direction implements DirectionTraffic {
  bytes = 0;
  messages = 0;
  lastTime = 0;
  lastAt = 0;
  readonly byKind = new Map<string, Kind>();
  readonly #sum: Direction | undefined;
  /** The kind of the last message: the next one is often of the same. */
  #lastKind = "";
  #last: Kind | undefined;

  constructor(sum: Direction | undefined) {
    this.#sum = sum;
  }

  count(kind: string, bytes: number, now: number, at: number): void {
    this.#add(bytes, now, at);
    this.#entry(kind).count(bytes, now);
  }

  /** Counts bytes of which no message was made (yet). */
  pass(bytes: number, now: number, at: number): void {
    this.#add(bytes, now, at, 0);
  }

  /** Counts a message whose bytes have been counted as they came. */
  complete(kind: string, bytes: number, now: number, at: number): void {
    this.#add(0, now, at);
    this.#entry(kind).count(bytes, now);
  }

  measure(kind: string, ms: number): void {
    this.#entry(kind).measure(ms);
  }

  #add(bytes: number, now: number, at: number, messages = 1): void {
    this.bytes += bytes;
    this.messages += messages;
    this.lastTime = now;
    this.lastAt = at;
    if (this.#sum !== undefined) this.#sum.#add(bytes, now, at, messages);
  }

  #entry(kind: string): Kind {
    if (this.#last !== undefined && kind === this.#lastKind) return this.#last;
    const entry = this.#find(kind);
    this.#lastKind = kind;
    this.#last = entry;
    return entry;
  }

  /** Found by name once for a connection: from then on it knows its place in the sum. */
  #find(kind: string): Kind {
    const known = this.byKind.get(kind);
    if (known !== undefined) return known;
    const name = this.byKind.size < KINDS_MAX ? kind : OTHER_KINDS;
    const entry = this.byKind.get(name) ?? new Kind(this.#sum === undefined ? undefined : this.#sum.#entry(name));
    this.byKind.set(name, entry);
    return entry;
  }
}

/** Counts both directions. What is counted for a connection is counted for its network too. */
export class Traffic {
  readonly #clock: Clock;
  readonly #received: Direction;
  readonly #sent: Direction;

  /** @param sum that of the network, which outlives the connection */
  constructor(clock: Clock, sum?: Traffic) {
    this.#clock = clock;
    this.#received = new Direction(sum === undefined ? undefined : sum.#received);
    this.#sent = new Direction(sum === undefined ? undefined : sum.#sent);
  }

  get received(): DirectionTraffic {
    return this.#received;
  }

  get sent(): DirectionTraffic {
    return this.#sent;
  }

  /** Counts a message that came, with all its framing. */
  countReceived(kind: string, bytes: number): void {
    this.#received.count(kind, bytes, this.#clock.now(), this.#clock.monotonic());
  }

  /** Counts bytes as they come from the socket, whatever becomes of them. */
  passReceived(bytes: number): void {
    this.#received.pass(bytes, this.#clock.now(), this.#clock.monotonic());
  }

  /** Counts a message whose bytes {@link passReceived} has counted. */
  completeReceived(kind: string, bytes: number): void {
    this.#received.complete(kind, bytes, this.#clock.now(), this.#clock.monotonic());
  }

  /** Counts bytes that were sent and belong to no message. */
  passSent(bytes: number): void {
    this.#sent.pass(bytes, this.#clock.now(), this.#clock.monotonic());
  }

  /** Counts a message that was sent, with all its framing. */
  countSent(kind: string, bytes: number): void {
    this.#sent.count(kind, bytes, this.#clock.now(), this.#clock.monotonic());
  }

  /** Notes how long a message of a kind took to be handled. */
  handled(kind: string, ms: number): void {
    this.#received.measure(kind, ms);
  }

  /** Notes how long the answer took to a message of a kind. */
  answered(kind: string, ms: number): void {
    this.#sent.measure(kind, ms);
  }
}
