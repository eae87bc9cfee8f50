/**
 * How much may be asked at once. Beyond, a caller is told to come again rather than left to hang.
 *
 * @module
 */
import type { Clock } from "../core/ports.ts";

/** Bounds of the RPC listener. */
export interface RpcLimits {
  /** Bytes of a request's body. */
  readonly bodyBytesMax: number;
  /** Time to read the body and to answer. */
  readonly timeoutMs: number;
  /** Requests that are worked on at once. */
  readonly concurrency: number;
  /** Requests that wait for their turn; more are refused. */
  readonly queue: number;
  /** Readers of events at once; they hold no place among the requests. */
  readonly subscribersMax: number;
}

/** What holds unless told otherwise. */
export const RPC_LIMITS: RpcLimits = {
  bodyBytesMax: 8 * 1024 * 1024,
  timeoutMs: 30_000,
  concurrency: 16,
  queue: 64,
  subscribersMax: 64,
};

/** What the listener lets a waiting call do. */
export interface WaitingRoom {
  /** Gives the call's turn to others and gives back what ends the waiting; undefined when too many wait already. */
  enterWaiting(): (() => void) | undefined;
}

/** A counter of places with a queue before it; first come, first served. */
export class Gate {
  readonly #places: number;
  readonly #queueMax: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(places: number, queueMax: number) {
    this.#places = places;
    this.#queueMax = queueMax;
  }

  /** Resolves with the function that gives the place back, or with undefined at once when the queue is full too. */
  async enter(): Promise<(() => void) | undefined> {
    if (this.#taken >= this.#places) {
      if (this.#waiting.length >= this.#queueMax) return undefined;
      // The request that leaves hands its place over; it is never free in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#taken += 1;
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else this.#taken -= 1;
    };
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#taken;
  }
}

/**
 * Runs `work` under a deadline. When it passes the result is what `late` gives or throws, and the signal tells the work to
 * stop.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: () => T,
): Promise<T> {
  const controller = new AbortController();
  let cancel: () => void = () => {};
  const deadline = new Promise<T>((resolve, reject) => {
    cancel = clock.after(ms, () => {
      // First: work that ends the moment it is told to would be the answer otherwise.
      try {
        resolve(late());
      } catch (thrown) {
        reject(thrown);
      }
      controller.abort(new DOMException("too slow", "TimeoutError"));
    });
  });
  // What comes after the race is decided interests nobody.
  deadline.catch(() => {});
  try {
    // When the deadline wins, what the work comes to later is passed over, also when it fails.
    return await Promise.race([work(controller.signal), deadline]);
  } finally {
    cancel();
  }
}
