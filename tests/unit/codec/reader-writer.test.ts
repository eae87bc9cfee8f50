import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, test } from "node:test";
import { CodecError, within } from "../../../lib/codec/error.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { Writer } from "../../../lib/codec/writer.ts";

describe("Reader", () => {
  const bytes = Uint8Array.of(0x81, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88);

  test("integers in both byte orders", () => {
    assert.equal(new Reader(bytes).u8(), 0x81);
    assert.equal(new Reader(bytes).u16(), 0x8102);
    assert.equal(new Reader(bytes).u32(), 0x81020304);
    assert.equal(new Reader(bytes).u64(), 0x8102030405060788n);
    assert.equal(new Reader(bytes).u16Le(), 0x0281);
    assert.equal(new Reader(bytes, 4).u32Le(), 0x88070605);
    assert.equal(new Reader(bytes).u64Le(), 0x8807060504030281n);
  });

  test("reads at the right place of a view into a larger buffer", () => {
    const reader = new Reader(Uint8Array.of(9, 9, ...bytes).subarray(2));
    assert.equal(reader.u64(), 0x8102030405060788n);
    reader.finish();
  });

  test("does not leave its range, and says how much is missing", () => {
    const reader = new Reader(bytes, 0, 3);
    reader.skip(1);
    const short = (missing: string) => ({ name: "CodecError", code: "short", message: `${missing} short at offset 1` });
    assert.throws(() => reader.u32(), short("2 bytes"));
    assert.throws(() => reader.u64(), short("6 bytes"));
    assert.throws(() => reader.take(3), short("1 byte"));
    assert.throws(() => reader.skip(4), short("2 bytes"));
    assert.equal(reader.offset, 1, "a failed read does not move the cursor");
    assert.equal(reader.left, 2);
  });

  test("finish() reports bytes left over", () => {
    assert.throws(() => new Reader(bytes, 7).finish(), { code: "trailing", message: "1 byte left over at offset 7" });
  });

  test("take() shares the memory of a long input, copies of a short one, and gives a plain Uint8Array even for a Buffer", () => {
    for (const [length, first] of [[600, 7], [3, 1]] as const) {
      const buffer = Buffer.from(Uint8Array.from({ length }, (_, i) => (i + 1) & 0xff));
      const taken = new Reader(buffer).take(2);
      assert.equal(taken.constructor, Uint8Array);
      buffer[0] = 7;
      assert.deepEqual(taken, Uint8Array.of(first, 2));
    }
  });

  test("integers of 64 bits are the same whether the input is short or long", () => {
    const values = [0n, 1n, 2n ** 32n - 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n];
    for (const padding of [0, 600]) {
      for (const value of values) {
        const writer = new Writer();
        writer.u64(value);
        writer.u64Le(value);
        writer.raw(new Uint8Array(padding));
        const reader = new Reader(writer.finish());
        assert.deepEqual([reader.u64(), reader.u64Le(), reader.left], [value, value, padding]);
      }
    }
    assert.throws(() => new Reader(new Uint8Array(7)).u64(), { code: "short", offset: 0 });
    assert.throws(() => new Reader(new Uint8Array(7)).u64Le(), { code: "short", offset: 0 });
  });

  test("text() is strict UTF-8 and keeps a byte order mark", () => {
    assert.equal(new Reader(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41)).text(4), "\ufeffA");
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      assert.throws(() => new Reader(Uint8Array.from(bad)).text(bad.length), { code: "utf8" });
    }
  });

  test("refuses a range outside of the bytes", () => {
    assert.throws(() => new Reader(bytes, 0, 9), RangeError);
    assert.throws(() => new Reader(bytes, 5, 4), RangeError);
  });
});

describe("Writer", () => {
  test("grows, and writes integers in both byte orders", () => {
    const writer = new Writer(1);
    writer.u8(1);
    writer.u16(0x0203);
    writer.u32(0x84050607);
    writer.u64(0x88090a0b0c0d0e0fn);
    writer.u16Le(0x1110);
    writer.u32Le(0x95141312);
    writer.u64Le(0x9d1c1b1a19181716n);
    writer.raw(Uint8Array.of(0x1e));
    const expected = Uint8Array.from({ length: 30 }, (_, i) => i + 1);
    expected[3] = 0x84;
    expected[7] = 0x88;
    expected[20] = 0x95;
    expected[28] = 0x9d;
    assert.deepEqual(writer.finish(), expected);
    assert.equal(writer.length, 30);
  });

  test("clear() begins again and leaves alone what finish() gave", () => {
    for (const capacity of [2, 3]) {
      const writer = new Writer(capacity);
      writer.raw(Uint8Array.of(1, 2));
      const first = writer.finish();
      writer.clear();
      writer.u8(9);
      assert.deepEqual(writer.view(), Uint8Array.of(9));
      assert.deepEqual(first, Uint8Array.of(1, 2));
    }
  });

  test("finish() gives bytes that later writes leave alone", () => {
    const writer = new Writer(8);
    writer.u8(1);
    const first = writer.finish();
    writer.u8(2);
    assert.deepEqual(first, Uint8Array.of(1));
  });

  test("utf8() refuses a lone surrogate", () => {
    assert.throws(() => Writer.utf8("\ud800"), { code: "value" });
    assert.deepEqual(Writer.utf8("é"), Uint8Array.of(0xc3, 0xa9));
  });
});

describe("CodecError", () => {
  test("builds its path from the inside out", () => {
    const error = new CodecError("short", "12 bytes short", 4711).within("prev_block_hash").within("foliage")
      .within("[3]").within("blocks").within("RespondBlocks");
    assert.equal(error.path, "RespondBlocks.blocks[3].foliage.prev_block_hash");
    assert.equal(error.message, "RespondBlocks.blocks[3].foliage.prev_block_hash: 12 bytes short at offset 4711");
    assert.equal(error.offset, 4711);
  });

  test("within() lets other errors pass", () => {
    const other = new TypeError("x");
    assert.equal(within("a", other), other);
    assert.equal(other.message, "x");
  });
});
