import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bucketOf, feeBuckets } from "../../../lib/bitcoin/fees/buckets.ts";
import { FeeEstimator, HORIZONS } from "../../../lib/bitcoin/fees/estimator.ts";
import type { Transaction } from "../../../lib/bitcoin/types/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { numbered } from "../bitcoin-compact/listed-pool.ts";
import { PlainEstimator } from "./plain-estimator.ts";

const VSIZE = 200;

/** A chain that makes transactions of chosen feerates and puts some of them into blocks. */
class Scene {
  readonly estimator = new FeeEstimator();
  readonly plain: PlainEstimator;
  readonly waiting = new Map<Transaction, { fee: number; height: number }>();
  height: number;
  #made = 0;

  constructor(height = 0) {
    this.height = height;
    this.plain = new PlainEstimator(height);
    this.estimator.block(height);
  }

  add(feeRate: number): Transaction {
    const transaction = numbered(this.#made++);
    const fee = feeRate * VSIZE / 1_000;
    const sample = { transaction, fee, vsize: VSIZE, height: this.height };
    this.waiting.set(transaction, sample);
    this.estimator.came(sample);
    this.plain.came(transaction, feeRate);
    return transaction;
  }

  mine(transactions: readonly Transaction[]): void {
    this.height += 1;
    this.estimator.block(this.height);
    this.plain.block();
    for (const transaction of transactions) {
      this.estimator.confirmed({ transaction, vsize: VSIZE, ...this.waiting.get(transaction)! }, this.height);
      this.plain.went(transaction, true);
      this.waiting.delete(transaction);
    }
  }

  drop(transaction: Transaction): void {
    this.estimator.left(transaction);
    this.plain.went(transaction, false);
    this.waiting.delete(transaction);
  }

  /** What Core's `estimateFee` gives: the medium horizon, 95 of 100. */
  estimate(target: number): number {
    return target <= 1 ? 0 : Math.max(0, Math.round(this.estimator.raw(target, 0.95, "medium").median));
  }
}

describe("bucketOf()", () => {
  test("gives the first range whose bound is not below the feerate", () => {
    const bounds = feeBuckets();
    assert.equal(bounds.length, 237);
    assert.deepEqual([bounds[0], bounds[1], bounds.at(-1)], [100, 105, 1e99]);
    assert.ok(bounds.at(-2)! <= 1e7 && bounds.at(-2)! * 1.05 > 1e7);
    for (const [i, bound] of bounds.entries()) assert.equal(bucketOf(bounds, bound), i);
    assert.deepEqual([0, 99, 100.5, 105, 105.1, 2e7].map((rate) => bucketOf(bounds, rate)), [0, 0, 1, 1, 2, 236]);
  });
});

describe("FeeEstimator", () => {
  test("gives what Core's own test of it asks for, over 665 blocks", () => {
    const scene = new Scene();
    const base = 10_000;
    const delta = 500;
    const byRate: Transaction[][] = Array.from({ length: 10 }, () => []);
    const come = () => byRate.forEach((list, j) => list.push(...[1, 2, 3, 4].map(() => scene.add(base * (j + 1)))));
    const between = (value: number, low: number, high: number) => assert.ok(value > low && value < high, `${value}`);
    while (scene.height < 200) {
      come();
      // The higher the feerate, the more blocks take it.
      const taken = byRate.toReversed().slice(0, scene.height % 10 + 1).flatMap((list) => list.splice(0).reverse());
      scene.mine(taken);
      if (scene.height !== 3) continue;
      assert.equal(scene.estimate(1), 0);
      between(scene.estimate(2), 9 * base - delta, 9 * base + delta);
    }
    const first = Array.from({ length: 48 }, (_, i) => scene.estimate(i + 1));
    for (let i = 3; i < 10; i++) assert.ok(first[i - 1]! <= first[i - 2]!);
    for (const i of [2, 4, 6, 8]) between(first[i - 1]!, (11 - i) * base - delta, (11 - i) * base + delta);

    while (scene.height < 250) scene.mine([]);
    for (let i = 2; i < 10; i++) between(scene.estimate(i), first[i - 1]! - delta, first[i - 1]! + delta);

    while (scene.height < 265) {
      come();
      scene.mine([]);
    }
    const isNotLower = (i: number) => scene.estimate(i) === 0 || scene.estimate(i) > first[i - 1]! - delta;
    for (let i = 1; i < 10; i++) assert.ok(isNotLower(i), `${i}`);
    scene.mine(byRate.flatMap((list) => list.splice(0)));
    for (let i = 1; i < 10; i++) assert.ok(isNotLower(i), `${i}`);

    while (scene.height < 665) {
      come();
      scene.mine(byRate.flatMap((list) => list.splice(0)));
    }
    assert.equal(scene.estimate(1), 0);
    for (let i = 2; i < 9; i++) assert.ok(scene.estimate(i) < first[i - 1]! - delta, `${i}`);
  });

  test("agrees with its definition whatever comes, goes and is mined", () => {
    const random = new SeededRandom(12);
    // Where a chain has as many blocks as are looked back, or the numbers of the first heights wrap, in Core as well.
    const scene = new Scene(5_000);
    let estimates = 0;
    for (let block = 0; block < 130; block++) {
      for (let i = random.below(14); i > 0; i--) scene.add(1_000 + 500 * random.below(40));
      const chosen: Transaction[] = [];
      for (const [transaction, { fee }] of scene.waiting) {
        const chance = random.below(100);
        if (chance < 2) scene.drop(transaction);
        else if (chance * 45 < fee) chosen.push(transaction);
      }
      scene.mine(chosen);
      if (block % 10 !== 9) continue;
      for (const horizon of HORIZONS) {
        for (
          const target of [1, 2, 3, 5, 8, 12, 13, 25, 48, 60].filter((each) =>
            each <= scene.estimator.targetMax(horizon)
          )
        ) {
          for (const share of [0.6, 0.85, 0.95]) {
            const { median } = scene.estimator.raw(target, share, horizon);
            const expected = scene.plain.median(target, share, horizon);
            assert.ok(Math.abs(median - expected) < 1e-6 * Math.abs(expected), `${median}, ${expected}`);
            if (median > 0) estimates += 1;
          }
        }
      }
    }
    assert.ok(estimates > 300, `${estimates}`);
    const kinds = new Set<number>();
    for (const target of [2, 3, 5, 6, 7, 11, 12, 13, 23, 24, 25, 40, 48, 49, 64]) {
      for (const isConservative of [false, true]) {
        const { feeRate } = scene.estimator.smart(target, isConservative);
        assert.equal(feeRate, scene.plain.smart(target, isConservative), `${target}`);
        kinds.add(feeRate);
      }
    }
    assert.ok(kinds.size > 3, [...kinds].join());
    for (const transaction of [...scene.waiting.keys()]) scene.drop(transaction);
    const later = new FeeEstimator({ ...scene.estimator.state, historyFirst: 1, historyBest: 5_100 });
    for (const target of [24, 100, 504, 505, 1_008]) {
      for (const isConservative of [false, true]) {
        const expected = { feeRate: scene.plain.smart(target, isConservative), target };
        assert.ok(expected.feeRate > 0);
        assert.deepEqual(later.smart(target, isConservative), expected);
      }
    }
  });

  test("smart() has a target that the blocks seen so far allow, and none before", () => {
    const scene = new Scene();
    assert.deepEqual(scene.estimator.smart(6, false), { feeRate: 0, target: 0 });
    const isMined = () => scene.mine([...scene.waiting.keys()]);
    for (let i = 0; i < 9; i++) {
      for (let n = 0; n < 20; n++) scene.add(5_000);
      isMined();
      // Nobody can say what gets into the next block, however much was seen.
      if (i === 3) assert.deepEqual(scene.estimator.smart(6, true), { feeRate: 0, target: 1 });
    }
    // Eight blocks since the first that confirmed anything.
    assert.deepEqual(scene.estimator.smart(100, false), { feeRate: 5_000, target: 4 });
    assert.deepEqual(scene.estimator.smart(1, false), { feeRate: 5_000, target: 2 });
    assert.deepEqual(scene.estimator.smart(1_008, true), { feeRate: 5_000, target: 4 });
  });

  test("smart() follows a fall of fees sooner when it is not to be conservative", () => {
    const scene = new Scene();
    const round = (low: number, isLowMined: boolean) => {
      for (let n = 0; n < 20; n++) scene.add(20_000);
      for (let n = 0; n < 20; n++) scene.add(low);
      scene.mine([...scene.waiting].filter(([, { fee }]) => isLowMined || fee === 4_000).map(([each]) => each));
    };
    for (let i = 0; i < 100; i++) round(2_000, i % 10 === 0);
    for (let i = 0; i < 100; i++) round(2_000, true);
    const [economical, conservative] = [false, true].map((each) => scene.estimator.smart(2, each).feeRate);
    assert.ok(economical! < conservative!, `${economical}, ${conservative}`);
  });

  test("smart() that is to be conservative asks the next horizon as well, up to the last target of the one that it has", () => {
    const scene = new Scene();
    for (let i = 1; i <= 70; i++) {
      scene.add(20_000);
      scene.add(2_000);
      const isLowMined = i > 30 || i % 15 === 0;
      scene.mine([...scene.waiting].filter(([, { fee }]) => isLowMined || fee === 4_000).map(([each]) => each));
    }
    // Twelve blocks are twice the target. The long horizon has seen too little.
    assert.deepEqual([false, true].map((each) => scene.estimator.smart(6, each).feeRate), [2_000, 20_000]);
  });

  test("counts nothing that came before it saw a block, or of a block that is no higher", () => {
    const scene = new Scene();
    scene.mine([]);
    const late = { transaction: numbered(900), fee: 1_000, vsize: VSIZE, height: 0 };
    scene.estimator.came(late);
    assert.equal(scene.estimator.tracked, 0);
    const transaction = scene.add(5_000);
    scene.estimator.block(1);
    scene.estimator.confirmed({ transaction, fee: 1_000, vsize: VSIZE, height: 1 }, 1);
    assert.equal(scene.estimator.tracked, 0);
    const other = scene.add(5_000);
    scene.mine([]);
    scene.mine([]);
    scene.estimator.confirmed({ transaction: other, fee: 1_000, vsize: VSIZE, height: 1 }, 2);
    assert.equal(scene.estimator.tracked, 0);
    assert.equal(scene.estimator.state.statistics.short.averages.confirmed.reduce((sum, each) => sum + each), 0);
  });

  test("gives the feerate of the range in the middle, and of the lower one of two that are equal", () => {
    const scene = new Scene(5_000);
    // None of the two has enough by itself.
    for (let i = 0; i < 15; i++) scene.mine([scene.add(1_000), scene.add(1_080)]);
    const { median, pass } = scene.estimator.raw(2, 0.85, "medium");
    assert.ok(Math.abs(median - 1_000) < 1e-9, `${median}`);
    assert.ok(Math.abs(median - scene.plain.median(2, 0.85, "medium")) < 1e-9);
    assert.ok(pass.start < 1_000 && pass.end > 1_080);
  });

  test("a transaction that waits longer than is told apart still counts, and its end as well", () => {
    const scene = new Scene(5_000);
    const [stays, goes] = [scene.add(5_000), scene.add(5_000)];
    for (let i = 0; i < 12; i++) scene.mine([]);
    const waiting = () => scene.estimator.raw(12, 0.5, "short").fail.inMempool;
    assert.equal(waiting(), 2);
    scene.drop(goes!);
    assert.equal(waiting(), 1);
    scene.drop(stays!);
    assert.deepEqual([waiting(), scene.estimator.raw(12, 0.5, "short").fail.leftMempool], [0, 2]);
  });

  test("abandon() counts what waits as failed once it has waited for a period", () => {
    const scene = new Scene();
    scene.mine([]);
    for (let i = 0; i < 5; i++) scene.add(5_000);
    for (let i = 0; i < 3; i++) scene.mine([]);
    scene.add(5_000);
    scene.estimator.abandon();
    assert.equal(scene.estimator.tracked, 0);
    const sum = (values: Float64Array) => values.reduce((total, each) => total + each);
    const { short, medium, long } = scene.estimator.state.statistics;
    assert.deepEqual(short.averages.failed.slice(0, 4).map(sum), [5, 5, 5, 0]);
    assert.deepEqual(medium.averages.failed.slice(0, 2).map(sum), [5, 0]);
    assert.deepEqual(long.averages.failed.slice(0, 1).map(sum), [0]);
  });
});
