import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Json } from "../../../lib/codec/json.ts";
import { JsonRpcError } from "../../../lib/rpc/bitcoin/error.ts";
import { isNotification, positionalArguments, readRequest, requestHead } from "../../../lib/rpc/bitcoin/request.ts";

const refused = (code: number, message: string) => (thrown: unknown) => {
  assert.ok(thrown instanceof JsonRpcError);
  assert.deepEqual([thrown.code, thrown.message], [code, message]);
  return true;
};

describe("readRequest()", () => {
  test("versions: absent, null, 1.0 and 2.0", () => {
    for (const jsonrpc of [{}, { jsonrpc: null }, { jsonrpc: "1.0" }, { version: "1.1" }]) {
      assert.equal(readRequest({ method: "m", ...jsonrpc }).version, "legacy");
    }
    assert.equal(readRequest({ method: "m", jsonrpc: "2.0" }).version, "2.0");
  });

  test("an id is kept as it is; none is another thing than null", () => {
    for (const id of [1, "x", null, [1], { a: 1 }, 2n ** 60n] as Json[]) {
      assert.deepEqual(requestHead({ id, method: "m" }).id, id);
    }
    assert.equal(requestHead({ method: "m" }).id, undefined);
    assert.ok(isNotification(requestHead({ jsonrpc: "2.0", method: "m" })));
    assert.ok(!isNotification(requestHead({ jsonrpc: "2.0", method: "m", id: null })));
    assert.ok(!isNotification(requestHead({ method: "m" })), "version 1 has no notifications without an id");
  });

  const broken: [Json, string][] = [
    [5, "Invalid Request object"],
    [null, "Invalid Request object"],
    [[], "Invalid Request object"],
    [{}, "Missing method"],
    [{ method: null }, "Missing method"],
    [{ method: 5 }, "Method must be a string"],
    [{ method: "m", params: "p" }, "Params must be an array or object"],
    [{ method: "m", jsonrpc: 2 }, "jsonrpc field must be a string"],
    [{ method: "m", jsonrpc: "2.1" }, "JSON-RPC version not supported"],
  ];
  for (const [value, message] of broken) {
    test(`${JSON.stringify(value)}: ${message}`, () =>
      assert.throws(() => readRequest(value), refused(-32600, message)));
  }
});

describe("positionalArguments()", () => {
  const names = [["blockhash"], ["verbosity", "verbose"], ["third"]];

  test("an array stays as it is", () => {
    assert.deepEqual(positionalArguments(["a", 1], names), ["a", 1]);
  });

  test("names take their places; gaps are null, but not at the end", () => {
    assert.deepEqual(positionalArguments({ blockhash: "a" }, names), ["a"]);
    assert.deepEqual(positionalArguments({ third: 3 }, names), [null, null, 3]);
    assert.deepEqual(positionalArguments({ third: 3, verbose: true, blockhash: "a" }, names), ["a", true, 3]);
    assert.deepEqual(positionalArguments({}, names), []);
  });

  test("args holds those that come first", () => {
    assert.deepEqual(positionalArguments({ args: ["a"], third: 3 }, names), ["a", null, 3]);
    assert.deepEqual(positionalArguments({ args: ["a", 2] }, names), ["a", 2]);
    assert.deepEqual(positionalArguments({ args: [], verbosity: 2 }, names), [null, 2]);
  });

  test("what is given twice or has no place is refused", () => {
    assert.throws(
      () => positionalArguments({ args: ["a", 1], verbose: 2 }, names),
      refused(-8, "Parameter verbosity|verbose specified twice both as positional and named argument"),
    );
    assert.throws(() => positionalArguments({ fourth: 1 }, names), refused(-8, "Unknown named parameter fourth"));
    assert.throws(() => positionalArguments({ args: 1 }, names), refused(-8, "Unknown named parameter args"));
    assert.throws(
      () => positionalArguments(JSON.parse('{"__proto__":1}') as Record<string, Json>, names),
      refused(-8, "Unknown named parameter __proto__"),
    );
  });
});
