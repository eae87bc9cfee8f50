import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { amountJson, doubleText, JsonText, rpcText } from "../../../lib/rpc/bitcoin/json.ts";

describe("doubleText()", () => {
  // What printf("%.16g") gives: 16 digits, no zeros at the end, an exponent of at least two digits.
  const cases: [number, string][] = [
    [0, "0"],
    [1, "1"],
    [-1.5, "-1.5"],
    [4.656542373906925e-10, "4.656542373906925e-10"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [16307.420938523983, "16307.42093852398"],
    [0.1, "0.1"],
    [2 / 3, "0.6666666666666666"],
    [1e15, "1000000000000000"],
    [1e16, "1e+16"],
    [123456789012345680, "1.234567890123457e+17"],
    [2.5e-300, "2.5e-300"],
    [146472570619930.78, "146472570619930.8"],
  ];
  for (const [value, text] of cases) test(`${value} is ${text}`, () => assert.equal(doubleText(value), text));

  test("what JSON cannot say is refused", () => {
    assert.throws(() => doubleText(NaN), RangeError);
    assert.throws(() => doubleText(Infinity), RangeError);
  });
});

describe("amountJson()", () => {
  test("has eight decimals, below zero and beyond 2^53 too", () => {
    assert.equal(amountJson(0n).text, "0.00000000");
    assert.equal(amountJson(1n).text, "0.00000001");
    assert.equal(amountJson(18_000_000n).text, "0.18000000");
    assert.equal(amountJson(5_000_000_000n).text, "50.00000000");
    assert.equal(amountJson(-1n).text, "-0.00000001");
    assert.equal(amountJson(-250_000_000n).text, "-2.50000000");
    assert.equal(amountJson(9_223_372_036_854_775_807n).text, "92233720368.54775807");
  });
});

describe("rpcText()", () => {
  test("keeps the order of keys, leaves out what is not there, and rounds no number", () => {
    const value = {
      z: 1,
      a: [null, true, "ä\n"],
      gone: undefined,
      big: 2n ** 64n,
      amount: new JsonText("1.10000000"),
    };
    assert.equal(rpcText(value), '{"z":1,"a":[null,true,"ä\\n"],"big":18446744073709551616,"amount":1.10000000}');
    assert.equal(rpcText(Number.MAX_SAFE_INTEGER), "9007199254740991");
    assert.equal(rpcText([]), "[]");
  });
});
