/** A table of short byte strings in typed arrays, held against a Map. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { ByteTable, TABLE_SECRET_BYTES, VALUE_BYTES_MAX } from "../../../lib/storage/byte-table.ts";

const secret = (byte = 7) => new Uint8Array(TABLE_SECRET_BYTES).fill(byte);

/** All that a table gives, in its order. */
function listed(table: ByteTable): [key: string, value: string | undefined][] {
  const found: [string, string | undefined][] = [];
  const drained = table.drain((key, keyAt, keyLength, value, valueAt, valueLength) =>
    void found.push([
      toHex(key.subarray(keyAt, keyAt + keyLength)),
      valueLength < 0 ? undefined : toHex(value.subarray(valueAt, valueAt + valueLength)),
    ])
  );
  for (const _ of drained);
  return found;
}

describe("ByteTable", () => {
  test("holds what a Map holds after random changes, and gives it in the order of the keys", () => {
    for (const seed of [1, 2, 3]) {
      const random = new SeededRandom(seed);
      const table = new ByteTable(random.bytes(TABLE_SECRET_BYTES));
      const model = new Map<string, Uint8Array | undefined>();
      for (let i = 0; i < 20_000; i++) {
        // Few first bytes, so that keys begin alike and one begins another.
        const key = random.bytes(1 + random.below(6)).map((byte) => byte % 5);
        const value = random.chance(0.2) ? undefined : random.bytes(random.below(random.chance(0.1) ? 300 : 40));
        if (random.chance(0.4)) assert.equal(table.delete(key), model.delete(toHex(key)));
        else {
          table.set(key, key.length, value);
          model.set(toHex(key), value);
        }
      }
      assert.equal(table.size, model.size);
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map((
        [key, value],
      ) => [key, value && toHex(value)]);
      assert.deepEqual(listed(table), expected);
      for (const [key, value] of model) {
        const address = table.find(fromHex(key));
        assert.equal(table.isGone(address), value === undefined);
        assert.deepEqual(table.value(address), value ?? new Uint8Array());
      }
      assert.equal(table.find(Uint8Array.of(9)), 0);
    }
  });

  test("keeps flags beside the value, and both kinds of nothing apart", () => {
    const table = new ByteTable(secret());
    const key = Uint8Array.of(1, 2, 3, 4, 5);
    table.set(key, 4, Uint8Array.of(9), 1, 5);
    assert.equal(table.find(key, 5), 0, "a key that another one begins");
    const address = table.find(key, 4);
    assert.deepEqual([table.flags(address), table.isGone(address)], [5, false]);
    table.set(key, 4, undefined, 0, 3);
    assert.deepEqual([table.flags(table.find(key, 4)), table.isGone(table.find(key, 4))], [3, true]);
    table.set(key, 4, new Uint8Array());
    assert.deepEqual([table.flags(table.find(key, 4)), table.isGone(table.find(key, 4))], [0, false]);
  });

  test("uses the room of what was given up, so that change does not make it grow", () => {
    const random = new SeededRandom(4);
    const table = new ByteTable(secret());
    const keys = Array.from({ length: 30_000 }, () => random.bytes(33));
    const round = () => {
      for (const key of keys) table.set(key, key.length, random.bytes(20 + random.below(16)));
      for (const key of keys) table.delete(key);
    };
    round();
    const { bytes } = table;
    for (let i = 0; i < 10; i++) round();
    assert.ok(table.bytes <= bytes + 2 ** 20, `${table.bytes} after ${bytes}`);
    assert.equal(table.size, 0);
  });

  test("tells what it holds: below a hundred bytes for a coin's key and value", () => {
    const random = new SeededRandom(5);
    const table = new ByteTable(secret());
    for (let i = 0; i < 150_000; i++) table.set(random.bytes(33), 33, random.bytes(30));
    const each = table.bytes / table.size;
    assert.ok(each > 33 + 30 && each < 100, `${each}`);
  });

  test("refuses keys and values that it could not tell the length of", () => {
    const table = new ByteTable(secret());
    const key = new Uint8Array(300);
    assert.throws(() => table.set(key, 0, key), RangeError);
    assert.throws(() => table.set(key, 256, key), RangeError);
    assert.throws(() => table.set(key, 1, new Uint8Array(VALUE_BYTES_MAX + 1)), RangeError);
    table.set(key, 255, new Uint8Array(VALUE_BYTES_MAX).fill(3));
    assert.equal(table.value(table.find(key, 255)).length, VALUE_BYTES_MAX);
  });
});
