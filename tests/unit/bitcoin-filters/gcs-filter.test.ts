import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { filterHash, filterHeader, filterHeaders } from "../../../lib/bitcoin/filters/basic.ts";
import { FILTER_M, GcsFilter } from "../../../lib/bitcoin/filters/gcs-filter.ts";
import { decodeGolomb, encodeGolomb } from "../../../lib/bitcoin/filters/golomb.ts";
import { sha256d } from "../../../lib/bitcoin/hash.ts";
import { CodecError } from "../../../lib/codec/error.ts";
import { readCompactSize } from "../../../lib/bitcoin/codec/mod.ts";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { Reader } from "../../../lib/codec/reader.ts";
import { sipHash24 } from "../../../lib/codec/siphash.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const HASH = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
const random = new SeededRandom(11);

/** Matches a CodecError by its code. */
const codec = (code: string) => (error: unknown) => error instanceof CodecError && error.code === code;

describe("GcsFilter", () => {
  test("build() spreads hashes over the range as BIP158 says, for few elements and for many", () => {
    const words = new Reader(HASH);
    const key = [words.u32Le(), words.u32Le(), words.u32Le(), words.u32Le()] as const;
    for (const count of [1, 2, 1_000, 30_000]) {
      const elements = Array.from({ length: count }, (_, i) => Uint8Array.of(i, i >> 8, 7));
      const range = BigInt(count) * BigInt(FILTER_M);
      const expected = elements.map((each) => Number((sipHash24(key, each) * range) >> 64n)).sort((a, b) => a - b);
      const reader = new Reader(GcsFilter.build(HASH, [...elements, elements[0]!]).bytes);
      assert.equal(readCompactSize(reader), count);
      assert.deepEqual([...decodeGolomb(reader, count, 19)], expected);
    }
  });

  test("no set has a false negative, however it was made and read", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (
          elements,
          hash,
        ) => {
          const built = GcsFilter.build(hash, elements);
          const decoded = GcsFilter.decode(hash, built.bytes);
          assert.equal(decoded.count, new Set(elements.map(toHex)).size);
          assert.equal(toHex(decoded.bytes), toHex(built.bytes));
          for (const element of elements) {
            assert.ok(built.matches(element));
            assert.ok(decoded.matches(element));
            assert.ok(decoded.matchesAny([Uint8Array.of(1, 2, 3), element]));
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  test("strange elements match about once in M", () => {
    const filter = GcsFilter.build(HASH, Array.from({ length: 2_000 }, () => random.bytes(22)));
    const strangers = Array.from({ length: 20_000 }, () => random.bytes(23));
    // 20,000 / 784,931 are expected: three or more would happen once in half a million runs.
    const hits = strangers.filter((element) => filter.matches(element)).length;
    assert.ok(hits < 3, `${hits} hits`);
    assert.equal(FILTER_M, 784_931);
  });

  test("is the same whatever the order and however often an element comes", () => {
    const elements = Array.from({ length: 50 }, () => random.bytes(25));
    const filter = toHex(GcsFilter.build(HASH, elements).bytes);
    assert.equal(toHex(GcsFilter.build(HASH, [...elements].reverse()).bytes), filter);
    assert.equal(toHex(GcsFilter.build(HASH, [...elements, ...elements]).bytes), filter);
    assert.notEqual(toHex(GcsFilter.build(HASH.slice().fill(0, 0, 8), elements).bytes), filter);
  });

  test("of nothing is one zero byte, which matches nothing", () => {
    const filter = GcsFilter.build(HASH, []);
    assert.deepEqual(filter.bytes, Uint8Array.of(0));
    assert.equal(GcsFilter.decode(HASH, filter.bytes).matches(Uint8Array.of(1)), false);
    assert.equal(GcsFilter.build(HASH, [Uint8Array.of(1)]).matchesAny([]), false);
  });

  test("decode() refuses every truncation, a byte more, and a count that the bytes cannot hold", () => {
    const { bytes } = GcsFilter.build(HASH, Array.from({ length: 30 }, () => random.bytes(25)));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => GcsFilter.decode(HASH, bytes.subarray(0, length)), CodecError, `${length} bytes`);
    }
    assert.throws(() => GcsFilter.decode(HASH, Uint8Array.of(...bytes, 0)), codec("trailing"));
    assert.throws(() => GcsFilter.decode(HASH, fromHex("feffffff01000000000000")), codec("count"));
    assert.throws(() => GcsFilter.decode(HASH, new Uint8Array(4_000_001)), codec("limit"));
  });

  test("decode() of anything gives a filter or a CodecError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          const filter = GcsFilter.decode(HASH, bytes);
          assert.ok(filter.count * 20 <= bytes.length * 8);
        } catch (error) {
          assert.ok(error instanceof CodecError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("Golomb coding", () => {
  test("is ones, a zero, and the low bits, from the highest bit on", () => {
    // 0b101 with p = 2: one unit and 1, so 10 01; then 0b101 + 14: three units and 2, so 1110 10.
    assert.deepEqual(encodeGolomb([5, 19], 2), Uint8Array.of(0b10011110, 0b10000000));
    assert.deepEqual([...decodeGolomb(new Reader(Uint8Array.of(0b10011110, 0b10000000)), 2, 2)], [5, 19]);
  });

  test("comes back for any sorted numbers, with long runs of ones too", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 40 }), fc.integer({ min: 1, max: 24 }), (numbers, p) => {
        const sorted = [...numbers].sort((a, b) => a - b);
        const bytes = encodeGolomb(sorted, p);
        const reader = new Reader(bytes);
        assert.deepEqual([...decodeGolomb(reader, sorted.length, p)], sorted);
        assert.equal(reader.left, 0);
      }),
    );
  });
});

describe("filter headers", () => {
  test("each commits to the filter and to the header before it", () => {
    const hashes = [1, 2, 3].map((n) => filterHash(Uint8Array.of(n)));
    const chain = filterHeaders(new Uint8Array(32), hashes);
    assert.equal(toHex(chain[0]!), toHex(sha256d(hashes[0]!, new Uint8Array(32))));
    assert.equal(toHex(chain[2]!), toHex(filterHeader(hashes[2]!, filterHeader(hashes[1]!, chain[0]!))));
    assert.deepEqual(filterHeaders(HASH, []), []);
  });
});
