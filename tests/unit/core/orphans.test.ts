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
});
