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

/** The obstacle of one chain, while there is one. */
export class Obstacle {
  readonly #clock: Clock;
  readonly #notice: (level: "error", text: string) => void;
  #cancelRetry = () => {};
  #warning: string | undefined;

  constructor(clock: Clock, notice: (level: "error", text: string) => void) {
    this.#clock = clock;
    this.#notice = notice;
  }

  /** What people should know of. */
  get warning(): string | undefined {
    return this.#warning;
  }

  /** Something failed: it is told of once, and tried again later. */
  met(thrown: unknown, again: () => void): void {
    const text = `blocks cannot be connected: ${messageOf(thrown)}; it is tried again every ${RETRY_MS / 1000} s`;
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
