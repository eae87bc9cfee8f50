import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  BlockParts,
  EXTRA_TRANSACTION_BYTES_MAX,
  EXTRA_TRANSACTIONS_MAX,
} from "../../../lib/bitcoin/compact/block-parts.ts";
import type { IdTable } from "../../../lib/bitcoin/compact/id-table.ts";
import type { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { ListedPool, many, numbered } from "./listed-pool.ts";

const wtxidsOf = (transactions: readonly Transaction[]) => transactions.map(({ wtxid }) => toHex(wtxid)).sort();

/** What a table has: by its transactions, and by its words. */
function listed(table: IdTable): [string[], string[]] {
  const bytes = new Uint8Array(table.words.buffer);
  const places = Array.from({ length: table.size }, (_, i) => i);
  return [
    wtxidsOf(places.map((place) => table.at(place))),
    places.map((place) => toHex(bytes.subarray(32 * place, 32 * place + 32))).sort(),
  ];
}

describe("BlockParts", () => {
  test("has what the mempool has, before it began and after", () => {
    const transactions = many(400);
    const pool = new ListedPool().add(...transactions.slice(0, 150));
    const parts = new BlockParts(pool);
    assert.deepEqual(listed(parts.pool), [wtxidsOf(transactions.slice(0, 150)), wtxidsOf(transactions.slice(0, 150))]);
    pool.add(...transactions.slice(150));
    // From the middle, the first, the last, and two that took the place of others.
    const gone = [transactions[200]!, transactions[0]!, transactions[399]!, transactions[398]!, transactions[397]!];
    for (const transaction of gone) pool.remove(transaction, "block");
    const left = wtxidsOf(transactions.filter((each) => !gone.includes(each)));
    assert.deepEqual(listed(parts.pool), [left, left]);
    for (const transaction of transactions.filter((each) => !gone.includes(each))) pool.remove(transaction, "expiry");
    assert.equal(parts.pool.size, 0);
  });

  test("keeps the transactions that were replaced, and none that left for another reason", () => {
    const [replaced, ...others] = many(6);
    const pool = new ListedPool().add(replaced!, ...others);
    const parts = new BlockParts(pool);
    pool.remove(replaced!, "replaced");
    (["block", "conflict", "expiry", "sizelimit", "reorg"] as const).forEach((reason, i) =>
      pool.remove(others[i]!, reason)
    );
    assert.deepEqual(listed(parts.extra)[0], wtxidsOf([replaced!]));
  });

  test("keep() forgets the oldest when there are a hundred", () => {
    const parts = new BlockParts(new ListedPool());
    const transactions = many(EXTRA_TRANSACTIONS_MAX + 3);
    for (const transaction of transactions) parts.keep(transaction);
    const left = wtxidsOf(transactions.slice(3));
    assert.deepEqual(listed(parts.extra), [left, left]);
  });

  test("keep() takes no transaction of more than its share of bytes", () => {
    const parts = new BlockParts(new ListedPool());
    const overhead = numbered(1, { bytes: EXTRA_TRANSACTION_BYTES_MAX }).size - EXTRA_TRANSACTION_BYTES_MAX;
    parts.keep(numbered(1, { bytes: EXTRA_TRANSACTION_BYTES_MAX - overhead + 1 }));
    assert.equal(parts.extra.size, 0);
    parts.keep(numbered(1, { bytes: EXTRA_TRANSACTION_BYTES_MAX - overhead }));
    assert.equal(parts.extra.size, 1);
  });

  test("close() leaves no listener", () => {
    const pool = new ListedPool();
    const parts = new BlockParts(pool);
    assert.equal(pool.listeners, 1);
    parts.close();
    assert.equal(pool.listeners, 0);
  });
});
