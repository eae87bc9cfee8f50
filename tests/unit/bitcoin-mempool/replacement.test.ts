/** What may take the place of what, with Core's reasons. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { KEYS } from "../../support/script-keys.ts";
import { coinOf, idOf, type KeyCoin, keyScript, PoolWorld, spend } from "./pool-world.ts";

const P2WPKH = keyScript(KEYS[0]!);
let world: PoolWorld;
let coins: KeyCoin[];

beforeEach(async () => {
  world = await PoolWorld.open({ blocks: 112 });
  coins = world.coins.slice(0, 12);
});

async function enter(...transactions: readonly Transaction[]): Promise<void> {
  for (const transaction of transactions) assert.equal(await world.says(transaction), "ok");
}

const holds = (...transactions: readonly Transaction[]) => assert.deepEqual(world.ids(), transactions.map(idOf).sort());

describe("a replacement", () => {
  test("pays at least what it replaces, and its own bytes at the incremental rate", async () => {
    const first = spend([coins[0]!], 1_000);
    const child = spend([coinOf(first)], 2_000);
    await enter(first, child);
    const [result, reason, detail] = await world.wouldTell(spend([coins[0]!], 2_999));
    assert.deepEqual([result, reason], ["reconsiderable", "insufficient fee"]);
    assert.match(
      detail,
      /^rejecting replacement [0-9a-f]{64}, less fees than conflicting txs; 0\.00002999 < 0\.00003$/,
    );
    assert.match(
      (await world.wouldTell(spend([coins[0]!], 3_000)))[2],
      /, not enough additional fees to relay; 0\.00 < 0\.00000011$/,
    );
    assert.match(
      (await world.wouldTell(spend([coins[0]!], 3_010)))[2],
      /, not enough additional fees to relay; 0\.0000001 < 0\.00000011$/,
    );
    const second = spend([coins[0]!], 3_011);
    const verdict = await world.accept(second);
    assert.equal(verdict.ok, true);
    assert.deepEqual(verdict.ok === true && verdict.replaced.map(idOf).sort(), [first, child].map(idOf).sort());
    holds(second);
  });

  test("has to make the mempool better for miners, and not only to pay more", async () => {
    const first = spend([coins[0]!], 10_000);
    await enter(first);
    const wide = spend([coins[0]!, ...coins.slice(1, 12)], 20_000, { count: 200 });
    assert.deepEqual(await world.wouldTell(wide), [
      "reconsiderable",
      "replacement-failed",
      "insufficient feerate: does not improve feerate diagram",
    ]);
    assert.equal(await world.says(spend([coins[0]!, ...coins.slice(1, 12)], 1_000_000, { count: 200 })), "ok");
  });

  test("counts with the parents that it has in the mempool", async () => {
    const first = spend([coins[0]!], 5_000);
    const poor = spend([coins[1]!], 1_000, { count: 160 });
    await enter(first, poor);
    // By itself it pays better than what it replaces; its parent has to come with it.
    assert.equal(await world.wouldSay(spend([coins[0]!, coinOf(poor)], 10_000)), "replacement-failed");
    assert.equal(await world.wouldSay(spend([coins[0]!, coins[2]!], 10_000)), "ok");
  });

  test("counts with what it leaves of others: a parent whose child is gone is worth less", async () => {
    const poor = spend([coins[1]!], 1_000, { count: 160 });
    const child = spend([coins[0]!, coinOf(poor)], 10_000);
    await enter(poor, child, spend([coinOf(poor, 1)], 100));
    assert.equal(await world.wouldSay(spend([coins[0]!], 12_000, { count: 320 })), "replacement-failed");
    // What the parent pays is still there.
    assert.equal(await world.wouldSay(spend([coins[0]!], 10_100)), "ok");
  });

  test("needs no signal, and may spend new outputs that are not confirmed", async () => {
    const other = spend([coins[1]!], 5_000);
    const first = spend([coins[0]!], 1_000);
    await enter(other, first);
    const second = spend([coins[0]!, coinOf(other)], 5_000);
    await enter(second);
    holds(other, second);
  });

  test("may not spend what it replaces", async () => {
    const first = spend([coins[0]!], 1_000);
    await enter(first);
    const paradox = spend([coins[0]!, coinOf(first)], 50_000);
    const [result, reason, detail] = await world.wouldTell(paradox);
    assert.deepEqual([result, reason], ["consensus", "bad-txns-spends-conflicting-tx"]);
    const [own, other] = [paradox, first].map(({ txid }) => toDisplayHex(txid));
    assert.equal(detail, `${own} spends conflicting transaction ${other}`);
    // One that pays too little for it is told that first.
    const poor = spend([coins[0]!, coinOf(first)], 1_000);
    assert.deepEqual((await world.wouldTell(poor)).slice(0, 2), ["reconsiderable", "insufficient fee"]);
  });

  test("touches at most 100 clusters", async () => {
    const root = spend([coins[0]!], 1_000, { count: 101 });
    await world.mine([root]);
    const rivals = Array.from({ length: 101 }, (_, i) => spend([coinOf(root, i)], 200));
    await enter(...rivals);
    const all = (count: number) => spend(Array.from({ length: count }, (_, i) => coinOf(root, i)), 2_000_000);
    const [result, reason, detail] = await world.wouldTell(all(101));
    assert.deepEqual([result, reason], ["mempool_policy", "too many potential replacements"]);
    assert.match(detail, /; too many conflicting clusters \(101 > 100\)$/);
    assert.equal(await world.says(all(100)), "ok");
    assert.equal(world.pool.size, 2);
  });

  test("counts what prioritisetransaction added, on both sides", async () => {
    const first = spend([coins[0]!], 1_000);
    await enter(first);
    world.pool.prioritise(first.txid, 5_000);
    const second = spend([coins[0]!], 3_000);
    assert.equal(await world.wouldSay(second), "insufficient fee");
    world.pool.prioritise(second.txid, 4_000);
    await enter(second);
    assert.deepEqual([...world.pool.entries()].map(({ fee, modifiedFee }) => [fee, modifiedFee]), [[3_000, 7_000]]);
    // What counts as less than nothing is too little where a mempool that is not full asks for the relay minimum.
    const truc = spend([coins[1]!], 1_000, { version: 3 });
    world.pool.prioritise(truc.txid, -2_000);
    assert.deepEqual(await world.wouldTell(truc), ["reconsiderable", "min relay fee not met", "-1000 < 11"]);
  });
});

describe("clusters", () => {
  test("have at most 64 transactions, however they hang together", async () => {
    const chain = [spend([coins[0]!], 1_000)];
    while (chain.length < 64) chain.push(spend([coinOf(chain.at(-1)!)], 1_000));
    const other = spend([coins[1]!], 1_000);
    await enter(...chain, other);
    const last = chain.at(-1)!;
    assert.deepEqual(await world.wouldTell(spend([coinOf(last)], 1_000)), ["mempool_policy", "too-large-cluster", ""]);
    assert.equal(await world.wouldSay(spend([coinOf(last), coinOf(other)], 1_000)), "too-large-cluster");
    // What takes the place of one of them is no more than there were.
    const instead = spend([coinOf(chain[62]!)], 5_000);
    await enter(instead);
    assert.equal(world.pool.size, 65);
  });

  test("that would be too large are told of before what a replacement would not improve", async () => {
    const chain = [spend([coins[0]!], 1_000)];
    while (chain.length < 64) chain.push(spend([coinOf(chain.at(-1)!)], 1_000));
    const rival = spend([coins[1]!], 10_000);
    await enter(...chain, rival);
    const wide = spend([coins[1]!, coinOf(chain.at(-1)!)], 20_000, { count: 100 });
    assert.equal(await world.wouldSay(wide), "too-large-cluster");
    // What it leaves of another cluster is small enough; its own is not.
    const root = spend([coins[10]!], 1_000);
    const child = spend([coinOf(root), coins[11]!], 1_000);
    await enter(root, child);
    assert.equal(await world.wouldSay(spend([coins[11]!, coinOf(chain.at(-1)!)], 50_000)), "too-large-cluster");
    assert.equal(
      await world.wouldSay(spend([coins[1]!, ...coins.slice(2, 10)], 20_000, { count: 100 })),
      "replacement-failed",
    );
  });

  test("have at most 101,000 virtual bytes", async () => {
    const data = (bytes: number) => {
      const script = new Uint8Array(bytes);
      script[0] = 0x6a;
      return script;
    };
    const heavy = (coin: KeyCoin, bytes: number) =>
      spend([coin], 0, {
        outputs: [
          { value: 0n, scriptPubKey: data(bytes) },
          { value: coin.value - 60_000n, scriptPubKey: P2WPKH },
        ],
      });
    const first = heavy(coins[0]!, 60_000);
    await enter(first);
    const coin = coinOf(first, 1);
    const left = 101_000 - first.vsize - (heavy(coin, 30_000).vsize - 30_000);
    assert.equal(await world.wouldSay(heavy(coin, left + 1)), "too-large-cluster");
    assert.equal(await world.wouldSay(heavy(coin, left - 1)), "ok");
    // To the unit, and not counting a cluster that it replaces something of.
    const rival = spend([coins[1]!], 1_000);
    await enter(rival);
    const beside = (weight: number) => {
      const made = (bytes: number, fee: number) =>
        spend([coin, coins[1]!], 0, {
          outputs: [
            { value: 0n, scriptPubKey: data(bytes) },
            { value: coin.value - BigInt(fee), scriptPubKey: P2WPKH },
          ],
        });
      const bytes = 30_000 + Math.floor((weight - made(30_000, 90_000).weight) / 4);
      for (let fee = 90_000;; fee++) {
        for (const each of [bytes - 1, bytes, bytes + 1]) if (made(each, fee).weight === weight) return made(each, fee);
      }
    };
    const most = 4 * 101_000 - first.weight;
    assert.equal(await world.wouldSay(beside(most)), "ok");
    assert.equal(await world.wouldSay(beside(most + 1)), "too-large-cluster");
  });
});

describe("transactions of version 3", () => {
  const v3 = { version: 3 };

  test("do not mix with others", async () => {
    const [plain, truc] = [spend([coins[0]!], 1_000), spend([coins[1]!], 1_000, v3)];
    await enter(plain, truc);
    const names = (a: Transaction, b: Transaction) =>
      [a, b].map(({ txid, wtxid }) => `${toDisplayHex(txid)} (wtxid=${toDisplayHex(wtxid)})`);
    const child = spend([coinOf(plain)], 1_000, v3);
    let [own, parent] = names(child, plain);
    assert.deepEqual(await world.wouldTell(child), [
      "mempool_policy",
      "TRUC-violation",
      `version=3 tx ${own} cannot spend from non-version=3 tx ${parent}`,
    ]);
    const other = spend([coinOf(truc)], 1_000);
    [own, parent] = names(other, truc);
    assert.deepEqual(await world.wouldTell(other), [
      "mempool_policy",
      "TRUC-violation",
      `non-version=3 tx ${own} cannot spend from version=3 tx ${parent}`,
    ]);
    assert.equal(await world.wouldSay(spend([coinOf(truc)], 1_000, v3)), "ok");
  });

  test("have one parent and one child, and few bytes", async () => {
    const parents = [spend([coins[0]!], 1_000, v3), spend([coins[1]!], 1_000, v3)];
    await enter(...parents);
    const detail = async (transaction: Transaction) => (await world.wouldTell(transaction)).slice(1).join(": ");
    assert.match(
      await detail(spend(parents.map((each) => coinOf(each)), 1_000, v3)),
      /^TRUC-violation: tx .* would have too many ancestors$/,
    );
    const large = { ...v3, count: 40 };
    assert.match(
      await detail(spend([coinOf(parents[0]!)], 50_000, large)),
      /^TRUC-violation: version=3 child tx .* is too big: \d+ > 1000 virtual bytes$/,
    );
    assert.match(
      await detail(spend([coins[2]!], 50_000, { ...v3, count: 400 })),
      /^TRUC-violation: version=3 tx .* is too big: \d+ > 10000 virtual bytes$/,
    );
    const child = spend([coinOf(parents[0]!)], 1_000, v3);
    await enter(child);
    assert.match(await detail(spend([coinOf(child)], 1_000, v3)), /would have too many ancestors$/);
  });

  test("let a second child take the place of the first, if it pays for that", async () => {
    const parent = spend([coins[0]!], 1_000, { ...v3, count: 2 });
    const child = spend([coinOf(parent, 0)], 1_000, v3);
    await enter(parent, child);
    const cheap = spend([coinOf(parent, 1)], 1_000, v3);
    assert.deepEqual((await world.wouldTell(cheap)).slice(0, 2), [
      "reconsiderable",
      "insufficient fee (including sibling eviction)",
    ]);
    const sibling = spend([coinOf(parent, 1)], 5_000, v3);
    await enter(sibling);
    holds(parent, sibling);
  });
});
