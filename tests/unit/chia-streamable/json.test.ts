import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseJson, stringifyJson } from "../../../lib/codec/json.ts";

describe("stringifyJson()", () => {
  test("prints a bigint as a number with all digits", () => {
    assert.equal(
      stringifyJson({ a: 18446744073709551615n, b: [1, "x", null, true] }),
      '{"a":18446744073709551615,"b":[1,"x",null,true]}',
    );
  });

  test("sorts keys when asked, at every depth", () => {
    const value = { b: { d: 1, c: 2 }, a: [{ z: 1, y: 2 }] };
    assert.equal(stringifyJson(value, { sortKeys: true }), '{"a":[{"y":2,"z":1}],"b":{"c":2,"d":1}}');
    assert.equal(stringifyJson(value), JSON.stringify(value));
  });

  test("escapes text and keys", () => {
    assert.equal(stringifyJson({ 'a"': "\n\u2028\\" }), JSON.stringify({ 'a"': "\n\u2028\\" }));
  });
});

describe("parseJson()", () => {
  test("keeps integers beyond 2^53 exact, and small ones numbers", () => {
    const text =
      '{"weight":340282366920938463463374607431768211455,"n":[9007199254740991,-9007199254740993],"s":"12345678901234567890"}';
    const value = parseJson(text);
    assert.deepEqual(value, {
      weight: (1n << 128n) - 1n,
      n: [9007199254740991, -9007199254740993n],
      s: "12345678901234567890",
    });
    assert.equal(stringifyJson(value), text);
  });

  test("leaves fractions and exponents alone", () => {
    assert.deepEqual(parseJson("[1.5, 1e3, 12345678901234567.5, 1e30]"), [1.5, 1000, 12345678901234567.5, 1e30]);
  });

  test("gives a CodecError for anything that is not JSON", () => {
    for (const bad of ["", "{", "[1,]", "nope", "[12345678901234567890"]) {
      assert.throws(() => parseJson(bad), { name: "CodecError", code: "json" }, bad);
    }
  });
});
