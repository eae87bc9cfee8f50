import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ShortIdTable } from "../../../lib/bitcoin/compact/short-id-table.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const find = (table: ShortIdTable | undefined, id: number) => table!.find(id % 2 ** 32, Math.floor(id / 2 ** 32));

describe("ShortIdTable", () => {
  test("find() tells the place of each id, and of no other", () => {
    const random = new SeededRandom(3);
    const ids = [
      ...new Set(Array.from({ length: 3_000 }, () => random.below(2 ** 32) + random.below(2 ** 16) * 2 ** 32)),
    ];
    const table = ShortIdTable.of(ids);
    assert.deepEqual(ids.map((id) => find(table, id)), ids.map((_, i) => i));
    const known = new Set(ids);
    const others = Array.from({ length: 3_000 }, () => random.below(2 ** 32)).filter((id) => !known.has(id));
    assert.ok(others.every((id) => find(table, id) === -1));
  });

  test("find() tells ids apart by their high 16 bits, and leaves those above out", () => {
    const table = ShortIdTable.of([5, 5 + 2 ** 32, 5 + 0xffff * 2 ** 32]);
    assert.deepEqual([table!.find(5, 0), table!.find(5, 1), table!.find(5, 0xffff), table!.find(5, 2)], [0, 1, 2, -1]);
    assert.deepEqual([table!.find(5, 0xabcd_0001), table!.find(5, 0xabcd_ffff)], [1, 2]);
  });

  test("of() refuses an id that is there twice", () => {
    assert.equal(ShortIdTable.of([1, 2, 3, 2]), undefined);
    assert.notEqual(ShortIdTable.of([1, 2, 3, 4]), undefined);
    assert.notEqual(ShortIdTable.of([]), undefined);
  });

  test("of() refuses more than 12 ids in one bucket", () => {
    const alike = (count: number) => Array.from({ length: count }, (_, i) => 9 + 2 ** 20 * i);
    assert.notEqual(ShortIdTable.of(alike(12)), undefined);
    assert.equal(ShortIdTable.of(alike(13)), undefined);
  });
});
