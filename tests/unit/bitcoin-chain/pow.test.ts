import { describe, test } from "node:test";
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  blockWork,
  checkProofOfWork,
  compactToTarget,
  difficultyOf,
  TargetCache,
  targetOf,
  targetToCompact,
  wordsMeet,
} from "../../../lib/bitcoin/headers/pow.ts";
import { mainnet, regtest, signet } from "../../../lib/bitcoin/networks/mod.ts";

describe("compactToTarget()", () => {
  // The numbers of Bitcoin Core's arith_uint256_tests, bignum_SetCompact.
  const cases: readonly (readonly [bits: number, target: bigint, negative: boolean, back: number])[] = [
    [0x00123456, 0n, false, 0],
    [0x01003456, 0n, false, 0],
    [0x02000056, 0n, false, 0],
    [0x03000000, 0n, false, 0],
    [0x04000000, 0n, false, 0],
    [0x00923456, 0n, false, 0],
    [0x01803456, 0n, false, 0],
    [0x02800056, 0n, false, 0],
    [0x03800000, 0n, false, 0],
    [0x04800000, 0n, false, 0],
    [0x01123456, 0x12n, false, 0x01120000],
    [0x01fedcba, 0x7en, true, 0x01fe0000],
    [0x02123456, 0x1234n, false, 0x02123400],
    [0x03123456, 0x123456n, false, 0x03123456],
    [0x04123456, 0x12345600n, false, 0x04123456],
    [0x04923456, 0x12345600n, true, 0x04923456],
    [0x05009234, 0x92340000n, false, 0x05009234],
    [0x20123456, 0x123456n << 232n, false, 0x20123456],
  ];
  for (const [bits, target, negative, back] of cases) {
    test(`reads and writes 0x${bits.toString(16).padStart(8, "0")}`, () => {
      assert.deepEqual(compactToTarget(bits), { target, negative, overflow: false });
      assert.equal(targetToCompact(target, negative), back);
    });
  }

  test("tells an overflow at the exact mantissa for each size", () => {
    const overflows = (bits: number) => compactToTarget(bits).overflow;
    assert.deepEqual([0xff123456, 0x23000001, 0x22000100, 0x21010000].map(overflows), [true, true, true, true]);
    assert.deepEqual([0x220000ff, 0x2100ffff, 0x207fffff, 0xff000000].map(overflows), [false, false, false, false]);
  });

  test("writes what it reads, for every form that a target has", () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), (target) => {
      const bits = targetToCompact(target);
      const rounded = compactToTarget(bits);
      assert.ok(!rounded.negative && !rounded.overflow);
      assert.ok(rounded.target <= target);
      assert.equal(targetToCompact(rounded.target), bits);
    }));
  });

  test("moves the sign bit out of the way", () => assert.equal(targetToCompact(0x80n), 0x02008000));
});

test("targetOf() refuses negative, zero, overflowing and too easy bits", () => {
  assert.equal(targetOf(0x1d00ffff, mainnet.pow.limit), 0xffffn << 208n);
  for (const bits of [0x1d01ffff, 0x1d80ffff, 0x00000000, 0xff123456, 0x1e00ffff]) {
    assert.equal(targetOf(bits, mainnet.pow.limit), undefined, bits.toString(16));
  }
});

test("blockWork() is nothing for a target beyond 256 bits, whatever is left of it", () => {
  // 0x010001 and 30 bytes of zeros: all but the highest bit would fit.
  assert.equal(blockWork(0x21010001), 0n);
});

test("blockWork() is the expected number of hashes", () => {
  assert.equal(blockWork(0x1d00ffff), 0x100010001n);
  assert.equal(blockWork(0x207fffff), 2n);
  assert.equal(blockWork(0x1d80ffff), 0n, "a negative target stands for no work");
});

test("difficultyOf() counts from the main network's easiest target", () => {
  assert.equal(difficultyOf(0x1d00ffff), 1);
  assert.equal(difficultyOf(0x1b0404cb), 16307.420938523983);
  assert.equal(difficultyOf(0x207fffff).toPrecision(8), "4.6565424e-10");
});

test("wordsMeet() and checkProofOfWork() agree with the comparison of numbers", () => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const bits = fc.oneof(fc.constantFrom(0x1d00ffff, 0x1c3fffc0, 0x207fffff, 0x1e0377ae, 0), fc.nat(0xffff_ffff));
  const targets = new TargetCache(regtest.pow);
  fc.assert(fc.property(bytes, bits, fc.nat(30), (hash, bits, zeros) => {
    hash.fill(0, 32 - zeros);
    const target = targetOf(bits, regtest.pow.limit);
    const value = hash.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
    const words = targets.get(bits);
    const expected = target !== undefined && value <= target;
    assert.equal(checkProofOfWork(hash, bits, regtest.pow), expected);
    assert.equal(words !== undefined && wordsMeet(new Uint32Array(hash.buffer), 0, words), expected);
  }));
});

test("every genesis block carries its work", () => {
  for (const network of [mainnet, signet, regtest]) {
    assert.ok(checkProofOfWork(network.genesis.hash, network.genesis.header.bits, network.pow), network.name);
  }
});

test("a hash equal to the target is enough, one more is not", () => {
  const target = targetOf(0x1d00ffff, mainnet.pow.limit)!;
  const bytes = (value: bigint) => Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
  assert.ok(checkProofOfWork(bytes(target), 0x1d00ffff, mainnet.pow));
  assert.ok(!checkProofOfWork(bytes(target + 1n), 0x1d00ffff, mainnet.pow));
});

test("wordsMeet() compares all words, the highest first", () => {
  const target = Uint32Array.from([5, 0, 0, 0, 0, 0, 0, 9]) as unknown as Parameters<typeof wordsMeet>[2];
  const meets = (words: readonly number[]) => wordsMeet(Uint32Array.from([7, ...words]), 1, target);
  assert.equal(meets([5, 0, 0, 0, 0, 0, 0, 9]), true);
  assert.equal(meets([6, 0, 0, 0, 0, 0, 0, 9]), false);
  assert.equal(meets([4, 0, 0, 0, 0, 0, 0, 9]), true);
  assert.equal(meets([6, 0, 0, 0, 0, 0, 0, 8]), true);
  assert.equal(meets([0, 0, 0, 0, 0, 0, 0, 10]), false);
});
