import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ConfirmationAverages, Confirmations } from "../../../lib/bitcoin/fees/confirmations.ts";
import { estimatesFromBytes, estimatesToBytes } from "../../../lib/bitcoin/fees/estimates-file.ts";
import { FeeEstimator } from "../../../lib/bitcoin/fees/estimator.ts";
import { toHex } from "../../../lib/codec/hex.ts";
import { numbered } from "../bitcoin-compact/listed-pool.ts";

/** An estimator that has seen some blocks; of each the transactions were confirmed in the next. */
function confirming(blocks = 40, start?: FeeEstimator): FeeEstimator {
  const estimator = start ?? new FeeEstimator();
  const first = estimator.state.bestHeight;
  for (let height = first + 1; height <= first + blocks; height++) {
    const samples = Array.from({ length: 20 }, (_, i) => ({
      transaction: numbered(100 * height + i),
      ...{ fee: 1_000 + 50 * i, vsize: 200, height: height - 1 },
    }));
    for (const sample of samples) estimator.came(sample);
    estimator.block(height);
    for (const sample of samples) estimator.confirmed(sample, height);
  }
  return estimator;
}

const answers = (estimator: FeeEstimator) =>
  [1, 2, 6, 12, 24].map((target) => [estimator.smart(target, false), estimator.smart(target, true)]);

describe("fee_estimates.dat", () => {
  test("has what was seen, to the last bit", () => {
    const estimator = confirming();
    const bytes = estimatesToBytes(estimator.state);
    const again = new FeeEstimator(estimatesFromBytes(bytes));
    assert.deepEqual(answers(again), answers(estimator));
    assert.ok(answers(again).every(([economical]) => economical!.feeRate > 0));
    assert.deepEqual(toHex(estimatesToBytes(again.state)), toHex(bytes));
  });

  test("has Core's layout", () => {
    const bytes = estimatesToBytes(confirming().state);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    // Version, best, first and last height; 237 ranges from 100 on.
    assert.deepEqual([0, 4, 8, 12, 16].map((at) => view.getUint32(at, true)), [309_900, 0, 40, 1, 40]);
    assert.deepEqual([bytes[20], view.getFloat64(21, true), view.getFloat64(29, true)], [237, 100, 105]);
    const medium = 21 + 8 * 237;
    assert.deepEqual([view.getFloat64(medium, true), view.getUint32(medium + 8, true)], [0.9952, 2]);
    const size = (periods: number) => 12 + 2 * (1 + 8 * 237) + 2 * (1 + periods * (1 + 8 * 237));
    assert.equal(bytes.length, medium + size(24) + size(12) + size(42));
    const short = medium + size(24);
    assert.deepEqual([view.getFloat64(short, true), view.getUint32(short + 8, true)], [0.962, 1]);
  });

  test("tells of the longer of both runs, as long as the earlier is not too far back", () => {
    const first = confirming(60);
    const second = confirming(10, new FeeEstimator(first.state));
    assert.deepEqual([second.state.historyFirst, second.state.historyBest, second.state.bestHeight], [1, 60, 70]);
    assert.equal(second.smart(1_008, false).target, 29);
    const third = confirming(40, new FeeEstimator(first.state));
    assert.deepEqual([third.state.historyFirst, third.state.historyBest], [61, 100]);
    const late = new FeeEstimator(first.state);
    late.block(60 + 6_048);
    assert.equal(late.smart(1_008, false).target, 29);
    late.block(60 + 6_049);
    assert.equal(late.smart(1_008, false).target, 0);
  });

  test("tells of this run once it is longer than half of the earlier one", () => {
    const first = confirming(61);
    const historyOf = (blocks: number) => {
      const { historyFirst, historyBest } = confirming(blocks, new FeeEstimator(first.state)).state;
      return [historyFirst, historyBest];
    };
    // 60 blocks since the first that confirmed anything.
    assert.deepEqual([historyOf(31), historyOf(32)], [[1, 61], [62, 93]]);
  });

  test("of an earlier version is not read, and of a later one neither", () => {
    const bytes = estimatesToBytes(confirming().state);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, 149_900, true);
    assert.equal(estimatesFromBytes(bytes), undefined);
    view.setUint32(0, 309_901, true);
    assert.throws(() => estimatesFromBytes(bytes), { code: "limit" });
  });

  test("that is damaged is refused, whatever is wrong", () => {
    const whole = estimatesToBytes(confirming().state);
    const refused = (change: (view: DataView, bytes: Uint8Array) => void) => {
      const bytes = whole.slice();
      change(new DataView(bytes.buffer), bytes);
      assert.throws(() => estimatesFromBytes(bytes), { name: "CodecError" });
    };
    const medium = 21 + 8 * 237;
    for (const length of [3, 19, 20, 21, 500, whole.length - 1]) {
      assert.throws(() => estimatesFromBytes(whole.slice(0, length)), { name: "CodecError" }, `${length} bytes`);
    }
    refused((view) => view.setUint32(12, 41, true));
    refused((view) => view.setUint32(16, 41, true));
    refused((_, bytes) => bytes[20] = 1);
    refused((_, bytes) => bytes[20] = 236);
    refused((view) => view.setFloat64(medium, 1, true));
    refused((view) => view.setFloat64(medium, 0, true));
    refused((view) => view.setFloat64(medium, NaN, true));
    refused((view) => view.setUint32(medium + 8, 0, true));
    refused((view) => view.setUint32(medium + 8, 43, true));
    refused((_, bytes) => bytes[medium + 12] = 236);
    const within = medium + 12 + 2 * (1 + 8 * 237);
    refused((_, bytes) => bytes[within] = 0);
    refused((_, bytes) => bytes[within + 1] = 236);
    refused((_, bytes) => bytes[within + 1 + 24 * (1 + 8 * 237)] = 23);
  });

  describe("of other ranges and periods", () => {
    interface Shape {
      readonly ranges?: number;
      readonly periods?: number;
      readonly scale?: number;
      readonly change?: (averages: ConfirmationAverages) => Partial<ConfirmationAverages>;
    }
    const fileOf = ({ ranges = 3, periods = 2, scale = 1, change = () => ({}) }: Shape) => {
      const buckets = Array.from({ length: ranges }, (_, i) => 100 + i);
      const { averages } = Confirmations.empty(buckets, periods, 0.5, scale);
      const one = { averages: { ...averages, ...change(averages) } } as Confirmations;
      const statistics = { short: one, medium: one, long: one };
      return estimatesToBytes({ bestHeight: 9, historyFirst: 1, historyBest: 9, buckets, statistics });
    };
    const cases: readonly (readonly [name: string, Shape, error?: RegExp])[] = [
      ["one range", { ranges: 1 }, /1 ranges/],
      ["two ranges", { ranges: 2 }],
      ["1,000 ranges", { ranges: 1_000 }],
      ["1,001 ranges", { ranges: 1_001 }, /1001 ranges/],
      ["no period", { periods: 0 }, /0 periods/],
      ["one period", { periods: 1 }],
      ["periods of a week", { periods: 42, scale: 24 }],
      ["periods of a week and a day", { periods: 43, scale: 24 }, /43 periods of 24 blocks/],
      ["fewer periods of those that failed", { change: ({ failed }) => ({ failed: failed.slice(1) }) }, /1 periods/],
      ["fewer numbers than ranges", { change: ({ feeRates }) => ({ feeRates: feeRates.slice(1) }) }, /2 numbers/],
    ];
    for (const [name, shape, message] of cases) {
      test(`${name}: ${message === undefined ? "read" : "refused"}`, () => {
        const bytes = fileOf(shape);
        if (message !== undefined) assert.throws(() => estimatesFromBytes(bytes), { code: "limit", message });
        else assert.deepEqual(estimatesToBytes(estimatesFromBytes(bytes)!), bytes);
      });
    }

    test("a count that the file is too short for: refused before there is memory for it", () => {
      const bytes = fileOf({});
      bytes.set([0xfe, 0xff, 0xff, 0xff, 0x01], 20);
      assert.throws(() => estimatesFromBytes(bytes), { code: "limit", message: /33554431 numbers/ });
    });
  });
});
