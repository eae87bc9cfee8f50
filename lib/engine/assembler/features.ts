/**
 * What the engine that we run in can do.
 *
 * @module
 */
import { Module } from "./module.ts";

/** Whether this engine takes the wide-arithmetic instructions. Bun does, Deno with a flag of V8. */
export function hasWideArithmetic(): boolean {
  const module = new Module(true);
  module.fn({ params: ["i64", "i64"], results: ["i64"], exportAs: "high" }, (f, a, b) => {
    const [low, high] = [f.i64(), f.i64()];
    f.split(module.arithmetic.mulU(a, b).add(1n).sub(a), low, high);
    return high;
  });
  return WebAssembly.validate(module.build());
}
