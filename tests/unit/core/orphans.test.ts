import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type OrphanLimits, OrphanPool as Pool } from "../../../lib/core/work/orphans.ts";

interface Item {
  readonly number: number;
  readonly size: number;
}

const hashOf = (number: number) => new Uint8Array(32).fill(number);
/** One whose parent is the one numbered before it. */
const at = (number: number, size = 10): Item => ({ number, size });

class OrphanPool extends Pool<Item> {
  constructor(limits?: OrphanLimits) {
    const view = {
      hash: (item: Item) => hashOf(item.number),
      parent: (item: Item) => hashOf(item.number - 1),
      bytes: (item: Item) => item.size,
    };
    super(view, limits);
  }
}

describe("OrphanPool", () => {
  test("takeChildren() gives the blocks that follow, once, with the host that gave them", () => {
    const pool = new OrphanPool();
    pool.add(at(5), "a");
    pool.add(at(7), "b");
    assert.deepEqual(pool.takeChildren(hashOf(5)), []);
    assert.deepEqual(
      pool.takeChildren(hashOf(4)).map(({ item, source }) => [item.number, source]),
      [
        [5, "a"],
      ],
    );
    assert.deepEqual(pool.takeChildren(hashOf(4)), []);
    assert.equal(pool.size, 1);
    assert.equal(pool.bytes, 10);
  });

  test("who fills the pool pushes out its own blocks, the oldest first", () => {
    const pool = new OrphanPool({ countMax: 4, bytesMax: 10_000 });
    pool.add(at(1, 100), "modest");
    for (let height = 2; height < 9; height++) pool.add(at(height, 200), "greedy");
    assert.ok(pool.has(hashOf(1)), "the modest peer's block stays");
    assert.deepEqual([2, 3, 4, 5, 6, 7, 8].map((height) => pool.has(hashOf(height))), [
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
    assert.equal(pool.size, 4);
  });

  test("the pool is bounded in bytes, and takes no block larger than itself", () => {
    const pool = new OrphanPool({ countMax: 100, bytesMax: 1_000 });
    assert.equal(pool.add(at(1, 1_001), "a"), false);
    assert.ok(pool.add(at(1, 600), "a"));
    assert.ok(pool.add(at(2, 500), "b"));
    assert.equal(pool.bytes, 500, "the larger share went");
    assert.ok(pool.add(at(2, 500), "b"), "a block that waits already is kept once");
    assert.equal(pool.size, 1);
  });

  test("dropSource() forgets what one host gave", () => {
    const pool = new OrphanPool();
    pool.add(at(1), "a");
    pool.add(at(2), "b");
    pool.dropSource("a");
    assert.deepEqual([pool.has(hashOf(1)), pool.has(hashOf(2))], [false, true]);
    pool.dropSource("b");
    assert.equal(pool.bytes, 0);
  });

  test("as many and as much as its bounds say stay, and one or one byte more goes", () => {
    const counted = new OrphanPool({ countMax: 3, bytesMax: 1_000 });
    for (let i = 1; i <= 3; i++) assert.ok(counted.add(at(i), "a"));
    assert.equal(counted.size, 3);
    assert.ok(counted.add(at(4), "a"));
    assert.deepEqual([counted.size, counted.has(hashOf(1))], [3, false]);
    const weighed = new OrphanPool({ countMax: 100, bytesMax: 1_000 });
    assert.ok(weighed.add(at(1, 400), "a"));
    assert.ok(weighed.add(at(2, 600), "b"));
    assert.deepEqual([weighed.size, weighed.bytes], [2, 1_000]);
    assert.ok(weighed.add(at(3, 1), "c"));
    assert.deepEqual([weighed.size, weighed.bytes, weighed.has(hashOf(2))], [2, 401, false]);
    assert.ok(new OrphanPool({ countMax: 1, bytesMax: 1_000 }).add(at(1, 1_000), "a"), "as large as the pool");
    // A newcomer whose host holds most goes itself.
    const full = new OrphanPool({ countMax: 2, bytesMax: 1_000 });
    full.add(at(1, 10), "a");
    full.add(at(2, 10), "b");
    assert.equal(full.add(at(3, 900), "c"), false);
    assert.deepEqual([full.size, full.bytes], [2, 20]);
  });

  test("each that leaves is told of once, taken or dropped or pushed out", () => {
    const left: number[] = [];
    const pool = new Pool<Item>({
      hash: (item) => hashOf(item.number),
      parent: (item) => hashOf(item.number - 1),
      bytes: (item) => item.size,
      left: (item) => left.push(item.number),
    }, { countMax: 3, bytesMax: 1_000 });
    for (const number of [1, 3, 5, 7]) pool.add(at(number), "a");
    assert.deepEqual(left, [1]);
    pool.takeChildren(hashOf(2));
    pool.drop(hashOf(5));
    pool.drop(hashOf(5));
    pool.dropSource("a");
    assert.deepEqual(left, [1, 3, 5, 7]);
    assert.deepEqual([pool.size, pool.bytes], [0, 0]);
  });
});
