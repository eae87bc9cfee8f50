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
  /** The places in {@link pool}, by the sequence numbers of the entries. */
  readonly #places = new Map<number, number>();
  readonly #sequences: number[] = [];
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

  /** Keeps a transaction that the mempool has not; the oldest goes when there are many. Its bytes must be its own. */
  keep(transaction: Transaction): void {
    if (transaction.size > EXTRA_TRANSACTION_BYTES_MAX) return;
    this.extra.put(this.#nextExtra, transaction);
    this.#nextExtra = (this.#nextExtra + 1) % EXTRA_TRANSACTIONS_MAX;
  }

  /** Follows the mempool no more. */
  close(): void {
    this.#stop();
  }

  #add({ transaction, sequence }: MempoolEntry): void {
    const place = this.pool.size;
    this.pool.put(place, transaction);
    this.#sequences[place] = sequence;
    this.#places.set(sequence, place);
  }

  #remove({ sequence }: MempoolEntry): void {
    const place = this.#places.get(sequence);
    if (place === undefined) return;
    this.#places.delete(sequence);
    this.pool.remove(place);
    const moved = this.#sequences.pop()!;
    if (moved === sequence) return;
    this.#sequences[place] = moved;
    this.#places.set(moved, place);
  }
}
