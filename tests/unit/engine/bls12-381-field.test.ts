/** The field of BLS12-381 against BigInt, with the bounds that its code is written by. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic, I32, Module, type Pointer } from "../../../lib/engine/assembler/mod.ts";
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
import { unseenCarries } from "./crippled.ts";

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

type Numbers = readonly [a: bigint, b: bigint, c: bigint, d: bigint];

/** What is computed of numbers below 2 p, with the value of its words in BigInt: not modulo p, where that is exact. */
const OPERATIONS: Readonly<
  Record<string, {
    readonly emit: (F: Fp, ...numbers: readonly [Element, Element, Element, Element]) => Element;
    readonly right: (...numbers: Numbers) => bigint;
  }>
> = {
  add: { emit: (F, a, b) => F.add(a, b), right: (a, b) => a + b },
  sub: { emit: (F, a, b) => F.sub(a, b), right: (a, b) => a - b },
  negate: { emit: (F, a) => F.negate(a), right: (a) => -a },
  "eight p": { emit: (F, a, b) => F.add(F.add(a, b), F.add(a, b)), right: (a, b) => 2n * a + 2n * b },
  "what is stored": {
    emit: (F, a, b, c, d) => F.reduced(F.add(F.add(a, b), F.add(c, d))),
    right: (...all) => sum(all),
  },
  "the least": { emit: (F, a, b, c, d) => F.reduced(F.add(F.add(a, b), F.add(c, d)), 1), right: (...all) => sum(all) },
  mul: { emit: (F, a, b) => F.mul(a, b), right: (a, b) => a * b * R_INVERSE },
  sqr: { emit: (F, a) => F.sqr(a), right: (a) => a * a * R_INVERSE },
  "added product": {
    emit: (F, a, b, c, d) => F.reduce(F.addProduct(F.product(a, b), c, d)),
    right: (a, b, c, d) => (a * b + c * d) * R_INVERSE,
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
    emit: (F, a, b, c, d) => F.reduce(F.addProducts(F.product(a, b), F.product(c, d))),
    right: (a, b, c, d) => (a * b + c * d) * R_INVERSE,
  },
  "differences of products": {
    emit: (F, a, b, c, d) => F.reduce(F.subProducts(F.product(a, b), F.product(c, d))),
    right: (a, b, c, d) => (a * b - c * d) * R_INVERSE,
  },
  "Karatsuba's middle": {
    emit: (F, a, b, c, d) => {
      const whole = F.product(F.add(a, b), F.add(c, d));
      const outer = F.addProducts(F.product(a, c), F.product(b, d));
      return F.reduce(F.exactDifference(whole, outer, times(8)));
    },
    right: (a, b, c, d) => (a * d + b * c) * R_INVERSE,
  },
};
const sum = (numbers: readonly bigint[]) => numbers.reduce((all, each) => all + each);

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

/** Numbers of which the words above a product's are all ones, and what carries into them. */
function* directed(): Generator<Numbers> {
  const ones = (1n << 380n) - 1n;
  for (let i = 0n; i < 6n; i++) {
    for (const d of [2n * P - 1n, ones, 1n << 381n]) {
      for (const c of [1n, 2n, (1n << 60n) - 1n]) yield [ones, ones, c << 64n * i, d];
      yield [ones, (1n << 64n * i) - 1n, d, 1n << 64n * i];
    }
  }
}

/** All pairs of edges, with other edges as the third and fourth number. */
function* edgeCases(): Generator<Numbers> {
  for (const [i, a] of EDGES.entries()) {
    for (const [j, b] of EDGES.entries()) {
      yield [a, b, EDGES[(i * 7 + j) % EDGES.length]!, EDGES[(i + j * 5) % EDGES.length]!];
      yield [a, b, a, b];
    }
  }
  yield* directed();
}

/** Numbers below 2 p, by chance. */
function* anyCases(random: SeededRandom, count: number): Generator<Numbers> {
  const any = () => random.bytes(48).reduce((whole, byte) => whole << 8n | BigInt(byte), 0n) % (2n * P);
  for (let i = 0; i < count; i++) yield [any(), any(), any(), any()];
}

const INPUTS = 4;

class Host {
  readonly #exports: Readonly<Record<string, () => number>>;
  readonly #words: BigUint64Array;
  readonly #at: Readonly<Record<"in" | "raw" | "stored", number>>;
  /** Bounds by operation, in p. */
  readonly bounds = new Map<string, number>();
  readonly #isBare: boolean;

  /** A bare one stores results as they are and nothing else, so that there is no more code than the operation's. */
  constructor(wide: boolean, names: readonly string[], isBare = false) {
    this.#isBare = isBare;
    const module = new Module(wide);
    const [input, raw, stored] = [
      module.reserve("in", INPUTS * NUMBER_BYTES),
      module.reserve("raw", NUMBER_BYTES),
      module.reserve("stored", NUMBER_BYTES),
    ];
    const keep = (f: Fp["f"], to: Pointer, { words }: Element) =>
      words.forEach((word, i) => f.put(to.at(8 * i).storeWord(word)));
    for (const name of names) {
      module.fn({ params: [], results: ["i32"], exportAs: name }, (f) => {
        const F = new Fp(f, wide);
        const numbers = [0, 1, 2, 3].map((i) => F.load(input.at(i * NUMBER_BYTES)));
        const result = OPERATIONS[name]!.emit(F, ...numbers as unknown as [Element, Element, Element, Element]);
        this.bounds.set(name, Number(result.below) / Number(times(1)));
        keep(f, raw, result);
        if (isBare) return I32.of(0);
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
    return Array.from({ length: 6 }, (_, i) => this.#words[at + i]!).reduceRight((all, word) => all << 64n | word, 0n);
  }

  /** What is wrong with an operation at some numbers; undefined when nothing is. */
  fault(name: string, numbers: Numbers): string | undefined {
    numbers.forEach((number, k) => {
      for (let i = 0; i < 6; i++) this.#words[this.#at.in + 6 * k + i] = BigInt.asUintN(64, number >> BigInt(64 * i));
    });
    const isZero = this.#exports[name]!() === 1;
    const [raw, stored] = [this.#read(this.#at.raw), this.#read(this.#at.stored)];
    const expected = mod(OPERATIONS[name]!.right(...numbers));
    if (mod(raw) !== expected) return `${name}(${numbers}) is ${raw}`;
    if (raw >= BigInt(Math.ceil(this.bounds.get(name)! * 1_000)) * P / 1_000n) {
      return `${name}: ${raw} is above its bound`;
    }
    if (this.#isBare) return undefined;
    if (mod(stored) !== expected || stored >= 2n * P) return `${name}(${numbers}) is stored as ${stored}`;
    return isZero === (expected === 0n) ? undefined : `${name}(${numbers}): whether it is 0`;
  }
}

for (const wide of VARIANTS) {
  describe(`the field of BLS12-381, ${wide ? "wide" : "plain"} instructions`, () => {
    const names = Object.keys(OPERATIONS);
    const host = new Host(wide, names);

    test("is right at the edges, and stays below its bounds", () => {
      for (const name of names) for (const numbers of edgeCases()) assert.equal(host.fault(name, numbers), undefined);
    });

    test("is right at random", () => {
      const rounds = effort(`rounds of the field of BLS12-381, ${wide ? "wide" : "plain"}`, 300, 20_000);
      for (const numbers of anyCases(new SeededRandom(seed), rounds)) {
        for (const name of names) assert.equal(host.fault(name, numbers), undefined);
      }
    });

    test("needs each carry and borrow: with any one of them forgotten, an edge shows it", () => {
      const cases = [...edgeCases(), ...anyCases(new SeededRandom(seed), 100)];
      const missed = names.flatMap((name) =>
        unseenCarries(
          () => new Host(wide, [name], true),
          (crippled) => cases.some((numbers) => crippled.fault(name, numbers) !== undefined),
        ).map((at) => `${name}, carry ${at}`)
      );
      assert.deepEqual(missed, []);
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
