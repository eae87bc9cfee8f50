/** What becomes of the mempool when the chain moves. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TxMempool } from "../../../lib/bitcoin/mempool/mod.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { InlineWorkers } from "../../../lib/core/work/inline-workers.ts";
import { coinOf, idOf, input, PoolWorld, spend } from "./pool-world.ts";

/** Adds blocks on a branch of their own, until the tip is theirs; the first has the transactions. */
async function overtake(
  world: PoolWorld,
  parent: Block,
  count: number,
  transactions: readonly Transaction[] = [],
): Promise<void> {
  let above = parent;
  for (let i = 0; i < count; i++) {
    const block = world.ledger.block(i === 0 ? transactions : [], { parent: above, salt: 7 });
    assert.equal(await world.ledger.add(block), "ok");
    above = block;
  }
  assert.equal(world.ledger.chain.tip, world.ledger.chain.headers.find(above.hash));
}

/** A block that pays nobody who matters, on the tip. */
async function mined(world: PoolWorld, transactions: readonly Transaction[] = []): Promise<Block> {
  const block = world.ledger.block(transactions);
  assert.equal(await world.ledger.add(block), "ok");
  return block;
}

function listening(world: PoolWorld): string[] {
  const heard: string[] = [];
  world.pool.listen({
    added: (entry) => void heard.push(`added ${idOf(entry)}`),
    removed: (entry, reason) => void heard.push(`${reason} ${idOf(entry)}`),
  });
  return heard;
}

describe("a block that is connected", () => {
  test("takes out what it has, what conflicts with it, and what that leaves without inputs", async () => {
    const world = await PoolWorld.open();
    const [a, b, c] = [world.takeCoin(), world.takeCoin(), world.takeCoin()];
    const [parent, rival, other] = [spend([a], 1_000), spend([b], 1_000), spend([c], 1_000)];
    const child = spend([coinOf(parent)], 1_000);
    const lost = spend([coinOf(rival)], 1_000);
    for (const each of [parent, child, rival, lost, other]) assert.equal(await world.says(each), "ok");
    const heard = listening(world);
    const instead = spend([b], 5_000);
    await mined(world, [parent, instead, spend([coinOf(instead)], 1_000)]);
    assert.deepEqual(world.ids(), [child, other].map(idOf).sort());
    assert.deepEqual(heard, [
      `block ${idOf(parent)}`,
      `conflict ${idOf(rival)}`,
      `conflict ${idOf(lost)}`,
    ]);
    // The child's parent is confirmed now: it stands by itself.
    await mined(world, [child]);
    assert.deepEqual(world.ids(), [idOf(other)]);
  });

  test("ends what was added to the fee of its transactions", async () => {
    const world = await PoolWorld.open();
    const transaction = spend([world.takeCoin()], 1_000);
    world.pool.prioritise(transaction.txid, 500);
    assert.equal(await world.says(transaction), "ok");
    assert.equal(world.pool.get(transaction.txid)?.modifiedFee, 1_500);
    await mined(world, [transaction]);
    assert.equal(world.pool.deltas.size, 0);
    const unseen = spend([world.takeCoin()], 1_000);
    world.pool.prioritise(unseen.txid, 500);
    await mined(world, [unseen]);
    assert.equal(world.pool.deltas.size, 0, "of one that only the block had as well");
  });
});

describe("a block that the mempool cannot follow", () => {
  test("is no matter when it is of the chain behind a snapshot", async () => {
    const world = await PoolWorld.open();
    const transaction = spend([world.takeCoin()], 1_000);
    assert.equal(await world.says(transaction), "ok");
    const block = world.ledger.block([transaction]);
    world.pool.connected({ row: world.ledger.chain.connected - 5, block, changes: { created: [], spent: [] } });
    assert.deepEqual(world.ids(), [idOf(transaction)]);
    assert.equal(await world.says(spend([world.takeCoin()], 1_000)), "ok");
  });

  test("makes it judge all anew: coins were exchanged, and nobody told", async () => {
    const world = await PoolWorld.open();
    const pool = world.anotherPool(new InlineWorkers());
    const [a, b] = [spend([world.takeCoin()], 1_000), spend([world.takeCoin()], 1_000)];
    const child = spend([coinOf(a)], 1_000);
    for (const each of [a, b, child]) assert.equal((await world.ledger.until(pool.accept(each))).ok, true);
    await mined(world, [a]);
    await mined(world, [spend([world.takeCoin()], 1_000)]);
    const last = spend([world.takeCoin()], 1_000);
    assert.equal((await world.ledger.until(pool.accept(last))).ok, true);
    await world.ledger.rest(2_000);
    assert.deepEqual([...pool.entries()].map(idOf).sort(), [b, child, last].map(idOf).sort());
  });

  test("makes it judge all anew: it builds on one that was not told of", async () => {
    const world = await PoolWorld.open();
    const pool = world.anotherPool(new InlineWorkers());
    const [a, b] = [spend([world.takeCoin()], 1_000), spend([world.takeCoin()], 1_000)];
    for (const each of [a, b]) assert.equal((await world.ledger.until(pool.accept(each))).ok, true);
    await mined(world, [a]);
    const block = await mined(world);
    pool.connected({ row: world.ledger.chain.connected, block, changes: { created: [], spent: [] } });
    await world.ledger.rest(2_000);
    assert.deepEqual([...pool.entries()].map(idOf), [idOf(b)]);
  });

  test("is waited for when it comes while coins are read", async () => {
    const world = await PoolWorld.open();
    const coin = world.takeCoin();
    const rival = spend([coin], 5_000);
    const { chain } = world.ledger;
    let isFirst = true;
    const slow = {
      ...{ headers: chain.headers, states: chain.states, validating: undefined },
      get connected() {
        return chain.connected;
      },
      coins: async (outpoints: Parameters<typeof chain.coins>[0]) => {
        const found = await chain.coins(outpoints);
        if (isFirst) {
          isFirst = false;
          const block = await mined(world, [rival]);
          pool.connected({ row: chain.connected, block, changes: { created: [], spent: [] } });
        }
        return found;
      },
    };
    const pool: TxMempool = world.anotherPool(new InlineWorkers(), {}, undefined, slow);
    const verdict = await world.ledger.until(pool.accept(spend([coin], 1_000)));
    assert.equal(verdict.ok === false && verdict.reason, "bad-txns-inputs-missingorspent");
    assert.equal(pool.size, 0);
  });
});

describe("blocks that are taken back", () => {
  test("give back what the new branch does not have, with what was there of its children", async () => {
    const world = await PoolWorld.open();
    const [a, b, c] = [world.takeCoin(), world.takeCoin(), world.takeCoin()];
    const base = await mined(world);
    const [first, both, rival] = [spend([a], 1_000), spend([b], 1_000), spend([c], 1_000)];
    const second = spend([coinOf(first)], 1_000);
    await mined(world, [first, both, rival]);
    await mined(world, [second]);
    const third = spend([coinOf(second)], 1_000);
    const onRival = spend([coinOf(rival)], 1_000);
    assert.deepEqual([await world.says(third), await world.says(onRival)], ["ok", "ok"]);
    await overtake(world, base, 3, [both, spend([c], 2_000)]);
    await world.ledger.rest(2_000);
    assert.deepEqual(world.ids(), [first, second, third].map(idOf).sort());
    const order = world.pool.byMiningScore().map(idOf);
    assert.deepEqual(order, [first, second, third].map(idOf));
    const fourth = spend([coinOf(third)], 1_000);
    assert.equal(await world.says(fourth), "ok");
    assert.equal(await world.says(onRival), "bad-txns-inputs-missingorspent");
    await mined(world, [first, second, third, fourth]);
    assert.equal(world.pool.size, 0);
  });

  test("leave what pays nothing, and take out what is not ripe, not final or locked any more", async () => {
    const world = await PoolWorld.open();
    const plain = spend([world.takeCoin()], 0, { count: 2 });
    await mined(world, [plain]); // 111
    const base = await mined(world); // 112
    const free = spend([world.takeCoin()], 0);
    await mined(world, [free]); // 113
    await mined(world); // 114
    await mined(world); // 115
    const [young, ripe] = [world.coins[15]!, world.coins[13]!];
    const locked = [coinOf(free), coinOf(plain, 1)];
    const spends = [
      spend([young, coinOf(plain, 0)], 1_000), // made in block 16: ripe for block 116
      spend([ripe], 1_000),
      spend([world.takeCoin()], 1_000, { lockTime: 115, sequence: 0xffff_fffe }),
      spend(locked, 1_000, { inputs: locked.map((coin, i) => input(coin, { sequence: i === 0 ? 3 : 0xffff_ffff })) }),
    ];
    for (const each of spends) assert.equal(await world.says(each), "ok");
    const heir = spend([coinOf(spends[0]!)], 1_000);
    assert.equal(await world.says(heir), "ok");
    await world.ledger.until(world.ledger.chain.orders.invalidate(world.ledger.chain.headers.find(base.hash)));
    await world.ledger.rest(2_000);
    assert.equal(world.ledger.height, 111);
    assert.deepEqual(world.ids(), [idOf(free)]);
    assert.equal(await world.says(spends[1]!), "bad-txns-premature-spend-of-coinbase");
  });

  test("stay in step with coins that are exchanged while something is judged", async () => {
    const world = await PoolWorld.open();
    const base = await mined(world);
    const parents = Array.from({ length: 5 }, () => spend([world.takeCoin()], 1_000));
    await mined(world, parents);
    const children = parents.map((each) => spend([coinOf(each)], 1_000));
    const asked = children.map((each) => world.pool.accept(each));
    const move = overtake(world, base, 2, [parents[0]!]);
    const verdicts = await world.ledger.until(Promise.all(asked));
    await move;
    assert.deepEqual(verdicts.map(({ ok }) => ok), [true, true, true, true, true]);
    await world.ledger.rest(2_000);
    assert.deepEqual(world.ids(), [...parents.slice(1), ...children].map(idOf).sort());
    await mined(world, [...parents.slice(1), ...children]);
    assert.equal(world.pool.size, 0);
  });

  test("lock many transactions again at once", async () => {
    const world = await PoolWorld.open();
    const root = spend([world.takeCoin()], 0, { count: 300 });
    await mined(world, [root]);
    await mined(world);
    const last = await mined(world);
    const all = Array.from({ length: 300 }, (_, i) => spend([coinOf(root, i)], 1_000, { sequence: 3 }));
    const verdicts = await world.ledger.until(Promise.all(all.map((each) => world.pool.accept(each))));
    assert.ok(verdicts.every(({ ok }) => ok === true));
    await world.ledger.until(world.ledger.chain.orders.invalidate(world.ledger.chain.headers.find(last.hash)));
    await world.ledger.rest(2_000);
    assert.equal(world.pool.size, 0);
  });

  test("are all back, and judged, when the mempool is said to be settled", async () => {
    const world = await PoolWorld.open();
    const { ledger, pool } = world;
    const root = spend([world.takeCoin()], 1_000, { count: 300 });
    const block = await mined(world, [root, ...Array.from({ length: 300 }, (_, i) => spend([coinOf(root, i)], 1_000))]);
    // Somebody asks as soon as the first is back.
    let asked: Promise<number> | undefined;
    pool.listen({ added: () => void (asked ??= pool.settled().then(() => pool.size)) });
    await ledger.until(ledger.chain.orders.invalidate(ledger.chain.headers.find(block.hash)));
    await ledger.rest(1_000);
    assert.equal(await asked, 64, "as many as a cluster may have, and not those that were back by then");
  });

  test("make clusters that are too large smaller", async () => {
    const world = await PoolWorld.open();
    const base = await mined(world);
    const chain = [spend([world.takeCoin()], 1_000)];
    while (chain.length < 80) chain.push(spend([coinOf(chain.at(-1)!)], 1_000));
    await mined(world, chain.slice(0, 40));
    for (const each of chain.slice(40)) assert.equal(await world.says(each), "ok");
    await overtake(world, base, 2);
    await world.ledger.rest(2_000);
    assert.deepEqual(world.ids(), chain.slice(0, 64).map(idOf).sort());
  });

  test("make clusters that weigh too much smaller, to the unit", async () => {
    const plain = await PoolWorld.open();
    const one = spend([plain.takeCoin()], 1_000);
    const same = (coin: ReturnType<typeof coinOf>) => {
      for (let fee = 1_000;; fee++) {
        const made = spend([coin], fee);
        if (made.weight === one.weight) return made;
      }
    };
    // Four of them weigh as much.
    const world = await PoolWorld.open({ policy: { clusterVbytesMax: one.weight } });
    const base = await mined(world);
    const chain = [same(world.takeCoin())];
    while (chain.length < 7) chain.push(same(coinOf(chain.at(-1)!)));
    await mined(world, chain);
    await overtake(world, base, 2);
    await world.ledger.rest(2_000);
    assert.deepEqual(world.ids(), chain.slice(0, 4).map(idOf).sort());
  });

  test("drop what pays least of a cluster that is too large, and what holds two together that are not", async () => {
    const world = await PoolWorld.open();
    const base = await mined(world);
    const roots = [0, 1].map(() => spend([world.takeCoin()], 1_000, { count: 41 }));
    const children = roots.map((root) =>
      Array.from({ length: 40 }, (_, i) => spend([coinOf(root, i)], 1_000 + i * 10))
    );
    // It spends outputs of both, and pays less than all of them.
    const tie = spend(roots.map((root) => coinOf(root, 40)), 500);
    const many = spend([world.takeCoin()], 1_000, { count: 80 });
    const few = Array.from({ length: 80 }, (_, i) => spend([coinOf(many, i)], 1_000 + (i * 37 % 80) * 10));
    await mined(world, [...roots, ...children.flat(), tie, many, ...few]);
    await overtake(world, base, 2);
    await world.ledger.rest(2_000);
    const best = few.toSorted((a, b) => Number(a.outputs[0]!.value - b.outputs[0]!.value)).slice(0, 63);
    assert.deepEqual(world.ids(), [...roots, ...children.flat(), many, ...best].map(idOf).sort());
  });

  test("of more than 20 MB are forgotten, the highest first, with what spends their outputs", async () => {
    const policy = { requiresStandard: false, clusterVbytesMax: 1e9 };
    const world = await PoolWorld.open({ blocks: 104, policy });
    const base = await mined(world);
    const data = new Uint8Array(900_000).fill(0x51);
    data[0] = 0x6a;
    const made: Transaction[] = [];
    for (let i = 0; i < 23; i++) {
      const coin = i === 0 ? world.takeCoin() : coinOf(made.at(-1)!, 1);
      made.push(spend([coin], 0, {
        outputs: [{ value: 0n, scriptPubKey: data }, {
          value: coin.value,
          scriptPubKey: spend([coin], 0).outputs[0]!.scriptPubKey,
        }],
      }));
      await mined(world, [made.at(-1)!]);
    }
    const child = spend([coinOf(made.at(-1)!, 1)], 1_000);
    assert.equal(await world.says(child), "ok");
    await world.ledger.until(world.ledger.chain.orders.invalidate(world.ledger.chain.headers.find(base.hash)));
    await world.ledger.rest(2_000);
    assert.deepEqual(world.ids(), made.slice(0, 22).map(idOf).sort(), "22 blocks have 20 MB");
  });
});
