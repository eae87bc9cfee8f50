/** Coins as they are after each block, in memory and on disk. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Coin, coinKey, type CoinLayer, CoinState, NO_COINS } from "../../../lib/bitcoin/chain/coins.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";

const place = (n: number, vout = 0) => ({ txid: new Uint8Array(32).fill(n), vout });
const coin = (more: Partial<Coin> = {}): Coin => ({
  value: 5_000_000_000n,
  scriptPubKey: Uint8Array.of(0x51, 0x52),
  height: 700_001,
  isCoinbase: true,
  ...more,
});
/** A block whose transactions made these outputs, as far as taking it back needs to know. */
const made = (...outputs: readonly (readonly [n: number, count: number])[]) =>
  ({
    transactions: outputs.map(([n, count]) => ({
      txid: new Uint8Array(32).fill(n),
      outputs: Array.from({ length: count }),
    })),
  }) as unknown as Block;

/** Coins over a store that holds these, with what waits for a commit. */
function scene(stored: Record<string, Uint8Array> = {}, undo: Record<number, Uint8Array> = {}) {
  const asked: string[][] = [];
  const waiting: CoinLayer[] = [];
  const coins = new CoinState(7, {
    store: {
      coins: (keys) => {
        asked.push([...keys]);
        return Promise.resolve(keys.map((key) => stored[key]));
      },
      coinUndo: (row) => Promise.resolve(undo[row]),
    },
    waiting: () => waiting,
  });
  return { coins, asked, waiting };
}

describe("CoinState", () => {
  test("gives what a block created, as it was, and nothing of what it spent", async () => {
    const { coins, asked } = scene();
    const one = coin();
    const two = coin({ value: 1n, scriptPubKey: new Uint8Array(300).fill(9), height: 3, isCoinbase: false });
    coins.apply(8, {
      created: [{ outpoint: place(1), coin: one }, { outpoint: place(1, 70_000), coin: two }],
      spent: [{ outpoint: place(2), coin: one }],
    });
    assert.deepEqual(await coins.getMany([place(1, 70_000), place(2), place(1)]), [two, undefined, one]);
    assert.deepEqual(asked, [], "nobody asks the disk for what is known");
    assert.deepEqual([coins.at, coins.isClean], [8, false]);
  });

  test("asks the disk for what is not known, once for all of it, in the order of the question", async () => {
    const first = scene();
    first.coins.apply(8, { created: [{ outpoint: place(3), coin: coin() }], spent: [] });
    const bytes = first.coins.release(undefined).changed.get(coinKey(place(3)))!;
    const { coins, asked } = scene({ [coinKey(place(3))]: bytes });
    coins.apply(8, { created: [{ outpoint: place(1), coin: coin({ value: 1n }) }], spent: [] });
    assert.deepEqual(await coins.getMany([place(4), place(1), place(3)]), [undefined, coin({ value: 1n }), coin()]);
    assert.deepEqual(asked, [[coinKey(place(4)), coinKey(place(3))]]);
  });

  test("takes a block back: what it created is gone, and what it spent is there again", async () => {
    const { coins } = scene();
    const spent = [1, 2, 3].map((n) => ({
      outpoint: place(n, n * 1_000),
      coin: coin({ value: BigInt(n), scriptPubKey: new Uint8Array(n * 100).fill(n) }),
    }));
    coins.apply(8, { created: [{ outpoint: place(9), coin: coin() }, { outpoint: place(9, 1), coin: coin() }], spent });
    await coins.undo(made([9, 2]), 7);
    assert.equal(coins.at, 7);
    const found = await coins.getMany([...spent.map(({ outpoint }) => outpoint), place(9), place(9, 1)]);
    assert.deepEqual(found, [...spent.map(({ coin }) => coin), undefined, undefined]);
    const layer = coins.release(undefined);
    assert.deepEqual([...layer.undo], [[8, undefined]], "what takes it back is of no use any more");
    assert.equal(coins.isClean, true);
  });

  test("takes back what waits for a commit, and what is on disk alone", async () => {
    const { coins, waiting } = scene();
    coins.apply(8, { created: [], spent: [{ outpoint: place(1), coin: coin() }] });
    const layer = coins.release(undefined);
    waiting.push(layer);
    await coins.undo(made(), 7);
    assert.deepEqual(await coins.getMany([place(1)]), [coin()]);
    const later = scene({}, { 7: layer.undo.get(8)! });
    await later.coins.undo(made([4, 1]), 6);
    assert.deepEqual(await later.coins.getMany([place(1), place(4)]), [coin(), undefined]);
    await assert.rejects(scene().coins.undo(made(), 6), { code: "DATABASE_DAMAGED" });
  });

  test("adds to what waits for the same commit, the newest of each", () => {
    const { coins } = scene();
    coins.apply(8, {
      created: [{ outpoint: place(1), coin: coin() }, { outpoint: place(2), coin: coin() }],
      spent: [],
    });
    const layer = coins.release(undefined);
    assert.deepEqual([layer.at, layer.changed.size], [8, 2]);
    coins.apply(9, { created: [], spent: [{ outpoint: place(1), coin: coin() }] });
    assert.equal(coins.release(layer), layer);
    assert.equal(layer.at, 9);
    assert.deepEqual([...layer.undo.keys()], [8, 9]);
    assert.equal(layer.changed.get(coinKey(place(1))), undefined);
    assert.equal(layer.changed.size, 2);
    assert.equal(coins.at, 9);
  });

  test("names an outpoint by its transaction and its index, the lowest byte first", () => {
    assert.equal(coinKey(place(0xab, 0x01_02)), "ab".repeat(32) + "02010000");
  });
});

test("NO_COINS refuses a validator that said it needs none", async () => {
  await assert.rejects(NO_COINS.getMany([]), TypeError);
});
