/** Scalars of secp256k1 and inverses against BigInt: halves, digits, and every conditional step. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fn, hasWideArithmetic, Module } from "../../../lib/engine/assembler/mod.ts";
import { P } from "../../../lib/engine/secp256k1/field.ts";
import { inversion } from "../../../lib/engine/inversion.ts";
import { DIGIT_ROW_BYTES, DIGIT_ROWS, HALVES, LAMBDA, N, scalars } from "../../../lib/engine/secp256k1/scalar.ts";
import { SeededRandom } from "../../../lib/sim/random.ts";
import { effort, seed } from "../../support/effort.ts";

const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const TOP = 1n << 256n;
const BITS = 5;
const mod = (value: bigint, by = N) => ((value % by) + by) % by;

const EDGES = [
  ...[0n, 1n, 2n, N - 2n, N - 1n, (N - 1n) / 2n, (N + 1n) / 2n, LAMBDA, N - LAMBDA, LAMBDA - 1n, mod(LAMBDA * LAMBDA)],
  ...[1n << 64n, (1n << 64n) - 1n, 1n << 128n, (1n << 128n) - 1n, 1n << 192n, (1n << 255n) + 1n, TOP - N, TOP - N - 1n],
];
/** What operands may also be where they need not be below n. */
const OVER = [N, N + 1n, TOP - 1n, TOP - 2n, TOP - (1n << 64n), TOP - (1n << 128n) + 5n];

/** The operations in memory, called from outside. */
class Host {
  static steps = 0;
  readonly #exports: Readonly<Record<string, (...args: number[]) => number>>;
  readonly #memory: DataView;
  readonly #at: number;

  /** @param taken which conditional step of the scalars is taken out; {@link Host.steps} tells how many there are */
  constructor(wide: boolean, taken = -1) {
    const module = new Module(wide);
    const original = Fn.prototype.if;
    Fn.prototype.if = function (condition, then, otherwise) {
      return original.call(this, condition, Host.steps++ === taken ? () => {} : then, otherwise);
    };
    Host.steps = 0;
    const { mul, add, negate, isOver, halve, digits } = scalars(module);
    Fn.prototype.if = original;
    // The one of the inversion is left alone: without it the loop need not end.
    const invert = inversion(module, { name: "inversion", moduli: [P, N], words: 4 });
    module.reserve("test", 4_096);
    const three = { params: ["i32", "i32", "i32"], results: [] } as const;
    const two = { params: ["i32", "i32"], results: [] } as const;
    module.fn({ ...three, exportAs: "mul" }, (f, r, a, b) => f.put(mul(r, a, b)));
    module.fn({ ...three, exportAs: "add" }, (f, r, a, b) => f.put(add(r, a, b)));
    module.fn({ ...two, exportAs: "negate" }, (f, r, a) => f.put(negate(r, a)));
    module.fn({ ...two, exportAs: "halve" }, (f, k, out) => f.put(halve(k, out)));
    module.fn({ ...two, exportAs: "invert" }, (f, a, which) => f.put(invert(a, which)));
    module.fn({ params: ["i32"], results: ["i32"], exportAs: "isOver" }, (_, a) => isOver(a));
    module.fn(
      { params: ["i32", "i32", "i32", "i32"], results: ["i32"], exportAs: "digits" },
      (_, ...args) => digits(...args),
    );
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    this.#exports = exports as Record<string, (...args: number[]) => number>;
    this.#memory = new DataView((exports.memory as WebAssembly.Memory).buffer);
    this.#at = module.addressOf("test");
  }

  #write(place: number, value: bigint): number {
    const at = this.#at + 64 * place;
    for (let i = 0; i < 8; i++) {
      this.#memory.setBigUint64(at + 8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
    }
    return at;
  }

  #read(at: number): bigint {
    return [24, 16, 8, 0].reduce((sum, offset) => sum << 64n | this.#memory.getBigUint64(at + offset, true), 0n);
  }

  /** What an operation gives for numbers; it overwrites its first operand, so that aliasing is always tried. */
  run(name: "mul" | "add" | "negate", a: bigint, b = 0n): bigint {
    const [x, y] = [this.#write(0, a), this.#write(1, b)];
    this.#exports[name]!(...(name === "negate" ? [x, x] : [x, x, y]));
    return this.#read(x);
  }

  invert(a: bigint, which: 0 | 1): bigint {
    const x = this.#write(0, a);
    this.#exports.invert!(x, which);
    return this.#read(x);
  }

  isOver(a: bigint): boolean {
    return this.#exports.isOver!(this.#write(0, a)) === 1;
  }

  halve(k: bigint): { readonly first: bigint; readonly second: bigint } {
    const [from, out] = [this.#write(0, k), this.#write(1, 0n)];
    this.#exports.halve!(from, out);
    const half = (at: number, sign: number) =>
      this.#read(out + at) * (this.#memory.getInt32(out + sign, true) === 1 ? -1n : 1n);
    return { first: half(HALVES.first, HALVES.firstIsNegative), second: half(HALVES.second, HALVES.secondIsNegative) };
  }

  /** The digits of a number by their places, and the highest place that was told. */
  digits(k: bigint, isNegative: boolean, bits = BITS): { readonly found: readonly number[]; readonly rows: number } {
    const [from, column] = [this.#write(0, k), this.#at + 256];
    for (let i = 0; i < DIGIT_ROWS; i++) this.#memory.setBigUint64(column + DIGIT_ROW_BYTES * i, 0n, true);
    const rows = this.#exports.digits!(from, column, Number(isNegative), bits);
    return {
      found: Array.from({ length: DIGIT_ROWS }, (_, i) => this.#memory.getInt16(column + DIGIT_ROW_BYTES * i, true)),
      rows,
    };
  }
}

/** The first thing that is wrong with the operations at some numbers. */
function fault(host: Host, a: bigint, b: bigint): string | undefined {
  const small = mod(a);
  if (host.run("mul", a, b) !== mod(a * b)) return `${a} · ${b}`;
  if (host.run("add", small, mod(b)) !== mod(small + mod(b))) return `${small} + ${mod(b)}`;
  if (host.run("negate", small) !== mod(-small)) return `−${small}`;
  if (host.isOver(a) !== (a >= N)) return `whether ${a} is over`;
  const { first, second } = host.halve(small);
  if (mod(first + second * LAMBDA) !== small) return `halves of ${small}: ${first} and ${second}`;
  for (const half of [first, second]) if (half >= 1n << 128n || half <= -(1n << 128n)) return `${half} is no half`;
  return undefined;
}

for (const wide of VARIANTS) {
  describe(`scalars of secp256k1, ${wide ? "wide" : "plain"} instructions`, () => {
    const host = new Host(wide);
    const random = new SeededRandom(seed);
    const any = () => random.bytes(32).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
    const rounds = effort(`rounds of the scalars of secp256k1, ${wide ? "wide" : "plain"}`, 300, 10_000);

    test("are right at the edges and at random", () => {
      for (const a of [...EDGES, ...OVER]) {
        for (const b of [...EDGES, ...OVER]) assert.equal(fault(host, a, b), undefined);
      }
      for (let i = 0; i < rounds; i++) assert.equal(fault(host, any(), any()), undefined);
    });

    test("digits are odd, small, far enough apart, and come to the number", () => {
      const numbers = [
        0n,
        1n,
        2n,
        3n,
        31n,
        32n,
        (1n << 128n) - 1n,
        1n << 128n,
        (1n << 127n) + 1n,
        0xffffn << 56n,
        1n << 57n,
      ];
      for (let i = 0; i < rounds; i++) numbers.push(any() >> BigInt(128 + random.below(100)));
      for (const number of numbers) {
        for (const [isNegative, bits] of [[false, BITS], [true, BITS], [false, 12]] as const) {
          const { found, rows } = host.digits(number, isNegative, bits);
          const sum = found.reduce((all, digit, i) => all + BigInt(digit) * (1n << BigInt(i)), 0n);
          assert.equal(sum, isNegative ? -number : number);
          const places = found.flatMap((digit, i) => (digit === 0 ? [] : [i]));
          assert.equal(rows, (places.at(-1) ?? -1) + 1);
          assert.ok(places.every((place, i) => i === 0 || place - places[i - 1]! >= bits));
          assert.ok(places.every((place) => found[place]! % 2 !== 0 && Math.abs(found[place]!) < 2 ** (bits - 1)));
        }
      }
    });

    test("inverses are right modulo p and modulo n", () => {
      for (const [which, by] of [[0, P], [1, N]] as const) {
        const numbers = [
          1n,
          2n,
          3n,
          by - 1n,
          by - 2n,
          (by + 1n) / 2n,
          1n << 62n,
          (1n << 62n) - 1n,
          1n << 124n,
          1n << 255n,
        ];
        for (let i = 0; i < rounds; i++) numbers.push(mod(any(), by - 1n) + 1n);
        for (const number of numbers.map((each) => mod(each, by))) {
          const inverse = host.invert(number, which);
          assert.ok(inverse < by);
          assert.equal(inverse * number % by, 1n);
        }
      }
    });

    test("need each of their conditional steps", () => {
      const unneeded: number[] = [];
      const isRight = (crippled: Host) => {
        const some = [...EDGES, ...OVER];
        if (some.some((a) => some.some((b) => fault(crippled, a, b) !== undefined))) return false;
        const { found } = crippled.digits((1n << 128n) - 1n, true);
        const sum = found.reduce((all, digit, i) => all + BigInt(digit) * (1n << BigInt(i)), 0n);
        return sum === 1n - (1n << 128n);
      };
      const { steps } = Host;
      assert.ok(steps > 5);
      for (let taken = 0; taken < steps; taken++) if (isRight(new Host(wide, taken))) unneeded.push(taken);
      assert.deepEqual(unneeded, []);
    });
  });
}
