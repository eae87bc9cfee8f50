import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RollingFilter } from "../../../lib/core/rolling-filter.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const item = (number: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};

function filled(itemsMax: number, count: number, falsePositives = 0.000_001): RollingFilter {
  const filter = new RollingFilter(itemsMax, falsePositives, new SeededRandom(1));
  for (let i = 0; i < count; i++) filter.add(item(i));
  return filter;
}

describe("RollingFilter", () => {
  test("has() knows the latest items, however many came before", () => {
    for (const count of [1, 999, 1_000, 1_001, 4_321, 20_000]) {
      const filter = filled(1_000, count);
      for (let i = Math.max(0, count - 1_000); i < count; i++) assert.ok(filter.has(item(i)), `${i} of ${count}`);
    }
  });

  test("has() forgets what came half as many items again before the latest", () => {
    const filter = filled(1_000, 20_000);
    const known = Array.from({ length: 18_500 }, (_, i) => i).filter((i) => filter.has(item(i)));
    assert.deepEqual(known, []);
  });

  test("has() is wrong as seldom as it was told to be", () => {
    const filter = filled(1_000, 20_000, 0.01);
    const wrong = Array.from({ length: 50_000 }, (_, i) => i + 100_000).filter((i) => filter.has(item(i))).length;
    assert.ok(wrong < 500, `${wrong} of 50000`);
    assert.ok(wrong > 5, "it is a filter, not a set");
  });

  test("bytes is bounded, and little for a filter with little in it", () => {
    assert.equal(filled(50_000, 0).bytes, 0);
    assert.ok(filled(50_000, 100).bytes < 1_024);
    // Each generation takes what it was made for.
    assert.equal(filled(50_000, 128).bytes, filled(50_000, 1).bytes);
    assert.ok(filled(50_000, 129).bytes > filled(50_000, 128).bytes);
    assert.ok(filled(50_000, 1_000).bytes < 16_384);
    // Core's takes 541 KB.
    assert.ok(filled(50_000, 300_000).bytes < 400_000);
    assert.equal(filled(50_000, 300_000).bytes, filled(50_000, 600_000).bytes);
  });

  test("clear() forgets everything, and what it takes for known is another set then", () => {
    const filter = filled(1_000, 1_000, 0.1);
    const mistakes = () => Array.from({ length: 2_000 }, (_, i) => i + 5_000).filter((i) => filter.has(item(i)));
    const before = mistakes();
    filter.clear();
    assert.equal(filter.bytes, 0);
    assert.equal(filter.has(item(1)), false);
    for (let i = 0; i < 1_000; i++) filter.add(item(i));
    assert.ok(before.length > 0);
    assert.notDeepEqual(mistakes(), before);
  });
});
