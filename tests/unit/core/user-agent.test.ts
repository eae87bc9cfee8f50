import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitcoinUserAgent, chiaSoftwareVersion } from "../../../lib/user-agent.ts";

describe("what a node calls itself", () => {
  test("has the operator's comments in the form of BIP14", () => {
    assert.equal(bitcoinUserAgent("0.1.0"), "/gemel:0.1.0/");
    assert.equal(bitcoinUserAgent("0.1.0", ["first", "se.co-nd_?@,;"]), "/gemel:0.1.0(first; se.co-nd_?@,;)/");
    assert.equal(chiaSoftwareVersion("0.1.0"), "gemel/0.1.0");
    assert.equal(chiaSoftwareVersion("0.1.0", ["first", "second"]), "gemel/0.1.0 (first; second)");
  });

  test("refuses what would stand for something in it, and what is too long", () => {
    for (const comment of ["a/b", "a:b", "a(b", "a)b", "ä", "<b>"]) {
      assert.throws(() => bitcoinUserAgent("0.1.0", [comment]), /contains unsafe characters/, comment);
      assert.throws(() => chiaSoftwareVersion("0.1.0", [comment]), /contains unsafe characters/, comment);
    }
    const room = 256 - "/gemel:0.1.0()/".length;
    assert.equal(bitcoinUserAgent("0.1.0", ["x".repeat(room)]).length, 256);
    assert.throws(() => bitcoinUserAgent("0.1.0", ["x".repeat(room + 1)]), /257 characters where 256/);
    assert.throws(() => chiaSoftwareVersion("0.1.0", ["x".repeat(128)]), /where 128/);
  });
});
