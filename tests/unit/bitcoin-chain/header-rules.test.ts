import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { type HeaderSource, medianTimePast, requiredBits } from "../../../lib/bitcoin/headers/difficulty.ts";
import { HeaderContext } from "../../../lib/bitcoin/headers/header-rules.ts";
import { HeightIndex } from "../../../lib/bitcoin/headers/height-index.ts";
import { type BitcoinNetwork, mainnet, testnet3 } from "../../../lib/bitcoin/networks/mod.ts";

const NOW = 4_000_000_000;
/** Retargets every five blocks, so that a short chain meets every case. */
const quick = (network: BitcoinNetwork, enforceBip94: boolean): BitcoinNetwork => ({
  ...network,
  pow: { ...network.pow, interval: 5, targetTimespan: 3_000, enforceBip94 },
});

test("HeaderContext carries along what the rules would look back for", () => {
  const gaps = fc.array(fc.integer({ min: -400, max: 2_500 }), { minLength: 1, maxLength: 40 });
  const network = fc.constantFrom(quick(mainnet, false), quick(testnet3, false), quick(testnet3, true));
  let passed = 0;
  fc.assert(fc.property(network, gaps, fc.nat(20), (network, gaps, standOn) => {
    const times = [1_000_000];
    const bits = [network.pow.limitBits];
    const chain: HeaderSource = {
      height: (row) => row,
      time: (row) => times[row]!,
      bits: (row) => bits[row]!,
      parent: (row) => row - 1,
      ancestor: (_row, height) => height,
    };
    let context = new HeaderContext(network, chain, 0);
    for (const gap of gaps) {
      const row = times.length;
      const time = times[row - 1]! + gap;
      const required = requiredBits(network.pow, chain, row - 1, time);
      const reason = (bits: number) => context.judge(4, time, bits, NOW)?.reason;
      assert.equal(reason(required ^ 1), "bad-diffbits");
      const isOld = time <= medianTimePast(chain, row - 1);
      const isWarped = network.pow.enforceBip94 && row % 5 === 0 && gap < -600;
      assert.equal(reason(required), isOld ? "time-too-old" : isWarped ? "time-timewarp-attack" : undefined);
      if (isOld || isWarped) continue;
      times.push(time);
      bits.push(required);
      context.step(row, time, required);
      // Somebody who comes to stand here sees the same as one who walked here.
      if (row === standOn) context = new HeaderContext(network, chain, row);
      passed++;
    }
  }));
  assert.ok(passed > 100, "most headers pass");
});

test("an easy block may come twenty minutes and a second after its parent, not sooner", () => {
  const network = quick(testnet3, false);
  const bits = [0x1c00aaaa, 0x1c00aaaa];
  const chain: HeaderSource = {
    height: (row) => row + 6,
    time: () => 1_000_000,
    bits: (row) => bits[row]!,
    parent: (row) => row - 1,
    ancestor: (row) => row,
  };
  const context = new HeaderContext(network, chain, 1);
  const easy = (time: number) => context.judge(4, time, network.pow.limitBits, NOW)?.reason;
  assert.equal(easy(1_001_200), "bad-diffbits");
  assert.equal(easy(1_001_201), undefined);
});

test("HeightIndex follows its tip up, down and across, whatever it held before", () => {
  // Rows 0–5 are one branch; 6–8 leave it at height 1; 9 goes on from 5.
  const parents = [-1, 0, 1, 2, 3, 4, 1, 6, 7, 5];
  const heights = [0, 1, 2, 3, 4, 5, 2, 3, 4, 6];
  const index = new HeightIndex({
    height: (row) => heights[row]!,
    parent: (row) => parents[row]!,
    time: () => 0,
    bits: () => 0,
    ancestor: (row) => row,
  });
  const rows = () => Array.from({ length: 7 }, (_, height) => index.at(height));
  assert.deepEqual(rows(), [0, -1, -1, -1, -1, -1, -1]);
  const expected: readonly (readonly [tip: number, rows: readonly number[]])[] = [
    [5, [0, 1, 2, 3, 4, 5, -1]],
    [7, [0, 1, 6, 7, -1, -1, -1]],
    [9, [0, 1, 2, 3, 4, 5, 9]],
    [8, [0, 1, 6, 7, 8, -1, -1]],
    [4, [0, 1, 2, 3, 4, -1, -1]],
  ];
  for (const [tip, held] of expected) {
    index.setTip(tip);
    assert.deepEqual(rows(), held, `tip ${tip}`);
    assert.equal(index.tip, tip);
    assert.equal(index.top, heights[tip]);
  }
});

test("HeightIndex has each row as it grows, one header at a time and many at once", () => {
  const line = {
    height: (row: number) => row,
    parent: (row: number) => row - 1,
    time: () => 0,
    bits: () => 0,
    ancestor: (_row: number, height: number) => height,
  };
  const index = new HeightIndex(line);
  for (let tip = 1; tip <= 5_000; tip++) {
    index.setTip(tip);
    assert.equal(index.at(tip), tip);
    assert.equal(index.at(tip + 1), -1);
  }
  for (let height = 0; height <= 5_000; height++) assert.equal(index.at(height), height);
  assert.equal(index.at(-1), -1);
  assert.ok(index.byteLength >= 4 * 5_001);
  const jump = new HeightIndex(line);
  jump.setTip(100_000);
  assert.deepEqual([0, 1, 50_000, 100_000].map((height) => jump.at(height)), [0, 1, 50_000, 100_000]);
});
