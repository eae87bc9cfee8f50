/** The records that the rules look back on: ancestors across forks, and what goes when there are too many. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { lookBack, RecordWindow } from "../../../lib/chia/chain/window.ts";
import { simulator0 } from "../../../lib/chia/networks/simulator0.ts";
import type { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { hashOf, recordOf } from "../../contract/store-blocks.ts";

const place = (record: BlockRecord | undefined) => record && `${record.headerHash[0]}:${record.height}`;

/** Main chain 1:0 to 1:6, and beside it 2:3, 2:4, 2:5 on 1:2. */
function forked() {
  const window = new RecordWindow(100);
  window.setMain(0, Array.from({ length: 7 }, (_, height) => recordOf(1, height)));
  for (const height of [3, 4, 5]) window.add(recordOf(2, height, { parentBranch: height === 3 ? 1 : 2 }));
  return window;
}

describe("RecordWindow.ancestorAt()", () => {
  test("gives a block beside the main chain where the fork has one, and the main chain's below", () => {
    const window = forked();
    const from = (record: BlockRecord) =>
      Array.from({ length: 7 }, (_, height) => place(window.ancestorAt(record, height)));
    const below = ["1:0", "1:1", "1:2"];
    assert.deepEqual(from(recordOf(2, 5)), [...below, "2:3", "2:4", "2:5", undefined]);
    assert.deepEqual(from(recordOf(1, 5)), [...below, "1:3", "1:4", "1:5", undefined]);
  });

  test("goes on from the parent when the block itself is not in the window", () => {
    const window = forked();
    const tip = recordOf(2, 6);
    assert.deepEqual([6, 5, 3, 2].map((height) => place(window.ancestorAt(tip, height))), ["2:6", "2:5", "2:3", "1:2"]);
    assert.equal(window.ancestorAt(tip, 7), undefined, "nothing above it is its ancestor");
    const far = recordOf(5, 6);
    assert.deepEqual([6, 5, 2].map((height) => place(window.ancestorAt(far, height))), ["5:6", undefined, undefined]);
  });

  test("gives nothing where the branch cannot be followed down", () => {
    const window = forked();
    window.remove(recordOf(2, 4));
    assert.deepEqual([5, 4, 3, 2].map((height) => place(window.ancestorAt(recordOf(2, 5), height))), [
      "2:5",
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("RecordWindow", () => {
  test("treats the record that came first as any other", () => {
    const window = new RecordWindow(100);
    const first = recordOf(2, 5, { parentBranch: 1 });
    for (const record of [first, recordOf(1, 4), recordOf(1, 3), first]) window.add(record);
    assert.equal(window.size, 3);
    assert.deepEqual([5, 4, 3].map((height) => place(window.ancestorAt(first, height))), ["2:5", "1:4", "1:3"]);
    assert.equal(place(window.ancestorAt(recordOf(2, 6), 5)), "2:5");
    window.setMain(5, [first]);
    assert.equal(place(window.mainAt(5)), "2:5");
    window.setMain(5, []);
    assert.equal(window.mainAt(5), undefined);
    window.remove(first);
    assert.deepEqual([window.size, window.record(first.headerHash)], [2, undefined]);
  });

  test("walks no step where the main chain tells", () => {
    const window = new RecordWindow(100);
    window.setMain(5, [recordOf(1, 5)]);
    window.setMain(0, [recordOf(1, 0), recordOf(1, 1)]);
    assert.equal(place(window.ancestorAt(recordOf(1, 5), 1)), "1:1");
  });
});

test("lookBack() is two epochs, and room for the sub-slots in which they end", () => {
  assert.equal(
    lookBack({
      ...simulator0.constants,
      EPOCH_BLOCKS: 1_000,
      MAX_SUB_SLOT_BLOCKS: 10,
      MIN_BLOCKS_PER_CHALLENGE_BLOCK: 3,
    }),
    2_046,
  );
});

describe("RecordWindow.setMain()", () => {
  test("takes from the main chain what stood from that height on, and nothing below", () => {
    const window = forked();
    window.setMain(3, [recordOf(2, 3)]);
    assert.deepEqual([2, 3, 4, 5, 6].map((height) => place(window.mainAt(height))), [
      "1:2",
      "2:3",
      undefined,
      undefined,
      undefined,
    ]);
    assert.equal(place(window.record(hashOf(1, 4))), "1:4", "it is still there");
    assert.equal(window.size, 10);
  });

  test("lets the lowest records go, on whatever branch, when there are too many and not before", () => {
    const window = new RecordWindow(10);
    window.setMain(0, Array.from({ length: 8 }, (_, height) => recordOf(1, height)));
    window.add(recordOf(2, 1, { parentBranch: 1 }));
    window.setMain(8, [recordOf(1, 8)]);
    assert.equal(window.size, 10);
    assert.equal(place(window.mainAt(0)), "1:0", "just as many as may be");
    window.setMain(9, [recordOf(1, 9)]);
    assert.deepEqual([window.size, place(window.mainAt(0)), place(window.mainAt(1))], [10, undefined, "1:1"]);
    window.setMain(10, [recordOf(1, 10)]);
    assert.deepEqual([window.size, window.record(hashOf(2, 1)), window.mainAt(1)], [9, undefined, undefined]);
    // One that is lower than all of them goes first.
    window.add(recordOf(3, 0));
    window.setMain(11, [recordOf(1, 11)]);
    assert.deepEqual([window.size, window.record(hashOf(3, 0)), place(window.mainAt(2))], [10, undefined, "1:2"]);
  });
});
