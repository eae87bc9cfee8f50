/**
 * Where the transactions of a compact block are looked for: the mempool, and a few that it does not have, because they were
 * replaced lately, wait for their parents, or were refused. A miner may think otherwise of these.
 *
 * @see Bitcoin Core `net_processing.cpp` (AddToCompactExtraTransactions, vExtraTxnForCompact)
 * @module
 */
import type { Mempool, MempoolEntry } from "../mempool/mempool.ts";
import type { Transaction } from "../types/transaction.ts";
import { IdTable } from "./id-table.ts";

/** Transactions that are kept beside those of the mempool; Core's default for `-blockreconstructionextratxn`. */
export const EXTRA_TRANSACTIONS_MAX = 100;
/** Bytes of one of them. Larger ones are rare, and would make what is kept as large as many blocks. */
export const EXTRA_TRANSACTION_BYTES_MAX = 100_000;

/** The parts of which blocks are put together. */
export class BlockParts {
  readonly pool = new IdTable();
  readonly extra = new IdTable();
  /** The places in {@link pool}. */
  readonly #places = new Map<Transaction, number>();
  readonly #kept = new Set<Transaction>();
  #nextExtra = 0;
  readonly #stop: () => void;

  constructor(mempool: Pick<Mempool, "entries" | "listen">) {
    for (const entry of mempool.entries()) this.#add(entry);
    this.#stop = mempool.listen({
      added: (entry) => this.#add(entry),
      removed: (entry, reason) => {
        this.#remove(entry);
        if (reason === "replaced") this.keep(entry.transaction);
      },
    });
  }

  /**
   * Keeps a transaction that the mempool has not; the oldest goes when there are many. Its bytes must be its own. The
   * same one is not kept twice: of a replacement the mempool tells, and the relay.
   */
  keep(transaction: Transaction): void {
    if (transaction.size > EXTRA_TRANSACTION_BYTES_MAX || this.#kept.has(transaction)) return;
    this.#kept.add(transaction);
    if (this.extra.size === EXTRA_TRANSACTIONS_MAX) this.#kept.delete(this.extra.at(this.#nextExtra));
    this.extra.put(this.#nextExtra, transaction);
    this.#nextExtra = (this.#nextExtra + 1) % EXTRA_TRANSACTIONS_MAX;
  }

  /** Follows the mempool no more. */
  close(): void {
    this.#stop();
  }

  #add({ transaction }: MempoolEntry): void {
    const place = this.pool.size;
    this.pool.put(place, transaction);
    this.#places.set(transaction, place);
  }

  #remove({ transaction }: MempoolEntry): void {
    const place = this.#places.get(transaction);
    if (place === undefined) return;
    this.#places.delete(transaction);
    this.pool.remove(place);
    if (place < this.pool.size) this.#places.set(this.pool.at(place), place);
  }
}
