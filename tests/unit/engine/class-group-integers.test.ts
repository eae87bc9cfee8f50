/** Long integers of the class group against BigInt, at values that make every carry, borrow and correction run. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { divisions, EDGES, magnitude, ONES, ones } from "./class-group-edges.ts";
import { TestModule } from "./class-group-module.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const ALL = 31;

function numbers(random: SeededRandom, words: number): bigint {
  const bytes = random.bytes(8 * (1 + random.below(words)));
  // Words of only ones, or only zeros, are as likely as all others.
  for (let i = 0; i < bytes.length; i += 8) {
    const kind = random.below(6);
    if (kind < 2) bytes.fill(kind === 0 ? 0 : 0xff, i, i + 8);
  }
  const value = bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return random.below(2) === 0 ? value : -value;
}

for (const wide of VARIANTS) {
  describe(`integers of the class group, ${wide ? "wide" : "plain"}`, () => {
    const module = new TestModule(wide);
    const [x, y, z, w] = module.places as [number, number, number, number];
    const signed = EDGES.flatMap((each) => (each === 0n ? [each] : [each, -each]));
    const random = new SeededRandom(seed);
    const pairs: readonly (readonly [bigint, bigint])[] = [
      ...signed.flatMap((a) => signed.map((b) => [a, b] as const)),
      ...Array.from(
        { length: effort("pairs of long integers", 3_000, 100_000) },
        () => [numbers(random, 15), numbers(random, 15)] as const,
      ),
    ];

    test("mul() is the product", () => {
      for (const [a, b] of pairs) {
        module.put(x, a);
        module.put(y, b);
        module.call.mul!(z, x, y);
        assert.equal(module.get(z), a * b);
        assert.deepEqual([module.get(x), module.get(y)], [a, b]);
      }
    });

    test("addMul() adds and subtracts a multiple, over zero and past the last word", () => {
      for (const [a, b] of pairs) {
        for (const factor of [0n, 1n, 2n, 1n << 63n, ONES]) {
          for (const isSubtracted of [0, 1, -1]) {
            module.put(x, a);
            module.put(y, b);
            module.call.addMul!(x, y, factor, isSubtracted);
            assert.equal(module.get(x), isSubtracted === 0 ? a + factor * b : a - factor * b);
          }
        }
        // What is missing to 0, and one to either side.
        for (const over of [-1n, 0n, 1n]) {
          module.put(x, -b * 7n + over);
          module.put(y, b);
          module.call.addMul!(x, y, 7n, 0);
          assert.equal(module.get(x), over);
        }
      }
    });

    test("addMul() of a number and itself", () => {
      for (const a of signed) {
        for (const [factor, isSubtracted, right] of [[1n, 0, 2n * a], [1n, 1, 0n], [5n, 1, -4n * a]] as const) {
          module.put(x, a);
          module.call.addMul!(x, x, factor, isSubtracted);
          assert.equal(module.get(x), right);
        }
      }
    });

    test("compare() orders magnitudes; copy(), negate(), halve() and setWord() do what they say", () => {
      for (const [a, b] of pairs) {
        module.put(x, a);
        module.put(y, b);
        const [left, right] = [magnitude(a), magnitude(b)];
        assert.equal(module.call.compare!(x, y), left < right ? -1 : left > right ? 1 : 0);
        module.call.copy!(z, x);
        assert.equal(module.get(z), a);
        module.call.negate!(z);
        assert.equal(module.get(z), -a);
        module.call.halve!(z);
        assert.equal(module.get(z), -a / 2n);
      }
      for (const word of [0n, 1n, ONES]) {
        module.call.setWord!(x, word);
        assert.equal(module.get(x), word);
      }
    });

    test("divide() and modulo() are BigInt's, in whatever places", () => {
      for (const [a, b] of pairs) {
        if (b === 0n) continue;
        module.put(x, a);
        module.put(y, b);
        module.call.divide!(z, w, x, y);
        assert.deepEqual([module.get(z), module.get(w)], [a / b, a % b], `${a} by ${b}`);
        assert.deepEqual([module.get(x), module.get(y)], [a, b]);
        module.call.divide!(x, y, x, y);
        assert.deepEqual([module.get(x), module.get(y)], [a / b, a % b]);
        module.put(x, a);
        module.put(y, b);
        module.call.divide!(y, x, x, y);
        assert.deepEqual([module.get(y), module.get(x)], [a / b, a % b]);
        module.put(x, a);
        module.put(y, magnitude(b));
        module.call.modulo!(x, x, y);
        const rest = a % magnitude(b);
        assert.equal(module.get(x), rest < 0n ? rest + magnitude(b) : rest);
      }
    });

    test("divide() corrects its estimates: quotients and rests at their ends, by divisors of every kind", () => {
      for (const [n, d] of divisions()) {
        module.put(x, n);
        module.put(y, d);
        module.call.divide!(z, w, x, y);
        assert.deepEqual([module.get(z), module.get(w)], [n / d, n % d], `${n} by ${d}`);
      }
    });

    test("a number that does not fit, and a divisor of 0, end the call as an error", () => {
      module.put(x, ones(ALL));
      module.put(y, 1n);
      assert.throws(() => module.call.mul!(z, x, y), WebAssembly.RuntimeError);
      assert.throws(() => module.call.addMul!(x, y, 1n, 0), WebAssembly.RuntimeError);
      module.put(y, 0n);
      assert.throws(() => module.call.divide!(z, w, x, y), WebAssembly.RuntimeError);
      module.put(x, ones(ALL - 1));
      module.put(y, ONES);
      module.call.mul!(z, x, y);
      assert.equal(module.get(z), ones(ALL - 1) * ONES);
    });
  });
}
