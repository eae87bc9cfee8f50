import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Backlog } from "../../../lib/bitcoin/relay/backlog.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { PretendMempool } from "./pretend.ts";
import { transaction } from "./transactions.ts";

function scene(count: number, { factor = 1, scriptBytes = 1 } = {}) {
  const mempool = new PretendMempool();
  const all = Array.from({ length: count }, () => transaction({ scriptBytes }));
  all.forEach((each, i) => mempool.pays(each, 1_000 + i));
  const backlog = new Backlog(mempool, factor, 0);
  for (const each of all) {
    mempool.add(each);
    backlog.add(each.txid);
  }
  return { mempool, all, backlog };
}

const names = (all: readonly Transaction[]) => all.map(({ lockTime }) => lockTime);
const taken = (backlog: Backlog, now: number) => names(backlog.take(now).map((each) => each.transaction));

describe("Backlog", () => {
  test("take() gives 420 after a quiet time and 14 a second then, the best first", () => {
    const { all, backlog } = scene(1_000);
    const best = all.toReversed();
    assert.deepEqual(taken(backlog, 0), names(best.slice(0, 420)));
    assert.equal(backlog.view.count, 0);
    assert.deepEqual(taken(backlog, 0), []);
    // Once there is something, 5 seconds' worth goes with it.
    assert.equal(taken(backlog, 1_000).length, 14);
    let count = 0;
    for (let s = 2; s <= 31; s++) count += taken(backlog, s * 1_000).length;
    assert.equal(count, 30 * 14);
  });

  test("take() goes faster by the factor for peers that we dialled", () => {
    const { backlog } = scene(2_000, { factor: 2.5 });
    assert.equal(taken(backlog, 0).length, 420);
    assert.equal(taken(backlog, 10_000).length, 350);
  });

  test("take() bounds the bytes as well", () => {
    const { backlog } = scene(300, { scriptBytes: 60_000 });
    const first = backlog.take(0);
    const bytes = first.reduce((sum, { transaction: { size } }) => sum + size, 0);
    assert.ok(bytes >= 12_000_000 && bytes < 12_100_000, `${bytes}`);
    assert.deepEqual(taken(backlog, 0), []);
    // 20 kB a second: three seconds for one.
    assert.ok(taken(backlog, 4_000).length <= 2);
  });

  test("take() passes over what has left the mempool", () => {
    const { mempool, all, backlog } = scene(3);
    mempool.remove(all[1]!);
    backlog.drop(all[1]!.txid);
    assert.equal(backlog.size, 2);
    assert.deepEqual(taken(backlog, 0), names([all[2]!, all[0]!]));
    assert.deepEqual(backlog.view, { waiting: 0, count: 418, bytes: 12_000_000 - all[0]!.size - all[2]!.size });
  });
});
