import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { prefersMany, sha256, sha256Into, useSha256 } from "../../../lib/codec/sha256.ts";
import { equalBytes } from "../../../lib/codec/sized.ts";

describe("hex", () => {
  test("goes both ways, takes 0x and upper case", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    assert.deepEqual(fromHex(toHex(all)), all);
    assert.deepEqual(fromHex("0xAbCd"), Uint8Array.of(0xab, 0xcd));
    assert.deepEqual(fromHex("0x"), new Uint8Array());
  });

  test("refuses anything else", () => {
    for (const bad of ["0", "0x0", "g0", "0g", "0 ", "+1", "0X12", "é0", "@0", "`0", "/0", ":0"]) {
      assert.throws(() => fromHex(bad), { name: "CodecError", code: "json" }, bad);
    }
  });
});

describe("sha256", () => {
  const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4

  test("hashes the concatenation of its parts", () => {
    const text = new TextEncoder().encode("abc");
    assert.equal(toHex(sha256(text)), abc);
    assert.equal(toHex(sha256(text.subarray(0, 1), text.subarray(1))), abc);
    assert.equal(toHex(sha256()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("writes into memory that is there, with or without the backend's own way", () => {
    const output = new Uint8Array(40).fill(9);
    sha256Into(new TextEncoder().encode("abc"), output);
    assert.equal(toHex(output), abc + "09".repeat(8));
    assert.equal(prefersMany(), false);
    try {
      const into = (_: Uint8Array, out: Uint8Array) => out.fill(7, 0, 32);
      useSha256(Object.assign(() => new Uint8Array(32), { into, doubleMany: () => undefined }));
      sha256Into(new Uint8Array(1), output);
      assert.equal(toHex(output), "07".repeat(32) + "09".repeat(8));
      assert.equal(prefersMany(), true);
    } finally {
      useSha256();
    }
  });

  test("takes another backend and goes back", () => {
    const parts: number[] = [];
    try {
      useSha256((given) => {
        parts.push(given.length);
        return new Uint8Array(32);
      });
      assert.deepEqual(sha256(new Uint8Array(1), new Uint8Array(2)), new Uint8Array(32));
    } finally {
      useSha256();
    }
    assert.deepEqual(parts, [2]);
    assert.equal(toHex(sha256(new TextEncoder().encode("abc"))), abc);
  });
});

describe("equalBytes", () => {
  test("compares length and content", () => {
    assert.ok(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
    assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
    assert.ok(!equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)));
  });
});
