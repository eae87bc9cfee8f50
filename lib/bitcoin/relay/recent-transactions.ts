/**
 * The transactions of the newest block, by either id: a peer that has not seen the block yet may still ask for what it was
 * told of before.
 *
 * @see Bitcoin Core `net_processing.cpp` m_most_recent_block_txs
 * @module
 */
import { toHex } from "../../codec/hex.ts";
import type { Transaction } from "../types/transaction.ts";

/** Those of one block; the bytes of the block are kept with them. */
export class RecentTransactions {
  #transactions: readonly Transaction[] = [];
  #byId: ReadonlyMap<string, Transaction> | undefined;

  /** Another block is the newest. */
  set(transactions: readonly Transaction[]): void {
    this.#transactions = transactions;
    this.#byId = undefined;
  }

  /** The transaction of an id. */
  find(id: Uint8Array): Transaction | undefined {
    // Made when somebody asks first: most blocks are never asked for in this way.
    this.#byId ??= new Map(this.#transactions.flatMap((each) => {
      return [[toHex(each.txid), each], [toHex(each.wtxid), each]] as const;
    }));
    return this.#byId.get(toHex(id));
  }
}
