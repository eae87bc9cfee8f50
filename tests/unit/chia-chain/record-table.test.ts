/** The table of records: what is put in comes out again, in whatever order rows come and go. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RecordTable } from "../../../lib/chia/chain/record-table.ts";
import { RecordWindow } from "../../../lib/chia/chain/window.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import type { BlockRecord } from "../../../lib/chia/types/mod.ts";
import { hashOf, recordOf, summaryOf } from "../../contract/store-blocks.ts";

const coins = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ parentCoinInfo: hashOf(1, i), puzzleHash: hashOf(2, i), amount: 5n }));

/** A record whose length differs by its height; some are larger than a page. */
function made(branch: number, height: number): BlockRecord {
  return recordOf(branch, height, {
    rewardClaimsIncorporated: height % 3 === 0 ? coins(height % 211 === 0 ? 300 : height % 7) : null,
    finishedChallengeSlotHashes: height % 5 === 0 ? [hashOf(3, height), hashOf(4, height)] : null,
    subEpochSummaryIncluded: height % 11 === 0 ? summaryOf(height % 200) : null,
  });
}

describe("RecordTable", () => {
  test("finds what was added and not removed, after thousands of steps in any order", () => {
    const random = new SeededRandom(7);
    const table = new RecordTable();
    const held = new Map<string, BlockRecord>();
    for (let step = 0; step < 6_000; step++) {
      const [branch, height] = [random.below(4), random.below(900)];
      const key = `${branch} ${height}`;
      const row = table.find(hashOf(branch, height));
      assert.equal(row >= 0, held.has(key));
      if (row < 0) {
        const record = made(branch, height);
        table.add(record);
        held.set(key, record);
      } else if (random.chance(0.7)) {
        table.remove(row);
        held.delete(key);
      }
    }
    assert.equal(table.size, held.size);
    for (const record of held.values()) {
      const row = table.find(record.headerHash);
      assert.deepEqual(table.record(row), record);
      assert.equal(table.height(row), record.height);
      const parent = table.parent(row);
      const expected = held.has(`${record.headerHash[0]} ${record.height - 1}`);
      assert.equal(parent >= 0 && table.height(parent) === record.height - 1, expected);
      assert.equal([...table.rowsAt(record.height)].filter((each) => each === row).length, 1);
    }
  });

  test("gives memory back when records are removed, and a record that was given stays as it was", () => {
    const table = new RecordTable();
    const first = made(1, 0);
    const given = table.record(table.add(first));
    for (let height = 1; height < 3_000; height++) table.add(made(1, height));
    const full = table.byteLength;
    for (let height = 0; height < 2_900; height++) table.remove(table.find(hashOf(1, height)));
    assert.ok(table.byteLength < full / 5, `${table.byteLength} of ${full}`);
    for (let height = 0; height < 3_000; height++) if (height < 2_900) table.add(made(2, height));
    assert.deepEqual(given, first);
  });
});

describe("RecordTable over time", () => {
  test("uses the places of what was removed again", () => {
    const table = new RecordTable();
    const turn = (branch: number) => {
      const rows = Array.from({ length: 2_000 }, (_, height) => table.add(made(branch, height)));
      for (const row of rows) table.remove(row);
    };
    turn(1);
    const after = table.byteLength;
    assert.ok(after > 2_000 * 4, "the index and the columns are counted");
    for (let i = 2; i < 12; i++) turn(i);
    assert.equal(table.size, 0);
    assert.ok(table.byteLength <= after, `${table.byteLength} of ${after}`);
  });

  test("keeps few records decoded: the one that was decoded first goes first", () => {
    const table = new RecordTable();
    const rows = Array.from({ length: 20_000 }, (_, height) => table.add(recordOf(1, height)));
    const first = table.record(rows[0]!);
    assert.equal(table.record(rows[0]!), first);
    const second = table.record(rows[1]!);
    for (const row of rows) table.record(row);
    assert.notEqual(table.record(rows[1]!), second);
    assert.notEqual(table.record(rows[0]!), first);
    assert.deepEqual(table.record(rows[0]!), first);
    const last = table.record(rows.at(-1)!);
    assert.equal(table.record(rows.at(-1)!), last);
  });
});

describe("RecordWindow", () => {
  test("holds 19,520 records of mainnet's shape in a fifth of what they took as objects", () => {
    const window = new RecordWindow(19_520);
    for (let from = 0; from < 21_000; from += 500) {
      window.setMain(from, Array.from({ length: 500 }, (_, i) => made(1, from + i)));
    }
    assert.equal(window.size, 19_520);
    assert.ok(window.byteLength < 17 * 2 ** 20, `${window.byteLength} bytes`);
    assert.equal(window.mainAt(1_479), undefined);
    assert.deepEqual(window.mainAt(1_480), made(1, 1_480));
    assert.deepEqual(window.ancestorAt(made(1, 20_999), 1_500), made(1, 1_500));
  });
});
