import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Confirmations } from "../../../lib/bitcoin/fees/confirmations.ts";

/** Five ranges; what is named by its index lies below its bound. */
const BOUNDS = [100, 200, 300, 400, 1e99];
const HEIGHT = 5_000;

/** Statistics of 12 periods of one block, of which half a transaction a block is enough: 14 at once are. */
const short = () => Confirmations.empty(BOUNDS, 12, 0.962, 1);
const estimate = (statistics: Confirmations, target: number, height = HEIGHT) =>
  statistics.estimate(target, 0.5, 0.85, height);
const confirm = (statistics: Confirmations, count: number, blocks: number, bucket: number, feeRate: number) => {
  for (let i = 0; i < count; i++) statistics.confirm(blocks, bucket, feeRate);
};

describe("Confirmations", () => {
  test("say nothing of ranges of which nothing was seen", () => {
    const { median, pass, fail } = estimate(short(), 1);
    assert.equal(median, -1);
    assert.deepEqual([pass.start, pass.end, pass.totalConfirmed], [-1, -1, 0]);
    assert.deepEqual([fail.start, fail.end, fail.totalConfirmed], [0, 1e99, 0]);
  });

  test("reach down to the lowest range", () => {
    const statistics = short();
    confirm(statistics, 20, 1, 0, 100);
    const { median, pass, fail } = estimate(statistics, 1);
    assert.equal(median, 100);
    assert.deepEqual([pass.start, pass.end, pass.withinTarget], [0, 1e99, 20]);
    assert.equal(fail.start, -1, "nothing is left that could fail");
  });

  test("need half a transaction a block together, and take the next range when that is not enough", () => {
    const statistics = short();
    confirm(statistics, 13, 1, 3, 350);
    assert.equal(estimate(statistics, 1).median, -1);
    confirm(statistics, 1, 1, 3, 350);
    assert.equal(estimate(statistics, 1).median, 350);
    confirm(statistics, 13, 1, 1, 150);
    assert.deepEqual([estimate(statistics, 1).pass.start, estimate(statistics, 1).fail.end], [300, 300]);
  });

  test("tell of the highest ranges that fail, and of none below them", () => {
    const statistics = short();
    confirm(statistics, 20, 5, 3, 350);
    confirm(statistics, 20, 5, 2, 250);
    confirm(statistics, 1, 5, 0, 90);
    const { median, fail } = estimate(statistics, 1);
    assert.equal(median, -1);
    assert.deepEqual([fail.start, fail.end, fail.totalConfirmed, fail.withinTarget], [300, 1e99, 20, 0]);
  });

  test("count what waits from the first block on that has not taken it", () => {
    const statistics = short();
    statistics.fade(HEIGHT);
    statistics.came(HEIGHT, 2);
    const waiting = (target: number, height: number) => estimate(statistics, target, height).fail.inMempool;
    assert.deepEqual([waiting(1, HEIGHT), waiting(12, HEIGHT)], [0, 0]);
    statistics.fade(HEIGHT + 1);
    assert.deepEqual([waiting(1, HEIGHT + 1), waiting(2, HEIGHT + 1)], [1, 0]);
  });

  test("never count fewer than none that wait, though heights were left out", () => {
    const statistics = short();
    statistics.came(HEIGHT, 2);
    statistics.fade(HEIGHT + 50);
    // It is not among those that have waited long: no block was told of with which it would have become one.
    statistics.went(HEIGHT, HEIGHT + 50, 2, true);
    for (const height of [HEIGHT + 50, HEIGHT + 51]) statistics.came(height, 2);
    for (let height = HEIGHT + 51; height <= HEIGHT + 80; height++) statistics.fade(height);
    assert.equal(estimate(statistics, 12, HEIGHT + 80).fail.inMempool, 3);
  });

  test("forget what failed as they forget what was confirmed", () => {
    const statistics = short();
    statistics.came(HEIGHT, 2);
    statistics.went(HEIGHT, HEIGHT + 2, 2, false);
    const left = (target: number) => estimate(statistics, target).fail.leftMempool;
    assert.deepEqual([left(1), left(2), left(3)], [1, 1, 0]);
    statistics.fade(HEIGHT + 3);
    assert.deepEqual([left(1), left(2), left(3)], [0.962, 0.962, 0]);
  });

  test("forget what an earlier run has seen, whatever it is", () => {
    const filled = short().averages;
    for (const counts of [filled.confirmed, ...filled.failed]) counts.fill(1);
    const some = short();
    confirm(some, 20, 1, 2, 250);
    for (const averages of [filled, some.averages]) {
      const before = averages.confirmed[2]!;
      const again = new Confirmations(BOUNDS, averages);
      again.fade(HEIGHT);
      assert.equal(averages.confirmed[2], before * 0.962);
    }
  });
});
