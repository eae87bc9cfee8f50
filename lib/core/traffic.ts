/**
 * What went over one connection, by kind of message.
 *
 * @module
 */
import type { Clock } from "./ports.ts";

/** One direction of one connection. */
export interface DirectionTraffic {
  readonly bytes: number;
  readonly messages: number;
  /** Unix milliseconds of the last message; 0 when there was none. */
  readonly lastTime: number;
  /** Bytes by kind of message; kinds beyond the bound, and unknown ones, are summed up as `*other*`. */
  readonly byKind: ReadonlyMap<string, number>;
}

/** Under which name kinds are summed up that have no entry of their own. */
export const OTHER_KINDS = "*other*";
/** Kinds counted apart; a peer can make names up. */
const KINDS_MAX = 64;

class Direction implements DirectionTraffic {
  bytes = 0;
  messages = 0;
  lastTime = 0;
  readonly byKind = new Map<string, number>();

  count(kind: string, bytes: number, now: number): void {
    this.bytes += bytes;
    this.messages += 1;
    this.lastTime = now;
    const name = this.byKind.has(kind) || this.byKind.size < KINDS_MAX ? kind : OTHER_KINDS;
    this.byKind.set(name, (this.byKind.get(name) ?? 0) + bytes);
  }
}

/** Counts both directions of one connection. */
export class Traffic {
  readonly #clock: Clock;
  readonly #received = new Direction();
  readonly #sent = new Direction();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get received(): DirectionTraffic {
    return this.#received;
  }

  get sent(): DirectionTraffic {
    return this.#sent;
  }

  /** Counts a message that came, with all its framing. */
  countReceived(kind: string, bytes: number): void {
    this.#received.count(kind, bytes, this.#clock.now());
  }

  /** Counts a message that was sent, with all its framing. */
  countSent(kind: string, bytes: number): void {
    this.#sent.count(kind, bytes, this.#clock.now());
  }
}
