/** Long integers and Montgomery products of the class group: each carry, borrow and correction is one that a test sees. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic } from "../../../lib/engine/assembler/mod.ts";
import { longMontgomery, shortMontgomery } from "../../../lib/engine/class-group/montgomery.ts";
import { divisions, EDGES, magnitude, ONES, ones } from "./class-group-edges.ts";
import { IntegerModule, MontgomeryModule } from "./class-group-module.ts";
import { unseenCarries, unseenSteps } from "./crippled.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];

const SIGNED = EDGES.flatMap((each) => (each === 0n ? [each] : [each, -each]));
/** Of all pairs some, in which each number is on either side. */
const PAIRS = SIGNED.flatMap((a, i) => SIGNED.filter((_, k) => (i * 7 + k) % 5 === 0).map((b) => [a, b] as const));
const DIVISIONS = [...divisions()].filter((_, i, all) => i % 3 === 0 || i > all.length - 10);
/**
 * Conditional steps that change no result: a divisor of 0 ends the call where its reciprocal is taken, too, and factors change
 * places for speed.
 */
const FOR_OTHER_REASONS = [10, 18];

/** Whether an operation on long integers is wrong for some of the numbers. */
function isFaulty(module: IntegerModule): boolean {
  const [x, y, z, w] = module.places as [number, number, number, number];
  const given = (a: bigint, b: bigint) => {
    module.put(x, a);
    module.put(y, b);
  };
  const isDivided = (a: bigint, b: bigint) => {
    given(a, b);
    module.call.divide!(z, w, x, y);
    return module.get(z) === a / b && module.get(w) === a % b;
  };
  const areRight = (a: bigint, b: bigint): boolean => {
    given(a, b);
    const [left, right] = [magnitude(a), magnitude(b)];
    if (module.call.compare!(x, y) !== (left < right ? -1 : left > right ? 1 : 0)) return false;
    module.call.mul!(z, x, y);
    if (module.get(z) !== a * b) return false;
    for (const [factor, isSubtracted] of [[1n, 0], [ONES, 0], [1n, 1], [ONES, -1]] as const) {
      given(a, b);
      module.call.addMul!(x, y, factor, isSubtracted);
      if (module.get(x) !== (isSubtracted === 0 ? a + factor * b : a - factor * b)) return false;
    }
    // Over zero by one, and to it.
    for (const over of [-1n, 0n, 1n]) {
      given(over - b * 7n, b);
      module.call.addMul!(x, y, 7n, 0);
      if (module.get(x) !== over) return false;
    }
    given(a, b);
    module.call.halve!(x);
    if (module.get(x) !== a / 2n) return false;
    if (b === 0n) return true;
    if (!isDivided(a, b)) return false;
    given(a, right);
    module.call.modulo!(x, x, y);
    const rest = a % right;
    return module.get(x) === (rest < 0n ? rest + right : rest);
  };
  /** What has to end as an error does. */
  const ends = (act: () => unknown) => {
    try {
      act();
      return false;
    } catch (thrown) {
      return thrown instanceof WebAssembly.RuntimeError;
    }
  };
  try {
    if (!PAIRS.every(([a, b]) => areRight(a, b)) || !DIVISIONS.every(([a, b]) => isDivided(a, b))) return true;
    given(ones(31), 1n);
    if (!ends(() => module.call.mul!(z, x, y)) || !ends(() => module.call.addMul!(x, y, 1n, 0))) return true;
    given(1n, 0n);
    if (!ends(() => module.call.divide!(z, w, x, y))) return true;
    given(5n, 7n);
    module.call.divide!(z, x, x, y);
    return module.get(x) !== 5n;
  } catch {
    return true;
  }
}

/** Montgomery products of one size. */
const fieldOf = (wide: boolean, words: number, isFull: boolean): MontgomeryModule =>
  new MontgomeryModule(wide, (module, modulus) => ({
    "": words > 5 ? longMontgomery(module, words, modulus, isFull) : shortMontgomery(module, words, modulus),
  }));

/** @param isFull whether moduli have as many words as the numbers; else they have 60 bits less */
function isFieldFaulty(field: MontgomeryModule, words: number, isFull: boolean): boolean {
  const R = 1n << BigInt(64 * words);
  const top = R >> (isFull ? 1n : 61n);
  const all = (n: bigint): bigint[] => {
    const most = isFull ? R - 1n : 8_192n * n;
    const spread = R / 3n % n;
    const numbers = [
      0n,
      1n,
      n - 1n,
      n,
      n + 1n,
      most,
      most - 1n,
      most - n,
      ONES,
      most >> 64n << 64n,
      spread,
      n - spread,
    ];
    return numbers.filter((each) => each <= most);
  };
  for (const n of [top | 1n, 2n * top - 1n, top | ONES, 2n * top - (1n << 64n) + 1n, (top | R / 7n % top) | 1n]) {
    field.setModulus(n, words);
    const bound = isFull ? R : 2n * n;
    for (const a of all(n)) {
      const [squared, left] = [field.compute("sqr", words, a), field.compute("leave", words, a)];
      if ((squared * R - a * a) % n !== 0n || squared >= bound || (left * R - a) % n !== 0n || left > n) return true;
      for (const b of all(n)) {
        const product = field.compute("mul", words, a, b);
        if ((product * R - a * b) % n !== 0n || product >= bound) return true;
      }
    }
  }
  return false;
}

for (const wide of VARIANTS) {
  const name = wide ? "wide" : "plain";
  describe(`long integers of the class group, ${name}`, () => {
    const make = () => new IntegerModule(wide);

    test("are right where nothing is missing", () => assert.equal(isFaulty(make()), false));

    test("need each carry and borrow", () => assert.deepEqual(unseenCarries(make, isFaulty), []));

    test("need each conditional step", () => assert.deepEqual(unseenSteps(make, isFaulty), FOR_OTHER_REASONS));
  });

  // Some carries are 0 whatever the numbers are: the highest words of factors that leave room are small, and no square is longer
  // than twice its root.
  for (const [words, isFull, zeros] of [[5, false, [48]], [16, true, [170]], [17, false, []]] as const) {
    describe(`Montgomery products of ${words} words, ${name}`, () => {
      const make = () => fieldOf(wide, words, isFull);
      const isWrong = (field: MontgomeryModule) => isFieldFaulty(field, words, isFull);

      test("are right where nothing is missing", () => assert.equal(isWrong(make()), false));

      test("need each carry and borrow", () => assert.deepEqual(unseenCarries(make, isWrong), zeros));

      test("need each conditional step", () => assert.deepEqual(unseenSteps(make, isWrong), []));
    });
  }
}
