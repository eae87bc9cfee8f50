/** A mempool that is a list: it judges nothing, and tells what it is told to. */
import type { Mempool, MempoolEntry, MempoolListener, RemovalReason } from "../../../lib/bitcoin/mempool/mempool.ts";
import { Transaction } from "../../../lib/bitcoin/types/mod.ts";

/** The list. */
export class ListedPool implements Pick<Mempool, "entries" | "listen"> {
  readonly #entries = new Map<number, MempoolEntry>();
  readonly #listeners = new Set<MempoolListener>();
  #sequence = 0;

  get listeners(): number {
    return this.#listeners.size;
  }

  entries(): Iterable<MempoolEntry> {
    return this.#entries.values();
  }

  listen(listener: MempoolListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  add(...transactions: readonly Transaction[]): this {
    for (const transaction of transactions) {
      const fee = 1_000;
      const { vsize, weight } = transaction;
      const more = { sigOpCost: 0, time: 0, height: 0, spendsCoinbase: false };
      const entry = { transaction, sequence: ++this.#sequence, fee, modifiedFee: fee, vsize, weight, ...more };
      this.#entries.set(entry.sequence, entry);
      for (const listener of this.#listeners) listener.added?.(entry, entry.sequence);
    }
    return this;
  }

  remove(transaction: Transaction, reason: RemovalReason): void {
    const entry = [...this.#entries.values()].find((each) => each.transaction === transaction)!;
    this.#entries.delete(entry.sequence);
    for (const listener of this.#listeners) listener.removed?.(entry, reason, undefined, ++this.#sequence);
  }
}

/** A transaction that no other number has; it spends what nobody made. `bytes` of a script make it larger. */
export function numbered(n: number, { bytes = 4, witness = [] as readonly Uint8Array[] } = {}): Transaction {
  const txid = new Uint8Array(32).fill(7);
  const scriptSig = new Uint8Array(bytes);
  new DataView(txid.buffer).setUint32(0, n, true);
  return Transaction.of({
    version: 2,
    inputs: [{ prevout: { txid, vout: 0 }, scriptSig, sequence: 0, witness }],
    outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime: 0,
  });
}

/** Transactions with the numbers from `first` on. */
export function many(count: number, first = 0): Transaction[] {
  return Array.from({ length: count }, (_, i) => numbered(first + i));
}

/** A transaction that spends the first output of another. */
export function spending({ txid }: Transaction): Transaction {
  return Transaction.of({
    version: 2,
    inputs: [{ prevout: { txid, vout: 0 }, scriptSig: new Uint8Array(4), sequence: 0, witness: [] }],
    outputs: [{ value: 1n, scriptPubKey: Uint8Array.of(0x51) }],
    lockTime: 0,
  });
}
