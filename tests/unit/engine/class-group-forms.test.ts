/** Euclid's algorithm and forms of the class group, against BigInt and the textbook's forms. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { OPERATION } from "../../../lib/engine/class-group/forms.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { type Form, TestModule } from "./class-group-module.ts";
import { compose, DISCRIMINANTS, formOf, gcd, modulo, randomForm, reduce } from "./class-group-reference.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];

const magnitude = (value: bigint) => (value < 0n ? -value : value);
const inverse = ({ a, b, c }: Form) => reduce({ a, b: -b, c });

function root(n: bigint): bigint {
  let x = n;
  for (let y = (n + 1n) / 2n; y < x; y = (x + n / x) / 2n) x = y;
  return x;
}
const bound = (discriminant: bigint) => root(root(-discriminant));

function bits(random: SeededRandom, count: number): bigint {
  const bytes = random.bytes(Math.ceil(count / 8));
  return BigInt.asUintN(count, bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n));
}

/** Pairs a > b ≥ 0 on which Euclid does what it seldom does. */
function pairs(random: SeededRandom, count: number): (readonly [bigint, bigint])[] {
  const all: (readonly [bigint, bigint])[] = [];
  for (const size of [1, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129, 256, 511, 512, 576]) {
    const top = 1n << BigInt(size);
    const a = top | bits(random, size);
    for (const b of [0n, 1n, 2n, a - 1n, a - 2n, a / 2n, a / 2n + 1n, a / 3n, a >> 32n, a >> 64n, (a >> 33n) + 1n]) {
      all.push([a, b], [top, b % top], [2n * top - 1n, b]);
    }
    // Consecutive Fibonacci numbers, whose quotients are all 1; and huge quotients one after the other.
    let [x, y] = [1n, 1n];
    while (x < top) [x, y] = [x + y, x];
    all.push([x, y], [x * 3n, y * 3n]);
    let [p, q] = [1n, 0n];
    for (const quotient of [1n << 40n, 1n, 1n << 63n, (1n << 32n) - 1n, 1n << 32n, 1n << 31n, 3n, (1n << 64n) + 1n]) {
      [p, q] = [quotient * p + q, p];
      all.push([p, q], [p * 6n, q * 6n]);
    }
  }
  for (let i = 0; i < count; i++) {
    const a = bits(random, 1 + random.below(577)) + 2n;
    const b = bits(random, 1 + random.below(577)) % a;
    const g = bits(random, 1 + random.below(64)) + 1n;
    all.push([a, b], [a * g, b * g]);
  }
  return all.filter(([a, b]) => a > b);
}

for (const wide of VARIANTS) {
  const name = wide ? "wide" : "plain";
  describe(`euclid(), ${name}`, () => {
    const module = new TestModule(wide);
    const { r0, r1, u0, u1 } = module.euclid;
    const [x, y] = module.places as [number, number];
    const cases = pairs(new SeededRandom(seed), effort("pairs for Euclid", 1_000, 50_000));

    /** What holds of any two steps: cofactors belong to their remainders, and the determinant is what was said. */
    const check = (a: bigint, b: bigint, isTurned: unknown) => {
      const [first, second] = [{ r: module.get(r0), u: module.get(u0) }, { r: module.get(r1), u: module.get(u1) }];
      for (const { r, u } of [first, second]) {
        assert.ok(r >= 0n, `remainders of ${a}, ${b}`);
        assert.equal(modulo(u * b - r, a), 0n, `cofactors of ${a}, ${b}`);
      }
      assert.equal(first.r * second.u - second.r * first.u, isTurned === 1 ? -a : a, `determinant of ${a}, ${b}`);
      return [first, second] as const;
    };

    test("full() gives the gcd and its cofactor", () => {
      for (const [a, b] of cases) {
        module.put(x, a);
        module.put(y, b);
        const [first, second] = check(a, b, module.call.full!(x, y));
        assert.equal(second.r, 0n);
        assert.equal(first.r, gcd(a, b)[0], `${a}, ${b}`);
        assert.ok(magnitude(first.u) <= a);
      }
    });

    test("partial() ends with short vectors near the bound", () => {
      for (const [a, b] of cases) {
        for (const limit of [root(a), root(root(a)), a >> 32n, a >> 64n, a - 1n, 1n, (1n << 64n) - 1n, 1n << 64n]) {
          if (limit < 1n || a <= limit) continue;
          module.put(x, a);
          module.put(y, b);
          module.put(module.euclid.bound, limit, 0n);
          const [, second] = check(a, b, module.call.partial!(x, y));
          assert.ok(second.r <= 2n * limit, `${a}, ${b} by ${limit}`);
          assert.ok(magnitude(second.u) * limit <= 3n * a, `${a}, ${b} by ${limit}: the cofactor is short`);
        }
      }
    });
  });

  describe(`forms, ${name}`, () => {
    const module = new TestModule(wide);
    const [to, left, right, other] = module.forms as [number, number, number, number];
    const random = new SeededRandom(seed);
    const count = effort("forms of each discriminant", 40, 3_000);

    for (const [size, discriminant] of Object.entries(DISCRIMINANTS)) {
      const identity = reduce(formOf(1n, 1n, discriminant));
      const say = (f: Form, g?: Form) => `${size} bits: (${f.a}, ${f.b})${g ? ` and (${g.a}, ${g.b})` : ""}`;
      const composed = (f: Form, g: Form) => {
        module.putForm(left, f);
        module.putForm(right, g);
        module.call.compose!(to, left, right);
        return module.getForm(to);
      };

      test(`square() and compose() of ${size} bits are the textbook's`, () => {
        module.put(module.euclid.bound, bound(discriminant), 0n);
        let [f, g] = [reduce(formOf(2n, 1n, discriminant)), randomForm(random, discriminant, Number(size))];
        for (let i = 0; i < count; i++) {
          module.putForm(left, f);
          module.call.square!(to, left);
          const square = compose(f, f);
          assert.deepEqual(module.getForm(to), square, say(f));
          // In its own place.
          module.call.square!(left, left);
          assert.deepEqual(module.getForm(left), square, say(f));
          const product = compose(square, g);
          assert.deepEqual(composed(square, g), product, say(square, g));
          assert.deepEqual(composed(f, f), square, say(f));
          assert.deepEqual(composed(f, inverse(f)), identity, say(f));
          assert.deepEqual(composed(f, identity), f, say(f));
          assert.deepEqual(composed(identity, identity), identity);
          // A factor that both have.
          assert.deepEqual(composed(product, f), compose(product, f), say(product, f));
          [f, g] = i % 3 === 0 ? [product, inverse(square)] : [square, product];
        }
      });

      test(`reduce() finds the reduced form of ${size} bits again`, () => {
        let form = randomForm(random, discriminant, Number(size));
        for (let i = 0; i < count; i++) {
          form = compose(form, form);
          let { a, b, c } = form;
          for (let k = random.below(6); k >= 0; k--) {
            const q = bits(random, 1 + random.below(120)) * (random.below(2) === 0 ? 1n : -1n);
            [b, c] = [b + 2n * q * a, c + q * b + q * q * a];
            if (magnitude(c) < 1n << 1_100n) [a, b, c] = [c, -b, a];
          }
          module.putForm(to, { a, b, c });
          module.call.reduce!(to);
          assert.deepEqual(module.getForm(to), form, say({ a, b, c }));
        }
      });
    }

    test("reduce() of forms at the edges of what is reduced", () => {
      // (a, −a, c), (a, b, a) with a negative b, and equal numbers.
      for (const [a, b, c] of [[3n, -3n, 5n], [5n, -3n, 5n], [5n, 3n, 5n], [3n, 3n, 3n], [7n, 7n, 7n], [7n, -7n, 7n]]) {
        module.putForm(to, { a: a!, b: b!, c: c! });
        module.call.reduce!(to);
        assert.deepEqual(module.getForm(to), reduce({ a: a!, b: b!, c: c! }));
      }
    });

    test("run() does operation after operation", () => {
      const discriminant = DISCRIMINANTS[256]!;
      module.put(module.euclid.bound, bound(discriminant), 0n);
      const [f, g] = [randomForm(random, discriminant, 99), randomForm(random, discriminant, 120)];
      module.putForm(left, f);
      module.putForm(right, g);
      const program = [
        ...[OPERATION.copy, to, left, 0],
        ...[OPERATION.square, to, to, 0],
        ...[OPERATION.compose, to, to, right],
        ...[OPERATION.composeInverse, other, to, left],
        ...[OPERATION.end, 0, 0, 0],
      ];
      const at = module.places[0]!;
      program.forEach((field, i) => module.memory.setInt32(at + 4 * i, field, true));
      module.call.run!(at);
      const product = compose(compose(f, f), g);
      assert.deepEqual(module.getForm(to), product);
      assert.deepEqual(module.getForm(other), compose(product, inverse(f)));
      assert.deepEqual([module.getForm(left), module.getForm(right)], [f, g]);
    });
  });
}
