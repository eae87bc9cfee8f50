/** The field of secp256k1 against BigInt, at values that make every carry, borrow and fold run. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic, I64, Module } from "../../../lib/engine/assembler/mod.ts";
import { C, type Element, Field, P } from "../../../lib/engine/secp256k1/field.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";
import { unseenCarries, unseenSteps } from "./crippled.ts";

const TOP = 1n << 256n;
const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const INPUTS = 4;
type Numbers = readonly [bigint, bigint, bigint, bigint];
type Operation = (field: Field, r: Element, inputs: readonly Element[]) => void;

const mod = (value: bigint) => ((value % P) + P) % P;

/** What each operation is, and what it should give for four numbers. */
const OPERATIONS: Readonly<Record<string, { emit: Operation; right: (...n: Numbers) => bigint }>> = {
  add: { emit: (field, r, [a, b]) => field.add(r, a!, b!), right: (a, b) => a + b },
  sub: { emit: (field, r, [a, b]) => field.sub(r, a!, b!), right: (a, b) => a - b },
  double: { emit: (field, r, [a]) => field.double(r, a!), right: (a) => 2n * a },
  half: { emit: (field, r, [a]) => field.half(r, a!), right: (a) => a * ((P + 1n) / 2n) },
  negate: { emit: (field, r, [a]) => field.negateIf(r, a!, I64.of(-1n)), right: (a) => -a },
  keep: { emit: (field, r, [a]) => field.negateIf(r, a!, I64.of(0n)), right: (a) => a },
  mul: { emit: (field, r, [a, b]) => field.mul(r, a!, b!), right: (a, b) => a * b },
  sqr: { emit: (field, r, [a]) => field.sqr(r, a!), right: (a) => a * a },
  mulSub: { emit: (field, r, [a, b, c, e]) => field.mulSub(r, a!, b!, c!, e!), right: (a, b, c, e) => a * b - c * e },
  sqrSubTwice: { emit: (field, r, [a, b]) => field.sqrSubTwice(r, a!, b!), right: (a, b) => a * a - 2n * b },
};

/** Numbers near everything at which something carries: words full of ones, p, C, and what squares to nearly p or 2^256. */
const EDGES = [
  ...[0n, 1n, 2n, 3n, C - 1n, C, C + 1n, 2n * C, P - 2n, P - 1n, P, P + 1n, P + C - 1n],
  ...[TOP - 1n, TOP - 2n, TOP / 2n, TOP / 2n - 1n, TOP / 2n + C, (TOP - C) / 2n, (TOP + C) / 2n],
  ...[1n << 128n, (1n << 128n) - 1n, (1n << 64n) - 1n, 1n << 192n, (1n << 192n) - 1n, 1n << 33n],
  ...[TOP - (1n << 64n), TOP - (1n << 192n), TOP - (1n << 128n), TOP - C - 1n, TOP - C + 1n, TOP - 2n * C],
  ...[TOP - (1n << 64n) + C, (1n << 64n) - C, (1n << 64n) - C - 1n, TOP - (1n << 64n) + 1n],
];

const power = (value: bigint, exponent: bigint) => {
  let [result, base] = [1n, mod(value)];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = result * base % P;
    base = base * base % P;
  }
  return result;
};
const inverse = (value: bigint) => power(value, P - 2n);

/**
 * Cases by their results. What a step folds back is seldom near 2^256: only where the result is small, or just below a
 * power of 2^64. So the operands are solved for such results.
 */
function directed(): Numbers[] {
  const small = [0n, 1n, 2n, C - 1n, C, C + 1n, 2n * C, 3n * C + 1n, 1n << 33n, 1n << 40n, 1n << 63n];
  const results = [64n, 65n, 128n, 192n].flatMap((bits) => small.map((each) => (1n << bits) + each));
  results.push(...small, ...small.map((each) => P - 1n - each), ...small.map((each) => (1n << 64n) - 1n - each));
  const factors = [3n, TOP - 1n, P - 2n, (1n << 255n) + 19n, (1n << 128n) + 1n, TOP - C - 5n, TOP - (1n << 64n) - 1n];
  const cases: Numbers[] = [];
  for (const result of results) {
    const root = power(result, (P + 1n) / 4n);
    if (root * root % P === mod(result)) cases.push([root, 0n, 0n, 0n], [P - root, 0n, 0n, 0n]);
    for (const factor of factors) {
      const other = mod(result * inverse(factor));
      cases.push([factor, other, 0n, 0n], [factor, other, 1n, 0n]);
      if (other < C) cases.push([factor, other + P, 0n, 0n]);
      // a b − c e and a² − 2 m come to the result.
      for (const more of [2n, TOP - 3n, P - 1n, 1n << 200n]) {
        cases.push([factor, mod((result + more * factor) * inverse(factor)), more, factor]);
        cases.push([more, mod((more * more - result) * inverse(2n)), 0n, 0n]);
      }
    }
  }
  return cases;
}

class Host {
  readonly #exports: Readonly<Record<string, () => number>>;
  readonly #words: BigUint64Array;
  readonly #out: number;
  readonly #in: number;

  constructor(wide: boolean, names: readonly string[]) {
    const module = new Module(wide);
    const inputs = module.reserve("in", 32 * INPUTS);
    const out = module.reserve("out", 64);
    for (const name of names) {
      module.fn({ params: [], results: ["i32"], exportAs: name }, (f) => {
        const field = new Field(f, wide);
        const r = field.element();
        OPERATIONS[name]!.emit(field, r, Array.from({ length: INPUTS }, (_, i) => field.load(inputs.at(32 * i))));
        field.store(out, r);
        const isZero = f.let32(field.isZero(r));
        field.normalize(r);
        field.store(out.at(32), r);
        return isZero;
      });
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    this.#exports = exports as Record<string, () => number>;
    this.#words = new BigUint64Array((exports.memory as WebAssembly.Memory).buffer);
    [this.#in, this.#out] = [module.addressOf("in") / 8, module.addressOf("out") / 8];
  }

  #read(at: number): bigint {
    return [3, 2, 1, 0].reduce((sum, i) => sum << 64n | this.#words[at + i]!, 0n);
  }

  /** What is wrong with an operation at some numbers; undefined when nothing is. */
  fault(name: string, numbers: Numbers): string | undefined {
    numbers.forEach((number, k) => {
      for (let i = 0; i < 4; i++) this.#words[this.#in + 4 * k + i] = BigInt.asUintN(64, number >> BigInt(64 * i));
    });
    const isZero = this.#exports[name]!() === 1;
    const expected = mod(OPERATIONS[name]!.right(...numbers));
    if (mod(this.#read(this.#out)) !== expected) return `${name}(${numbers}) is ${this.#read(this.#out)}`;
    if (this.#read(this.#out + 4) !== expected) return `${name}(${numbers}) does not become the least`;
    return isZero === (expected === 0n) ? undefined : `${name}(${numbers}): whether it is 0`;
  }
}

/** All pairs of edges, with other edges as the third and fourth number. */
function* edgeCases(): Generator<Numbers> {
  for (const [i, a] of EDGES.entries()) {
    for (const [j, b] of EDGES.entries()) {
      yield [a, b, EDGES[(i * 7 + j) % EDGES.length]!, EDGES[(i + j * 5) % EDGES.length]!];
      yield [a, b, a, b];
      yield [a, b, b, EDGES[(3 * i + 2 * j) % EDGES.length]!];
    }
  }
  yield* directed();
}

for (const wide of VARIANTS) {
  describe(`the field of secp256k1, ${wide ? "wide" : "plain"} instructions`, () => {
    const host = new Host(wide, Object.keys(OPERATIONS));

    test("is right at the edges", () => {
      for (const name of Object.keys(OPERATIONS)) {
        for (const numbers of edgeCases()) assert.equal(host.fault(name, numbers), undefined);
      }
    });

    test("is right at random", () => {
      const random = new SeededRandom(seed);
      const rounds = effort(`rounds of the field of secp256k1, ${wide ? "wide" : "plain"}`, 500, 20_000);
      const any = () => {
        const bytes = random.bytes(32);
        return random.below(4) === 0
          ? EDGES[random.below(EDGES.length)]!
          : bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
      };
      for (let i = 0; i < rounds; i++) {
        const numbers: Numbers = [any(), any(), any(), any()];
        for (const name of Object.keys(OPERATIONS)) assert.equal(host.fault(name, numbers), undefined);
      }
    });

    test("needs each carry and borrow: with any one of them forgotten, an edge shows it", () => {
      // What `keep` carries is of `negate`, and does nothing there.
      const unneeded = Object.keys(OPERATIONS).filter((each) => each !== "keep").flatMap((name) =>
        unseenCarries(
          () => new Host(wide, [name]),
          (crippled) => edgeCases().some((numbers) => crippled.fault(name, numbers) !== undefined),
        ).map((carry) => `${name} without its carry ${carry}`)
      );
      assert.deepEqual(unneeded, []);
    });

    test("needs each of its conditional steps: with any one of them taken out, an edge shows it", () => {
      // The steps of `keep` are those of `negate`, and do nothing there.
      const unneeded = Object.keys(OPERATIONS).filter((each) => each !== "keep").flatMap((name) =>
        unseenSteps(
          () => new Host(wide, [name]),
          (crippled) => edgeCases().some((numbers) => crippled.fault(name, numbers) !== undefined),
        ).map((step) => `${name} without its step ${step}`)
      );
      assert.deepEqual(unneeded, []);
    });
  });
}
