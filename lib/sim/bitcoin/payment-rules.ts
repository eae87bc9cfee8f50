/**
 * What holds at every node of a world of payments, whatever strangers send: what is kept for them is bounded, a full mempool
 * asks for more, and blocks come as soon as ever.
 *
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { CompactFigures } from "../../bitcoin/compact/statistics.ts";
import type { Mempool, MempoolEntry } from "../../bitcoin/mempool/mempool.ts";
import type { BitcoinService } from "../../bitcoin/service.ts";
import type { SimClock } from "../clock.ts";
import type { CompactBlocksReport, MempoolsReport } from "../report.ts";
import type { WorldBlocks } from "./blocks.ts";

/** What of the relay is bounded for each peer of a node, and in all. */
const ANNOUNCEMENTS_PER_PEER = 5_000;
const ORPHAN_WEIGHT_PER_PEER = 404_000;
const ORPHANS_MAX = 3_000;
/** What of a mempool may hang together: transactions, and virtual bytes. */
const CLUSTER_COUNT_MAX = 64;
const CLUSTER_VBYTES_MAX = 101_000;
/** By then a block is at every node, even if a stranger tells of it first. */
const BLOCK_MS = 30_000;

/** What is known of a mempool. */
interface Met {
  readonly host: string;
  readonly since: number;
  /** What has entered since the last look. */
  readonly fresh: MempoolEntry[];
  evicted: number;
}

type Broke = (rule: string, host: string, detail: string) => void;

/** The rules. */
export class PaymentRules {
  readonly #clock: SimClock;
  readonly #blocks: WorldBlocks;
  readonly #met = new WeakMap<Mempool, Met>();
  readonly #since = new Map<string, number>();
  /** Valid blocks by their rows, and when they were made. */
  readonly #made: { readonly row: number; readonly at: number }[] = [];
  /** Of each run of a node, as it was last seen. */
  readonly #compact = new Map<Mempool, CompactFigures>();
  readonly #most = { fill: 0, evicted: 0, minimum_fee_rate: 0, cluster_count: 0, cluster_vbytes: 0 };

  constructor(clock: SimClock, blocks: WorldBlocks) {
    this.#clock = clock;
    this.#blocks = blocks;
  }

  get figures(): { readonly mempools: MempoolsReport; readonly compact_blocks: CompactBlocksReport } {
    const compact = [...this.#compact.values()];
    const sum = (of: (each: CompactFigures) => number) => compact.reduce((total, each) => total + of(each), 0);
    return {
      mempools: { ...this.#most, fill: Math.round(this.#most.fill * 100) / 100 },
      compact_blocks: {
        rebuilt: sum(({ rebuilt }) => rebuilt),
        round_trips: sum(({ roundTrips }) => roundTrips),
        fallbacks: sum(({ fallbacks, givenUp }) => fallbacks + givenUp),
      },
    };
  }

  /** Since when a host is up, as far as is known. */
  upSince(host: string): number | undefined {
    return this.#since.get(host);
  }

  /** Listens to the mempool of a host; false when it does so already. */
  meet(host: string, mempool: Mempool): boolean {
    if (this.#met.has(mempool)) return false;
    const since = this.#clock.monotonic();
    const met: Met = { host, since, fresh: [], evicted: 0 };
    this.#met.set(mempool, met);
    this.#since.set(host, since);
    mempool.listen({
      added: (entry) => void met.fresh.push(entry),
      removed: (_, reason) => {
        if (reason === "sizelimit") met.evicted += 1;
      },
    });
    return true;
  }

  /** A valid block was made. */
  made(row: number): void {
    this.#made.push({ row, at: this.#clock.monotonic() });
  }

  /** Holds a node to all of them. */
  check(host: string, service: BitcoinService, broke: Broke): void {
    const { relay, mempool } = service;
    if (relay === undefined || mempool === undefined) return;
    this.#compact.set(mempool, service.compactBlocks);
    const { announcements, orphans, orphanWeight } = relay.figures;
    const peers = Math.max(1, service.peers().length);
    const isOver = announcements > ANNOUNCEMENTS_PER_PEER * peers || orphans > ORPHANS_MAX ||
      orphanWeight > ORPHAN_WEIGHT_PER_PEER * peers;
    if (isOver) broke("what the relay keeps is bounded", host, JSON.stringify({ ...relay.figures, peers }));
    this.#memory(host, mempool, broke);
    this.#clusters(host, mempool, broke);
    this.#blockReach(host, service, broke);
  }

  #memory(host: string, mempool: Mempool, broke: Broke): void {
    const { figures: { bytes }, policy: { bytesMax, minRelayFeeRate }, minimumFeeRate } = mempool;
    const { evicted = 0 } = this.#met.get(mempool) ?? {};
    const most = this.#most;
    most.fill = Math.max(most.fill, bytes / bytesMax);
    most.evicted = Math.max(most.evicted, evicted);
    most.minimum_fee_rate = Math.max(most.minimum_fee_rate, minimumFeeRate);
    if (bytes > bytesMax) broke("mempools are bounded", host, `${bytes} of ${bytesMax} bytes`);
    if (evicted > 0 && minimumFeeRate <= minRelayFeeRate) {
      broke("a full mempool asks for more", host, `${minimumFeeRate} after ${evicted} were dropped`);
    }
  }

  /** Looks at the clusters that something has come into. */
  #clusters(host: string, mempool: Mempool, broke: Broke): void {
    const fresh = this.#met.get(mempool)?.fresh.splice(0) ?? [];
    const seen = new Set<string>();
    for (const { transaction: { txid } } of fresh) {
      if (seen.has(toHex(txid))) continue;
      const chunks = mempool.relativesOf(txid)?.cluster ?? [];
      let [count, weight] = [0, 0];
      for (const { entries } of chunks) {
        for (const entry of entries) {
          seen.add(toHex(entry.transaction.txid));
          count += 1;
          weight += entry.weight;
        }
      }
      const vbytes = Math.ceil(weight / 4);
      this.#most.cluster_count = Math.max(this.#most.cluster_count, count);
      this.#most.cluster_vbytes = Math.max(this.#most.cluster_vbytes, vbytes);
      if (count > CLUSTER_COUNT_MAX || vbytes > CLUSTER_VBYTES_MAX) {
        broke("clusters are bounded", host, `${count} transactions of ${vbytes} virtual bytes`);
      }
    }
  }

  /** A node that is up stands on a block that is no worse than the last one of some time ago. */
  #blockReach(host: string, { headers, tip }: BitcoinService, broke: Broke): void {
    const now = this.#clock.monotonic();
    const last = this.#made.findLast(({ at }) => now - at > BLOCK_MS);
    if (last === undefined || last.at < (this.#since.get(host) ?? now)) return;
    const { headers: all } = this.#blocks;
    if (headers.work(tip) >= all.work(last.row)) return;
    broke(
      "a block reaches every node",
      host,
      `${headers.height(tip)} ${now - last.at} ms after ${all.height(last.row)}`,
    );
  }
}
