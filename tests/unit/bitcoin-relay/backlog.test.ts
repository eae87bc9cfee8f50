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
  test("take() gives 490 after a quiet time, and 14 a second on average then, the best first", () => {
    const { all, backlog } = scene(1_000);
    const best = all.toReversed();
    assert.deepEqual(taken(backlog, 0), names(best.slice(0, 490)));
    assert.equal(backlog.view.count, -70);
    // Five seconds until there is something again, and five seconds' worth goes with it.
    assert.deepEqual(taken(backlog, 5_000), []);
    assert.deepEqual(taken(backlog, 6_000), names(best.slice(490, 490 + 84)));
    let count = 84;
    for (let s = 7; s <= 36; s++) count += taken(backlog, s * 1_000).length;
    assert.equal(count, 36 * 14);
  });

  test("take() goes faster by the factor for peers that we dialled", () => {
    const { backlog } = scene(2_000, { factor: 2.5 });
    assert.equal(taken(backlog, 0).length, 490);
    assert.equal(taken(backlog, 10_000).length, 350);
  });

  test("take() bounds the bytes as well", () => {
    const { backlog } = scene(300, { scriptBytes: 60_000 });
    const first = backlog.take(0);
    const bytes = first.reduce((sum, { transaction: { size } }) => sum + size, 0);
    assert.ok(bytes >= 12_050_000 && bytes < 12_150_000, `${bytes}`);
    assert.deepEqual(taken(backlog, 2_000), []);
    // 20 kB a second: what was overdrawn first, then one that overdraws it again.
    const [next, ...more] = backlog.take(4_000);
    assert.ok(next !== undefined && more.length <= 1);
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
