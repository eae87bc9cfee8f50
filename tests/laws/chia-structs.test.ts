/**
 * What is true of every struct: round trip, one byte more, every truncation, garbage.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { CodecError } from "../../lib/codec/error.ts";
import { decodeEnvelope } from "../../lib/chia/protocol/mod.ts";
import { parseJson, stringifyJson } from "../../lib/codec/json.ts";
import { effort, seed } from "../support/effort.ts";
import { arbitraryOf, structs } from "./streamable-arbitrary.ts";

const RUNS = effort("laws of every Chia struct, values each", 12, 300);
const options = { seed, numRuns: RUNS };

/** All cuts of a short text, some fifty of a long one; always the first and the last byte. */
function cuts(length: number): number[] {
  const step = Math.max(1, Math.floor(length / 50));
  return [...new Set([...Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step), length - 1])]
    .filter((cut) => cut >= 0 && cut < length);
}

describe("laws of every struct", () => {
  for (const [name, struct] of structs) {
    const arbitrary = arbitraryOf(name) as fc.Arbitrary<Parameters<typeof struct.encode>[0]>;

    test(`${name}: round trips through bytes and JSON`, () => {
      fc.assert(
        fc.property(arbitrary, (value) => {
          const bytes = struct.encode(value);
          assert.ok(bytes.length >= struct.minSize);
          const decoded = struct.decode(bytes);
          assert.deepEqual(decoded, value);
          assert.deepEqual(struct.encode(decoded), bytes);
          const json = parseJson(stringifyJson(struct.toJson(value)));
          assert.deepEqual(struct.encode(struct.fromJson(json)), bytes);
        }),
        options,
      );
    });

    test(`${name}: a byte more or fewer is an error`, () => {
      fc.assert(
        fc.property(arbitrary, fc.integer({ min: 0, max: 255 }), (value, extra) => {
          const bytes = struct.encode(value);
          assert.throws(() => struct.decode(Uint8Array.of(...bytes, extra)), { name: "CodecError", code: "trailing" });
          for (const cut of cuts(bytes.length)) {
            assert.throws(() => struct.decode(bytes.subarray(0, cut)), CodecError, `cut at ${cut} of ${bytes.length}`);
          }
        }),
        { ...options, numRuns: Math.max(3, Math.floor(RUNS / 3)) },
      );
    });

    test(`${name}: garbage gives a CodecError or a value that encodes to it`, () => {
      const attempt = (bytes: Uint8Array) => {
        let value;
        try {
          value = struct.decode(bytes);
        } catch (thrown) {
          assert.ok(thrown instanceof CodecError, String(thrown));
          assert.ok(thrown.path.startsWith(name), thrown.message);
          return;
        }
        assert.deepEqual(struct.encode(value), bytes);
      };
      const garbage = fc.uint8Array({ maxLength: 400 });
      const damaged = fc.tuple(arbitrary, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([value, at, byte]) => {
        const bytes = struct.encode(value);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        return bytes;
      });
      fc.assert(fc.property(fc.oneof(garbage, damaged), attempt), { ...options, numRuns: RUNS * 2 });
    });
  }

  test("an envelope of garbage gives a CodecError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeEnvelope(bytes);
        } catch (thrown) {
          assert.ok(thrown instanceof CodecError);
        }
      }),
      { seed, numRuns: RUNS * 160 },
    );
  });

  test("every declared struct is here", () => {
    assert.ok(structs.size >= 167, `${structs.size} structs`);
  });
});
