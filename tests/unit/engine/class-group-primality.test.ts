/** Primality as chiavdf has it, in the module and on BigInt: primes, pseudoprimes, and products that carry everywhere. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { lucasParameters } from "../../../lib/engine/class-group/arithmetic.ts";
import { integers } from "../../../lib/engine/class-group/integers.ts";
import { longMontgomery, shortMontgomery } from "../../../lib/engine/class-group/montgomery.ts";
import { EmittedArithmetic } from "../../../lib/engine/class-group/emitted.ts";
import { fromBytes } from "../../../lib/engine/class-group/numbers.ts";
import { hashToPrime, isPrime, powerOfTwo } from "../../../lib/engine/class-group/portable-primes.ts";
import { lucasTest, strongTest } from "../../../lib/engine/class-group/primality.ts";
import { groupCount, GROUPS, oddPrimes, smallDivisors } from "../../../lib/engine/class-group/small-divisors.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { MontgomeryModule } from "./class-group-module.ts";

const sha256 = (bytes: Uint8Array) => new Uint8Array(createHash("sha256").update(bytes).digest());
const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const SIZES = [{ bits: 264, words: 5 }, { bits: 1_024, words: 16 }] as const;

const bits = (random: SeededRandom, count: number) =>
  BigInt.asUintN(count, fromBytes(random.bytes(Math.ceil(count / 8))));

/** Products of numbers of one size, and the tests of primes. */
function testField(wide: boolean, size: (typeof SIZES)[number]): MontgomeryModule {
  return new MontgomeryModule(wide, (module, modulus) => {
    const made = integers(module);
    const isFull = 64 * size.words === size.bits;
    const field = isFull
      ? longMontgomery(module, size.words, modulus, true)
      : shortMontgomery(module, size.words, modulus);
    const wider = isFull ? longMontgomery(module, size.words + 1, modulus, false) : field;
    const parts = { integers: made, modulus, bits: size.bits };
    const isStrong = strongTest(module, { ...parts, field });
    const isLucas = lucasTest(module, { ...parts, field: wider });
    const { hasDivisor } = smallDivisors(module);
    module.fn({ params: [], results: ["i32"], exportAs: "strong" }, () => isStrong());
    module.fn({ params: ["i64", "i64"], results: ["i32"], exportAs: "lucas" }, (_, p, q) => isLucas(p, q));
    module.fn(
      { params: ["i32"], results: ["i32"], exportAs: "divides" },
      (_, groups) => hasDivisor(modulus.words, size.words, groups),
    );
    return wider === field ? { "": field } : { "": field, "wider-": wider };
  });
}

/** A prime of so many bits; the tests of chiavdf's kind are known to hold for what comes of it. */
function primes(random: SeededRandom, size: number, count: number, of: (n: bigint) => boolean = () => true): bigint[] {
  const found: bigint[] = [];
  while (found.length < count) {
    const n = bits(random, size) | 1n << BigInt(size - 1) | 1n;
    if (of(n) && isPrime(n)) found.push(n);
  }
  return found;
}

for (const wide of VARIANTS) {
  for (const size of SIZES) {
    const random = new SeededRandom(seed);
    const field = testField(wide, size);
    const top = 1n << BigInt(size.bits - 1);
    const name = `${wide ? "wide" : "plain"}, ${size.bits} bits`;

    describe(`primality, ${name}`, () => {
      test("products are right modulo the modulus and stay below R, whatever carries", () => {
        const moduli = [
          top | 1n,
          2n * top - 1n,
          top | 0xffff_ffff_ffff_ffffn,
          2n * top - (1n << 64n) + 1n,
          bits(random, size.bits) | top | 1n,
        ];
        const prefixes = size.bits === 1_024 ? [["", 16], ["wider-", 17]] as const : [["", 5]] as const;
        for (const n of moduli) {
          field.setModulus(n, 18);
          for (const [prefix, words] of prefixes) {
            const R = 1n << BigInt(64 * words);
            const most = words * 64 === size.bits ? R - 1n : 8_192n * n;
            const numbers = [
              0n,
              1n,
              2n,
              n - 1n,
              n,
              n + 1n,
              most,
              most - 1n,
              most >> 1n,
              most - n,
              (1n << 64n) - 1n,
              most >> 64n << 64n,
            ];
            for (let i = 0; i < 20; i++) numbers.push(bits(random, size.bits) % n);
            const fitting = numbers.filter((each) => each <= most);
            for (const a of fitting) {
              for (const b of fitting) {
                const product = field.compute(`${prefix}mul`, words, a, b);
                assert.equal((product * R - a * b) % n, 0n, `${a} ${b} modulo ${n}`);
                assert.ok(product < (words * 64 === size.bits ? R : 2n * n));
              }
              assert.equal((field.compute(`${prefix}sqr`, words, a) * R - a * a) % n, 0n, `${a} squared modulo ${n}`);
              const left = field.compute(`${prefix}leave`, words, a);
              assert.equal((left * R - a) % n, 0n);
              assert.ok(left <= n);
            }
          }
        }
      });

      const verdict = (n: bigint) => {
        field.setModulus(n, 18);
        const parameters = lucasParameters(n);
        return {
          strong: field.call.strong!() === 1,
          lucas: parameters !== undefined && field.call.lucas!(parameters.p, parameters.q) === 1,
        };
      };

      test("primes pass, of every kind", () => {
        const kinds: ((n: bigint) => boolean)[] = [
          () => true,
          (n) => n % 4n === 3n,
          // n − 1 with several factors 2, so that the strong test squares on.
          (n) => n % 64n === 1n,
          // Each D that Lucas' test begins with.
          (n) => lucasParameters(n)?.p === 5n,
          (n) => (lucasParameters(n)?.q ?? 0n) > 1n && lucasParameters(n)?.p === 1n,
          (n) => (lucasParameters(n)?.q ?? 0n) < -2n,
        ];
        for (const kind of kinds) {
          for (const n of primes(random, size.bits, 2, kind)) {
            assert.deepEqual(verdict(n), { strong: true, lucas: true }, `${n}`);
          }
        }
      });

      test("composites fail, as on BigInt; those that are probable primes to base 2 fail by Lucas", () => {
        const half = size.bits / 2;
        for (let i = 0; i < effort(`composites, ${name}`, 30, 1_000); i++) {
          const n = bits(random, size.bits) | top | 1n;
          const isStrong = powerIsStrong(n);
          field.setModulus(n, 18);
          assert.equal(field.call.strong!() === 1, isStrong, `${n}`);
        }
        // (6 k + 1) (12 k + 1) (18 k + 1) and p (2 p − 1): many of such kinds are pseudoprimes to some bases; both ways agree.
        for (let i = 0; i < 10; i++) {
          const k = bits(random, Math.ceil(size.bits / 3) - 4) | 1n << BigInt(Math.ceil(size.bits / 3) - 5);
          const p = bits(random, half) | 1n << BigInt(half - 1) | 1n;
          for (const value of [(6n * k + 1n) * (12n * k + 1n) * (18n * k + 1n), p * (2n * p - 1n)]) {
            const n = BigInt.asUintN(size.bits, value) | top | 1n;
            field.setModulus(n, 18);
            assert.equal(field.call.strong!() === 1, powerIsStrong(n), `${n}`);
          }
        }
      });

      test("a probable prime to base 2 that is no strong one fails, as does a strong one by Lucas", () => {
        // p (2 p − 1) with 2 a square modulo the second: 2^(n − 1) is 1. Half of these are strong as well.
        const found = { strong: false, other: false };
        const length = Math.ceil(size.bits / 2);
        // Of the longer size there is none to be found in time.
        for (let i = 0; size.bits < 500 && i < 200_000 && !(found.strong && found.other); i++) {
          // 1 modulo 8, so that there are squarings after which a 1 comes too late to count.
          const p = (bits(random, length - 5) << 3n) | 1n << BigInt(length - 1) | 1n;
          const q = 2n * p - 1n;
          const n = p * q;
          if (n >> BigInt(size.bits - 1) !== 1n || !isPrime(p) || !isPrime(q)) {
            continue;
          }
          assert.equal(powerOfTwo(n - 1n, n), 1n);
          const isStrong = powerIsStrong(n);
          assert.deepEqual(verdict(n), { strong: isStrong, lucas: false }, `${n}`);
          found.strong ||= isStrong;
          found.other ||= !isStrong && powerOfTwo((n - 1n) / 2n, n) === 1n;
        }
        assert.ok(size.bits > 500 || (found.strong && found.other));
      });

      test("small divisors are those of the groups, and nothing else", () => {
        const all = oddPrimes();
        const last = all.at(-1)!;
        const [some] = primes(random, size.bits - 14, 1);
        for (const p of [3, 5, 7, 53, 59, 61, 683, 691, 7_919, last - 4, last]) {
          const n = some! * BigInt(p);
          field.setModulus(n, 18);
          assert.equal(field.call.divides!(GROUPS) === 1, all.includes(p), `${p}`);
        }
        const [prime] = primes(random, size.bits, 1);
        field.setModulus(prime!, 18);
        assert.equal(field.call.divides!(GROUPS), 0);
        field.setModulus(some! * BigInt(last), 18);
        assert.equal(field.call.divides!(GROUPS - 1), 0);
      });
    });
  }

  describe(`hash to prime, ${wide ? "wide" : "plain"}`, () => {
    const emitted = new EmittedArithmetic({ wide, sha256 });

    test("the module does it by itself, unless the counter runs over into the blocks before", () => {
      const silent = new EmittedArithmetic({
        wide,
        sha256: () => {
          throw new Error("asked for a digest");
        },
      });
      const seed200 = new Uint8Array(200).fill(1);
      assert.equal(silent.hashToPrime(seed200, 264, "challenge"), hashToPrime(sha256, seed200, 264, "challenge"));
      seed200.fill(0xff, 192);
      assert.throws(() => silent.hashToPrime(seed200, 264, "challenge"), /asked for a digest/);
    });

    test("is the portable one's, of all lengths of seeds, where counters carry as well", () => {
      const random = new SeededRandom(seed);
      const count = effort("challenges", 40, 2_000);
      for (let i = 0; i < count; i++) {
        const bytes = random.bytes(i % 4 === 0 ? 4 + random.below(252) : 200);
        // The last word runs over soon, or the whole rest of the seed.
        if (i % 3 === 1) bytes.fill(0xff, bytes.length - 4 + random.below(3));
        if (i % 6 === 2) bytes.fill(0xff, bytes.length - bytes.length % 64);
        assert.equal(emitted.hashToPrime(bytes, 264, "challenge"), hashToPrime(sha256, bytes, 264, "challenge"));
      }
    });
  });
}

/** The strong test to base 2 by the book. */
function powerIsStrong(n: bigint): boolean {
  let zeros = 0;
  let odd = n - 1n;
  for (; odd % 2n === 0n; odd /= 2n) zeros++;
  let power = powerOfTwo(odd, n);
  if (power === 1n || power === n - 1n) return true;
  for (let i = 1; i < zeros; i++) {
    power = power * power % n;
    if (power === n - 1n) return true;
  }
  return false;
}

describe("isPrime()", () => {
  // Strong pseudoprimes to base 2, and Lucas pseudoprimes: each passes one test, and none both.
  const pseudoprimes = [
    ...[2_047n, 3_277n, 4_033n, 4_681n, 8_321n, 15_841n, 29_341n, 42_799n, 49_141n, 52_633n, 65_281n, 74_665n, 80_581n],
    ...[
      3_215_031_751n,
      3_825_123_056_546_413_051n,
      318_665_857_834_031_151_167_461n,
      3_317_044_064_679_887_385_961_981n,
    ],
    ...[
      323n,
      377n,
      1_159n,
      1_829n,
      3_827n,
      5_459n,
      5_777n,
      9_071n,
      9_179n,
      10_877n,
      11_419n,
      11_663n,
      13_919n,
      14_839n,
    ],
    // Carmichael numbers.
    ...[561n, 1_105n, 1_729n, 2_465n, 2_821n, 6_601n, 8_911n, 10_585n, 340_561n, 1_024_651n],
  ];

  test("finds no pseudoprime prime", () => {
    for (const n of pseudoprimes) assert.equal(isPrime(n), false, `${n}`);
  });

  test("has the primes up to 2^16, but for those of the first groups, which divide themselves", () => {
    const isComposite = new Uint8Array(1 << 16);
    const inGroups = new Set<number>();
    let [product, groups] = [1n, 0];
    for (const prime of oddPrimes()) {
      if ((product * BigInt(prime)) >> 64n !== 0n) [product, groups] = [1n, groups + 1];
      product *= BigInt(prime);
      if (groups < groupCount(16)) inGroups.add(prime);
    }
    const wrong: number[] = [];
    for (let n = 3; n < 1 << 16; n += 2) {
      if (!isComposite[n]) { for (let k = n * n; k < 1 << 16; k += 2 * n) isComposite[k] = 1; }
      if (isPrime(BigInt(n)) !== (!isComposite[n] && !inGroups.has(n))) wrong.push(n);
    }
    // 2 Q is not below n in size there, and chiavdf compares numbers.
    assert.ok(wrong.every((n) => n < 1_000), wrong.join());
  });

  test("there are as many groups as chiavdf has, for each length", () => {
    let [product, groups] = [1n, 1];
    for (const prime of oddPrimes()) {
      if ((product * BigInt(prime)) >> 64n !== 0n) [product, groups] = [1n, groups + 1];
      product *= BigInt(prime);
    }
    assert.equal(groups, GROUPS);
    assert.deepEqual([8, 64, 65, 264, 512, 1_000, 1_024].map(groupCount), [5, 5, 5, 16, 51, 379, 379]);
  });
});
