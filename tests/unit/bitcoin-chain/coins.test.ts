/** Coins as they are after each block, in memory and on disk. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Coin, CoinState, NO_COINS } from "../../../lib/bitcoin/chain/coins.ts";
import { encodeCoin } from "../../../lib/bitcoin/coins/coin.ts";
import { coinKey } from "../../../lib/bitcoin/coins/key.ts";
import type { Block } from "../../../lib/bitcoin/types/block.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { TABLE_SECRET_BYTES } from "../../../lib/storage/byte-table.ts";

const place = (n: number, vout = 0) => ({ txid: new Uint8Array(32).fill(n), vout });
const coin = (more: Partial<Coin> = {}): Coin => ({
  value: 5_000_000_000n,
  scriptPubKey: Uint8Array.of(0x51, 0x52),
  height: 700_001,
  isCoinbase: false,
  ...more,
});
const hashOf = (row: number) => new Uint8Array(32).fill(row);
/** A block whose transactions made these outputs, as far as taking it back needs to know. */
const made = (row: number, ...outputs: readonly (readonly [n: number, count: number])[]) =>
  ({
    hash: hashOf(row),
    transactions: outputs.map(([n, count]) => ({
      txid: new Uint8Array(32).fill(n),
      inputs: [],
      outputs: Array.from({ length: count }, () => ({ value: 1n, scriptPubKey: new Uint8Array() })),
    })),
  }) as unknown as Block;

/** Coins over a store that holds these, with undo data that waits for a commit. */
function scene(stored: Record<string, Uint8Array | undefined> = {}, undo: Record<number, Uint8Array> = {}, at = 7) {
  const asked: string[][] = [];
  const waiting = new Map<number, Uint8Array>();
  const coins = new CoinState(at, {
    store: {
      coins: (keys) => {
        asked.push(keys.map(toHex));
        return Promise.resolve(keys.map((key) => stored[toHex(key)]));
      },
      coinUndo: (row) => Promise.resolve(undo[row]),
    },
    waitingUndo: (row) => waiting.get(row),
    secret: new SeededRandom(1).bytes(TABLE_SECRET_BYTES),
  });
  const apply = (
    row: number,
    created: readonly [number, number, Coin][],
    spent: readonly [number, number, Coin][] = [],
  ) => {
    const placed = ([n, vout, coin]: readonly [number, number, Coin]) => ({ outpoint: place(n, vout), coin });
    waiting.set(
      row,
      coins.apply(row, hashOf(row), { created: created.map(placed), spent: spent.map(placed) }, undefined),
    );
  };
  /** Everything that changed, as the disk would get it, which gets it. */
  const flush = () => {
    const changes: Record<string, string> = {};
    const drained = coins.freeze().changed.drain((key, keyAt, keyLength, value, valueAt, valueLength) => {
      const name = toHex(key.subarray(keyAt, keyAt + keyLength));
      changes[name] = valueLength < 0 ? "gone" : toHex(value.subarray(valueAt, valueAt + valueLength));
    });
    for (const _ of drained);
    for (const [key, bytes] of Object.entries(changes)) stored[key] = bytes === "gone" ? undefined : fromHex(bytes);
    coins.flushed();
    return changes;
  };
  return { coins, asked, waiting, apply, flush, stored };
}

const nameOf = (n: number, vout = 0) => toHex(coinKey(place(n, vout)));

describe("CoinState", () => {
  test("gives what a block created, as it was, and nothing of what it spent", async () => {
    const { coins, asked, apply } = scene();
    const one = coin({ isCoinbase: true });
    const two = coin({ value: 1n, scriptPubKey: new Uint8Array(300).fill(9), height: 3 });
    apply(8, [[1, 0, one], [1, 70_000, two]], [[2, 0, one]]);
    assert.deepEqual(await coins.getMany([place(1, 70_000), place(2), place(1)]), [two, undefined, one]);
    assert.deepEqual(asked, [], "nobody asks the disk for what is known");
    assert.deepEqual([coins.at, coins.isClean], [8, false]);
  });

  test("asks the disk for what is not known, once for all of it, in the order of the question", async () => {
    const { coins, asked, apply } = scene({ [nameOf(3)]: encodeCoin(coin()) });
    apply(8, [[1, 0, coin({ value: 1n })]]);
    assert.deepEqual(await coins.getMany([place(4), place(1), place(3)]), [undefined, coin({ value: 1n }), coin()]);
    assert.deepEqual(asked, [[nameOf(4), nameOf(3)]]);
  });

  test("asks the disk for nothing before there are coins on it, and from the first flush on for what it does not know", async () => {
    const { coins, asked, apply } = scene({}, {}, 0);
    apply(1, [[1, 0, coin()]]);
    assert.deepEqual(await coins.getMany([place(1), place(2)]), [coin(), undefined]);
    assert.deepEqual(asked, []);
    coins.freeze();
    assert.deepEqual(await coins.getMany([place(1), place(2)]), [coin(), undefined]);
    assert.equal(asked.length, 1);
  });

  test("takes a block back: what it created is gone, and what it spent is there again", async () => {
    const { coins, apply } = scene();
    const spent = [1, 2, 3].map((n): [number, number, Coin] => [
      n,
      n * 1_000,
      coin({ value: BigInt(n), scriptPubKey: new Uint8Array(n * 100).fill(n) }),
    ]);
    apply(8, [[9, 0, coin()], [9, 1, coin()]], spent);
    await coins.undo(made(8, [9, 2]), 7);
    assert.equal(coins.at, 7);
    const found = await coins.getMany([...spent.map(([n, vout]) => place(n, vout)), place(9), place(9, 1)]);
    assert.deepEqual(found, [...spent.map(([, , coin]) => coin), undefined, undefined]);
  });

  test("takes back what waits for a commit, and what is on disk alone, but not by another block's record", async () => {
    const { coins, waiting, apply } = scene();
    apply(8, [], [[1, 0, coin()]]);
    await coins.undo(made(8), 7);
    assert.deepEqual(await coins.getMany([place(1)]), [coin()]);
    const record = waiting.get(8)!;
    const later = scene({}, { 7: record });
    await later.coins.undo(made(8, [4, 1]), 6);
    assert.deepEqual(await later.coins.getMany([place(1), place(4)]), [coin(), undefined]);
    await assert.rejects(scene({}, { 7: record }).coins.undo(made(9), 6), { code: "DATABASE_DAMAGED" });
    await assert.rejects(scene().coins.undo(made(7), 6), { code: "DATABASE_DAMAGED" });
  });

  test("a coin that is made and spent before a flush never reaches the disk; a coinbase may be an older one's again", () => {
    const { apply, flush } = scene();
    apply(8, [[1, 0, coin()], [2, 0, coin({ isCoinbase: true })], [3, 0, coin()]]);
    apply(9, [], [[1, 0, coin()], [2, 0, coin()], [5, 0, coin()]]);
    const expected = { [nameOf(2)]: "gone", [nameOf(3)]: toHex(encodeCoin(coin())), [nameOf(5)]: "gone" };
    assert.deepEqual(flush(), expected);
    apply(10, [], [[3, 0, coin()]]);
    assert.deepEqual(flush(), { [nameOf(3)]: "gone" }, "what the disk knows has to be told");
  });

  test("a coin that is made again after its spending was taken back is not taken for one that the disk does not know", async () => {
    const { apply, flush, coins } = scene({ [nameOf(1)]: encodeCoin(coin()) });
    apply(8, [], [[1, 0, coin()]]);
    await coins.undo(made(8), 7);
    await coins.undo({ ...made(7, [1, 1]), hash: hashOf(7) } as Block, 6).catch(() => {});
    apply(8, [], [[1, 0, coin()]]);
    assert.deepEqual(flush(), { [nameOf(1)]: "gone" });
  });

  test("while a flush is written its coins are read from memory, and newer changes come first", async () => {
    const { coins, apply, asked } = scene();
    apply(8, [[1, 0, coin()], [2, 0, coin()]]);
    assert.equal(coins.freeze().at, 8);
    assert.equal(coins.isClean, true);
    assert.throws(() => coins.freeze(), TypeError);
    apply(9, [[3, 0, coin()]], [[1, 0, coin()]]);
    assert.deepEqual(await coins.getMany([place(1), place(2), place(3)]), [undefined, coin(), coin()]);
    assert.deepEqual(asked, []);
    coins.flushed();
    assert.deepEqual(await coins.getMany([place(2)]), [undefined], "the disk is asked from then on");
  });

  test("agrees with a plain Map over random blocks, taken back and connected again, and flushes", async () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const random = new SeededRandom(seed);
      const { coins, apply, flush, stored } = scene();
      type Set = Map<number, Coin>;
      const after: Set[] = [new Map()];
      const blocks: Block[] = [];
      let next = 1;
      for (let step = 0; step < 400; step++) {
        const top = after.at(-1)!;
        if (blocks.length > 0 && random.chance(0.35)) {
          await coins.undo(blocks.pop()!, 7 + blocks.length);
          after.pop();
        } else {
          const row = 8 + blocks.length;
          const spent = [...top].filter(() => random.chance(0.2)).slice(0, 5);
          const count = random.below(4);
          const young = coin({ height: step, value: BigInt(step + 1) });
          // An id is a byte here; one that was used and is free again may come back, as a block that is connected again.
          const id = next++ % 250 + 1;
          const isFree = ![...top.keys()].some((name) => name >>> 8 === id) &&
            !spent.some(([name]) => name >>> 8 === id);
          const created = isFree ? Array.from({ length: count }, (_, vout) => id * 256 + vout) : [];
          const block = made(row, [id, created.length]);
          apply(
            row,
            created.map((name) => [name >>> 8, name & 0xff, young]),
            spent.map(([name, coin]) => [name >>> 8, name & 0xff, coin]),
          );
          const set = new Map(top);
          for (const [name] of spent) set.delete(name);
          for (const name of created) set.set(name, young);
          after.push(set);
          blocks.push(block);
        }
        if (random.chance(0.1)) flush();
        if (step % 10 !== 0) continue;
        const names = Array.from({ length: 40 }, () => (1 + random.below(250)) * 256 + random.below(4));
        const found = await coins.getMany(names.map((name) => place(name >>> 8, name & 0xff)));
        assert.deepEqual(found, names.map((name) => after.at(-1)!.get(name)), `seed ${seed}, step ${step}`);
      }
      flush();
      const left = Object.entries(stored).filter(([, bytes]) => bytes !== undefined).map(([name]) => name).sort();
      const expected = [...after.at(-1)!.keys()].map((name) => nameOf(name >>> 8, name & 0xff)).sort();
      assert.deepEqual(left, expected, `seed ${seed}`);
    }
  });
});

test("NO_COINS refuses a validator that said it needs none", async () => {
  await assert.rejects(NO_COINS.getMany([]), TypeError);
});
