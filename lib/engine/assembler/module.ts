/**
 * A module: its functions, its memory by name, and its bytes.
 *
 * @see WebAssembly core specification 5.5 (modules)
 * @module
 */
import { type Code, flatten, name as nameBytes, sized, unsigned, vector } from "./bytes.ts";
import { Fn, type LocalOf } from "./function.ts";
import { I32, I64, Pointer, Type, type ValueOf } from "./values.ts";
import { Arithmetic, type WideHost, type WideName } from "./wide.ts";
import { wideFunction } from "./wide-functions.ts";

/** Locals of these types, in their order. */
export type Locals<P extends readonly Type[]> = { readonly [K in keyof P]: LocalOf[P[K]] };
/** Arguments for these types: expressions, or numbers for what is 32 bits. */
export type Arguments<P extends readonly Type[]> = {
  readonly [K in keyof P]: P[K] extends "i32" ? I32 | Pointer | number : I64 | bigint;
};
/** What a call leaves on the stack: nothing (a statement), one value, or more of them as code. */
export type Outcome<R extends readonly Type[]> = R extends readonly [] ? Code
  : R extends readonly [infer T extends Type] ? ValueOf[T]
  : { readonly code: Code };
/** What a body gives back for these types. */
export type Returned<R extends readonly Type[]> = R extends readonly [] ? void
  : R extends readonly [infer T extends Type] ? ValueOf[T]
  : { readonly [K in keyof R]: R[K] extends Type ? ValueOf[R[K]] : never };
/** Calls a function of the module. */
export type Callable<P extends readonly Type[], R extends readonly Type[]> = (...args: Arguments<P>) => Outcome<R>;

const PAGE_BYTES = 65_536;
const ALIGNMENT = 16;

/** One module in the making. */
export class Module implements WideHost {
  readonly wide: boolean;
  readonly arithmetic: Arithmetic;
  readonly #functions: { readonly fn: Fn; readonly params: readonly Type[]; readonly results: readonly Type[] }[] = [];
  readonly #exports = new Map<string, number>();
  readonly #places = new Map<string, Pointer>();
  readonly #data: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly #wideFunctions = new Map<WideName, Code>();
  #used = ALIGNMENT;

  /** @param wide whether wide-arithmetic instructions may be used */
  constructor(wide: boolean) {
    this.wide = wide;
    this.arithmetic = new Arithmetic(this);
  }

  /**
   * Makes a function. Its parameters come as locals; what the body gives back is the result.
   *
   * @throws RangeError for a name that is exported already
   */
  fn<const P extends readonly Type[], const R extends readonly Type[]>(
    { params, results, exportAs }: { readonly params: P; readonly results: R; readonly exportAs?: string },
    body: (fn: Fn, ...locals: Locals<P>) => Returned<R>,
  ): Callable<P, R> {
    const fn = new Fn(this, params);
    const returned = body(fn, ...(fn.params as unknown as Locals<P>)) as undefined | I32 | I64 | readonly (I32 | I64)[];
    const values = returned === undefined
      ? []
      : returned instanceof I32 || returned instanceof I64
      ? [returned]
      : returned;
    fn.put(values.map(({ code }) => code));
    const index = this.#functions.push({ fn, params, results }) - 1;
    if (exportAs !== undefined) {
      if (this.#exports.has(exportAs)) throw new RangeError(`two functions are exported as ${exportAs}`);
      this.#exports.set(exportAs, index);
    }
    return (...args) => {
      const code: Code = [args.map((argument) => argumentCode(argument)), 0x10, unsigned(index)];
      const [only] = results;
      if (results.length !== 1) return (results.length === 0 ? code : { code }) as Outcome<R>;
      return (only === "i32" ? new I32(code) : new I64(code)) as Outcome<R>;
    };
  }

  /** Sets bytes of memory aside under a name; they are zeros at start. @throws RangeError for a name that is taken */
  reserve(name: string, bytes: number): Pointer {
    if (this.#places.has(name)) throw new RangeError(`two places are called ${name}`);
    const place = new Pointer(this.#used);
    this.#places.set(name, place);
    this.#used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    return place;
  }

  /** Bytes of memory without a name: for what one function keeps while it runs. */
  scratch(bytes: number): Pointer {
    return this.reserve(`scratch ${this.#places.size}`, bytes);
  }

  /** Memory that holds these bytes at start. */
  constant(name: string, bytes: Uint8Array): Pointer {
    return this.#constant(this.reserve(name, bytes.length), bytes);
  }

  /** The same without a name. */
  literal(bytes: Uint8Array): Pointer {
    return this.#constant(this.scratch(bytes.length), bytes);
  }

  #constant(place: Pointer, bytes: Uint8Array): Pointer {
    this.#data.push({ at: place.base as number, bytes });
    return place;
  }

  /** Where a name lies, in bytes from the start of memory. @throws RangeError when there is none */
  addressOf(name: string): number {
    const place = this.#places.get(name);
    if (place === undefined) throw new RangeError(`no place is called ${name}`);
    return place.base as number;
  }

  /** Bytes of memory that are set aside. */
  get memoryBytes(): number {
    return this.#used;
  }

  callWide(name: WideName): Code {
    let call = this.#wideFunctions.get(name);
    if (call === undefined) this.#wideFunctions.set(name, call = wideFunction(this, name));
    return call;
  }

  /** The module's bytes. Its memory is exported as `memory`. */
  build(): Uint8Array<ArrayBuffer> {
    const section = (id: number, body: Code): Code => [id, sized(body)];
    const types = this.#functions.map((
      { params, results },
    ) => [0x60, vector(params.map((type) => Type[type])), vector(results.map((type) => Type[type]))]);
    const exported = [...this.#exports].map(([text, index]): Code => [nameBytes(text), 0, unsigned(index)]);
    const data = this.#data.map(({ at, bytes }): Code => [0, I32.of(at).code, 0x0b, unsigned(bytes.length), bytes]);
    return flatten([
      [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      section(1, vector(types)),
      section(3, vector(types.map((_, index) => unsigned(index)))),
      section(5, vector([[0, unsigned(Math.ceil(this.#used / PAGE_BYTES))]])),
      section(7, vector([...exported, [nameBytes("memory"), 2, 0]])),
      section(10, vector(this.#functions.map(({ fn }) => sized(fn.body())))),
      data.length === 0 ? [] : section(11, vector(data)),
    ]);
  }
}

function argumentCode(argument: I32 | I64 | Pointer | number | bigint): Code {
  if (argument instanceof Pointer) return argument.address.code;
  if (typeof argument === "number") return I32.of(argument).code;
  return typeof argument === "bigint" ? I64.of(argument).code : argument.code;
}
