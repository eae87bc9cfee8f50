/** Many messages hashed twice at once, against another implementation, on either runtime. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sha256 as noble } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { toHex } from "../../../lib/codec/hex.ts";
import { sha256dMany, useSha256 } from "../../../lib/codec/sha256.ts";
import { sha256dMany as inLanes } from "../../../lib/platform/node/sha256-many.ts";
import { sha256 as nodeSha256 } from "../../../lib/platform/node/sha256.ts";

const join = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const expected = (messages: readonly (readonly Uint8Array[])[]) =>
  messages.map((parts) => toHex(noble(noble(join(parts)))));

describe("sha256dMany() in lanes", () => {
  test("every length around the borders of blocks, side by side", () => {
    const messages = Array.from({ length: 400 }, (_, length) => [new Uint8Array(length).map((_, i) => i * 7 + length)]);
    assert.deepEqual(inLanes(messages)!.map(toHex), expected(messages));
    assert.deepEqual(inLanes(messages.toReversed())!.map(toHex), expected(messages).toReversed());
  });

  test("any messages of any parts, in any number", () => {
    const part = fc.oneof(fc.uint8Array({ maxLength: 70 }), fc.nat(3_000).map((n) => new Uint8Array(n).fill(n)));
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 4 }), { maxLength: 11 }), (messages) => {
        assert.deepEqual(inLanes(messages)!.map(toHex), expected(messages));
      }),
      { seed: 256, numRuns: 100 },
    );
  });

  test("what a round left behind does not show in the next, nor does a long message among short ones", () => {
    const messages = [200, 20_000, 55, 16_384, 16_383, 56, 0].map((length) => [new Uint8Array(length).fill(0xff)]);
    for (let i = 0; i < 3; i++) assert.deepEqual(inLanes(messages)!.map(toHex), expected(messages));
    assert.deepEqual(inLanes([[new Uint8Array()]])!.map(toHex), expected([[]]));
    assert.deepEqual(inLanes([]), []);
  });

  test("more messages and more bytes than there is room for at a time", () => {
    const short = Array.from({ length: 8_200 }, (_, i) => [Uint8Array.of(i, i >> 8)]);
    assert.deepEqual(inLanes(short)!.map(toHex), expected(short));
    const wide = Array.from({ length: 90 }, (_, i) => [new Uint8Array(15_000).fill(i)]);
    assert.deepEqual(inLanes(wide)!.map(toHex), expected(wide));
  });
});

describe("sha256dMany()", () => {
  const messages = Array.from({ length: 9 }, (_, i) => [Uint8Array.of(i), new Uint8Array(i * 40)]);
  test("is the same with any backend", () => {
    try {
      for (
        const backend of [
          undefined,
          nodeSha256,
          Object.assign((parts: readonly Uint8Array[]) => noble(join(parts))),
        ]
      ) {
        useSha256(backend);
        for (const count of [0, 1, 3, 4, 9]) {
          assert.deepEqual(sha256dMany(messages.slice(0, count)).map(toHex), expected(messages.slice(0, count)));
        }
      }
    } finally {
      useSha256();
    }
  });
});
