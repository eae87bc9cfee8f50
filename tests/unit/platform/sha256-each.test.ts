/** Many inputs of one size hashed at once, against another implementation, on either runtime. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 as platform } from "#platform";
import { sha256 as noble } from "@noble/hashes/sha2.js";
import { type Sha256Backend, sha256Each, sha256Stream, useSha256 } from "../../../lib/codec/sha256.ts";
import { sha256 as nodeSha256 } from "../../../lib/platform/node/sha256.ts";
import { SIZE_MAX } from "../../../lib/platform/node/sha256-each.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

const backends: readonly (readonly [name: string, backend: Sha256Backend | undefined])[] = [
  ["the portable backend", undefined],
  ["four to a vector", nodeSha256],
  ["the platform's backend", platform],
];

describe("sha256Each()", () => {
  const random = new SeededRandom(6);
  for (const [name, backend] of backends) {
    test(`is SHA-256 of each input, of any size and number, with ${name}`, () => {
      useSha256(backend);
      try {
        for (const size of [1, 55, 56, 63, 64, 65, 119, 120, 128, SIZE_MAX, SIZE_MAX + 1]) {
          for (const count of [0, 1, 3, 4, 5, 9, 64]) {
            // A view, as a level of a tree may be one of a larger array.
            const inputs = random.bytes(size * count + 3).subarray(3);
            const output = new Uint8Array(32 * count + 5).subarray(5);
            sha256Each(inputs, size, output);
            for (let i = 0; i < count; i++) {
              const expected = noble(inputs.slice(size * i, size * i + size));
              assert.deepEqual(output.slice(32 * i, 32 * i + 32), expected, `${size} bytes, ${i} of ${count}`);
            }
          }
        }
      } finally {
        useSha256();
      }
    });
  }

  test("refuses lengths that do not fit together", () => {
    assert.throws(() => sha256Each(new Uint8Array(66), 65, new Uint8Array(32)), RangeError);
    assert.throws(() => sha256Each(new Uint8Array(130), 65, new Uint8Array(32)), RangeError);
    assert.throws(() => sha256Each(new Uint8Array(130), 65, new Uint8Array(65)), RangeError);
  });
});

describe("sha256Stream()", () => {
  for (const [name, backend] of backends) {
    test(`is SHA-256 of its pieces, and a copy goes on by itself, with ${name}`, () => {
      useSha256(backend);
      try {
        const random = new SeededRandom(8);
        for (const size of [0, 1, 63, 64, 65, 5_000]) {
          const [head, tail, other] = [random.bytes(size), random.bytes(70), random.bytes(3)];
          const stream = sha256Stream();
          stream.update(head);
          const copy = stream.copy();
          copy.update(other);
          const third = stream.copy().copy();
          stream.update(tail);
          assert.deepEqual(stream.digest(), noble(Uint8Array.of(...head, ...tail)));
          assert.deepEqual(copy.digest(), noble(Uint8Array.of(...head, ...other)));
          assert.deepEqual(third.digest(), noble(head));
        }
      } finally {
        useSha256();
      }
    });
  }
});
