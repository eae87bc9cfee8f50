/** The field of BLS12-381 against BigInt, with the bounds that its code is written by. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic, Module, type Pointer } from "../../../lib/engine/assembler/mod.ts";
import {
  type Element,
  Fp,
  montgomeryBytes,
  NUMBER_BYTES,
  P,
  R,
  STORED,
  times,
} from "../../../lib/engine/bls12-381/field.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const mod = (value: bigint) => ((value % P) + P) % P;
const R_INVERSE = (() => {
  let [result, base] = [1n, R % P];
  for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = result * base % P;
    base = base * base % P;
  }
  return result;
})();

/** What is computed of two numbers below 2 p, with the value of its words in BigInt: not modulo p, where that is exact. */
const OPERATIONS: Readonly<
  Record<string, { emit: (F: Fp, a: Element, b: Element) => Element; right: (a: bigint, b: bigint) => bigint }>
> = {
  add: { emit: (F, a, b) => F.add(a, b), right: (a, b) => a + b },
  sub: { emit: (F, a, b) => F.sub(a, b), right: (a, b) => a - b },
  negate: { emit: (F, a) => F.negate(a), right: (a) => -a },
  mul: { emit: (F, a, b) => F.mul(a, b), right: (a, b) => a * b * R_INVERSE },
  sqr: { emit: (F, a) => F.sqr(a), right: (a) => a * a * R_INVERSE },
  "added product": {
    emit: (F, a, b) => F.reduce(F.addProduct(F.product(a, b), b, F.add(b, b))),
    right: (a, b) => (a * b + 2n * b * b) * R_INVERSE,
  },
  "lazy sums": {
    emit: (F, a, b) => F.mul(F.add(a, F.add(b, b)), F.add(a, b)),
    right: (a, b) => (a + 2n * b) * (a + b) * R_INVERSE,
  },
  "lazy differences": {
    emit: (F, a, b) => F.mul(F.sub(a, F.add(b, b)), F.sub(b, a)),
    right: (a, b) => (a - 2n * b) * (b - a) * R_INVERSE,
  },
  "sums of products": {
    emit: (F, a, b) => F.reduce(F.addProducts(F.product(a, b), F.product(a, a))),
    right: (a, b) => (a * b + a * a) * R_INVERSE,
  },
  "differences of products": {
    emit: (F, a, b) => F.reduce(F.subProducts(F.product(a, b), F.product(b, b))),
    right: (a, b) => (a * b - b * b) * R_INVERSE,
  },
  "Karatsuba's middle": {
    emit: (F, a, b) => {
      const whole = F.product(F.add(a, b), F.add(a, b));
      const outer = F.addProducts(F.product(a, a), F.product(b, b));
      return F.reduce(F.exactDifference(whole, outer, times(8)));
    },
    right: (a, b) => 2n * a * b * R_INVERSE,
  },
  "eight p": { emit: (F, a, b) => F.add(F.add(a, b), F.add(a, b)), right: (a, b) => 2n * a + 2n * b },
};

const EDGES = [
  ...[
    0n,
    1n,
    2n,
    P - 1n,
    P,
    P + 1n,
    2n * P - 1n,
    2n * P - 2n,
    (P - 1n) / 2n,
    R % P,
    (R - 1n) % P,
    1n << 64n,
    (1n << 64n) - 1n,
  ],
  ...[(1n << 128n) - 1n, (1n << 192n) - 1n, (1n << 320n) - 1n, (1n << 380n) - 1n, 1n << 381n],
];

class Host {
  readonly #exports: Readonly<Record<string, () => number>>;
  readonly #words: BigUint64Array;
  readonly #at: Readonly<Record<"in" | "raw" | "stored", number>>;
  /** Bounds by operation, in p. */
  readonly bounds = new Map<string, number>();

  constructor(wide: boolean) {
    const module = new Module(wide);
    const [input, raw, stored] = [
      module.reserve("in", 2 * NUMBER_BYTES),
      module.reserve("raw", NUMBER_BYTES),
      module.reserve("stored", NUMBER_BYTES),
    ];
    const keep = (f: Fp["f"], to: Pointer, { words }: Element) =>
      words.forEach((word, i) => f.put(to.at(8 * i).storeWord(word)));
    for (const [name, { emit }] of Object.entries(OPERATIONS)) {
      module.fn({ params: [], results: ["i32"], exportAs: name }, (f) => {
        const F = new Fp(f, wide);
        const result = emit(F, F.load(input), F.load(input.at(NUMBER_BYTES)));
        this.bounds.set(name, Number(result.below) / Number(times(1)));
        keep(f, raw, result);
        F.store(stored, result);
        return F.isZero(result);
      });
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    this.#exports = exports as Record<string, () => number>;
    this.#words = new BigUint64Array((exports.memory as WebAssembly.Memory).buffer);
    const at = (place: string) => module.addressOf(place) / 8;
    this.#at = { in: at("in"), raw: at("raw"), stored: at("stored") };
  }

  #read(at: number): bigint {
    return Array.from({ length: 6 }, (_, i) => this.#words[at + i]!).reduceRight((sum, word) => sum << 64n | word, 0n);
  }

  run(name: string, a: bigint, b: bigint) {
    [a, b].forEach((number, k) => {
      for (let i = 0; i < 6; i++) this.#words[this.#at.in + 6 * k + i] = BigInt.asUintN(64, number >> BigInt(64 * i));
    });
    const isZero = this.#exports[name]!() === 1;
    return { raw: this.#read(this.#at.raw), stored: this.#read(this.#at.stored), isZero };
  }
}

for (const wide of VARIANTS) {
  describe(`the field of BLS12-381, ${wide ? "wide" : "plain"} instructions`, () => {
    const host = new Host(wide);
    const check = (name: string, a: bigint, b: bigint) => {
      const { raw, stored, isZero } = host.run(name, a, b);
      const expected = mod(OPERATIONS[name]!.right(a, b));
      assert.equal(mod(raw), expected, `${name}(${a}, ${b})`);
      assert.ok(
        raw < BigInt(Math.ceil(host.bounds.get(name)! * 1_000)) * P / 1_000n,
        `${name}: ${raw} is above its bound`,
      );
      assert.equal(mod(stored), expected);
      assert.ok(stored < 2n * P, `${name} is stored as ${stored}`);
      assert.equal(isZero, expected === 0n);
    };

    test("is right at the edges, and stays below its bounds", () => {
      for (const name of Object.keys(OPERATIONS)) for (const a of EDGES) for (const b of EDGES) check(name, a, b);
    });

    test("is right at random", () => {
      const random = new SeededRandom(seed);
      const any = () => random.bytes(48).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n) % (2n * P);
      const rounds = effort(`rounds of the field of BLS12-381, ${wide ? "wide" : "plain"}`, 300, 20_000);
      for (let i = 0; i < rounds; i++) {
        const [a, b] = [any(), any()];
        for (const name of Object.keys(OPERATIONS)) check(name, a, b);
      }
    });
  });
}

describe("bounds", () => {
  const emitted = (emit: (F: Fp, a: Element) => void) => () => {
    const module = new Module(false);
    const place = module.reserve("place", NUMBER_BYTES);
    module.fn({ params: [], results: [] }, (f) => {
      const F = new Fp(f, false);
      emit(F, F.load(place));
    });
  };

  test("what could overflow is refused when the code is written down", () => {
    const five = (F: Fp, a: Element) => F.add(F.add(a, a), F.add(F.add(a, a), a));
    assert.throws(emitted((F, a) => F.add(F.add(F.add(a, a), F.add(a, a)), F.add(a, a))), /a sum may be 12.00 p/);
    assert.throws(emitted((F, a) => five(F, a)), /a sum may be 10.00 p/);
    assert.throws(emitted((F, a) => F.sub(F.add(F.add(a, a), F.add(a, a)), a)), /a difference may be 10.00 p/);
    const eight = (F: Fp, a: Element) => F.add(F.add(a, a), F.add(a, a));
    assert.doesNotThrow(emitted((F, a) => F.product(eight(F, a), eight(F, a))));
    assert.throws(
      emitted((F, a) => F.addProducts(F.product(eight(F, a), eight(F, a)), F.product(eight(F, a), eight(F, a)))),
      /a sum of products may be/,
    );
  });

  test("montgomeryBytes() is the number times R, below p", () => {
    const bytes = montgomeryBytes(1n);
    assert.equal(bytes.reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n), R % P);
    assert.equal(STORED, times(2));
  });
});
