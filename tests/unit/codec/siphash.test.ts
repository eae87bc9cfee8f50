/** SipHash-2-4: the vector of its paper, and a program of others for messages of every length. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { sipHash24, sipHash24Ids, sipHash24Into, sipHash24Words, type SipKey } from "../../../lib/codec/siphash.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";

/** The npm package of that name: the same key as four words, the result in two halves. It ships no types. */
const oracle = createRequire(import.meta.url)("siphash") as {
  hash(key: readonly number[], message: Uint8Array): { readonly h: number; readonly l: number };
};

describe("sipHash24()", () => {
  test("the example of appendix A of the paper", () => {
    const key: SipKey = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c];
    const message = Uint8Array.from({ length: 15 }, (_, i) => i);
    assert.equal(sipHash24(key, message), 0xa129ca6149be45e5n);
  });

  test("agrees with another implementation on 4,000 messages of 0 to 130 bytes", () => {
    const random = new SeededRandom(24);
    for (let i = 0; i < 4_000; i++) {
      const words = new Uint32Array(random.bytes(16).buffer);
      const key: SipKey = [words[0]!, words[1]!, words[2]!, words[3]!];
      const message = random.bytes(i % 131);
      const { h, l } = oracle.hash(key, message);
      assert.equal(sipHash24(key, message), (BigInt(h >>> 0) << 32n) | BigInt(l >>> 0), `message ${i}`);
      const halves = new Uint32Array(4);
      sipHash24Into(key, message, halves, 1);
      assert.deepEqual([...halves], [0, l >>> 0, h >>> 0, 0]);
    }
  });

  test("sipHash24Words() is its upper 53 bits, over little-endian words", () => {
    const random = new SeededRandom(25);
    const key: SipKey = [1, 2, 3, 0xffffffff];
    for (let count = 0; count < 40; count++) {
      const bytes = random.bytes(4 * count);
      const words = new Uint32Array(bytes.slice().buffer);
      assert.equal(sipHash24Words(key, words), Number(sipHash24(key, bytes) >> 11n), `${count} words`);
    }
  });

  test("sipHash24Ids() is that of many messages of 32 bytes, from the first that is named on", () => {
    const random = new SeededRandom(26);
    for (let n = 0; n < 20; n++) {
      const [a, b, c, d] = new Uint32Array(random.bytes(16).buffer);
      const key: SipKey = [a!, b!, c!, d!];
      const bytes = random.bytes(32 * 100);
      const low = new Uint32Array(91);
      const high = new Uint32Array(91);
      sipHash24Ids(key, new Uint32Array(bytes.slice().buffer), 10, 90, low, high);
      for (let i = 0; i < 90; i++) {
        const hash = sipHash24(key, bytes.subarray(32 * (10 + i), 32 * (11 + i)));
        assert.equal((BigInt(high[i]!) << 32n) | BigInt(low[i]!), hash);
      }
      assert.deepEqual([low[90], high[90]], [0, 0]);
    }
  });
});
