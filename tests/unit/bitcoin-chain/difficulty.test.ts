import { describe, test } from "node:test";
import assert from "node:assert/strict";
import {
  type HeaderSource,
  medianTimePast,
  permittedDifficultyTransition,
  requiredBits,
  retarget,
} from "../../../lib/bitcoin/headers/difficulty.ts";
import { mainnet, regtest, testnet3, testnet4 } from "../../../lib/bitcoin/networks/mod.ts";

/** A chain of nothing but times and bits; rows are heights less the first one's. */
function chainOf(first: number, blocks: readonly { readonly time: number; readonly bits: number }[]): HeaderSource {
  return {
    height: (row) => first + row,
    time: (row) => blocks[row]!.time,
    bits: (row) => blocks[row]!.bits,
    parent: (row) => row - 1,
    ancestor: (_row, height) => height - first,
  };
}

const EASY = 0x1d00ffff;
const HARD = 0x1c00aaaa;

/** A whole period below a boundary: `bits(i)` and ten minutes each, or as told. */
function period(bits: (index: number) => number, spacing = 600): { time: number; bits: number }[] {
  return Array.from({ length: 2016 }, (_, i) => ({ time: 1_300_000_000 + i * spacing, bits: bits(i) }));
}

describe("requiredBits()", () => {
  test("keeps the parent's bits within a period", () => {
    const chain = chainOf(2016, period(() => HARD).slice(0, 10));
    assert.equal(requiredBits(mainnet.pow, chain, 9, 2_000_000_000), HARD);
  });

  test("measures 2015 intervals, not 2016", () => {
    const chain = chainOf(2016, period(() => HARD));
    const expected = retarget(mainnet.pow, HARD, 0, 2015 * 600);
    assert.equal(requiredBits(mainnet.pow, chain, 2015, 0), expected);
    assert.notEqual(expected, retarget(mainnet.pow, HARD, 0, 2016 * 600));
  });

  test("gives an easy block after more than twenty minutes, where that is allowed", () => {
    const blocks = [{ time: 1000, bits: HARD }, { time: 2000, bits: HARD }];
    const chain = chainOf(2017, blocks);
    assert.equal(requiredBits(testnet3.pow, chain, 1, 2000 + 1200), HARD, "twenty minutes are not more");
    assert.equal(requiredBits(testnet3.pow, chain, 1, 2000 + 1201), EASY);
    assert.equal(requiredBits(mainnet.pow, chain, 1, 2000 + 1201), HARD);
  });

  test("walks over easy blocks back to the last that counts", () => {
    const blocks = [HARD, 0x1c00bbbb, EASY, EASY, EASY].map((bits, i) => ({ time: 1000 + i, bits }));
    assert.equal(requiredBits(testnet3.pow, chainOf(4000, blocks), 4, 1010), 0x1c00bbbb);
  });

  test("walks no further than the first block of the period", () => {
    const blocks = [HARD, EASY, EASY].map((bits, i) => ({ time: 1000 + i, bits }));
    assert.equal(requiredBits(testnet3.pow, chainOf(4031, blocks), 2, 1010), EASY, "height 4032 starts a period");
  });

  test("retargets from the period's last block, easy or not; under BIP94 from its first", () => {
    const chain = chainOf(2016, period((i) => i === 2015 ? EASY : HARD));
    assert.equal(requiredBits(testnet3.pow, chain, 2015, 0), retarget(testnet3.pow, EASY, 0, 2015 * 600));
    assert.equal(requiredBits(testnet4.pow, chain, 2015, 0), retarget(testnet4.pow, HARD, 0, 2015 * 600));
  });

  test("never changes on regtest", () => {
    const blocks = Array.from({ length: 144 }, (_, i) => ({ time: 1000 + i, bits: 0x207fffff }));
    assert.equal(requiredBits(regtest.pow, chainOf(144, blocks), 143, 2000), 0x207fffff);
  });
});

describe("retarget()", () => {
  const weeks = 1_209_600;

  test("changes by a factor of four at most", () => {
    assert.equal(retarget(mainnet.pow, 0x1c0fffff, 0, 0), retarget(mainnet.pow, 0x1c0fffff, 0, weeks / 4));
    assert.equal(retarget(mainnet.pow, 0x1b0fffff, 0, weeks * 9), retarget(mainnet.pow, 0x1b0fffff, 0, weeks * 4));
  });

  test("is not confused by a period that ends before it starts", () => {
    assert.equal(retarget(mainnet.pow, 0x1c0fffff, 1000, 0), retarget(mainnet.pow, 0x1c0fffff, 0, weeks / 4));
  });

  test("never becomes easier than the limit", () => assert.equal(retarget(mainnet.pow, EASY, 0, weeks * 4), EASY));
});

describe("permittedDifficultyTransition()", () => {
  test("wants equal bits within a period", () => {
    assert.ok(permittedDifficultyTransition(mainnet.pow, 2017, HARD, HARD));
    assert.ok(!permittedDifficultyTransition(mainnet.pow, 2017, HARD, HARD + 1));
  });

  test("lets through what any period could lead to, and no more", () => {
    for (const span of [0, 300_000, 302_400, 1_209_600, 4_838_400, 9_999_999]) {
      const to = retarget(mainnet.pow, HARD, 0, span);
      assert.ok(permittedDifficultyTransition(mainnet.pow, 4032, HARD, to), String(span));
    }
    const hardest = retarget(mainnet.pow, HARD, 0, 0);
    assert.ok(!permittedDifficultyTransition(mainnet.pow, 4032, HARD, hardest - 1));
    assert.ok(!permittedDifficultyTransition(mainnet.pow, 4032, HARD, retarget(mainnet.pow, HARD, 0, 9_999_999) + 1));
  });

  test("says nothing where easy blocks are allowed", () => {
    assert.ok(permittedDifficultyTransition(testnet4.pow, 2017, HARD, EASY));
  });
});

describe("medianTimePast()", () => {
  const chain = chainOf(0, [5, 1, 4, 2, 3, 9, 9, 1, 7, 8, 6, 100].map((time) => ({ time, bits: EASY })));

  test("takes the middle of eleven", () => assert.equal(medianTimePast(chain, 11), 6));
  test("takes the upper middle of fewer", () => assert.equal(medianTimePast(chain, 1), 5));
  test("is the own time of the first block", () => assert.equal(medianTimePast(chain, 0), 5));
});
