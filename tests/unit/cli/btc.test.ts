import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { indentJson, parseBitcoinCall, resultText } from "../../../cli/btc.ts";

const io = { readInput: () => Promise.resolve("00ff\n") };
const HASH = "11".repeat(32);

describe("parseBitcoinCall()", () => {
  test("words become what the method wants", async () => {
    assert.deepEqual(await parseBitcoinCall(["getblockhash", "1000"], io), { method: "getblockhash", params: [1000] });
    assert.deepEqual(await parseBitcoinCall(["getblock", HASH, "2"], io), { method: "getblock", params: [HASH, 2] });
    assert.deepEqual(await parseBitcoinCall(["getblock", HASH, "false"], io), {
      method: "getblock",
      params: [HASH, false],
    });
    assert.deepEqual(
      await parseBitcoinCall(["gettxoutproof", `["${HASH}"]`], io),
      { method: "gettxoutproof", params: [[HASH]] },
    );
    assert.deepEqual((await parseBitcoinCall(["decodescript", "00"], io)).params, ["00"], "hex is no number");
    assert.deepEqual((await parseBitcoinCall(["getblockhash", "-1"], io)).params, [-1]);
    assert.deepEqual((await parseBitcoinCall(["submitblock", "-"], io)).params, ["00ff"]);
    assert.deepEqual((await parseBitcoinCall(["unknown", "5", "x"], io)).params, [5, "x"]);
  });

  test("-named, wherever it stands", async () => {
    const expected = { method: "getblock", params: { blockhash: HASH, verbosity: 2 } };
    assert.deepEqual(await parseBitcoinCall(["-named", "getblock", `blockhash=${HASH}`, "verbosity=2"], io), expected);
    assert.deepEqual(await parseBitcoinCall(["getblock", `blockhash=${HASH}`, "verbosity=2", "-named"], io), expected);
    assert.deepEqual((await parseBitcoinCall(["-named", "getblock", HASH, "verbose=true"], io)).params, {
      verbose: true,
      args: [HASH],
    });
  });

  test("what is no JSON where JSON is wanted, and no method", async () => {
    await assert.rejects(parseBitcoinCall(["getblockhash", "ten"], io), /wants JSON of type number/);
    await assert.rejects(parseBitcoinCall(["gettxoutproof", "ab".repeat(32)], io), /of type array/);
    await assert.rejects(parseBitcoinCall([], io), /which method/);
  });
});

describe("resultText()", () => {
  test("prints as bitcoin-cli does", () => {
    assert.equal(resultText("null"), "");
    assert.equal(resultText('"a\\"b\\n"'), 'a"b\n\n');
    assert.equal(resultText("12"), "12\n");
    assert.equal(
      resultText('{"a":0.18000000,"b":[1,{"c":"x,{y"}],"d":[],"e":{},"f":4.656542373906925e-10}'),
      `{
  "a": 0.18000000,
  "b": [
    1,
    {
      "c": "x,{y"
    }
  ],
  "d": [],
  "e": {},
  "f": 4.656542373906925e-10
}
`,
    );
  });

  test("keeps every character of what it indents", () => {
    const value = { a: ["", " ", "\n", "[", "]", "\\", '"', ": "], b: [[], [[]], {}], c: [null, true, -1.5e-7] };
    assert.deepEqual(JSON.parse(indentJson(JSON.stringify(value))), value);
    assert.equal(indentJson(JSON.stringify(value)), JSON.stringify(value, null, 2));
  });
});
