import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { Writer } from "../../../lib/codec/writer.ts";
import {
  array,
  bool,
  bytes,
  bytes32,
  type Codec,
  g1,
  g2,
  i16,
  i32,
  i64,
  i8,
  list,
  option,
  packedFirst,
  packedSecond,
  str,
  struct,
  tuple,
  u128,
  u16,
  u32,
  u64,
  u8,
} from "../../../lib/chia/streamable/mod.ts";

function encode<T>(codec: Codec<T>, value: T): string {
  const writer = new Writer();
  codec.write(writer, value);
  return toHex(writer.finish());
}

function decode<T>(codec: Codec<T>, hex: string): T {
  const reader = new Reader(fromHex(hex));
  const value = codec.read(reader);
  reader.finish();
  return value;
}

describe("integers", () => {
  const edges: [Codec<number> | Codec<bigint>, number | bigint, string][] = [
    [u8, 255, "ff"],
    [u16, 0xfffe, "fffe"],
    [u32, 0xffff_ffff, "ffffffff"],
    [u64, (1n << 64n) - 1n, "ffffffffffffffff"],
    [u128, (1n << 127n) + 5n, "80000000000000000000000000000005"],
    [i8, -1, "ff"],
    [i8, -128, "80"],
    [i16, -2, "fffe"],
    [i32, -2147483648, "80000000"],
    [i64, -(1n << 63n), "8000000000000000"],
    [i64, -1n, "ffffffffffffffff"],
  ];

  test("are big-endian, signed ones two's complement", () => {
    for (const [codec, value, hex] of edges) {
      assert.equal(encode(codec as Codec<unknown>, value), hex, codec.type);
      assert.equal(decode(codec as Codec<unknown>, hex), value, codec.type);
    }
  });

  test("refuse values that do not fit", () => {
    const bad: [Codec<unknown>, unknown][] = [
      [u8, 256],
      [u8, -1],
      [u8, 1.5],
      [u8, 1n],
      [u16, 65536],
      [u32, 2 ** 32],
      [u32, Number.NaN],
      [u64, 1n << 64n],
      [u64, -1n],
      [u64, 1],
      [u128, 1n << 128n],
      [i8, 128],
      [i16, -32769],
      [i32, 2 ** 31],
      [i64, 1n << 63n],
    ] as [Codec<unknown>, unknown][];
    for (const [codec, value] of bad) {
      assert.throws(() => encode(codec, value), { name: "CodecError", code: "value" }, `${codec.type} ${value}`);
    }
  });

  test("are JSON numbers while those are exact, then bigint", () => {
    assert.equal(u64.toJson(9007199254740991n), 9007199254740991);
    assert.equal(u64.toJson(9007199254740992n), 9007199254740992n);
    assert.equal(u64.fromJson(5), 5n);
    assert.equal(u64.fromJson("18446744073709551615"), (1n << 64n) - 1n);
    for (const bad of [2 ** 53, -1, 1n << 64n, "1.5", "", "0x10", null, 1.5, true]) {
      assert.throws(() => u64.fromJson(bad), { code: "json" }, String(bad));
    }
    assert.throws(() => u8.fromJson(256), { code: "json" });
  });
});

describe("bytes and text", () => {
  test("bool is 00 or 01", () => {
    assert.equal(decode(bool, "01"), true);
    assert.throws(() => decode(bool, "02"), { code: "bool", offset: 0 });
    assert.throws(() => bool.fromJson(1), { code: "json" });
  });

  test("bytes and str have a length in bytes", () => {
    assert.equal(encode(bytes, Uint8Array.of(1, 2)), "000000020102");
    assert.equal(encode(str, "é"), "00000002c3a9");
    assert.throws(() => decode(bytes, "00000003aabb"), { code: "short" });
    assert.throws(() => decode(bytes, "ffffffffaabb"), { code: "short" });
    assert.throws(() => decode(str, "00000001ff"), { code: "utf8" });
    assert.equal(bytes.toJson(new Uint8Array()), "");
    assert.deepEqual(bytes.fromJson("0x"), new Uint8Array());
  });

  test("sized bytes insist on their length", () => {
    assert.throws(() => encode(bytes32, new Uint8Array(31)), { code: "value" });
    assert.throws(() => bytes32.fromJson("0x00"), { code: "json" });
    assert.throws(() => decode(bytes32, "00".repeat(31)), { code: "short" });
  });

  test("points have the flags of a compressed point", () => {
    const points: [Codec<Uint8Array>, number][] = [[g1, 48], [g2, 96]];
    for (const [codec, size] of points) {
      const zeros = "00".repeat(size - 1);
      const ones = "01".repeat(size - 1);
      for (const good of ["c0" + zeros, "81" + ones, "a0" + ones, "bf" + ones, "80" + ones, "97" + zeros]) {
        assert.equal(toHex(decode(codec, good)), good);
      }
      for (
        const bad of ["c0" + ones, "80" + zeros, "00" + zeros, "7f" + ones, "c1" + zeros, "e0" + zeros, "ff" + ones]
      ) {
        assert.throws(() => decode(codec, bad), { code: "point", offset: 0 }, bad.slice(0, 4));
      }
    }
  });
});

describe("collections", () => {
  test("option() takes 00 or 01", () => {
    assert.equal(decode(option(u8), "00"), null);
    assert.equal(decode(option(u8), "0107"), 7);
    assert.throws(() => decode(option(u8), "0207"), { code: "option", offset: 0 });
  });

  test("list() holds the count against the bytes left before it reads", () => {
    assert.deepEqual(decode(list(u16), "0000000200010002"), [1, 2]);
    assert.throws(() => decode(list(u16), "0000000200010002ff".slice(0, 14)), { code: "count", offset: 0 });
    assert.throws(() => decode(list(bytes32), "ffffffff" + "00".repeat(64)), { code: "count" });
  });

  test("list() of elements without bytes counts each as one", () => {
    const empty = list(struct("Nothing", {}));
    assert.throws(() => decode(empty, "ffffffff"), { code: "count" });
    assert.deepEqual(decode(empty, "00000000"), []);
  });

  test("array() and tuple() have no count", () => {
    assert.deepEqual(decode(array(u8, 3), "010203"), [1, 2, 3]);
    assert.throws(() => encode(array(u8, 3), [1, 2]), { code: "value" });
    assert.deepEqual(decode(tuple(u8, str), "05000000016f"), [5, "o"]);
    assert.equal(tuple(u8, list(u32)).type, "tuple<u8,list<u32>>");
    assert.throws(() => tuple(u8, u8).fromJson([1]), { code: "json" });
  });
});

describe("struct", () => {
  const Inner = struct("Inner", { oneHash: bytes32, items: list(u16) });
  const Outer = struct("Outer", { inner: Inner, lastByte: u8 });

  test("decode() says where bytes are wrong, by the names that the wire table has", () => {
    const bytes = fromHex("00".repeat(20));
    assert.throws(() => Outer.decode(bytes), { message: "Outer.inner.one_hash: 12 bytes short at offset 0" });
    const value = { inner: { oneHash: new Uint8Array(32), items: [1, 2, 70000] }, lastByte: 1 };
    assert.throws(() => Outer.encode(value), { message: "Outer.inner.items[2]: 70000 is not a u16" });
    assert.throws(() => Outer.fromJson({ inner: { one_hash: "0xzz" } }), {
      message: "inner.one_hash: not hexadecimal at character 2",
    });
  });

  test("decode() wants every byte to be used", () => {
    assert.throws(() => Inner.decode(new Uint8Array(37)), { code: "trailing", message: /^Inner: 1 byte left over/ });
  });

  test("fromJson() reads no inherited names", () => {
    const Odd = struct("Odd", { constructor: option(u8) });
    assert.equal(Odd.fromJson({}).constructor, null);
    assert.throws(() => Odd.fromJson([]), { code: "json" });
    assert.throws(() => Odd.fromJson(null), { code: "json" });
  });

  test("byte fields of a short input are copies", () => {
    const input = new Uint8Array(36);
    const value = Inner.decode(input);
    input[0] = 9;
    assert.equal(value.oneHash[0], 0);
  });

  test("minSize adds up", () => {
    assert.equal(Outer.minSize, 32 + 4 + 1);
  });
});

describe("packed optionals", () => {
  const Packed = struct("Packed", { first: packedFirst(u8), second: packedSecond(u16), after: bool });

  test("share one prefix byte", () => {
    const cases: [number | null, number | null, string][] = [
      [null, null, "0001"],
      [7, null, "010701"],
      [null, 8, "02000801"],
      [7, 8, "0307000801"],
    ];
    for (const [first, second, hex] of cases) {
      const value = { first, second, after: true };
      assert.equal(toHex(Packed.encode(value)), hex);
      assert.deepEqual(Packed.decode(fromHex(hex)), value);
    }
    assert.throws(() => Packed.decode(fromHex("0401")), { code: "option" });
    assert.throws(() => Packed.decode(fromHex("0200")), { message: /^Packed\.second: 1 byte short/ });
    assert.equal(Packed.minSize, 2);
  });

  test("must stand together", () => {
    assert.throws(() => struct("Lonely", { first: packedFirst(u8), after: bool }), TypeError);
    assert.throws(() => struct("Lonely", { second: packedSecond(u8) }), TypeError);
  });
});
