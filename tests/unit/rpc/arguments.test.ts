import { test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import { has, isTruthy, item, optional, required, toBytes, toInt, toUint } from "../../../lib/rpc/chia/arguments.ts";
import { trueDivide } from "../../../lib/rpc/chia/space.ts";

test("has() and item() look into whatever a request is as Python does", () => {
  assert.equal(has({ a: null }, "a"), true);
  assert.equal(has({}, "toString"), false);
  assert.equal(has(["b", "a"], "a"), true);
  assert.equal(has("bar", "a"), true, "a text has each of its parts");
  assert.equal(has("", "a"), false);
  for (const [request, type] of [[null, "NoneType"], [5, "int"], [1.5, "float"], [true, "bool"]] as const) {
    assert.throws(() => has(request, "a"), { message: `argument of type '${type}' is not iterable` });
    assert.throws(() => item(request, "a"), { message: `'${type}' object is not subscriptable` });
  }
  assert.equal(item({ a: 3 }, "a"), 3);
  assert.throws(() => item({}, "a"), { message: "a" });
  assert.throws(() => item(["a"], "a"), { message: "list indices must be integers or slices, not str" });
  assert.throws(() => item("a", "a"), { message: "string indices must be integers, not 'str'" });
});

test("required() and optional() ask before they read", () => {
  assert.throws(() => required([], "a", "PEAK_IS_NONE", "none"), { message: "none" });
  assert.throws(() => required("a", "a", "PEAK_IS_NONE", "none"), { message: /string indices/ });
  assert.equal(optional({}, "a"), undefined);
  assert.equal(optional({ a: null }, "a"), null);
  assert.throws(() => optional(null, "a"), { message: /not iterable/ });
});

test("toInt() reads integers of any size, in every form that Python takes", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n }), (value) => {
    assert.equal(toInt(value), value);
    assert.equal(toInt(String(value)), value);
    assert.equal(toInt(`  ${value}\n`), value);
  }));
  assert.equal(toInt("1_000"), 1000n);
  assert.equal(toInt(-1.9), -1n);
  for (const bad of ["", "1__0", "_1", "1_", "0x10", "1e3", "1.0", "--1", "9".repeat(5000)]) {
    assert.throws(() => toInt(bad), { name: "RpcError" }, bad.slice(0, 20));
  }
});

test("toUint() refuses what does not fit", () => {
  assert.equal(toUint(65_535, 16), 65_535);
  assert.throws(() => toUint(65_536, 16), { message: "Value 65536 does not fit into uint16" });
  assert.throws(() => toUint(-1, 32), { message: "Value -1 does not fit into uint32" });
});

test("toBytes() never takes anything but whole bytes of hex", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const ascii = [...text].every((letter) => letter.charCodeAt(0) < 0x80);
    const isHex = ascii && /^(0[xX])?(\s*[0-9a-fA-F]{2})*\s*$/.test(text);
    let taken = true;
    try {
      toBytes(text);
    } catch {
      taken = false;
    }
    assert.equal(taken, isHex);
  }));
});

test("isTruthy() is Python's bool()", () => {
  for (const value of [undefined, null, false, 0, 0n, "", [], {}]) assert.equal(isTruthy(value), false);
  for (const value of [true, 1, -1, 5n, "false", [0], { a: null }]) assert.equal(isTruthy(value), true);
});

test("trueDivide() rounds once: figures of Python's own division", () => {
  // python3 -c "print(repr((2**100+1)/3), …)"
  assert.equal(trueDivide(2n ** 100n + 1n, 3n), 4.2255020007607644e29);
  assert.equal(trueDivide(1n, 3n), 0.3333333333333333);
  assert.equal(trueDivide(-7n, 2n), -3.5);
  assert.equal(trueDivide(9007199254740993n, 1n), 9007199254740992);
  assert.equal(trueDivide(9007199254740993n * 3n, 3n), 9007199254740992);
  assert.equal(trueDivide(2n ** 64n + 2n ** 11n + 1n, 2n ** 3n), 2305843009213694464);
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1 }),
      (a, b) => assert.equal(trueDivide(BigInt(a), BigInt(b)), a === 0 ? 0 : a / b),
    ),
  );
});
