import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CodecError } from "../../../lib/codec/error.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { effort, seed } from "../../support/effort.ts";
import { Program, programEnd } from "../../../lib/chia/streamable/mod.ts";

const end = (hex: string) => programEnd(fromHex(hex), 0, hex.length / 2);
const bad = (hex: string, code: string) => assert.throws(() => end(hex), { name: "CodecError", code }, hex);

/** A node of the slow model below: an atom, or a pair. */
type Node = null | readonly [Node, Node];

/**
 * The rules in their simplest form, for small inputs: recursive, with the stack as a real list. Gives the end, or -1
 * when the bytes are no program.
 */
function model(bytes: Uint8Array): number {
  let at = 0;
  const take = () => {
    if (at >= bytes.length) throw new RangeError("short");
    return bytes[at++]!;
  };
  const atom = (first: number): Uint8Array => {
    if (first < 0x80) return Uint8Array.of(first);
    let more = 0;
    while (more < 8 && first & (0x40 >> more)) more++;
    if (more > 5) throw new RangeError("no atom");
    let length = BigInt(first & (0x3f >> more));
    for (let i = 0; i < more; i++) length = length * 256n + BigInt(take());
    if (length >= 0x4_0000_0000n || length > BigInt(bytes.length - at)) throw new RangeError("length");
    at += Number(length);
    return bytes.subarray(at - Number(length), at);
  };
  const walk = (path: Uint8Array, environment: Node): Node => {
    let bits = path.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    if (bits === 0n) return null;
    let node = environment;
    for (; bits > 1n; bits >>= 1n) {
      if (node === null) throw new RangeError("into an atom");
      node = node[Number(bits & 1n)]!;
    }
    return node;
  };
  const parse = (stack: Node): Node => {
    const first = take();
    if (first === 0xff) {
      const left = parse(stack);
      const right = parse([left, stack]);
      return [left, right];
    }
    if (first === 0xfe) return walk(atom(take()), stack);
    atom(first);
    return null;
  };
  try {
    parse(null);
    return at;
  } catch (thrown) {
    assert.ok(thrown instanceof RangeError);
    return -1;
  }
}

describe("Program", () => {
  test("ends where its tree ends, whatever follows", () => {
    assert.equal(end("80"), 1);
    assert.equal(end("7f00"), 1);
    assert.equal(end("ff0102ff"), 3);
    assert.equal(end("ffff01ff028003aa"), 7);
    assert.equal(end("bf" + "61".repeat(63)), 64);
    assert.equal(end("c040" + "61".repeat(64)), 66);
    assert.equal(end("e00041" + "61".repeat(65)), 68);
  });

  test("keeps lengths that are longer than needed byte for byte", () => {
    for (const hex of ["8101", "c00101", "e0000101", "f000000101", "f80000000101", "fc000000000101"]) {
      const reader = new Reader(fromHex(hex));
      assert.equal(toHex(Program.read(reader)), hex);
      reader.finish();
      assert.deepEqual(Program.fromJson("0x" + hex), fromHex(hex));
    }
  });

  test("short programs and impossible lengths are errors", () => {
    for (const hex of ["", "ff", "ff01", "82aa", "c0", "c040aa", "fbffffffff", "ff01fe", "ff01fe81", "ff01fec0"]) {
      bad(hex, "short");
    }
    for (const hex of ["fd000000000000", "fc040000000000", "fcffffffffff"]) bad(hex, "program");
    assert.throws(() => Program.fromJson("0x0101"), { code: "program" });
    assert.throws(() => Program.fromJson(5), { code: "json" });
  });

  test("a back-reference must lead to a node", () => {
    for (
      const hex of ["fe01", "fe80", "fe00", "ff01fe02", "ff01fe01", "ff01fe03", "ffff0102fe04"]
    ) {
      assert.equal(end(hex), hex.length / 2, hex);
    }
    for (const hex of ["ff01fe7f", "ff01fe04", "ff01fe07", "fe02", "fe03", "ff01feff", "ff01fefe"]) bad(hex, "program");
  });

  test("agrees with the simple model on random bytes of trees", () => {
    const byte = fc.oneof(
      { weight: 5, arbitrary: fc.constant(0xff) },
      { weight: 4, arbitrary: fc.constant(0xfe) },
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 0x20 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0x80, max: 0x83 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xff }) },
    );
    let [good, referring] = [0, 0];
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 40 }), (input) => {
        const bytes = Uint8Array.from(input);
        const expected = model(bytes);
        if (expected < 0) return assert.throws(() => programEnd(bytes, 0, bytes.length), CodecError);
        good++;
        if (bytes.subarray(0, expected).includes(0xfe)) referring++;
        assert.equal(programEnd(bytes, 0, bytes.length), expected);
      }),
      { seed, numRuns: effort("CLVM serialisations beside a slow model", 20_000, 1_000_000) },
    );
    assert.ok(good > 2000 && referring > 300, `${good} programs, ${referring} with references`);
  });

  test("a scratch that a failed program left behind does not disturb the next", () => {
    bad("ffffff01fe01fe7fff", "program");
    assert.equal(end("ff01fe02"), 4);
    bad("ff01fe7f", "program");
  });

  test("a million nested pairs, to the left, to the right and with references", () => {
    const depth = 1_000_000;
    const left = new Uint8Array(2 * depth + 1).fill(0xff, 0, depth).fill(0x01, depth);
    assert.equal(programEnd(left, 0, left.length), left.length);
    const right = Uint8Array.from({ length: 2 * depth + 1 }, (_, i) => i % 2 === 0 ? 0xff : 0x01);
    right[2 * depth] = 0x80;
    assert.equal(programEnd(right, 0, right.length), right.length);
    const referring = Uint8Array.from([...left.subarray(0, -1), 0xfe, 0x01]);
    assert.equal(programEnd(referring, 0, referring.length), referring.length);
  });

  test("references to the whole stack cost no more the deeper it is", () => {
    // Each pair's left is a reference to all that waits on the stack; a copy for each would be 5 * 10^9 pairs.
    const count = 100_000;
    const bytes = new Uint8Array(3 * count + 1);
    for (let i = 0; i < count; i++) bytes.set([0xff, 0xfe, 0x01], 3 * i);
    bytes[3 * count] = 0x80;
    assert.equal(programEnd(bytes, 0, bytes.length), bytes.length);
  });

  test("long paths are read from the low end", () => {
    // Eleven nodes wait on the stack; path 2^11 goes right eleven times, then would have to enter nil.
    const stack = "ff01".repeat(11);
    assert.equal(end(stack + "fe820fff"), 22 + 4); // eleven times right: nil, the end of the list
    bad(stack + "fe821fff", "program"); // once more
    assert.equal(end(stack + "fe820bff"), 22 + 4); // ten times right, then left: the first node
    bad(stack + "fe8213ff", "program"); // and on into it
    assert.equal(end(stack + "fe8400000bff"), 22 + 6); // leading zeros do not count
  });
});
