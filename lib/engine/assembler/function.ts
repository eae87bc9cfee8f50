/**
 * A function in the making: its locals, its statements, and the structure that they stand in.
 *
 * @see WebAssembly core specification 5.4.1 (control instructions)
 * @module
 */
import { type Code, unsigned, vector } from "./bytes.ts";
import { I32, I64, type Int, type Pointer, Type, type Word } from "./values.ts";
import type { Arithmetic, Wide } from "./wide.ts";

/** What of its module a function needs. */
export interface FnHost {
  readonly arithmetic: Arithmetic;
}

/** A local of 32 bits. */
export class Local32 extends I32 {
  readonly index: number;
  readonly #put: (code: Code) => void;

  constructor(index: number, put: (code: Code) => void) {
    super([0x20, unsigned(index)]);
    this.index = index;
    this.#put = put;
  }

  /** A statement: from here on it has another value. */
  set(value: Int): void {
    this.#put([I32.of(value).code, 0x21, unsigned(this.index)]);
  }
}

/** A local of 64 bits. */
export class Local64 extends I64 {
  readonly index: number;
  readonly #put: (code: Code) => void;

  constructor(index: number, put: (code: Code) => void) {
    super([0x20, unsigned(index)]);
    this.index = index;
    this.#put = put;
  }

  /** A statement: from here on it has another value. */
  set(value: Word): void {
    this.#put([I64.of(value).code, 0x21, unsigned(this.index)]);
  }
}

/** The local of a type. */
export interface LocalOf {
  readonly i32: Local32;
  readonly i64: Local64;
}

/** A place to branch to: the end of a block, or the head of a loop. */
export class Label {
  /** How deep the code lies that it encloses. */
  readonly depth: number;

  constructor(depth: number) {
    this.depth = depth;
  }
}

/** One function. */
export class Fn {
  readonly params: readonly (Local32 | Local64)[];
  /** Wide arithmetic of the module. */
  readonly arithmetic: Arithmetic;
  readonly #types: Type[] = [];
  readonly #code: Code[] = [];
  #depth = 0;

  constructor(host: FnHost, params: readonly Type[]) {
    this.arithmetic = host.arithmetic;
    this.params = params.map((type, index) => this.#local(type, index));
  }

  #local(type: Type, index: number): Local32 | Local64 {
    const put = (code: Code) => this.put(code);
    return type === "i32" ? new Local32(index, put) : new Local64(index, put);
  }

  /** A new local, 0 at first. */
  i32(): Local32 {
    return this.#local("i32", this.params.length + this.#types.push("i32") - 1) as Local32;
  }

  i64(): Local64 {
    return this.#local("i64", this.params.length + this.#types.push("i64") - 1) as Local64;
  }

  /** New locals for the words of a long number. */
  i64s(count: number): Local64[] {
    return Array.from({ length: count }, () => this.i64());
  }

  /** A local that holds a value: for what is used more than once. */
  let32(value: Int): Local32 {
    const local = this.i32();
    local.set(value);
    return local;
  }

  let64(value: Word): Local64 {
    const local = this.i64();
    local.set(value);
    return local;
  }

  /** Statements. */
  put(...code: Code[]): void {
    this.#code.push(...code);
  }

  /** Copies so many bytes, a multiple of 8. The places may be the same, but do not overlap otherwise. */
  copy(to: Pointer, from: Pointer, bytes: number): void {
    for (let i = 0; i < bytes; i += 8) this.put(to.at(i).storeWord(from.at(i).word));
  }

  /** Makes so many bytes 0, a multiple of 8. */
  zero(to: Pointer, bytes: number): void {
    for (let i = 0; i < bytes; i += 8) this.put(to.at(i).storeWord(0n));
  }

  /** Takes both words of a value. */
  split(value: Wide, low: Local64, high: Local64): void {
    this.put(value.code, [0x21, unsigned(high.index)], [0x21, unsigned(low.index)]);
  }

  /** Takes both results of a call of two words. */
  splitResults(results: { readonly code: Code }, first: Local64, second: Local64): void {
    this.put(results.code, [0x21, unsigned(second.index)], [0x21, unsigned(first.index)]);
  }

  /** Computes a value and forgets it. */
  drop(value: I32 | I64): void {
    this.put(value.code, 0x1a);
  }

  #nest(opener: Code, body: (label: Label) => void): void {
    this.put(opener, 0x40);
    this.#depth++;
    body(new Label(this.#depth));
    this.#depth--;
    this.put(0x0b);
  }

  /** A branch to the label goes on after the block. */
  block(body: (end: Label) => void): void {
    this.#nest(0x02, body);
  }

  /** A branch to the label goes round again; without one the loop is left at its end. */
  loop(body: (again: Label) => void): void {
    this.#nest(0x03, body);
  }

  /** Runs one of two bodies. */
  if(condition: I32, then: () => void, otherwise?: () => void): void {
    this.#nest([condition.code, 0x04], () => {
      then();
      if (otherwise === undefined) return;
      this.put(0x05);
      otherwise();
    });
  }

  /** Branches, always or when the condition is not 0. */
  branch(to: Label, condition?: I32): void {
    const levels = unsigned(this.#depth - to.depth);
    this.put(condition === undefined ? [0x0c, levels] : [condition.code, 0x0d, levels]);
  }

  /** Runs the body as long as the condition holds, which is computed anew each time. */
  while(condition: () => I32, body: (end: Label) => void): void {
    this.block((end) =>
      this.loop((again) => {
        this.branch(end, condition().isZero());
        body(end);
        this.branch(again);
      })
    );
  }

  /** Runs the body with a local that rises from `from` to the one below `below`. */
  for(from: Int, below: Int, body: (index: Local32, end: Label) => void): void {
    const index = this.let32(from);
    this.while(() => index.ltS(below), (end) => {
      body(index, end);
      index.set(index.add(1));
    });
  }

  /** Runs the body so many times, at least once. */
  times(count: Int, body: () => void): void {
    const left = this.let32(count);
    this.loop((again) => {
      body();
      left.set(left.sub(1));
      this.branch(again, left);
    });
  }

  /** Ends the function with these results. */
  return(...values: readonly (I32 | I64)[]): void {
    this.put(values.map(({ code }) => code), 0x0f);
  }

  /** Ends the whole call as an error: for what cannot be, where going on would spoil memory. */
  trap(): void {
    this.put(0x00);
  }

  /** The function's locals and code, as the module has them. Locals of one type in a row are one entry. */
  body(): Code {
    const groups: { type: Type; count: number }[] = [];
    for (const type of this.#types) {
      const last = groups.at(-1);
      if (last?.type === type) last.count++;
      else groups.push({ type, count: 1 });
    }
    const locals = vector(groups.map(({ type, count }): Code => [unsigned(count), Type[type]]));
    return [locals, this.#code, 0x0b];
  }
}
