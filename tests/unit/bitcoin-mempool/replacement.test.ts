/** What may take the place of what, alone and as a package, with Core's reasons. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { toDisplayHex } from "../../../lib/bitcoin/hash.ts";
import type { PackageVerdict } from "../../../lib/bitcoin/mempool/mempool.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { KEYS } from "../../support/script-keys.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { coinOf, idOf, type KeyCoin, keyScript, PoolWorld, spend, wordOf } from "./pool-world.ts";

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

describe("packages", () => {
  const submit = (...transactions: readonly Transaction[]): Promise<PackageVerdict> =>
    world.ledger.until(world.pool.acceptPackage(transactions));
  const words = ({ refusal, verdicts }: PackageVerdict) => [
    refusal?.reason ?? "",
    ...verdicts.map((verdict) => (verdict === undefined ? "" : wordOf(verdict))),
  ];
  const TRUC = { version: 3 };

  test("that are none are refused as a whole", async () => {
    const parent = spend([coins[0]!], 1_000, { count: 3 });
    const child = spend([coinOf(parent)], 1_000);
    const grandchild = spend([coinOf(child)], 1_000);
    const many = Array.from({ length: 26 }, (_, i) => spend([coins[0]!], 1_000 + i));
    assert.deepEqual(words(await submit(child, parent)), ["package-not-sorted", "", ""]);
    assert.deepEqual(words(await submit(parent, parent)), ["package-contains-duplicates", "", ""]);
    assert.deepEqual(words(await submit(parent, spend([coins[0]!], 2_000))), ["conflict-in-package", "", ""]);
    assert.equal(words(await submit(...many))[0], "package-too-many-transactions");
    assert.deepEqual(words(await submit(parent, child, grandchild)), ["package-not-child-with-parents", "", "", ""]);
    assert.deepEqual(words(await submit(parent, spend([coins[1]!], 1_000))), [
      "package-not-child-with-parents",
      "",
      "",
    ]);
    holds();
  });

  test("may have a parent that pays nothing when their child pays for both", async () => {
    const parent = spend([coins[0]!], 0, TRUC);
    const poor = spend([coinOf(parent)], 10, TRUC);
    assert.deepEqual(words(await submit(parent, poor)), [
      "transaction failed",
      "min relay fee not met",
      "min relay fee not met",
    ]);
    const child = spend([coinOf(parent)], 1_000, TRUC);
    assert.equal(await world.says(parent), "min relay fee not met");
    const verdict = await submit(parent, child);
    assert.deepEqual(words(verdict), ["", "ok", "ok"]);
    const together = Math.floor(1_000_000 / (parent.vsize + child.vsize));
    for (const each of verdict.verdicts) {
      assert.equal(each?.ok === true && each.effectiveFeeRate, together);
      assert.deepEqual(each?.ok === true && each.effectiveIncludes, [parent.wtxid, child.wtxid]);
    }
    holds(parent, child);
    assert.deepEqual(words(await submit(parent, child)), ["", "known", "known"]);
  });

  test("of other versions need what each pays above the relay minimum", async () => {
    const parent = spend([coins[0]!], 0);
    const child = spend([coinOf(parent)], 10_000);
    assert.deepEqual(words(await submit(parent, child)), [
      "transaction failed",
      "min relay fee not met",
      "bad-txns-inputs-missingorspent",
    ]);
  });

  test("keep what is good of them: parents that stand by themselves enter", async () => {
    const [good, bad] = [spend([coins[0]!], 1_000), spend([coins[1]!], 1_000, { version: 9 })];
    const child = spend([coinOf(good), coinOf(bad)], 1_000);
    assert.deepEqual(words(await submit(good, bad, child)), [
      "transaction failed",
      "ok",
      "version",
      "bad-txns-inputs-missingorspent",
    ]);
    holds(good);
  });

  test("replace with a parent and a child what conflicts with either", async () => {
    const first = spend([coins[0]!], 5_000, TRUC);
    await enter(first);
    const parent = spend([coins[0]!], 1_000, TRUC);
    const poor = spend([coinOf(parent)], 4_000, TRUC);
    assert.deepEqual(words(await submit(parent, poor)), [
      "package RBF failed: insufficient anti-DoS fees",
      "insufficient fee",
      "bad-txns-inputs-missingorspent",
    ]);
    const child = spend([coinOf(parent)], 9_000, TRUC);
    const verdict = await submit(parent, child);
    assert.deepEqual(words(verdict), ["", "ok", "ok"]);
    holds(parent, child);
    const [entered] = verdict.verdicts;
    assert.deepEqual(entered?.ok === true && entered.replaced.map(idOf), [idOf(first)]);
  });

  test("replace nothing when they have parents in the mempool, or the parent pays more than both", async () => {
    const [first, root] = [spend([coins[0]!], 8_000), spend([coins[1]!], 1_000)];
    await enter(first, root);
    const parent = spend([coins[0]!], 7_000);
    const child = spend([coinOf(parent), coinOf(root)], 50_000);
    assert.deepEqual(words(await submit(parent, child)), [
      "package RBF failed: new transaction cannot have mempool ancestors",
      "insufficient fee",
      "bad-txns-inputs-missingorspent",
    ]);
    const rich = spend([coins[0]!], 7_900);
    const meagre = spend([coinOf(rich)], 500);
    assert.equal(
      words(await submit(rich, meagre))[0],
      "package RBF failed: package feerate is less than or equal to parent feerate",
    );
    holds(first, root);
  });

  test("keep to version 3 among themselves", async () => {
    const parent = spend([coins[0]!], 0, { ...TRUC, count: 2 });
    const plain = spend([coinOf(parent)], 10_000);
    const verdict = await submit(parent, plain);
    assert.equal(words(verdict)[0], "TRUC-violation");
    assert.match(verdict.refusal!.detail, /^non-version=3 tx .* cannot spend from version=3 tx /);
    const large = spend([coinOf(parent)], 50_000, { ...TRUC, count: 40 });
    assert.match((await submit(parent, large)).refusal!.detail, /^version=3 child tx .* is too big/);
    holds();
  });

  test("may make dust that their child spends", async () => {
    const made = (count: number) =>
      spend([coins[0]!], 0, {
        ...TRUC,
        outputs: [
          { value: coins[0]!.value - BigInt(count), scriptPubKey: P2WPKH },
          { value: BigInt(count), scriptPubKey: P2WPKH },
        ],
      });
    const parent = made(100);
    const leaving = spend([coinOf(parent, 0)], 5_000, TRUC);
    const refused = await submit(parent, leaving);
    assert.deepEqual(words(refused), ["unspent-dust", "min relay fee not met", "missing-ephemeral-spends"]);
    const sweeping = spend([coinOf(parent, 0), coinOf(parent, 1)], 5_000, TRUC);
    assert.deepEqual(words(await submit(parent, sweeping)), ["", "ok", "ok"]);
    // Another child may take the sweeping one's place, and has to sweep as well.
    assert.equal(await world.wouldSay(spend([coinOf(parent, 0)], 50_000, TRUC)), "missing-ephemeral-spends");
    assert.equal(await world.wouldSay(spend([coinOf(parent, 0), coinOf(parent, 1)], 50_000, TRUC)), "ok");
  });

  test("may leave dust where unusual forms are taken", async () => {
    const lax = world.anotherPool(new InlineWorkers(), { requiresStandard: false });
    const parent = spend([coins[0]!], 0, {
      ...TRUC,
      outputs: [{ value: coins[0]!.value - 100n, scriptPubKey: P2WPKH }, { value: 100n, scriptPubKey: P2WPKH }],
    });
    const leaving = spend([coinOf(parent, 0)], 5_000, TRUC);
    assert.deepEqual(words(await world.ledger.until(lax.acceptPackage([parent, leaving]))), ["", "ok", "ok"]);
  });

  test("fail with the error for which nobody can say", async () => {
    const workers = new InlineWorkers(() => Promise.reject(new NodeError("JOB_LOST", "self", "the thread died")));
    const broken = world.anotherPool(workers);
    const parent = spend([coins[0]!], 1_000);
    const child = spend([coinOf(parent)], 1_000);
    await assert.rejects(world.ledger.until(broken.acceptPackage([parent, child])), { code: "JOB_LOST" });
    await assert.rejects(world.ledger.until(broken.test([parent, child])), { code: "JOB_LOST" });
    assert.equal(broken.size, 0);
  });

  test("are refused for scripts of either", async () => {
    const parent = spend([coins[0]!], 0, TRUC);
    const coin = coinOf(parent);
    const child = spend([{ ...coin, value: coin.value - 1n }], 5_000, TRUC);
    const [whole, first, second] = words(await submit(parent, child));
    assert.deepEqual([whole, first], ["transaction failed", "min relay fee not met"]);
    assert.match(second!, /^mempool-script-verify-flag-failed/);
    holds();
  });

  test("are refused for a fee that is higher than meant", async () => {
    const parent = spend([coins[0]!], 1_000);
    const submitBelow = (feeRateMax: number) =>
      world.ledger.until(world.pool.acceptPackage([parent], undefined, { feeRateMax }));
    assert.deepEqual(words(await submitBelow(9_000)), ["transaction failed", "max feerate exceeded"]);
    assert.deepEqual(words(await submitBelow(10_000)), ["", "ok"]);
  });
});

describe("TxMempool.test()", () => {
  test("judges several as if each were there for the next, replaces nothing, and takes none", async () => {
    const parent = spend([coins[0]!], 1_000);
    const child = spend([coinOf(parent)], 1_000);
    const judge = async (...transactions: readonly Transaction[]) => {
      const { refusal, verdicts } = await world.ledger.until(world.pool.test(transactions));
      return [refusal?.reason ?? "", ...verdicts.map((verdict) => (verdict === undefined ? "" : wordOf(verdict)))];
    };
    assert.deepEqual(await judge(parent, child), ["", "ok", "ok"]);
    holds();
    assert.deepEqual(await judge(child), ["", "bad-txns-inputs-missingorspent"]);
    await enter(parent);
    const rival = spend([coins[0]!], 100_000);
    assert.deepEqual(await judge(rival), ["", "ok"]);
    const truc = spend([coins[1]!], 1_000, { version: 3 });
    await enter(truc);
    const heir = spend([coinOf(truc)], 1_000, { version: 3 });
    assert.deepEqual(await judge(heir, spend([coins[2]!], 1_000)), ["", "ok", "ok"]);
    assert.deepEqual(await judge(rival, spend([coinOf(rival)], 1_000)), [
      "transaction failed",
      "bip125-replacement-disallowed",
      "",
    ]);
    holds(parent, truc);
    assert.equal(world.pool.relativesOf(child.txid), undefined);
  });
});
