/**
 * How much may be uploaded in a day. When it runs short, old blocks are no longer served; new ones always are, and some
 * of the target is kept back for them.
 *
 * @see Bitcoin Core `-maxuploadtarget`, `net.cpp` OutboundTargetReached, `doc/reduce-traffic.md`
 * @module
 */
import type { Clock } from "../ports.ts";

/** The time over which uploads are summed up. */
export const UPLOAD_CYCLE_MS = 24 * 60 * 60 * 1000;

/** What a target is made of. */
export interface UploadTargetParts {
  readonly clock: Clock;
  /** Bytes in a cycle; absent: as many as peers ask for. */
  readonly bytesMax?: number | undefined;
  /** Bytes sent so far, on all networks. */
  readonly sent: () => number;
}

/** Where the target stands, in the terms of Core's `getnettotals`. */
export interface UploadState {
  /** Bytes in a cycle; 0 for no target. */
  readonly bytesMax: number;
  readonly isReached: boolean;
  readonly bytesLeft: number;
  readonly msLeft: number;
}

/** One for the whole node. */
export class UploadTarget {
  readonly #parts: UploadTargetParts;
  #cycleStart: number;
  #sentBefore = 0;

  constructor(parts: UploadTargetParts) {
    this.#parts = parts;
    this.#cycleStart = parts.clock.monotonic();
  }

  /**
   * Whether old blocks may be served. `reservePerDay` is what new blocks can take in a day at most: of that the rest of
   * the cycle is kept back.
   */
  servesOld(reservePerDay: number): boolean {
    const { bytesMax } = this.#parts;
    if (bytesMax === undefined) return true;
    const { bytesLeft, msLeft } = this.state();
    return bytesLeft > reservePerDay * msLeft / UPLOAD_CYCLE_MS;
  }

  /** Where it stands now. */
  state(): UploadState {
    const { clock, bytesMax = 0, sent } = this.#parts;
    const now = clock.monotonic();
    if (now - this.#cycleStart >= UPLOAD_CYCLE_MS) {
      this.#cycleStart = now;
      this.#sentBefore = sent();
    }
    const bytesLeft = bytesMax === 0 ? 0 : Math.max(0, bytesMax - (sent() - this.#sentBefore));
    const msLeft = UPLOAD_CYCLE_MS - (now - this.#cycleStart);
    return { bytesMax, isReached: bytesMax > 0 && bytesLeft === 0, bytesLeft, msLeft };
  }
}
