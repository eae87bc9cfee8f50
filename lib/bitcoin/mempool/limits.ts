/**
 * Keeps the mempool within its memory, its transactions within their time, and its clusters within their size.
 *
 * @see Bitcoin Core `validation.cpp` (LimitMempoolSize), `txmempool.cpp` (TrimToSize, Expire), `txgraph.cpp` (Trim)
 * @module
 */
import type { Clock } from "../../core/ports.ts";
import { offerBestFirst } from "./best-first.ts";
import { WITNESS_SCALE_FACTOR } from "../chain/transaction-checks.ts";
import { graphOf } from "./cluster.ts";
import { type PoolEntry, withDescendants } from "./entry.ts";
import { rateOf } from "./fee-rate.ts";
import type { FeeFloor } from "./floor.ts";
import { Groups } from "./groups.ts";
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

  /**
   * Takes what is too much out of clusters, which transactions of blocks that were taken back may have made too large: those
   * that pay least, and what spends their outputs. What stays may be several clusters.
   */
  trimClusters(): void {
    const { clusterCountMax, clusterVbytesMax } = this.#policy;
    const weightMax = clusterVbytesMax * WITNESS_SCALE_FACTOR;
    for (const cluster of this.#pool.clusters()) {
      if (cluster.entries.length <= clusterCountMax && cluster.weight <= weightMax) continue;
      const { entries } = cluster;
      const { items, parents } = graphOf(entries);
      const groups = new Groups(items);
      const isKept = new Uint8Array(entries.length);
      offerBestFirst(items, parents, (item) => {
        const together = new Set(parents[item]!.map((parent) => groups.of(parent)));
        let [count, weight] = [1, items[item]!.weight];
        for (const group of together) [count, weight] = [count + groups.count[group]!, weight + groups.weight[group]!];
        if (count > clusterCountMax || weight > weightMax) return false;
        for (const group of together) groups.join(group, item);
        isKept[item] = 1;
        return true;
      });
      this.#pool.remove(entries.filter((_, i) => isKept[i] === 0), "sizelimit");
    }
  }
}
