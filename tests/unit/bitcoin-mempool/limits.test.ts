/** How much the mempool holds, for how long, and what it asks for when it is full. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FeeFloor } from "../../../lib/bitcoin/mempool/floor.ts";
import type { Transaction } from "../../../lib/bitcoin/types/transaction.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { simClock } from "../core/sim.ts";
import { coinOf, idOf, type KeyCoin, PoolWorld, spend, wordOf } from "./pool-world.ts";

/** Memory that a transaction of one input and one output counts as. */
const EACH = 2_870;

async function coinsOf(world: PoolWorld, count: number): Promise<KeyCoin[]> {
  const root = spend([world.takeCoin()], 0, { count });
  await world.mine([root]);
  return Array.from({ length: count }, (_, i) => coinOf(root, i));
}

const ids = (transactions: readonly Transaction[]) => transactions.map(idOf).sort();

describe("a mempool that is full", () => {
  test("drops the worst chunk, asks for more than it paid, and takes what pays as much", async () => {
    const world = await PoolWorld.open({ policy: { bytesMax: 5.5 * EACH } });
    const coins = await coinsOf(world, 8);
    const all = [900, 300, 700, 500, 800].map((fee, i) => spend([coins[i]!], fee));
    for (const each of all) assert.equal(await world.says(each), "ok");
    assert.equal(world.pool.minimumFeeRate, 100);
    const reasons: string[] = [];
    world.pool.listen({ removed: (entry, reason) => void reasons.push(`${reason} ${idOf(entry)}`) });
    const another = spend([coins[5]!], 600);
    assert.equal(await world.says(another), "ok");
    assert.deepEqual(reasons, [`sizelimit ${idOf(all[1]!)}`]);
    const rate = Math.floor(300_000 / all[1]!.vsize) + 100;
    assert.equal(world.pool.minimumFeeRate, rate);
    assert.deepEqual(await world.wouldTell(spend([coins[6]!], 300)), [
      "reconsiderable",
      "mempool min fee not met",
      `300 < ${Math.ceil(rate * 110 / 1_000)}`,
    ]);
    const least = spend([coins[6]!], Math.ceil(rate * 110 / 1_000));
    assert.equal(least.vsize, 110);
    assert.equal(await world.wouldSay(least), "ok");
    const worst = spend([coins[6]!], 400);
    assert.deepEqual(await world.says(worst), "mempool full");
    assert.ok(world.pool.figures.bytes <= 5.5 * EACH);
    // It asks for less again once a block came, and not before.
    const { clock } = world.ledger;
    const full = world.pool.minimumFeeRate;
    await clock.advance(12 * 3_600_000);
    assert.equal(world.pool.minimumFeeRate, full);
    await world.mine([]);
    await clock.advance(12 * 3_600_000);
    assert.equal(world.pool.minimumFeeRate, Math.round(full / 2));
  });

  test("drops a parent with the child that pays for too little of it, and keeps one that pays well", async () => {
    const world = await PoolWorld.open({ policy: { bytesMax: 4.5 * EACH } });
    const coins = await coinsOf(world, 4);
    const [poor, rich] = [spend([coins[0]!], 100), spend([coins[1]!], 100)];
    const [meagre, good] = [spend([coinOf(poor)], 500), spend([coinOf(rich)], 5_000)];
    for (const each of [poor, rich, meagre, good]) assert.equal(await world.says(each), "ok");
    const last = spend([coins[2]!], 1_000);
    assert.equal(await world.says(last), "ok");
    assert.deepEqual(world.ids(), ids([rich, good, last]));
  });

  test("refuses a package that pays no more than what is there, and says so of each of its transactions", async () => {
    const world = await PoolWorld.open({ policy: { bytesMax: 4.5 * EACH } });
    const coins = await coinsOf(world, 6);
    for (const coin of coins.slice(0, 4)) assert.equal(await world.says(spend([coin], 5_000)), "ok");
    const parent = spend([coins[4]!], 0, { version: 3 });
    const child = spend([coinOf(parent)], 2_000, { version: 3 });
    const { refusal, verdicts } = await world.ledger.until(world.pool.acceptPackage([parent, child]));
    assert.equal(refusal?.reason, "transaction failed");
    assert.deepEqual(verdicts.map((verdict) => verdict && wordOf(verdict)), ["mempool full", "mempool full"]);
    assert.equal(world.pool.size, 4);
  });

  test("drops what a block has left of a cluster as any other", async () => {
    const world = await PoolWorld.open({ policy: { bytesMax: 3.5 * EACH } });
    const coins = await coinsOf(world, 7);
    const [first, second, parent] = [3_000, 3_000, 5_000].map((fee, i) => spend([coins[i]!], fee));
    // It was full once, and knows what is worst since then.
    for (const each of [first!, second!, spend([coins[3]!], 500), parent!]) await world.accept(each);
    assert.deepEqual(world.ids(), ids([first!, second!, parent!]));
    await world.mine([second!]);
    assert.equal(await world.says(spend([coinOf(parent!)], 1_500)), "ok");
    await world.mine([parent!]);
    for (const [i, fee] of [3_500, 4_000].entries()) assert.equal(await world.says(spend([coins[4 + i]!], fee)), "ok");
    assert.deepEqual([...world.pool.entries()].map(({ fee }) => fee).sort(), [3_000, 3_500, 4_000]);
  });

  test("holds no more than it may under a flood, and in the end what pays best", async () => {
    const world = await PoolWorld.open({ policy: { bytesMax: 60 * EACH } });
    const coins = await coinsOf(world, 240);
    const random = new SeededRandom(11);
    const fees = coins.map((_, i) => 200 + i * 10);
    const all = random.shuffle(coins.map((coin, i) => spend([coin], fees[i]!)));
    for (let from = 0; from < all.length; from += 80) {
      await world.ledger.until(Promise.all(all.slice(from, from + 80).map((each) => world.pool.accept(each))));
      assert.ok(world.pool.figures.bytes <= 60 * EACH);
    }
    const left = [...world.pool.entries()].map(({ fee }) => fee);
    assert.ok(left.length >= 55, `${left.length} are left`);
    // What was dropped when the mempool was first full raised the floor above what is below it.
    assert.ok(Math.min(...left) > 1_500, `${Math.min(...left)}`);
    assert.equal(world.pool.byMiningScore()[0]!.fee, Math.max(...left));
  });
});

describe("FeeFloor", () => {
  test("halves in 12 hours, or 6, or 3, once a block came, and is gone below half the increment", async () => {
    const clock = simClock();
    const hours = (count: number) => clock.advance(count * 3_600_000);
    const large = new FeeFloor(clock, 100);
    large.dropped(999_999_900);
    large.blockConnected();
    await clock.advance(10_000);
    assert.equal(large.rate(1), 1_000_000_000, "it is reckoned anew when more than ten seconds have passed");
    await clock.advance(1_000);
    assert.ok(large.rate(1) < 999_999_999);
    const floor = new FeeFloor(clock, 100);
    assert.equal(floor.rate(1), 0);
    floor.dropped(900);
    assert.equal(floor.rate(1), 1_000);
    floor.dropped(500);
    await hours(24);
    assert.equal(floor.rate(1), 1_000, "no block came");
    floor.blockConnected();
    await hours(12);
    assert.equal(floor.rate(0.5), 500);
    await hours(6);
    assert.equal(floor.rate(0.4), 250);
    await hours(3);
    assert.equal(floor.rate(0.2), 125);
    await hours(3);
    assert.equal(floor.rate(0.2), 100, "never below the increment");
    await hours(3);
    assert.equal(floor.rate(0.2), 0);
  });
});

describe("a transaction that waits for long", () => {
  test("is dropped after 336 hours, with what needs it", async () => {
    const world = await PoolWorld.open();
    const coins = await coinsOf(world, 3);
    const old = spend([coins[0]!], 1_000);
    assert.equal(await world.says(old), "ok");
    await world.ledger.clock.advance(335 * 3_600_000);
    const child = spend([coinOf(old)], 1_000);
    assert.equal(await world.says(child), "ok");
    await world.ledger.clock.advance(3_600_000 - world.ledger.clock.now() % 1_000);
    assert.equal(await world.says(spend([coins[2]!], 1_000)), "ok");
    assert.equal(world.pool.size, 3, "not a second earlier");
    await world.ledger.clock.advance(61_000);
    const reasons: string[] = [];
    world.pool.listen({ removed: (entry, reason) => void reasons.push(`${reason} ${idOf(entry)}`) });
    assert.equal(await world.says(spend([coins[1]!], 1_000)), "ok");
    assert.deepEqual(reasons.sort(), [`expiry ${idOf(old)}`, `expiry ${idOf(child)}`].sort());
  });
});

describe("questions to the mempool", () => {
  test("end with the signal of their caller, or when it is closed, and leave the others alone", async () => {
    const world = await PoolWorld.open();
    const coins = await coinsOf(world, 3);
    const abort = new AbortController();
    const given = world.pool.accept(spend([coins[0]!], 1_000), abort.signal);
    const other = world.pool.accept(spend([coins[1]!], 1_000));
    abort.abort(new Error("enough"));
    await assert.rejects(given, /enough/);
    assert.equal((await world.ledger.until(other)).ok, true);
    const late = world.pool.accept(spend([coins[2]!], 1_000));
    const closed = world.pool.close();
    await assert.rejects(late, { code: "stopped" });
    await world.ledger.until(closed);
    await assert.rejects(world.pool.accept(spend([coins[2]!], 2_000)), { code: "stopped" });
  });

  test("of which too many wait are refused", async () => {
    const world = await PoolWorld.open();
    const coin = world.takeCoin();
    const transaction = spend([coin], 1_000);
    const all = Array.from({ length: 4_097 }, () => world.pool.accept(transaction));
    const words = (await world.ledger.until(Promise.all(all))).map((verdict) =>
      verdict.ok === false ? verdict.reason : verdict.ok
    );
    assert.deepEqual([words[0], words[1], words.at(-1)], [true, "known", "mempool-busy"]);
  });
});
