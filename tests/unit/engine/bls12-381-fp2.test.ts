/** Pairs of BLS12-381's field against BigInt. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasWideArithmetic, Module } from "../../../lib/engine/assembler/mod.ts";
import { montgomeryBytes, P, STORED } from "../../../lib/engine/bls12-381/field.ts";
import { Fp2, type Pair, PAIR_BYTES } from "../../../lib/engine/bls12-381/fp2.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
type Numbers = readonly [bigint, bigint];
const mod = (value: bigint) => ((value % P) + P) % P;
const pair = (c0: bigint, c1: bigint): Numbers => [mod(c0), mod(c1)];

const OPERATIONS: Readonly<
  Record<string, { emit: (F: Fp2, a: Pair, b: Pair) => Pair; right: (a: Numbers, b: Numbers) => Numbers }>
> = {
  add: { emit: (F, a, b) => F.add(a, b), right: (a, b) => pair(a[0] + b[0], a[1] + b[1]) },
  sub: { emit: (F, a, b) => F.sub(a, b), right: (a, b) => pair(a[0] - b[0], a[1] - b[1]) },
  negate: { emit: (F, a) => F.negate(a), right: (a) => pair(-a[0], -a[1]) },
  conjugate: { emit: (F, a) => F.conjugate(a), right: (a) => pair(a[0], -a[1]) },
  mul: { emit: (F, a, b) => F.mul(a, b), right: (a, b) => pair(a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]) },
  sqr: { emit: (F, a) => F.sqr(a), right: (a) => pair(a[0] * a[0] - a[1] * a[1], 2n * a[0] * a[1]) },
  scale: { emit: (F, a, b) => F.scale(a, b.c0), right: (a, b) => pair(a[0] * b[0], a[1] * b[0]) },
  mulXi: { emit: (F, a) => F.mulXi(a), right: (a) => pair(a[0] - a[1], a[0] + a[1]) },
  "mul of sums": {
    emit: (F, a, b) => F.mul(F.reduced(F.add(a, b), 3), b),
    right: (a, b) => OPERATIONS.mul!.right(pair(a[0] + b[0], a[1] + b[1]), b),
  },
};

const EDGES = [0n, 1n, 2n, P - 1n, P - 2n, (P - 1n) / 2n, (1n << 380n) - 1n, 1n << 64n];

for (const wide of VARIANTS) {
  describe(`pairs of BLS12-381's field, ${wide ? "wide" : "plain"} instructions`, () => {
    const module = new Module(wide);
    const [input, out] = [module.reserve("in", 2 * PAIR_BYTES), module.reserve("out", PAIR_BYTES)];
    const plain = module.constant("1", Uint8Array.from({ length: 48 }, (_, i) => Number(i === 0)));
    for (const [name, { emit }] of Object.entries(OPERATIONS)) {
      module.fn({ params: [], results: ["i32"], exportAs: name }, (f) => {
        const F = new Fp2(f, wide);
        const result = F.reduced(emit(F, F.load(input), F.load(input.at(PAIR_BYTES))));
        assert.ok(result.c0.below <= STORED && result.c1.below <= STORED);
        const isZero = f.let32(F.isZero(result));
        // Out of Montgomery form: times 1.
        const one = F.fp.load(plain);
        F.store(out, F.scale(result, one));
        return isZero;
      });
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    const memory = new Uint8Array((exports.memory as WebAssembly.Memory).buffer);
    const [inAt, outAt] = [module.addressOf("in"), module.addressOf("out")];
    const read = (at: number) =>
      mod(memory.subarray(at, at + 48).reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n));
    const check = (name: string, a: Numbers, b: Numbers) => {
      [...a, ...b].forEach((number, i) => memory.set(montgomeryBytes(number), inAt + 48 * i));
      const isZero = (exports[name] as () => number)() === 1;
      const expected = OPERATIONS[name]!.right(a, b);
      assert.deepEqual([read(outAt), read(outAt + 48)], expected, `${name}(${a}; ${b})`);
      assert.equal(isZero, expected.every((each) => each === 0n));
    };

    test("are right at the edges and at random", () => {
      const random = new SeededRandom(seed);
      const any = () => mod(random.bytes(48).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n));
      for (const name of Object.keys(OPERATIONS)) {
        for (const a0 of EDGES) {
          for (const a1 of EDGES) for (const b0 of EDGES) check(name, [a0, a1], [b0, EDGES[Number((a0 ^ b0) % 8n)]!]);
        }
      }
      const rounds = effort(`rounds of pairs of BLS12-381's field, ${wide ? "wide" : "plain"}`, 200, 10_000);
      for (let i = 0; i < rounds; i++) {
        const numbers = [any(), any(), any(), any()] as const;
        for (const name of Object.keys(OPERATIONS)) check(name, [numbers[0], numbers[1]], [numbers[2], numbers[3]]);
      }
    });
  });
}
