import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { coinOf, idOf, PoolWorld, spend, wordOf } from "./pool-world.ts";

describe("TxMempool.accept()", () => {
  test("takes a P2WPKH transaction, tells of it, and a block that has it verifies no script", async () => {
    const world = await PoolWorld.open();
    const [coin] = world.coins;
    const heard: string[] = [];
    world.pool.listen({
      added: (entry) => void heard.push(`added ${idOf(entry)}`),
      removed: (entry, reason, row) => void heard.push(`${reason} ${idOf(entry)} ${row}`),
    });
    const transaction = spend([coin!], 1_000);
    const verdict = await world.accept(transaction);
    assert.equal(wordOf(verdict), "ok");
    assert.equal(world.pool.size, 1);
    const entry = world.pool.get(transaction.txid)!;
    assert.deepEqual(
      [entry.fee, entry.modifiedFee, entry.vsize, entry.height, entry.spendsCoinbase, entry.sigOpCost, entry.sequence],
      [1_000, 1_000, transaction.vsize, 110, true, 1, 1],
    );
    assert.equal(world.pool.getByWtxid(transaction.wtxid), entry);
    assert.equal(world.pool.spenderOf(transaction.inputs[0]!.prevout), entry);
    assert.equal(await world.says(transaction), "known");
    const before = world.ledger.chain.validator.counts!;
    await world.mine([transaction]);
    assert.deepEqual(world.ledger.chain.validator.counts, { ...before, cachedInputs: before.cachedInputs + 1 });
    assert.equal(world.pool.size, 0);
    assert.deepEqual(heard, [`added ${idOf(transaction)}`, `block ${idOf(transaction)} ${world.ledger.chain.tip}`]);
  });

  test("judges many at once as if one after the other: children, rivals, and what is bad among them", async () => {
    const world = await PoolWorld.open();
    const [a, b, c] = world.coins;
    const parent = spend([a!], 1_000);
    const child = spend([coinOf(parent)], 1_000);
    const rival = spend([a!], 500);
    const bad = spend([{ ...b!, value: b!.value - 1n }], 1_000);
    const orphan = spend([coinOf(spend([b!], 2_000))], 1_000);
    const last = spend([c!], 1_000);
    const all = [parent, child, rival, bad, orphan, last];
    const verdicts = await world.ledger.until(Promise.all(all.map((each) => world.pool.accept(each))));
    assert.deepEqual(verdicts.map(wordOf), [
      "ok",
      "ok",
      "insufficient fee",
      "mempool-script-verify-flag-failed (Signature must be zero for failed CHECK(MULTI)SIG operation)",
      "bad-txns-inputs-missingorspent",
      "ok",
    ]);
    assert.deepEqual(world.ids(), [parent, child, last].map(idOf).sort());
  });
});

describe("what is offered together", () => {
  test("does not depend on a parent that a block has already", async () => {
    const world = await PoolWorld.open();
    const parent = spend([world.takeCoin()], 1_000);
    await world.mine([parent]);
    const child = spend([coinOf(parent)], 1_000);
    const grandchild = spend([coinOf(child)], 1_000);
    const all = [parent, child, grandchild].map((each) => world.pool.accept(each));
    const verdicts = await world.ledger.until(Promise.all(all));
    assert.deepEqual(verdicts.map(wordOf), ["txn-already-known", "ok", "ok"]);
    assert.equal(verdicts[1]!.ok === true && verdicts[1]!.entry.spendsCoinbase, false);
  });

  test("is refused with the first of it that is", async () => {
    const world = await PoolWorld.open();
    const parent = spend([world.takeCoin()], 5);
    const child = spend([coinOf(parent)], 1_000);
    const grandchild = spend([coinOf(child)], 1_000);
    const all = [parent, child, grandchild].map((each) => world.pool.accept(each));
    assert.deepEqual((await world.ledger.until(Promise.all(all))).map(wordOf), [
      "min relay fee not met",
      "bad-txns-inputs-missingorspent",
      "bad-txns-inputs-missingorspent",
    ]);
  });

  test("needs every parent: one that is refused leaves the child of two without its inputs", async () => {
    const world = await PoolWorld.open();
    const [a, b, c] = [world.takeCoin(), world.takeCoin(), world.takeCoin()];
    const good = spend([a], 1_000);
    // Refused for its script, which is found out last, and for its fee, which is found out first.
    const bad = spend([{ ...b, value: b.value - 1n }], 1_000);
    const cheap = spend([c], 5);
    const children = [bad, cheap].map((each, i) => spend([coinOf(good), coinOf(each)], 1_000 + 500 * i));
    const all = [good, bad, cheap, ...children].map((each) => world.pool.accept(each));
    const verdicts = await world.ledger.until(Promise.all(all));
    const missing = "bad-txns-inputs-missingorspent";
    assert.deepEqual([0, 2, 3, 4].map((i) => wordOf(verdicts[i]!)), ["ok", "min relay fee not met", missing, missing]);
    assert.match(wordOf(verdicts[1]!), /^mempool-script-verify-flag-failed/);
    assert.deepEqual(world.ids(), [idOf(good)]);
  });

  test("may have more inputs than are looked up at once, and one of the last that is not there", async () => {
    const world = await PoolWorld.open();
    const root = spend([world.takeCoin()], 0, { count: 40 });
    await world.mine([root]);
    const coins = Array.from({ length: 40 }, (_, i) => coinOf(root, i));
    assert.equal(await world.wouldSay(spend(coins, 10_000)), "ok");
    assert.equal(
      await world.wouldSay(spend([...coins, { ...coins[0]!, vout: 77 }], 10_000)),
      "bad-txns-inputs-missingorspent",
    );
    assert.equal(
      await world.wouldSay(spend([{ ...coins[0]!, vout: 77 }, ...coins], 10_000)),
      "bad-txns-inputs-missingorspent",
    );
  });
});

describe("what is asked of the mempool", () => {
  test("relatives of a transaction, and some in the order in which they are mined", async () => {
    const world = await PoolWorld.open();
    const parent = spend([world.takeCoin()], 1_000);
    const child = spend([coinOf(parent)], 500);
    const grandchild = spend([coinOf(child)], 400);
    const other = spend([world.takeCoin()], 3_000);
    for (const each of [parent, child, grandchild, other]) assert.equal(await world.says(each), "ok");
    const { ancestors, descendants, chunk, cluster } = world.pool.relativesOf(child.txid)!;
    assert.deepEqual([ancestors.map(idOf), descendants.map(idOf)], [[idOf(parent)], [idOf(grandchild)]]);
    assert.deepEqual([chunk.entries.map(idOf), cluster.length], [[idOf(child)], 3]);
    const some = [grandchild.txid, new Uint8Array(32), other.txid, parent.txid];
    assert.deepEqual(world.pool.byMiningScore(some).map(idOf), [other, parent, grandchild].map(idOf));
    assert.equal(world.pool.relativesOf(new Uint8Array(32)), undefined);
  });

  test("is refused while the coins are not those of the tip", async () => {
    const world = await PoolWorld.open();
    const { chain } = world.ledger;
    const { headers, connected } = chain;
    const coins: typeof chain.coins = (outpoints) => chain.coins(outpoints);
    const busy = { row: connected } as unknown as NonNullable<typeof chain.validating>;
    const { activation } = chain.states;
    for (
      const part of [
        { validating: busy, states: chain.states },
        { validating: undefined, states: { coins: undefined, activation } },
      ]
    ) {
      const pool = world.anotherPool(new InlineWorkers(), {}, undefined, { headers, connected, coins, ...part });
      const transaction = spend([world.coins[0]!], 1_000);
      assert.equal(wordOf(await world.ledger.until(pool.accept(transaction))), "no-mempool");
      const { refusal, verdicts } = await world.ledger.until(pool.acceptPackage([transaction]));
      assert.deepEqual([refusal?.reason, verdicts.map((each) => wordOf(each!))], ["no-mempool", ["no-mempool"]]);
    }
  });
});
