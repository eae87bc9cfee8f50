import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { OrphanPool } from "../../../lib/chia/chain/orphans.ts";
import type { Candidate } from "../../../lib/chia/chain/verdict.ts";
import { candidateOf, recordedBlocks } from "./chain-1200.ts";

const blocks = recordedBlocks().slice(0, 12).map(candidateOf);
const at = (height: number): Candidate => blocks[height] ?? assert.fail(`no block ${height}`);
/** The block with a body of so many bytes. */
const sized = (height: number, size: number): Candidate => ({ ...at(height), raw: new Uint8Array(size) });

describe("OrphanPool", () => {
  test("takeChildren() gives the blocks that follow, once, with the host that gave them", () => {
    const pool = new OrphanPool();
    pool.add(at(5), "a");
    pool.add(at(7), "b");
    assert.deepEqual(pool.takeChildren(at(5).headerHash), []);
    assert.deepEqual(
      pool.takeChildren(at(4).headerHash).map(({ candidate, source }) => [candidate === at(5), source]),
      [
        [true, "a"],
      ],
    );
    assert.deepEqual(pool.takeChildren(at(4).headerHash), []);
    assert.equal(pool.size, 1);
    assert.equal(pool.bytes, at(7).raw.length);
  });

  test("who fills the pool pushes out its own blocks, the oldest first", () => {
    const pool = new OrphanPool({ blocksMax: 4, bytesMax: 10_000 });
    pool.add(sized(1, 100), "modest");
    for (let height = 2; height < 9; height++) pool.add(sized(height, 200), "greedy");
    assert.ok(pool.has(at(1).headerHash), "the modest peer's block stays");
    assert.deepEqual([2, 3, 4, 5, 6, 7, 8].map((height) => pool.has(at(height).headerHash)), [
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
    const pool = new OrphanPool({ blocksMax: 100, bytesMax: 1_000 });
    assert.equal(pool.add(sized(1, 1_001), "a"), false);
    assert.ok(pool.add(sized(1, 600), "a"));
    assert.ok(pool.add(sized(2, 500), "b"));
    assert.equal(pool.bytes, 500, "the larger share went");
    assert.ok(pool.add(sized(2, 500), "b"), "a block that waits already is kept once");
    assert.equal(pool.size, 1);
  });

  test("dropSource() forgets what one host gave", () => {
    const pool = new OrphanPool();
    pool.add(at(1), "a");
    pool.add(at(2), "b");
    pool.dropSource("a");
    assert.deepEqual([pool.has(at(1).headerHash), pool.has(at(2).headerHash)], [false, true]);
    pool.dropSource("b");
    assert.equal(pool.bytes, 0);
  });
});
