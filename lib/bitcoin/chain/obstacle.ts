/**
 * What keeps blocks from being connected though nothing is known against them, such as a disk that fails: it passes, or an
 * operator sees to it.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import type { Clock } from "../../core/ports.ts";

/** How long after a failure it is tried again. */
const RETRY_MS = 10_000;

/** The obstacle before some blocks, while there is one. */
export class Obstacle {
  readonly #clock: Clock;
  readonly #notice: (level: "error", text: string) => void;
  readonly #what: string;
  #cancelRetry = () => {};
  #warning: string | undefined;

  /** @param what which blocks cannot be connected */
  constructor(clock: Clock, notice: (level: "error", text: string) => void, what = "blocks") {
    this.#clock = clock;
    this.#notice = notice;
    this.#what = what;
  }

  /** What people should know of. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /** Something failed: it is told of once, and tried again later. */
  met(thrown: unknown, again: () => void): void {
    const reason = messageOf(thrown);
    const text = `${this.#what} cannot be connected: ${reason}; it is tried again every ${RETRY_MS / 1000} s`;
    if (this.#warning === undefined) this.#notice("error", text);
    this.#warning = text;
    this.cancel();
    this.#cancelRetry = this.#clock.after(RETRY_MS, again);
  }

  /** A block was connected or taken back. */
  passed(): void {
    this.#warning = undefined;
  }

  /** It is tried now, or never again. */
  cancel(): void {
    this.#cancelRetry();
  }
}
