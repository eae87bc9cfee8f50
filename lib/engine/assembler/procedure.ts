/**
 * Functions that work on places in memory.
 *
 * @module
 */
import type { Fn } from "./function.ts";
import type { Callable, Module } from "./module.ts";
import { I32, Pointer } from "./values.ts";

/** Parameters that are all addresses. */
export interface Addresses {
  readonly 1: readonly ["i32"];
  readonly 2: readonly ["i32", "i32"];
  readonly 3: readonly ["i32", "i32", "i32"];
  readonly 4: readonly ["i32", "i32", "i32", "i32"];
  readonly 5: readonly ["i32", "i32", "i32", "i32", "i32"];
  readonly 6: readonly ["i32", "i32", "i32", "i32", "i32", "i32"];
}

/** So many places. */
interface Places {
  readonly 1: readonly [Pointer];
  readonly 2: readonly [Pointer, Pointer];
  readonly 3: readonly [Pointer, Pointer, Pointer];
  readonly 4: readonly [Pointer, Pointer, Pointer, Pointer];
  readonly 5: readonly [Pointer, Pointer, Pointer, Pointer, Pointer];
  readonly 6: readonly [Pointer, Pointer, Pointer, Pointer, Pointer, Pointer];
}

/** A function of so many addresses that gives nothing back. */
export type Procedure<N extends keyof Addresses> = Callable<Addresses[N], readonly []>;
/** A function of so many addresses that gives 0 or 1 back. */
export type Question<N extends keyof Addresses> = Callable<Addresses[N], readonly ["i32"]>;

const addresses = <N extends keyof Addresses>(count: N) =>
  Array.from({ length: count }, () => "i32") as unknown as Addresses[N];

/** Makes a function that changes what lies at its first address (usually). It is called with addresses and counts. */
export function procedure<N extends keyof Addresses>(
  module: Module,
  count: N,
  body: (f: Fn, ...places: Places[N]) => void,
  exportAs?: string,
): Procedure<N> {
  const params: readonly "i32"[] = addresses(count);
  return module.fn({ params, results: [], ...(exportAs && { exportAs }) }, (f, ...locals) => {
    body(f, ...locals.map((local) => new Pointer(local)) as unknown as Places[N]);
  }) as unknown as Procedure<N>;
}

/** Makes a function that answers 0 or 1. */
export function question<N extends keyof Addresses>(
  module: Module,
  count: N,
  body: (f: Fn, ...places: Places[N]) => I32,
  exportAs?: string,
): Question<N> {
  const params: readonly "i32"[] = addresses(count);
  return module.fn(
    { params, results: ["i32"], ...(exportAs && { exportAs }) },
    (f, ...locals) => body(f, ...locals.map((local) => new Pointer(local)) as unknown as Places[N]),
  ) as unknown as Question<N>;
}
