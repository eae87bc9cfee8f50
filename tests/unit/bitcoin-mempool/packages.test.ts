/** What is said of transactions that are judged together, with Core's reasons. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { PackageVerdict } from "../../../lib/bitcoin/mempool/mempool.ts";
import { poolScripts } from "../../../lib/bitcoin/mempool/script-job.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { KEYS } from "../../support/script-keys.ts";
import { coinOf, idOf, type KeyCoin, keyScript, PoolWorld, spend, wordOf } from "./pool-world.ts";

const NO_CHANGES = { created: [], spent: [] };
const P2WPKH = keyScript(KEYS[0]!);
const TRUC = { version: 3 };
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
const submit = (...transactions: readonly Transaction[]): Promise<PackageVerdict> =>
  world.ledger.until(world.pool.acceptPackage(transactions));
const submitBelow = (feeRateMax: number, ...transactions: readonly Transaction[]) =>
  world.ledger.until(world.pool.acceptPackage(transactions, undefined, { feeRateMax }));
const words = ({ refusal, verdicts }: PackageVerdict) => [
  refusal?.reason ?? "",
  ...verdicts.map((verdict) => (verdict === undefined ? "" : wordOf(verdict))),
];

describe("packages", () => {
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

  test("replace nothing when the child pays no better than its parent", async () => {
    const first = spend([coins[0]!], 8_000);
    await enter(first);
    const parent = spend([coins[0]!], 7_000);
    const [same, better] = [7_000, 9_001].map((fee) => spend([coinOf(parent)], fee));
    assert.equal(same!.vsize, parent.vsize);
    const verdict = await submit(parent, same!);
    assert.equal(
      verdict.refusal?.reason,
      "package RBF failed: package feerate is less than or equal to parent feerate",
    );
    const rate = "0.00063636 BTC/kvB";
    assert.equal(verdict.refusal?.detail, `package feerate ${rate} <= parent feerate is ${rate}`);
    assert.deepEqual(words(await submit(parent, better!)), ["", "ok", "ok"]);
    holds(parent, better!);
  });

  test("replace nothing when there are more than a parent and a child", async () => {
    const first = spend([coins[0]!], 8_000);
    await enter(first);
    const parent = spend([coins[0]!], 1_000, { count: 2 });
    const middle = spend([coinOf(parent)], 20_000);
    const child = spend([coinOf(parent, 1), coinOf(middle)], 50_000);
    assert.deepEqual(words(await submit(parent, middle, child)), [
      "package RBF failed: package must be 1-parent-1-child",
      "insufficient fee",
      "bad-txns-inputs-missingorspent",
      "bad-txns-inputs-missingorspent",
    ]);
    holds(first);
  });

  test("are not judged together when one of them will not do in any case", async () => {
    const mined = spend([coins[1]!], 1_000);
    await world.mine([mined]);
    const parent = spend([coins[0]!], 0, TRUC);
    const child = spend([coinOf(parent), coinOf(mined)], 5_000, TRUC);
    assert.deepEqual(words(await submit(parent, mined, child)), [
      "transaction failed",
      "min relay fee not met",
      "txn-already-known",
      "bad-txns-inputs-missingorspent",
    ]);
    holds();
    assert.deepEqual(words(await submit(parent, child)), ["", "ok", "ok"]);
  });

  test("fail with their child when that alone does not do", async () => {
    const parent = spend([coins[0]!], 1_000, TRUC);
    assert.deepEqual(words(await submit(parent, spend([coinOf(parent)], 10, TRUC))), [
      "transaction failed",
      "ok",
      "min relay fee not met",
    ]);
    const child = spend([coinOf(parent), { ...coins[1]!, vout: 7 }], 1_000, TRUC);
    assert.deepEqual(words(await submit(parent, child)), [
      "transaction failed",
      "known",
      "bad-txns-inputs-missingorspent",
    ]);
    holds(parent);
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

  test("are judged anew when a block comes while their scripts are verified", async () => {
    const parent = spend([coins[0]!], 0, TRUC);
    const child = spend([coinOf(parent)], 5_000, TRUC);
    let isFirst = true;
    const workers = new InlineWorkers(async (name) => {
      if (name !== poolScripts.name || !isFirst) return;
      isFirst = false;
      await world.mine([spend([coins[0]!], 1_000)]);
      pool.connected({ row: world.ledger.chain.connected, block: world.ledger.block(), changes: NO_CHANGES });
    });
    const pool = world.anotherPool(workers);
    assert.deepEqual(words(await world.ledger.until(pool.acceptPackage([parent, child]))), [
      "transaction failed",
      "bad-txns-inputs-missingorspent",
      "bad-txns-inputs-missingorspent",
    ]);
    assert.deepEqual([pool.size, isFirst], [0, false]);
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
    assert.deepEqual(words(await submitBelow(9_000, parent)), ["transaction failed", "max feerate exceeded"]);
    assert.deepEqual(words(await submitBelow(10_000, parent)), ["", "ok"]);
    // Of 110 virtual bytes each; what counts is what each pays by itself.
    const even = spend([coins[1]!], 1_100);
    assert.deepEqual(words(await submitBelow(9_999, even)), ["transaction failed", "max feerate exceeded"]);
    assert.deepEqual(words(await submitBelow(10_000, even)), ["", "ok"]);
    const free = spend([coins[2]!], 0, TRUC);
    const child = spend([coinOf(free)], 1_100, TRUC);
    assert.deepEqual(words(await submitBelow(9_999, free, child)), [
      "transaction failed",
      "min relay fee not met",
      "max feerate exceeded",
    ]);
    assert.deepEqual(words(await submitBelow(10_000, free, child)), ["", "ok", "ok"]);
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
    assert.deepEqual(await judge(child, parent), ["package-not-sorted", "", ""]);
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
    // One of what it spends is enough.
    const half = spend([coins[0]!, coins[3]!], 100_000);
    assert.deepEqual(await judge(half, spend([coinOf(half)], 1_000)), [
      "transaction failed",
      "bip125-replacement-disallowed",
      "",
    ]);
    holds(parent, truc);
    assert.equal(world.pool.relativesOf(child.txid), undefined);
  });

  test("holds each cluster to its size, though others are asked about as well", async () => {
    const chain = [spend([coins[0]!], 1_000)];
    while (chain.length < 64) chain.push(spend([coinOf(chain.at(-1)!)], 1_000));
    await enter(...chain);
    const [last, other] = [spend([coinOf(chain.at(-1)!)], 1_000), spend([coins[1]!], 1_000)];
    for (const pair of [[last, other], [other, last]]) {
      assert.equal((await world.ledger.until(world.pool.test(pair))).refusal?.reason, "too-large-cluster");
    }
  });

  test("holds transactions of version 3 to one parent and one child among themselves", async () => {
    const [parent, second] = [spend([coins[0]!], 1_000, { ...TRUC, count: 2 }), spend([coins[1]!], 1_000, TRUC)];
    const [child, sibling] = [0, 1].map((vout) => spend([coinOf(parent, vout)], 1_000, TRUC));
    const tell = async (...transactions: readonly Transaction[]) => {
      const { refusal } = await world.ledger.until(world.pool.test(transactions));
      return `${refusal?.reason}: ${refusal?.detail}`;
    };
    const both = spend([coinOf(parent), coinOf(second)], 1_000, TRUC);
    assert.match(await tell(parent, second, both), /^TRUC-violation: tx .* would have too many ancestors$/);
    assert.match(await tell(parent, child!, sibling!), /^TRUC-violation: tx .* would exceed descendant count limit$/);
    const grandchild = spend([coinOf(child!)], 1_000, TRUC);
    assert.match(await tell(parent, child!, grandchild), /^TRUC-violation: tx .* would have too many ancestors$/);
    assert.equal(await tell(parent, child!), "undefined: undefined");
    // One that is in the mempool counts as one in the package does.
    await enter(parent);
    assert.match(await tell(child!, sibling!), /^TRUC-violation: tx .* would exceed descendant count limit$/);
    assert.match(await tell(second, both), /^TRUC-violation: tx .* would have too many ancestors$/);
  });
});
