/** What the assembler emits validates, reads back as what was written, and computes as BigInt does at every edge. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { signed, unsigned } from "../../../lib/engine/assembler/bytes.ts";
import { hasWideArithmetic, I32, I64, Module, Pointer, select } from "../../../lib/engine/assembler/mod.ts";
import { disassemble } from "./disassembler.ts";

/** Values at which something carries, borrows or changes its sign. */
const EDGES_32 = [
  0,
  1,
  2,
  0x7f,
  0x80,
  0xffff,
  0x1_0000,
  0x7fff_ffff,
  0x8000_0000,
  0x8000_0001,
  0xffff_fffe,
  0xffff_ffff,
];
const EDGES_64 = [
  ...[0n, 1n, 2n, 63n, 64n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n],
  ...[(1n << 63n) - 1n, 1n << 63n, (1n << 63n) + 1n, (1n << 64n) - 2n, (1n << 64n) - 1n, 0xffff_ffff_0000_0000n],
];
const VARIANTS = hasWideArithmetic() ? [true, false] : [false];
const MASK = (1n << 64n) - 1n;

type Exports = Readonly<Record<string, (...args: (number | bigint)[]) => number | bigint | (number | bigint)[]>>;

function instantiate(module: Module): { readonly exports: Exports; readonly memory: DataView } {
  const bytes = module.build();
  assert.ok(WebAssembly.validate(bytes));
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return { exports: exports as Exports, memory: new DataView((exports.memory as WebAssembly.Memory).buffer) };
}

describe("numbers of variable length", () => {
  test("unsigned() and signed() are read back by the disassembler's rules", () => {
    for (const value of [0, 1, 127, 128, 16_383, 16_384, 0xffff_ffff]) {
      const read = unsigned(value).reduce((sum, byte, i) => sum + (byte & 0x7f) * 2 ** (7 * i), 0);
      assert.equal(read, value);
    }
    for (const value of [-1, 0.5, 2 ** 60]) assert.throws(() => unsigned(value), RangeError);
    for (const value of EDGES_64.map((each) => BigInt.asIntN(64, each))) {
      const bytes = signed(value);
      const read = bytes.reduce((sum, byte, i) => sum | BigInt(byte & 0x7f) << BigInt(7 * i), 0n);
      assert.equal(BigInt.asIntN(7 * bytes.length, read), value);
    }
  });
});

describe("32 bits", () => {
  const unary = { isZero: (a: number) => Number(a === 0) };
  const binary: Record<string, (a: number, b: number) => number> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => Math.imul(a, b),
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
    shl: (a, b) => a << (b & 31),
    shrS: (a, b) => a >> (b & 31),
    shrU: (a, b) => a >>> (b & 31),
    rotl: (a, b) => (a << (b & 31)) | (a >>> (-b & 31)),
    rotr: (a, b) => (a >>> (b & 31)) | (a << (-b & 31)),
    eq: (a, b) => Number((a | 0) === (b | 0)),
    ne: (a, b) => Number((a | 0) !== (b | 0)),
    ltS: (a, b) => Number((a | 0) < (b | 0)),
    ltU: (a, b) => Number(a >>> 0 < b >>> 0),
    gtS: (a, b) => Number((a | 0) > (b | 0)),
    gtU: (a, b) => Number(a >>> 0 > b >>> 0),
    leS: (a, b) => Number((a | 0) <= (b | 0)),
    leU: (a, b) => Number(a >>> 0 <= b >>> 0),
    geS: (a, b) => Number((a | 0) >= (b | 0)),
    geU: (a, b) => Number(a >>> 0 >= b >>> 0),
  };

  test("each operation does what its name says, at every pair of edges", () => {
    const module = new Module(false);
    for (const name of Object.keys(binary)) {
      module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: name }, (_, a, b) => a[name as "add"](b));
    }
    module.fn({ params: ["i32"], results: ["i32"], exportAs: "isZero" }, (_, a) => a.isZero());
    module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: "divU" }, (_, a, b) => a.divU(b));
    module.fn({ params: ["i32"], results: ["i64"], exportAs: "extendU" }, (_, a) => a.extendU());
    module.fn({ params: ["i32"], results: ["i64"], exportAs: "extendS" }, (_, a) => a.extendS());
    const { exports } = instantiate(module);
    for (const a of EDGES_32) {
      assert.equal(exports.isZero!(a), unary.isZero(a));
      assert.equal(exports.extendU!(a), BigInt(a));
      assert.equal(exports.extendS!(a), BigInt(a | 0));
      for (const b of EDGES_32) {
        for (const [name, right] of Object.entries(binary)) {
          assert.equal(exports[name]!(a, b), right(a, b) | 0, `${name}(${a}, ${b})`);
        }
        if (b !== 0) assert.equal(exports.divU!(a, b), Math.floor(a / b) | 0);
      }
    }
    assert.throws(() => exports.divU!(1, 0), WebAssembly.RuntimeError);
  });
});

describe("64 bits", () => {
  const s = (value: bigint) => BigInt.asIntN(64, value);
  const words: Record<string, (a: bigint, b: bigint) => bigint> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    and: (a, b) => a & b,
    or: (a, b) => a | b,
    xor: (a, b) => a ^ b,
    shl: (a, b) => a << (b & 63n),
    shrS: (a, b) => s(a) >> (b & 63n),
    shrU: (a, b) => a >> (b & 63n),
  };
  const comparisons: Record<string, (a: bigint, b: bigint) => boolean> = {
    eq: (a, b) => a === b,
    ne: (a, b) => a !== b,
    ltS: (a, b) => s(a) < s(b),
    ltU: (a, b) => a < b,
    gtS: (a, b) => s(a) > s(b),
    gtU: (a, b) => a > b,
    leS: (a, b) => s(a) <= s(b),
    leU: (a, b) => a <= b,
    geS: (a, b) => s(a) >= s(b),
    geU: (a, b) => a >= b,
  };

  test("each operation does what its name says, at every pair of edges", () => {
    const module = new Module(false);
    const two = { params: ["i64", "i64"] } as const;
    for (const name of Object.keys(words)) {
      module.fn({ ...two, results: ["i64"], exportAs: name }, (_, a, b) => a[name as "add"](b));
    }
    for (const name of Object.keys(comparisons)) {
      module.fn({ ...two, results: ["i32"], exportAs: name }, (_, a, b) => a[name as "eq"](b));
    }
    module.fn({ ...two, results: ["i64"], exportAs: "divU" }, (_, a, b) => a.divU(b));
    module.fn({ ...two, results: ["i64"], exportAs: "remU" }, (_, a, b) => a.remU(b));
    module.fn({ params: ["i64"], results: ["i32"], exportAs: "isZero" }, (_, a) => a.isZero());
    module.fn({ params: ["i64"], results: ["i64"], exportAs: "leadingZeros" }, (_, a) => a.leadingZeros());
    module.fn({ params: ["i64"], results: ["i64"], exportAs: "trailingZeros" }, (_, a) => a.trailingZeros());
    module.fn({ params: ["i64"], results: ["i32"], exportAs: "low" }, (_, a) => a.low());
    module.fn({ params: ["i32"], results: ["i64"], exportAs: "mask" }, (_, a) => I64.mask(a));
    const { exports } = instantiate(module);
    for (const a of EDGES_64) {
      const bits = a.toString(2).padStart(64, "0");
      assert.equal(exports.isZero!(a), Number(a === 0n));
      assert.equal(exports.leadingZeros!(a), BigInt(a === 0n ? 64 : bits.indexOf("1")));
      assert.equal(exports.trailingZeros!(a), BigInt(a === 0n ? 64 : 63 - bits.lastIndexOf("1")));
      assert.equal(exports.low!(a), Number(BigInt.asIntN(32, a)));
      for (const b of EDGES_64) {
        for (const [name, right] of Object.entries(words)) {
          assert.equal(exports[name]!(a, b), s(right(a, b)), `${name}(${a}, ${b})`);
        }
        for (const [name, right] of Object.entries(comparisons)) {
          assert.equal(exports[name]!(a, b), Number(right(a, b)), `${name}(${a}, ${b})`);
        }
        if (b === 0n) continue;
        assert.equal(exports.divU!(a, b), s(a / b));
        assert.equal(exports.remU!(a, b), s(a % b));
      }
    }
    assert.deepEqual([exports.mask!(0), exports.mask!(1)], [0n, -1n]);
  });
});

for (const wide of VARIANTS) {
  describe(`128 bits, ${wide ? "by the engine's instructions" : "out of plain instructions"}`, () => {
    const module = new Module(wide);
    const { arithmetic } = module;
    const out = module.reserve("out", 16);
    const four = { params: ["i64", "i64", "i64", "i64"], results: [] } as const;
    const keep = (name: string, make: (words: readonly I64[]) => ReturnType<typeof arithmetic.single>) =>
      module.fn({ ...four, exportAs: name }, (f, ...words) => {
        const [low, high] = [f.i64(), f.i64()];
        f.split(make(words), low, high);
        f.put(out.storeWord(low), out.at(8).storeWord(high));
      });
    keep("mulU", ([a, b]) => arithmetic.mulU(a!, b!));
    keep("mulS", ([a, b]) => arithmetic.mulS(a!, b!));
    keep("add", ([a, b, c, d]) => arithmetic.pair(a!, b!).add(arithmetic.pair(c!, d!)));
    keep("sub", ([a, b, c, d]) => arithmetic.pair(a!, b!).sub(arithmetic.pair(c!, d!)));
    keep("addWord", ([a, b, c]) => arithmetic.pair(a!, b!).add(c!));
    keep("signed", ([a]) => arithmetic.signedSingle(a!));
    const { exports, memory } = instantiate(module);
    const run = (name: string, ...args: bigint[]) => {
      exports[name]!(...args, ...Array<bigint>(4 - args.length).fill(0n));
      const at = module.addressOf("out");
      return memory.getBigUint64(at, true) | memory.getBigUint64(at + 8, true) << 64n;
    };
    const two = (value: bigint) => BigInt.asUintN(128, value);
    const s = (value: bigint) => BigInt.asIntN(64, value);

    test("products are whole, of unsigned and of signed words", () => {
      for (const a of EDGES_64) {
        for (const b of EDGES_64) {
          assert.equal(run("mulU", a, b), a * b);
          assert.equal(run("mulS", a, b), two(s(a) * s(b)));
        }
        assert.equal(run("signed", a), two(s(a)));
      }
    });

    test("sums and differences carry and borrow across the words", () => {
      for (const a of EDGES_64) {
        for (const b of EDGES_64) {
          for (const c of EDGES_64) {
            const [x, y] = [a | b << 64n, c | (a ^ MASK) << 64n];
            assert.equal(run("add", a, b, c, a ^ MASK), two(x + y));
            assert.equal(run("sub", a, b, c, a ^ MASK), two(x - y));
            assert.equal(run("addWord", a, b, c), two(x + c));
          }
        }
      }
    });
  });
}

describe("structure", () => {
  test("loops, branches, conditions and calls do what they say", () => {
    const module = new Module(false);
    const half = module.fn({ params: ["i32"], results: ["i32"] }, (_, n) => n.shrU(1));
    module.fn({ params: ["i32"], results: ["i32"], exportAs: "steps" }, (f, start) => {
      const n = f.let32(start);
      const steps = f.i32();
      f.while(() => n.ne(1), () => {
        f.if(n.and(1), () => n.set(n.mul(3).add(1)), () => n.set(half(n)));
        steps.set(steps.add(1));
      });
      return steps;
    });
    module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: "sum" }, (f, from, below) => {
      const sum = f.i32();
      f.for(from, below, (i, end) => {
        f.branch(end, i.eq(100));
        sum.set(sum.add(i));
      });
      return sum;
    });
    module.fn({ params: ["i32"], results: ["i64"], exportAs: "power" }, (f, n) => {
      const power = f.let64(1n);
      f.if(n.isZero(), () => f.return(I64.of(1n)));
      f.times(n, () => power.set(power.mul(3n)));
      return power;
    });
    module.fn(
      { params: ["i32", "i64", "i64"], results: ["i64"], exportAs: "select" },
      (_, c, a, b) => select<I64>(c, a, b),
    );
    const { exports } = instantiate(module);
    assert.equal(exports.steps!(27), 111);
    assert.equal(exports.sum!(5, 9), 26);
    assert.equal(exports.sum!(9, 5), 0);
    assert.equal(exports.sum!(99, 1_000), 99);
    assert.deepEqual([exports.power!(0), exports.power!(7)], [1n, 2_187n]);
    assert.deepEqual([exports.select!(1, 5n, 6n), exports.select!(0, 5n, 6n)], [5n, 6n]);
  });

  test("places in memory have names, hold constants, and are read in every width", () => {
    const module = new Module(false);
    const table = module.constant("table", Uint8Array.of(1, 2, 3, 4, 0xff, 0xfe, 0xfd, 0xfc));
    const scratch = module.reserve("scratch", 100);
    module.fn({ params: ["i32"], results: ["i64"], exportAs: "read" }, (f, index) => {
      f.put(scratch.at(8).storeWord(table.word), scratch.at(16).storeInt(table.int));
      f.put(scratch.at(20).storeByte(table.element(index, 1).byte), scratch.at(22).storeInt16(table.at(4).int16));
      // A place before an address that is only known at run time.
      return new Pointer(scratch.at(32).address).at(-16).word32.add(table.at(4).word32);
    });
    const { exports, memory } = instantiate(module);
    const at = module.addressOf("scratch");
    assert.equal(exports.read!(5), 0x0403_0201n + 0xfcfd_feffn);
    assert.equal(memory.getBigUint64(at + 8, true), 0xfcfd_feff_0403_0201n);
    assert.deepEqual([memory.getUint8(at + 20), memory.getInt16(at + 22, true)], [0xfe, -257]);
    assert.equal(at % 16, 0);
    assert.throws(() => module.reserve("table", 1), RangeError);
    assert.throws(() => module.addressOf("nowhere"), RangeError);
    assert.throws(() => {
      module.fn({ params: [], results: [], exportAs: "read" }, () => {});
    }, RangeError);
  });
});

describe("an independent disassembler", () => {
  test("reads back every instruction with its immediates", () => {
    const module = new Module(true);
    const place = module.constant("place", Uint8Array.of(7));
    module.fn({ params: ["i32", "i64"], results: ["i64"], exportAs: "f" }, (f, a, b) => {
      const [low, high, count] = [f.i64(), f.i64(), f.i32()];
      f.split(module.arithmetic.mulU(b, -1n).add(b).sub(1n << 63n), low, high);
      f.loop((again) => {
        count.set(count.add(a));
        f.branch(again, count.ltU(1_000));
      });
      f.put(place.at(200).storeWord(low));
      return high.xor(I32.of(-5).extendS());
    });
    const read = disassemble(module.build());
    const [found] = read.functions;
    assert.deepEqual([found?.params, found?.results, found?.locals], [[0x7f, 0x7e], [0x7e], [0x7e, 0x7e, 0x7f]]);
    const text = found?.code.map(({ opcode, immediates }) => [opcode.toString(16), ...immediates].join(" "));
    assert.deepEqual(text, [
      ...["20 1", "42 -1", "fc 22", "20 1", "42 0", "fc 19", `42 ${-(2n ** 63n)}`, "42 0", "fc 20", "21 3", "21 2"],
      ...["3 64", "20 4", "20 0", "6a", "21 4", "20 4", "41 1000", "49", "d 0", "b"],
      ...["41 0", "20 2", `37 3 ${module.addressOf("place") + 200}`],
      ...["20 3", "41 -5", "ac", "85", "b"],
    ]);
    assert.deepEqual([...read.exports], [["f", { kind: 0, index: 0 }], ["memory", { kind: 2, index: 0 }]]);
    assert.deepEqual([read.pages, read.data.map(({ at, bytes }) => [at, ...bytes])], [1, [[16n, 7]]]);
  });

  test("trap() ends a call as an error, and splitResults() takes both words of one", () => {
    const module = new Module(false);
    const both = module.fn({ params: ["i64"], results: ["i64", "i64"] }, (_, a) => [a.add(1n), a.add(2n)] as const);
    module.fn({ params: ["i64"], results: ["i64"], exportAs: "f" }, (f, a) => {
      f.if(a.isZero(), () => f.trap());
      const [first, second] = [f.i64(), f.i64()];
      f.splitResults(both(a), first, second);
      return first.mul(10n).add(second);
    });
    const text = disassemble(module.build()).functions[1]?.code.map(({ opcode, immediates }) =>
      [opcode.toString(16), ...immediates].join(" ")
    );
    assert.deepEqual(text?.slice(0, 9), ["20 0", "50", "4 64", "0", "b", "20 0", "10 0", "21 2", "21 1"]);
    const { exports } = instantiate(module);
    assert.equal(exports.f!(5n), 67n);
    assert.throws(() => exports.f!(0n), WebAssembly.RuntimeError);
  });

  test("finds the same functions in a module without wide instructions, which uses none", () => {
    const module = new Module(false);
    module.fn({ params: ["i64", "i64"], results: ["i64"], exportAs: "high" }, (f, a, b) => {
      const [low, high] = [f.i64(), f.i64()];
      f.split(module.arithmetic.mulS(a, b).add(a).sub(b), low, high);
      return high;
    });
    const { functions } = disassemble(module.build());
    assert.equal(functions.length, 5);
    assert.ok(functions.every(({ code }) => code.every(({ opcode }) => opcode !== 0xfc)));
  });
});
