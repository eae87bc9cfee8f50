/**
 * Fields as functions of the module on numbers in memory, so that the formulas of curves are written once for both fields.
 *
 * Every number in memory is below 2 p: see {@link Fp}.
 *
 * @module
 */
import { type Fn, type I32, type Module, type Pointer, type Procedure, type Question } from "../assembler/mod.ts";

/** The functions of one field. The result may be one of the operands, unless it is said otherwise. */
export interface FieldFunctions {
  /** Bytes of a number. */
  readonly bytes: number;
  /** The number 1. */
  readonly one: Pointer;
  readonly add: Procedure<3>;
  readonly sub: Procedure<3>;
  readonly double: Procedure<2>;
  readonly negate: Procedure<2>;
  readonly mul: Procedure<3>;
  readonly sqr: Procedure<2>;
  /** 1 / a, and 0 of 0. */
  readonly invert: Procedure<2>;
  readonly isZero: Question<1>;
  readonly equal: Question<2>;
  /** Makes r a square root of a where there is one, and says so; else r is of no use. */
  readonly root: Question<2>;
  /** Whether a is above −a, as compressed points have it: of pairs by c1, and by c0 where that is 0. */
  readonly isLarge: Question<1>;
  /** Whether a is odd, as RFC 9380 has it (section 4.1, sgn0): of pairs by c0, and by c1 where that is 0. */
  readonly isOdd: Question<1>;
}

/** Writes down operations of a field in one function, as statements. */
export class Steps {
  readonly f: Fn;
  readonly #module: Module;
  readonly #field: FieldFunctions;

  constructor(module: Module, f: Fn, field: FieldFunctions) {
    this.#module = module;
    this.f = f;
    this.#field = field;
  }

  /** Memory for a number while the function runs. No function here calls itself, so that each has its own. */
  temporary(): Pointer {
    return this.#module.scratch(this.#field.bytes);
  }

  /** So many of them. */
  temporaries<const N extends number>(count: N): TupleOf<N> {
    return Array.from({ length: count }, () => this.temporary()) as TupleOf<N>;
  }

  copy(to: Pointer, from: Pointer): void {
    this.f.copy(to, from, this.#field.bytes);
  }
  add(to: Pointer, a: Pointer, b: Pointer): void {
    this.f.put(this.#field.add(to, a, b));
  }
  sub(to: Pointer, a: Pointer, b: Pointer): void {
    this.f.put(this.#field.sub(to, a, b));
  }
  double(to: Pointer, a: Pointer): void {
    this.f.put(this.#field.double(to, a));
  }
  negate(to: Pointer, a: Pointer): void {
    this.f.put(this.#field.negate(to, a));
  }
  mul(to: Pointer, a: Pointer, b: Pointer): void {
    this.f.put(this.#field.mul(to, a, b));
  }
  sqr(to: Pointer, a: Pointer): void {
    this.f.put(this.#field.sqr(to, a));
  }
  invert(to: Pointer, a: Pointer): void {
    this.f.put(this.#field.invert(to, a));
  }
  isZero(a: Pointer): I32 {
    return this.#field.isZero(a);
  }
  equal(a: Pointer, b: Pointer): I32 {
    return this.#field.equal(a, b);
  }
}

/** So many pointers. */
type TupleOf<N extends number, T extends readonly Pointer[] = readonly []> = T["length"] extends N ? T
  : TupleOf<N, readonly [...T, Pointer]>;
