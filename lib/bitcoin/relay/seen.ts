/**
 * Transactions that were refused, or came with a block, not long ago: they are not asked for again.
 *
 * @see Bitcoin Core `node/txdownloadman_impl.h` (m_lazy_recent_rejects and its neighbours)
 * @module
 */
import { fromHex, toHex } from "../../codec/hex.ts";
import { sha256 } from "../../codec/sha256.ts";
import type { Random } from "../../core/ports.ts";
import { RollingFilter } from "../../core/rolling-filter.ts";
import type { Transaction } from "../types/transaction.ts";

const REJECTS_MAX = 120_000;
const CONFIRMED_MAX = 48_000;
const FALSE_POSITIVES = 0.000_001;

/** What is remembered of transactions by their ids. */
export class SeenTransactions {
  /** Refused for good, as far as the tip goes: wtxids, and txids where no other witness would help. */
  readonly rejected: RollingFilter;
  /** Those that pay too little by themselves (wtxids), and packages that were refused ({@link packageId}). */
  readonly reconsiderable: RollingFilter;
  /** In a block: both ids. */
  readonly confirmed: RollingFilter;

  constructor(random: Random) {
    this.rejected = new RollingFilter(REJECTS_MAX, FALSE_POSITIVES, random);
    this.reconsiderable = new RollingFilter(REJECTS_MAX, FALSE_POSITIVES, random);
    this.confirmed = new RollingFilter(CONFIRMED_MAX, FALSE_POSITIVES, random);
  }

  /** Bytes of memory that all of it takes. */
  get bytes(): number {
    return this.rejected.bytes + this.reconsiderable.bytes + this.confirmed.bytes;
  }

  /** Another tip: what was refused may be good now, and an attacker's rejects last no longer than a block. */
  tipChanged(): void {
    this.rejected.clear();
    this.reconsiderable.clear();
  }

  /** A block came: these are settled. */
  blockConnected(transactions: readonly Transaction[]): void {
    for (const { txid, wtxid, hasWitness } of transactions) {
      this.confirmed.add(txid);
      if (hasWitness) this.confirmed.add(wtxid);
    }
  }

  /** A block was taken back: what it had is to be relayed again. */
  blockDisconnected(): void {
    this.confirmed.clear();
  }
}

/** An id of a package, whatever the order of its transactions. */
export function packageId(transactions: readonly Transaction[]): Uint8Array {
  return sha256(...transactions.map(({ wtxid }) => toHex(wtxid)).sort().map(fromHex));
}
