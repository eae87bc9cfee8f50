/** When changed coins go to disk, and what waits for that. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CoinChanges } from "../../../lib/bitcoin/chain/coins.ts";
import { Pruning } from "../../../lib/bitcoin/chain/pruning.ts";
import { type BlockValidator, structureValidator } from "../../../lib/bitcoin/chain/validator.ts";
import { MemoryBitcoinStore } from "../../../lib/bitcoin/store/memory.ts";
import { NodeError } from "../../../lib/core/errors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { mined, open } from "./slow-chain.ts";

const MIB = 1024 * 1024;
const HOUR_MS = 60 * 60_000;

/** Each block makes so many coins, of about a hundred bytes in memory. */
function making(count: number): BlockValidator {
  return {
    level: "full",
    needsCoins: true,
    check: structureValidator.check,
    async connect({ hash, view: { height } }): Promise<{ ok: true; changes: CoinChanges }> {
      const created = Array.from({ length: count }, (_, vout) => ({
        outpoint: { txid: hash, vout },
        coin: { value: 1n, scriptPubKey: new Uint8Array(20), height, isCoinbase: false },
      }));
      return { ok: true, changes: { created, spent: [] } };
    },
  };
}

async function scene(count: number, bytesMax: number, store = new MemoryBitcoinStore(), more = {}) {
  const opened = await open(making(count), store, { coins: { random: new SeededRandom(1), bytesMax, ...more } });
  const at = async () => opened.chain.headers.height(await store.coinsAt() ?? 0);
  return { ...opened, at };
}

describe("CoinFlush", () => {
  test("writes nothing before the memory is used up or an hour is over, and all at the end", async () => {
    const { add, rest, at, clock, chain, height } = await scene(10, 450 * MIB);
    const made = mined(0, 12, "patient");
    for (const block of made.slice(0, 10)) add(block);
    await rest();
    assert.deepEqual([height(), await at()], [10, 0]);
    await clock.advance(HOUR_MS);
    assert.equal(await at(), 0);
    add(made[10]!);
    await rest();
    assert.deepEqual([height(), await at()], [11, 11], "an hour is over");
    assert.equal(chain.storedCoins, chain.tip);
    add(made[11]!);
    await rest();
    assert.deepEqual([height(), await at()], [12, 11]);
    await clock.until(chain.close());
    assert.equal(await at(), 12);
  });

  test("writes soon at the tip where others read it, however many blocks come, and not before", async () => {
    const store = new MemoryBitcoinStore();
    const { add, rest, at, clock, chain, height } = await scene(10, 450 * MIB, store, { atTipMs: 5_000 });
    const made = mined(0, 8, "shared");
    for (const block of made.slice(0, 5)) add(block);
    await rest();
    assert.deepEqual([height(), await at()], [5, 0]);
    await clock.advance(5_000);
    assert.equal(await at(), 5);
    const { flushes } = chain.states.flush!.totals;
    for (const block of made.slice(5)) {
      add(block);
      await clock.advance(1_000);
    }
    assert.deepEqual([height(), await at()], [8, 5]);
    await clock.advance(5_000);
    assert.deepEqual([await at(), chain.states.flush!.totals.flushes], [8, flushes + 1]);
    await clock.until(chain.close());
  });

  test("writes when its share of the memory is used up, and never holds more than the memory", async () => {
    const bytesMax = 8 * MIB;
    const { add, rest, at, clock, chain, height, store } = await scene(2_000, bytesMax);
    let flushes = 0;
    const commit = store.commit.bind(store);
    store.commit = (step) => (flushes += Number(step.coins !== undefined), commit(step));
    for (const block of mined(0, 200, "full memory")) {
      add(block);
      await clock.advance(1);
    }
    await rest();
    assert.equal(height(), 200);
    // About a hundred bytes a coin, of which a flush takes 42 parts of a hundred.
    assert.ok(flushes > 6 && flushes < 20, `${flushes} flushes`);
    assert.ok(await at() > 150, `${await at()}`);
    await clock.until(chain.close());
    assert.equal(await at(), 200);
  });

  test("coins that took long to be laid ready are in the commit that comes then", async () => {
    const store = new MemoryBitcoinStore();
    const stage = store.stageCoins.bind(store);
    const opened = await scene(3, 450 * MIB, store);
    const { add, rest, at, chain, clock } = opened;
    store.stageCoins = async (changes) => {
      const staged = await stage(changes);
      await clock.sleep(30);
      return staged;
    };
    const made = mined(0, 20, "laid ready");
    for (const block of made.slice(0, 10)) add(block);
    await clock.advance(10);
    chain.flushCoins();
    for (const block of made.slice(10)) {
      add(block);
      await clock.advance(5);
    }
    await rest();
    assert.equal(await at(), 10);
    const found = await clock.until(chain.coinStatistics("none"));
    assert.deepEqual([found!.at, found!.coins], [chain.tip, 60]);
  });

  test("the next block waits while the memory is used up and the disk takes nothing", async () => {
    const disk = Promise.withResolvers<void>();
    const store = new MemoryBitcoinStore();
    const stage = store.stageCoins.bind(store);
    store.stageCoins = async (changes) => (await disk.promise, await stage(changes));
    const { add, rest, height, chain } = await scene(2_000, 4 * MIB, store);
    for (const block of mined(0, 100, "waits")) add(block);
    await rest();
    const reached = chain.connected;
    await rest();
    assert.ok(reached > 5 && reached < 60, `${reached}`);
    assert.equal(chain.connected, reached);
    disk.resolve();
    for (let i = 0; i < 40; i++) await rest();
    assert.equal(height(), 100);
  });

  test("a full disk is told of and waited for; nothing is lost", async () => {
    const store = new MemoryBitcoinStore();
    const stage = store.stageCoins.bind(store);
    let isFull = true;
    store.stageCoins = (changes) =>
      isFull ? Promise.reject(new NodeError("DISK_FULL", "self", "no room")) : stage(changes);
    const told: string[] = [];
    const { add, rest, at, height, clock, chain } = await scene(2_000, 4 * MIB, store).then(async (opened) => {
      await opened.clock.until(opened.chain.close());
      const coins = { random: new SeededRandom(1), bytesMax: 4 * MIB };
      const more = { coins, onStorage: (level: string, text: string) => told.push(`${level} ${text}`) };
      const again = await open(making(2_000), store, more);
      return { ...again, at: async () => again.chain.headers.height(await store.coinsAt() ?? 0) };
    });
    for (const block of mined(0, 60, "no room")) add(block);
    await rest();
    assert.equal(await at(), 0);
    assert.match(told[0]!, /^error no room; it is tried again/);
    isFull = false;
    await clock.advance(60_000);
    assert.equal(height(), 60);
    assert.ok(await at() > 10);
    await clock.until(chain.close());
    assert.equal(await at(), 60);
  });

  test("a stop with a disk that takes nothing ends, says so, and the next start makes the coins again", async () => {
    const store = new MemoryBitcoinStore();
    const stage = store.stageCoins.bind(store);
    const { add, rest, at, clock, chain, said } = await scene(5, 450 * MIB, store);
    for (const block of mined(0, 5, "stops full")) add(block);
    await rest();
    store.stageCoins = () => Promise.reject(new NodeError("DISK_FULL", "self", "no room"));
    await clock.until(chain.close());
    assert.equal(await at(), 0);
    assert.match(said.join(), /warning the newest coins are not stored: no room; they are made again/);
    store.stageCoins = stage;
    const again = await scene(5, 450 * MIB, store);
    again.chain.start();
    await again.rest();
    assert.equal(again.chain.connected, again.chain.tip);
    await again.clock.until(again.chain.close());
    assert.equal(await again.at(), 5);
  });

  test("a flush that cannot succeed ends the commits, as one of theirs would", async () => {
    const store = new MemoryBitcoinStore();
    store.stageCoins = () => Promise.reject(new NodeError("DATABASE_DAMAGED", "self", "a run is damaged"));
    const { add, rest, clock, chain, at } = await scene(2_000, 4 * MIB, store);
    for (const block of mined(0, 60, "damaged")) add(block);
    await rest();
    assert.equal(await at(), 0);
    await assert.rejects(clock.until(chain.close()), { code: "DATABASE_DAMAGED" });
  });

  test("pruning leaves the blocks that coins are made from after a crash, and asks for a flush when they are too many", async () => {
    const { add, rest, at, chain, store } = await scene(1, 450 * MIB);
    for (const block of mined(0, 300, "pruned coins")) add(block);
    await rest();
    assert.equal(await at(), 0);
    const pruning = new Pruning({ chain, store, bytesMax: 0, failed: assert.fail });
    await pruning.run();
    assert.equal((await store.counts()).blocks, 301, "all are needed");
    await rest();
    assert.equal(await at(), 300, "the coins are on disk now");
    await pruning.run();
    assert.equal((await store.counts()).blocks, 301 - 12);
  });

  test("a validator that needs coins is refused without what coins need", async () => {
    await assert.rejects(open(making(1), new MemoryBitcoinStore(), { coins: undefined as never }), TypeError);
  });
});
