/** A module with the functions of the class group that a test calls, and numbers in its memory. */
import { Module } from "../../../lib/engine/assembler/mod.ts";
import { type Euclid, euclid } from "../../../lib/engine/class-group/euclid.ts";
import { FORM, type Forms, forms } from "../../../lib/engine/class-group/forms.ts";
import {
  type Integers,
  integers,
  NUMBER_BYTES,
  WORDS_AT,
  WORDS_MAX,
} from "../../../lib/engine/class-group/integers.ts";
import { invertModulus, modulusPlaces, type Montgomery } from "../../../lib/engine/class-group/montgomery.ts";

const WORD = (1n << 64n) - 1n;
type ModulusPlaces = ReturnType<typeof modulusPlaces>;
type Outcome = number | bigint | undefined;

/** Places of numbers that tests fill. */
export const PLACES = 8;

/** The form of three numbers. */
export interface Form {
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
}

/** An instance whose exports are the functions of long integers, by name, taking addresses. */
export class IntegerModule {
  readonly call: Readonly<Record<string, (...args: (number | bigint)[]) => Outcome>>;
  readonly memory: DataView;
  readonly places: readonly number[];

  /** @param more adds to the module */
  constructor(wide: boolean, more: (module: Module, made: Integers) => void = () => {}) {
    const module = new Module(wide);
    const made = integers(module);
    this.places = Array.from({ length: PLACES }, () => module.scratch(NUMBER_BYTES).base as number);
    exportIntegers(module, made);
    more(module, made);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    this.call = exports as IntegerModule["call"];
    this.memory = new DataView((exports.memory as WebAssembly.Memory).buffer);
  }

  /** Writes a number, with other words behind it than were there. */
  put(at: number, value: bigint, behind = 0xdead_beefn): void {
    let [rest, count] = [value < 0n ? -value : value, 0];
    for (let i = 0; i < WORDS_MAX; i++) {
      this.memory.setBigUint64(at + WORDS_AT + 8 * i, rest === 0n ? behind : rest & WORD, true);
      if (rest !== 0n) count++;
      rest >>= 64n;
    }
    this.memory.setInt32(at, value < 0n ? -count : count, true);
  }

  get(at: number): bigint {
    const size = this.memory.getInt32(at, true);
    let value = 0n;
    for (let i = Math.abs(size) - 1; i >= 0; i--) {
      const word = this.memory.getBigUint64(at + WORDS_AT + 8 * i, true);
      if (value === 0n && word === 0n) throw new Error("a number has a highest word that is 0");
      value = value << 64n | word;
    }
    return size < 0 ? -value : value;
  }
}

/** The same with the functions of forms. */
export class TestModule extends IntegerModule {
  readonly forms: readonly number[];
  readonly euclid: Euclid;

  constructor(wide: boolean) {
    let [places, steps]: [number[], Euclid | undefined] = [[], undefined];
    super(wide, (module, made) => {
      steps = euclid(module, made);
      places = addForms(module, made, steps);
    });
    [this.forms, this.euclid] = [places, steps!];
  }

  putForm(at: number, { a, b, c }: Form): void {
    this.put(at + FORM.a, a);
    this.put(at + FORM.b, b);
    this.put(at + FORM.c, c);
  }

  getForm(at: number): Form {
    return { a: this.get(at + FORM.a), b: this.get(at + FORM.b), c: this.get(at + FORM.c) };
  }
}

/** Exports the functions of forms; places for forms. */
function addForms(module: Module, made: Integers, steps: Euclid): number[] {
  const functions: Forms = forms(module, made, steps);
  const places = Array.from({ length: 4 }, () => module.scratch(FORM.bytes).base as number);
  module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: "full" }, (_, a, b) => steps.full(a, b));
  module.fn(
    { params: ["i32", "i32"], results: ["i32"], exportAs: "partial" },
    (_, a, b) => steps.partial(a, b),
  );
  module.fn({ params: ["i32"], results: [], exportAs: "reduce" }, (f, a) => f.put(functions.reduce(a)));
  module.fn(
    { params: ["i32", "i32"], results: [], exportAs: "square" },
    (f, to, a) => f.put(functions.square(to, a)),
  );
  module.fn(
    { params: ["i32", "i32", "i32"], results: [], exportAs: "compose" },
    (f, to, a, b) => f.put(functions.compose(to, a, b)),
  );
  module.fn({ params: ["i32"], results: [], exportAs: "run" }, (f, at) => f.put(functions.run(at)));
  return places;
}

function exportIntegers(module: Module, made: Integers): void {
  module.fn({ params: ["i32", "i32"], results: [], exportAs: "copy" }, (f, a, b) => f.put(made.copy(a, b)));
  for (const name of ["mul", "modulo"] as const) {
    module.fn(
      { params: ["i32", "i32", "i32"], results: [], exportAs: name },
      (f, a, b, c) => f.put(made[name](a, b, c)),
    );
  }
  for (const name of ["negate", "halve"] as const) {
    module.fn({ params: ["i32"], results: [], exportAs: name }, (f, a) => f.put(made[name](a)));
  }
  module.fn({ params: ["i32", "i64"], results: [], exportAs: "setWord" }, (f, a, b) => f.put(made.setWord(a, b)));
  module.fn(
    { params: ["i32", "i32", "i64", "i32"], results: [], exportAs: "addMul" },
    (f, a, b, c, d) => f.put(made.addMul(a, b, c, d)),
  );
  module.fn(
    { params: ["i32", "i32", "i32", "i32"], results: [], exportAs: "divide" },
    (f, a, b, c, d) => f.put(made.divide(a, b, c, d)),
  );
  module.fn({ params: ["i32", "i32"], results: ["i32"], exportAs: "compare" }, (_, a, b) => made.compare(a, b));
}

/** An instance whose modulus and numbers a test sets, and whose exports are products modulo it and what a test adds. */
export class MontgomeryModule {
  readonly call: Readonly<Record<string, (...args: (number | bigint)[]) => number>>;
  readonly #memory: DataView;
  readonly #modulus: number;
  readonly #places: readonly [number, number, number];

  /** @param fill makes the products, adds to the module, and gives the products by the prefix of their names */
  constructor(wide: boolean, fill: (module: Module, modulus: ModulusPlaces) => Readonly<Record<string, Montgomery>>) {
    const module = new Module(wide);
    const modulus = modulusPlaces(module);
    for (const [prefix, { mul, sqr, leave }] of Object.entries(fill(module, modulus))) {
      module.fn(
        { params: ["i32", "i32", "i32"], results: [], exportAs: `${prefix}mul` },
        (f, r, a, b) => f.put(mul(r, a, b)),
      );
      module.fn({ params: ["i32", "i32"], results: [], exportAs: `${prefix}sqr` }, (f, r, a) => f.put(sqr(r, a)));
      module.fn({ params: ["i32", "i32"], results: [], exportAs: `${prefix}leave` }, (f, r, a) => f.put(leave(r, a)));
    }
    this.#modulus = modulus.words.base as number;
    this.#places = [0, 1, 2].map(() => module.scratch(NUMBER_BYTES).base as number) as [number, number, number];
    module.fn({ params: [], results: [], exportAs: "invert" }, (f) => invertModulus(f, modulus));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()));
    this.call = exports as MontgomeryModule["call"];
    this.#memory = new DataView((exports.memory as WebAssembly.Memory).buffer);
    this.call.start?.();
  }

  #put(at: number, value: bigint, words: number): void {
    for (let i = 0; i < words; i++) {
      this.#memory.setBigUint64(at + 8 * i, BigInt.asUintN(64, value >> BigInt(64 * i)), true);
    }
  }

  setModulus(n: bigint, words: number): void {
    this.#put(this.#modulus, n, words);
    this.call.invert!();
  }

  /** What an operation gives for two numbers of so many words. */
  compute(name: string, words: number, a: bigint, b?: bigint): bigint {
    const [x, y, z] = this.#places;
    this.#put(x, a, words);
    this.#put(y, b ?? 0n, words);
    if (b === undefined) this.call[name]!(z, x);
    else this.call[name]!(z, x, y);
    let value = 0n;
    for (let i = words - 1; i >= 0; i--) value = value << 64n | this.#memory.getBigUint64(z + 8 * i, true);
    return value;
  }
}
