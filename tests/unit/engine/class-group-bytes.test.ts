/** Forms as bytes, and the numbers and steps around them: both arithmetics against chiavdf's bytes and against each other. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { fromHex, toHex } from "../../../lib/codec/hex.ts";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import type { Arithmetic } from "../../../lib/engine/class-group/arithmetic.ts";
import { EmittedArithmetic } from "../../../lib/engine/class-group/emitted.ts";
import { discriminantOf, FORM_BYTES, readForm, writeForm } from "../../../lib/engine/class-group/form-bytes.ts";
import { shortVectors } from "../../../lib/engine/class-group/lehmer.ts";
import {
  bitLength,
  fromBytes,
  fromLowBytes,
  magnitude,
  squareRoot,
  toLowBytes,
} from "../../../lib/engine/class-group/numbers.ts";
import { portableArithmetic } from "../../../lib/engine/class-group/portable.ts";
import { FORMS_MAX, signedDigits, STEPS_MAX, stepsOfProduct } from "../../../lib/engine/class-group/powers.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { compose, DISCRIMINANTS, formOf, gcd, modulo, randomForm, reduce } from "./class-group-reference.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const { forms: recorded } = JSON.parse(
  gunzipSync(readFileSync(new URL("../../data/chia/class-group.json.gz", import.meta.url))).toString(),
) as {
  readonly forms: readonly {
    readonly bits: number;
    readonly discriminant: string;
    readonly read: readonly { readonly bytes: string; readonly a: string; readonly b: string }[];
  }[];
};

const portable = portableArithmetic(sha256);
const arithmetics: readonly (readonly [string, Arithmetic])[] = [
  ...(hasWideArithmetic() ? [["wide", new EmittedArithmetic({ wide: true, sha256 })] as const] : []),
  ["plain", new EmittedArithmetic({ wide: false, sha256 })],
  ["portable", portable],
];

const number = (random: SeededRandom, bits: number) =>
  BigInt.asUintN(bits, fromBytes(random.bytes(Math.ceil(bits / 8)))) | 1n << BigInt(bits - 1);

for (const [name, arithmetic] of arithmetics) {
  describe(`forms as bytes, ${name}`, () => {
    test("readForm() and writeForm() are chiavdf's, also where its cofactor is not Euclid's first", () => {
      let further = 0;
      for (const { discriminant: text, read } of recorded) {
        const discriminant = discriminantOf(-BigInt(`0x${text.slice(1)}`));
        for (const { bytes, ...texts } of read) {
          const [a, b] = [BigInt(texts.a), BigInt(texts.b)];
          const found = readForm(arithmetic, discriminant, fromHex(bytes));
          assert.deepEqual(found?.form, formOf(a, b, discriminant.value));
          assert.equal(toHex(found!.bytes), bytes);
          assert.equal(toHex(writeForm(arithmetic, discriminant, a, b)), bytes);
          let [r0, r1, u0, u1] = [a, magnitude(b), 0n, 1n];
          while (r1 * r1 > a) [r0, r1, u0, u1] = [r1, r0 % r1, u1, u0 - r0 / r1 * u1];
          further += Number(arithmetic.cofactor(a, magnitude(b)) !== u1);
        }
      }
      assert.ok(further > 10, "some of them are such");
    });

    test("cofactor() and gcd() are the portable ones, of numbers of every length", () => {
      const random = new SeededRandom(seed);
      const count = effort(`cofactors, ${name}`, 1_500, 100_000);
      for (let i = 0; i < count; i++) {
        const [a, b] = [number(random, 1 + random.below(576)), number(random, 1 + random.below(576)) >> 1n];
        assert.equal(arithmetic.cofactor(a, b), portable.cofactor(a, b), `${a}, ${b}`);
        assert.equal(arithmetic.cofactor(a, a), portable.cofactor(a, a), `${a}`);
        const [divisor, u] = arithmetic.gcd(a, b % a);
        assert.equal(divisor, gcd(a, b % a)[0], `${a}, ${b}`);
        assert.equal(modulo(u * (b % a) - divisor, a), 0n, `${a}, ${b}`);
      }
      // A word whose highest bit is set has one bit more than chiavdf looks at.
      for (let i = 0; i < 10 * count; i++) {
        const [a, b] = [number(random, 64), number(random, 1 + random.below(64))];
        assert.equal(arithmetic.cofactor(a, b), portable.cofactor(a, b), `${a}, ${b}`);
      }
      // At the edges of a word and of 63 bits, after a long number was in the same places.
      const long = [number(random, 512), number(random, 511)] as const;
      for (
        const a of [1n, 2n, 3n, 1n << 62n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n, 1n << 64n, (1n << 64n) + 1n]
      ) {
        for (const b of [0n, 1n, 2n, a - 1n, a, a + 1n, a / 2n, a / 3n, 5n * a + 2n, 1n << 63n, 1n << 130n]) {
          assert.notEqual(arithmetic.cofactor(...long), 0n);
          assert.equal(arithmetic.cofactor(a, b), portable.cofactor(a, b), `${a}, ${b}`);
        }
      }
    });

    test("product() is the product of powers", () => {
      const random = new SeededRandom(seed);
      for (const [bits, value] of Object.entries(DISCRIMINANTS)) {
        const { bound } = discriminantOf(value);
        const power = (form: ReturnType<typeof reduce>, exponent: bigint) => {
          let result = reduce(formOf(1n, 1n, value));
          for (const digit of exponent.toString(2)) {
            result = compose(result, result);
            if (digit === "1") result = compose(result, form);
          }
          return result;
        };
        const bases = [
          randomForm(random, value, Number(bits) >> 1),
          reduce(formOf(2n, 1n, value)),
          reduce(formOf(1n, 1n, value)),
          reduce(formOf(2n, -1n, value)),
        ];
        for (const exponents of [[1n, 1n], [1n, 2n], [3n, 1n], [255n, 31n], [0xabcdefn, 0x5555n], [16n, 1n << 20n]]) {
          for (const [i, first] of bases.entries()) {
            const second = bases[(i + 1) % bases.length]!;
            const factors = [{ base: first, exponent: exponents[0]! }, {
              base: second,
              exponent: exponents[1]!,
            }] as const;
            const right = compose(power(first, exponents[0]!), power(second, exponents[1]!));
            assert.deepEqual(arithmetic.product(factors, bound), right, `${bits} bits, ${exponents.join()}`);
          }
        }
      }
    });

    test("readForm() refuses every length but one, and never throws", () => {
      const random = new SeededRandom(seed);
      const discriminant = discriminantOf(DISCRIMINANTS[1_024]!);
      for (const length of [0, 1, 2, 99, 101, 200]) {
        assert.equal(readForm(arithmetic, discriminant, new Uint8Array(length).fill(4)), undefined);
      }
      for (let i = 0; i < 300; i++) {
        const bytes = random.bytes(FORM_BYTES);
        // Long runs of zeros and ones, and small lengths of g.
        bytes.fill(i % 2 === 0 ? 0 : 0xff, 2 + random.below(60), 60 + random.below(41));
        bytes[0]! &= 3;
        bytes[1]! %= 34;
        readForm(arithmetic, discriminant, bytes);
      }
    });
  });
}

describe("numbers outside of the module", () => {
  const random = new SeededRandom(seed);

  test("squareRoot() and bitLength() at squares and powers of 2", () => {
    for (let bits = 1; bits < 1_100; bits += bits < 140 ? 1 : 37) {
      const n = number(random, bits);
      for (const value of [n, n * n, n * n - 1n, n * n + 2n * n, 1n << BigInt(bits), (1n << BigInt(bits)) - 1n]) {
        const root = squareRoot(value);
        assert.ok(root * root <= value && (root + 1n) * (root + 1n) > value, `${value}`);
        assert.equal(bitLength(value), value === 0n ? 0 : value.toString(2).length);
      }
    }
    assert.deepEqual([squareRoot(0n), squareRoot(1n), squareRoot(3n), squareRoot(4n), bitLength(0n)], [
      0n,
      1n,
      1n,
      2n,
      0,
    ]);
  });

  test("bytes go both ways; what does not fit is left out", () => {
    const bytes = new Uint8Array(5);
    toLowBytes(0x1_02_03n, bytes);
    assert.deepEqual([...bytes], [3, 2, 1, 0, 0]);
    assert.equal(fromLowBytes(bytes), 0x1_02_03n);
    assert.equal(fromBytes(Uint8Array.of(1, 2, 0)), 0x1_02_00n);
    assert.equal(fromBytes(new Uint8Array(0)), 0n);
    toLowBytes(0xaa_01_02_03_04_05n, bytes);
    assert.deepEqual([...bytes], [5, 4, 3, 2, 1]);
    toLowBytes(0n, bytes.subarray(0, 2));
    assert.deepEqual([...bytes], [0, 0, 3, 2, 1]);
  });

  test("shortVectors() keeps remainders, cofactors and the determinant together", () => {
    for (let i = 0; i < 2_000; i++) {
      const a = number(random, 2 + random.below(570));
      const b = number(random, 1 + random.below(570)) % a;
      for (const bound of [0n, squareRoot(a), squareRoot(squareRoot(a))]) {
        const { r0, r1, u0, u1, isTurned } = shortVectors(a, b, bound);
        assert.ok(r0 >= 0n && r1 >= 0n && r1 <= 3n * bound, `${a}, ${b} by ${bound}: ${r0}, ${r1}`);
        assert.equal(modulo(u0 * b - r0, a) + modulo(u1 * b - r1, a), 0n);
        assert.equal(r0 * u1 - r1 * u0, isTurned ? -a : a);
      }
    }
  });
});

describe("stepsOfProduct()", () => {
  test("signedDigits() sum up to the exponent, with odd digits far enough apart", () => {
    const random = new SeededRandom(seed);
    for (const bits of [2, 5]) {
      for (let i = 1; i < 400; i++) {
        const exponent = i < 130 ? BigInt(i) : number(random, 1 + random.below(264));
        const digits = signedDigits(exponent, bits);
        assert.equal(digits.reduceRight((sum, digit) => 2n * sum + BigInt(digit), 0n), exponent);
        assert.ok(digits.at(-1)! > 0 && digits.length <= exponent.toString(2).length + 1);
        digits.forEach((digit, k) => {
          if (digit === 0) return;
          assert.ok(digit % 2 !== 0 && Math.abs(digit) < 1 << (bits - 1));
          assert.ok(digits.slice(k + 1, k + bits).every((next) => next === 0));
        });
      }
    }
  });

  test("needs no more forms and steps than there is room for, and refuses what might", () => {
    const most = (1n << 264n) - 1n;
    for (const exponent of [1n, 2n, most, most / 3n, most / 5n * 2n, 1n << 263n]) {
      for (const isSmall of [true, false]) {
        const steps = stepsOfProduct([{ exponent, isSmall }, { exponent: most / 3n, isSmall: false }]);
        assert.ok(steps.length <= STEPS_MAX);
        assert.ok(steps.every(({ to, x, y }) => Math.max(to, x, y) < FORMS_MAX));
      }
    }
    const fine = { exponent: 1n, isSmall: false };
    for (const exponent of [0n, -1n, most + 1n]) {
      assert.throws(() => stepsOfProduct([fine, { exponent, isSmall: false }]), RangeError);
    }
    assert.throws(() => stepsOfProduct([fine, fine, fine]), RangeError);
  });
});
