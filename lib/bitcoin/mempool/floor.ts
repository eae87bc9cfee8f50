/**
 * The fee rate that a mempool asks for because it was full: what was dropped last paid as much. It falls again by halves, once
 * a block has come.
 *
 * @see Bitcoin Core `txmempool.cpp` (GetMinFee, trackPackageRemoved)
 * @module
 */
import type { Clock } from "../../core/ports.ts";

const HALF_LIFE_SECONDS = 12 * 3_600;
/** How often it is reckoned anew. */
const STEP_SECONDS = 10;

/** The floor of one mempool. Rates are satoshi for 1000 virtual bytes. */
export class FeeFloor {
  readonly #clock: Pick<Clock, "now">;
  readonly #incrementalRate: number;
  #rate = 0;
  #updated: number;
  #hasBlock = false;

  constructor(clock: Pick<Clock, "now">, incrementalRate: number) {
    this.#clock = clock;
    this.#incrementalRate = incrementalRate;
    this.#updated = this.#seconds();
  }

  #seconds(): number {
    return Math.floor(this.#clock.now() / 1_000);
  }

  /** The rate now; 0 for none. @param fill how much of its memory the mempool uses, 0 to 1 */
  rate(fill: number): number {
    if (this.#hasBlock && this.#rate > 0) {
      const now = this.#seconds();
      if (now > this.#updated + STEP_SECONDS) {
        const halfLife = HALF_LIFE_SECONDS / (fill < 0.25 ? 4 : fill < 0.5 ? 2 : 1);
        this.#rate /= 2 ** ((now - this.#updated) / halfLife);
        this.#updated = now;
        if (this.#rate < this.#incrementalRate / 2) this.#rate = 0;
      }
      if (this.#rate > 0) return Math.max(Math.round(this.#rate), this.#incrementalRate);
    }
    return Math.round(this.#rate);
  }

  /** Transactions of a rate were dropped for want of memory. */
  dropped(rate: number): void {
    const floor = rate + this.#incrementalRate;
    if (floor <= this.#rate) return;
    this.#rate = floor;
    this.#hasBlock = false;
  }

  /** A block came. */
  blockConnected(): void {
    this.#updated = this.#seconds();
    this.#hasBlock = true;
  }
}
