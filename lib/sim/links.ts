/**
 * Simulated connections: bytes take their time, lines are narrow, lossy, cut or damaged, and what is written before there
 * is room waits. A connection is two lanes; all that one end does to the other travels on a lane and arrives by a timer.
 *
 * Loss, duplication and reordering of packets are what a stream's user sees of them: delay, and now and then a reset. The
 * weather's `damage` is different: bytes below the framing that arrive changed, twice, or in another order, as a faulty
 * box on the way or a hostile one does it. Under TLS such bytes end the connection.
 *
 * @module
 */
import { addressText } from "../core/address-text.ts";
import { NodeError } from "../core/errors.ts";
import type { ByteDuplex, PeerAddress } from "../core/ports.ts";
import type { SimClock } from "./clock.ts";
import type { SeededRandom } from "./random.ts";
import { Inbox, Outbox } from "./streams.ts";

/** How a line behaves, one way. */
export interface Conditions {
  /** The least time from end to end. */
  readonly latencyMs: number;
  /** Mean of the time that is added, exponentially. */
  readonly jitterMs: number;
  readonly bytesPerMs: number;
  /** Chance that a chunk is lost and sent again. */
  readonly loss: number;
  /** Chance that a chunk is answered by a reset. */
  readonly reset: number;
  /** Chance that a chunk arrives damaged, twice or late. */
  readonly damage: number;
}

/** The state of all lines. */
export interface Weather {
  /** Counts up whenever the conditions of lines change. */
  readonly era: number;
  of(from: string, to: string): Conditions;
  /** Whether nothing gets from one host to the other. */
  isCut(from: string, to: string): boolean;
}

/** What ends and lanes share. */
export interface LinkWorld {
  readonly clock: SimClock;
  readonly weather: Weather;
  /** Bytes under way and unread, before a writer waits. */
  readonly windowBytes: number;
  /** Lanes whose head could not be delivered, to be tried when lines are mended. */
  readonly stuck: Set<Lane>;
  /** Counts what happened, for the report. */
  readonly counts: { chunks: number; bytes: number; lost: number; damaged: number; resets: number };
}

/** How long it takes to notice that a packet was lost; doubles when it is lost again. */
const RESEND_MS = 200;

/** Sums of times are off by less. */
const ROUNDING_MS = 1e-6;

type Parcel =
  & { readonly at: number }
  & (
    | { readonly kind: "bytes"; readonly bytes: Uint8Array }
    | { readonly kind: "end" }
    | { readonly kind: "reset" }
  );

/** One direction. */
export class Lane {
  readonly #world: LinkWorld;
  readonly #from: LinkEnd;
  readonly #to: LinkEnd;
  readonly #random: SeededRandom;
  readonly #parcels: Parcel[] = [];
  #bytesUnderWay = 0;
  /** When the line is free, and when the last parcel arrives: parcels of a lane keep their order. */
  #freeAt = 0;
  #lastAt = 0;
  #armed = false;
  #known: Conditions | undefined;
  #era = -1;

  constructor(world: LinkWorld, from: LinkEnd, to: LinkEnd, random: SeededRandom) {
    this.#world = world;
    this.#from = from;
    this.#to = to;
    this.#random = random;
  }

  get hasRoom(): boolean {
    return this.#bytesUnderWay + this.#to.inbox.bytes < this.#world.windowBytes;
  }

  send(bytes: Uint8Array): void {
    const { counts } = this.#world;
    const conditions = this.#conditions();
    const random = this.#random;
    counts.chunks += 1;
    counts.bytes += bytes.length;
    this.#bytesUnderWay += bytes.length;
    let delayMs = conditions.latencyMs + random.wait(conditions.jitterMs);
    for (let again = RESEND_MS; again < 60_000 && random.chance(conditions.loss); again *= 2) {
      counts.lost += 1;
      delayMs += again;
    }
    if (random.chance(conditions.reset)) {
      counts.resets += 1;
      return this.#add({ kind: "reset", at: this.#arrival(0, delayMs) });
    }
    const at = this.#arrival(bytes.length / conditions.bytesPerMs, delayMs);
    if (!random.chance(conditions.damage)) return this.#add({ kind: "bytes", bytes, at });
    counts.damaged += 1;
    if (this.#to.isSecure) return this.#add({ kind: "reset", at });
    for (const each of damaged(bytes, random)) this.#add({ kind: "bytes", bytes: each, at });
  }

  /** The writer's end of stream, or its reset, which overtakes nothing. */
  close(kind: "end" | "reset"): void {
    const { latencyMs } = this.#conditions();
    this.#add({ kind, at: this.#arrival(0, latencyMs) });
  }

  /** Drops all that is under way. */
  drop(): void {
    this.#parcels.length = 0;
    this.#bytesUnderWay = 0;
    this.#world.stuck.delete(this);
  }

  /** Goes on after the line was cut. */
  mend(): void {
    this.#world.stuck.delete(this);
    this.#arm(RESEND_MS);
  }

  /** Those of the line, asked for once in each era of the weather. */
  #conditions(): Conditions {
    const { weather } = this.#world;
    if (this.#known === undefined || this.#era !== weather.era) {
      this.#era = weather.era;
      this.#known = weather.of(this.#from.local.host, this.#to.local.host);
    }
    return this.#known;
  }

  #arrival(sendMs: number, delayMs: number): number {
    const now = this.#world.clock.monotonic();
    this.#freeAt = Math.max(now, this.#freeAt) + sendMs;
    this.#lastAt = Math.max(this.#lastAt, this.#freeAt + delayMs);
    return this.#lastAt;
  }

  #add(parcel: Parcel): void {
    this.#parcels.push(parcel);
    this.#arm(0);
  }

  /** Sets the timer of the first parcel, if there is one and none is set. */
  #arm(leastMs: number): void {
    const [first] = this.#parcels;
    if (first === undefined || this.#armed || this.#world.stuck.has(this)) return;
    this.#armed = true;
    const { clock } = this.#world;
    clock.set(Math.max(leastMs, first.at - clock.monotonic()), this.#deliver);
  }

  /** One function for all parcels. */
  readonly #deliver = (): void => {
    this.#armed = false;
    const { weather, stuck, clock } = this.#world;
    if (this.#parcels.length === 0) return;
    if (weather.isCut(this.#from.local.host, this.#to.local.host)) {
      stuck.add(this);
      return;
    }
    const now = clock.monotonic();
    while (this.#parcels.length > 0 && this.#parcels[0]!.at <= now + ROUNDING_MS) {
      const parcel = this.#parcels.shift()!;
      if (parcel.kind === "bytes") this.#bytesUnderWay -= parcel.bytes.length;
      this.#to.arrive(parcel);
    }
    this.#arm(0);
    this.#from.outbox.wake();
  };
}

/** The same bytes after an accident: one of them changed, twice, or the halves the wrong way round. */
function damaged(bytes: Uint8Array, random: SeededRandom): Uint8Array[] {
  const half = bytes.length >> 1;
  switch (random.below(3)) {
    case 0: {
      const changed = bytes.slice();
      const at = random.below(Math.max(1, changed.length));
      if (at < changed.length) changed[at]! ^= 1 << random.below(8);
      return [changed];
    }
    case 1:
      return [bytes, bytes];
    default:
      return [bytes.subarray(half), bytes.subarray(0, half)];
  }
}

/** Bytes that wait in one direction, from which on the world is to look at them. */
const CROWDED_BYTES = 1024 * 1024;

/** One end of a connection. */
export class LinkEnd implements ByteDuplex {
  /** The host that holds it, which is told when much waits in it. */
  holder: { isCrowded: boolean } | undefined;
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  readonly peerCertificate?: Uint8Array;
  readonly closed: Promise<void>;
  readonly isSecure: boolean;
  /** The other end's `host:port`. */
  readonly name: string;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly #released = Promise.withResolvers<void>();
  #lane!: Lane;
  #returning!: Lane;
  #hasEnded = false;
  #hasFinished = false;
  /** The host lost power: nothing answers here any more. */
  #gone: { readonly isBack: () => boolean } | undefined;

  constructor(local: PeerAddress, remote: PeerAddress, isSecure: boolean, certificate: Uint8Array | undefined) {
    this.local = local;
    this.remote = remote;
    this.isSecure = isSecure;
    this.name = addressText(remote);
    if (certificate !== undefined) this.peerCertificate = certificate;
    this.closed = this.#released.promise;
    this.inbox = new Inbox(() => this.#other.outbox.wake());
    this.outbox = new Outbox({
      hasRoom: () => this.#lane.hasRoom,
      take: (chunk) => this.#lane.send(chunk),
      waits: (bytes) => this.#noteWaiting(bytes),
      finish: () => {
        this.#hasFinished = true;
        this.#lane.close("end");
        this.#release();
      },
      abort: () => this.destroy(),
    });
  }

  #other!: LinkEnd;

  /** Ties two ends together. */
  static join(one: LinkEnd, other: LinkEnd, world: LinkWorld, random: SeededRandom): void {
    one.#other = other;
    other.#other = one;
    one.#lane = other.#returning = new Lane(world, one, other, random.fork("there"));
    other.#lane = one.#returning = new Lane(world, other, one, random.fork("back"));
  }

  get readable(): ReadableStream<Uint8Array> {
    return this.inbox.stream;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.outbox.stream;
  }

  /** Bytes that this end's owner wrote and the connection has not taken. */
  get waitingBytes(): number {
    return this.outbox.bytes;
  }

  /** Whether both directions have ended. */
  get isOver(): boolean {
    return this.#hasEnded && this.#hasFinished;
  }

  destroy(reason?: unknown): void {
    if (this.isOver || this.#gone !== undefined) return;
    const here = reason instanceof NodeError
      ? reason
      : new NodeError("closed", "network", "the connection was closed here", { cause: reason });
    this.#break(here);
    this.#lane.close("reset");
  }

  /** The process died, and with it whatever waited for this end. Its system tells the other side. */
  kill(): void {
    if (this.isOver || this.#gone !== undefined) return;
    this.#gone = { isBack: () => false };
    this.#lane.close("reset");
  }

  /** The host lost power: no word of it goes out. `isBack`: whether another system answers there by now. */
  lose(isBack: () => boolean): void {
    this.#gone = { isBack };
    this.#lane.drop();
  }

  /** Something came over the lane. */
  arrive(parcel: Parcel): void {
    if (this.#gone !== undefined) {
      // A system that has started anew knows of no such connection.
      if (parcel.kind === "bytes" && this.#gone.isBack()) this.#lane.close("reset");
      return;
    }
    if (parcel.kind === "bytes") {
      this.inbox.push(parcel.bytes);
      this.#noteWaiting(this.inbox.bytes);
    } else if (parcel.kind === "end") {
      this.#hasEnded = true;
      this.inbox.end(null);
      this.#release();
    } else this.#break(new NodeError("connection_reset", "network", "the connection was reset"));
  }

  #noteWaiting(bytes: number): void {
    if (bytes > CROWDED_BYTES && this.holder !== undefined) this.holder.isCrowded = true;
  }

  #break(reason: NodeError): void {
    this.#hasEnded = this.#hasFinished = true;
    this.inbox.end(reason);
    this.outbox.fail(reason);
    this.#returning.drop();
    this.#release();
  }

  #release(): void {
    if (this.isOver) this.#released.resolve();
  }
}
