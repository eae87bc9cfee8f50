/** What those are told who listen to single transactions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_CHANGES } from "../../../lib/bitcoin/chain/coins.ts";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import { TransactionEvents } from "../../../lib/bitcoin/transaction-events.ts";
import type { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { LiveEvents } from "../../../lib/core/events/live.ts";
import type { LiveNodeEvent } from "../../../lib/storage/events.ts";
import { coinOf, PoolWorld, spend } from "./pool-world.ts";

const id = ({ txid }: Transaction) => toDisplayHex(txid);

test("TransactionEvents numbers what comes and goes as Core's topic `sequence` does, and gives transactions whole", async () => {
  const world = await PoolWorld.open();
  const { pool, ledger: { chain, clock } } = world;
  const live = new LiveEvents<LiveNodeEvent>();
  const { headers } = chain;
  const network = { name: "regtest" };
  const events = new TransactionEvents({
    clock,
    network,
    headers,
    mempool: pool,
    live,
    initialBlockDownload: () => false,
  });
  const told: unknown[][] = [];
  const off = live.listen(
    ["bitcoin.mempool", "bitcoin.tx"],
    ({ topic, data: { event, hash, mempool_sequence, reason, ...tx } }) => {
      told.push(topic === "bitcoin.tx" ? [tx.in, tx.txid] : [event, hash, mempool_sequence, reason]);
    },
  );
  const [coin, other] = world.coins;
  const first = spend([coin!], 1_000, { sequence: 0xffff_fffd });
  const better = spend([coin!], 5_000, { sequence: 0xffff_fffd });
  const child = spend([coinOf(better)], 2_000);
  for (const transaction of [first, better, child]) assert.equal((await world.accept(transaction)).ok, true);
  const rival = spend([other!], 9_000);
  await world.mine([better, rival]);
  const row = chain.connected;
  const block = (await chain.blocks.read(row))!;
  events.connected({ row, block, changes: NO_CHANGES });
  events.disconnected({ row, block });
  assert.deepEqual(told, [
    ["added", id(first), 1, undefined],
    ["mempool", id(first)],
    ["removed", id(first), 2, "replaced"],
    ["added", id(better), 3, undefined],
    ["mempool", id(better)],
    ["added", id(child), 4, undefined],
    ["mempool", id(child)],
    ...block.transactions.map((each) => ["block", id(each)]),
    ["block_connected", toDisplayHex(block.hash), undefined, undefined],
    ...block.transactions.map((each) => ["block_left", id(each)]),
    ["block_disconnected", toDisplayHex(block.hash), undefined, undefined],
  ]);
  // What the mempool takes back from a block that is taken back is told with its number; that which the block took has one too.
  told.length = 0;
  await world.ledger.until(chain.orders.invalidate(row));
  await world.ledger.until(pool.settled());
  assert.deepEqual(told, [
    ["added", id(better), 6, undefined],
    ["mempool", id(better)],
    ["added", id(rival), 7, undefined],
    ["mempool", id(rival)],
  ]);
  assert.equal(pool.sequence, 8);
  assert.equal(pool.get(better.txid)?.sequence, 0, "peers are not told when it came");
  let hex: unknown;
  off();
  const offAgain = live.listen(["bitcoin.tx"], ({ data }) => void (hex = data.hex));
  const last = spend([coinOf(rival)], 1_000);
  await world.accept(last);
  assert.equal(hex, toHex(last.raw));
  offAgain();
  events.close();
  assert.ok(!live.wants("bitcoin.tx"));
});
