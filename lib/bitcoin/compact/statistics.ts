/**
 * What compact blocks did since the start.
 *
 * @module
 */
import type { PartCounts } from "./partial-block.ts";

/** What is told of compact blocks. */
export interface CompactFigures {
  /** That peers sent, and that were not known before. */
  readonly received: number;
  /** Blocks that were put together. */
  readonly rebuilt: number;
  /** Of these, those for which no transaction was asked for. */
  readonly rebuiltAtOnce: number;
  /** Questions for transactions. */
  readonly roundTrips: number;
  /** Blocks that were asked for whole, since their ids could not be told apart or fitted other transactions. */
  readonly fallbacks: number;
  /** That were given up, since another peer's was further. */
  readonly givenUp: number;
  /** Transactions of the blocks that were put together, by where they came from. */
  readonly transactions: Readonly<PartCounts>;
  /** Bytes of the blocks that were put together. */
  readonly blockBytes: number;
  /** What was received and sent instead. */
  readonly wireBytes: number;
  /** That were sent before a peer asked, and because it asked. */
  readonly announced: number;
  readonly answered: number;
}

/** Counts. */
export class CompactStatistics implements CompactFigures {
  received = 0;
  rebuilt = 0;
  rebuiltAtOnce = 0;
  roundTrips = 0;
  fallbacks = 0;
  givenUp = 0;
  readonly transactions: PartCounts = { prefilled: 0, pool: 0, extra: 0, asked: 0 };
  blockBytes = 0;
  wireBytes = 0;
  announced = 0;
  answered = 0;

  /** A block was put together, with so many bytes over the wire. */
  count(counts: Readonly<PartCounts>, blockBytes: number, wireBytes: number): void {
    this.rebuilt += 1;
    if (counts.asked === 0) this.rebuiltAtOnce += 1;
    for (const source of ["prefilled", "pool", "extra", "asked"] as const) this.transactions[source] += counts[source];
    this.blockBytes += blockBytes;
    this.wireBytes += wireBytes;
  }
}
