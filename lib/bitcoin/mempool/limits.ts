/**
 * Keeps the mempool within its memory, its transactions within their time, and its clusters within their size.
 *
 * @see Bitcoin Core `validation.cpp` (LimitMempoolSize), `txmempool.cpp` (TrimToSize, Expire), `txgraph.cpp` (Trim)
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import { WITNESS_SCALE_FACTOR } from "../chain/transaction-checks.ts";
import { type PoolEntry, withDescendants } from "./entry.ts";
import { rateOf } from "./fee-rate.ts";
import type { FeeFloor } from "./floor.ts";
import type { MempoolPolicy } from "./policy.ts";
import type { Pool } from "./pool.ts";

/** How often what is too old is looked for. */
const EXPIRY_STEP_SECONDS = 60;

/** The limits of one mempool. */
export class Limits {
  readonly #pool: Pool;
  readonly #policy: MempoolPolicy;
  readonly #floor: FeeFloor;
  readonly #clock: Pick<Clock, "now">;
  #nextExpiry = 0;

  constructor(pool: Pool, policy: MempoolPolicy, floor: FeeFloor, clock: Pick<Clock, "now">) {
    this.#pool = pool;
    this.#policy = policy;
    this.#floor = floor;
    this.#clock = clock;
  }

  /** How much of the memory is used, 0 to 1. */
  get fill(): number {
    return this.#pool.bytes / this.#policy.bytesMax;
  }

  /** Takes out what is too old, and the worst chunks as long as there is too much. */
  enforce(): void {
    this.#expire();
    while (this.#pool.bytes > this.#policy.bytesMax) {
      const { items, fee, weight } = this.#pool.worstChunk()!;
      this.#floor.dropped(rateOf(fee, Math.ceil(weight / WITNESS_SCALE_FACTOR)));
      this.#pool.remove(items.map(({ entry }) => entry), "sizelimit");
    }
  }

  #expire(): void {
    const now = Math.floor(this.#clock.now() / 1_000);
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = now + EXPIRY_STEP_SECONDS;
    const oldest = now - this.#policy.expirySeconds;
    const late: PoolEntry[] = [];
    for (const entry of this.#pool.entries()) if (entry.time < oldest) late.push(entry);
    if (late.length > 0) this.#pool.remove(withDescendants(late), "expiry");
  }

  /** Takes what is too much out of clusters, which transactions of blocks that were taken back may have made too large. */
  trimClusters(): void {
    const { clusterCountMax, clusterVbytesMax } = this.#policy;
    const weightMax = clusterVbytesMax * WITNESS_SCALE_FACTOR;
    for (const cluster of this.#pool.clusters()) {
      if (cluster.entries.length <= clusterCountMax && cluster.weight <= weightMax) continue;
      const order = cluster.chunks.flatMap(({ items }) => items.map(({ entry }) => entry));
      let weight = 0;
      const end = order.findIndex((entry, i) => i >= clusterCountMax || (weight += entry.weight) > weightMax);
      // Parents come first in the order: what is after the end is needed by nothing before it.
      this.#pool.remove(order.slice(end), "sizelimit");
    }
  }
}
